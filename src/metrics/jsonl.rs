//! Metrics as JSON lines: one object per point, for everything that can read text.
//!
//! `{"step":4096,"wall_s":1.25,"charts/episodic_return":12.5,"losses/value_loss":null}`. Steps are integers, all else is a
//! float written with as many digits as bring the same bits back; a number that is not finite is `null` under its name.

use std::io::{Read, Seek, SeekFrom};

use super::{
    Point, Sink,
    append::{AppendFile, failed},
};
use crate::{
    durable::Folder,
    error::{Error, Result},
};

/// A file of JSON lines that points are appended to.
#[derive(Debug)]
pub struct JsonLines {
    file: AppendFile,
    line: Vec<u8>,
}

impl JsonLines {
    /// Starts a new file `name`.
    ///
    /// # Errors
    /// When the file exists (input) or cannot be made (system).
    pub fn create(folder: &Folder, name: &str) -> Result<Self> {
        Ok(Self { file: AppendFile::create(folder, name)?, line: Vec::new() })
    }

    /// Goes on behind the first `offset` bytes of the file `name`, an [`offset`](Self::offset) from before; lines beyond are cut
    /// off.
    ///
    /// # Errors
    /// When the file is missing, shorter than `offset`, or has no end of line there: it is not the file that `offset`
    /// was taken from. Also when it is a link. Nothing has changed then.
    pub fn append_at(folder: &Folder, name: &str, offset: u64) -> Result<Self> {
        if offset > 0 && byte_before(folder, name, offset)?.is_some_and(|byte| byte != b'\n') {
            return Err(Error::input(format!("no line ends at byte {offset}, where the checkpoint left off"))
                .in_file(folder.path_of(name))
                .hint("the file was replaced since; put the original back"));
        }
        Ok(Self { file: AppendFile::open_at(folder, name, offset)?, line: Vec::new() })
    }

    /// Writes down something that happened at a point of the run and is no measurement. Readers of curves pass over it.
    ///
    /// # Errors
    /// As for [`Sink::write`].
    pub fn event(&mut self, step: u64, wall_s: f64, event: &str, details: &serde_json::Value) -> Result<()> {
        let line = serde_json::json!({ "step": step, "wall_s": wall_s, "event": event, "details": details });
        self.file.append(format!("{line}\n").as_bytes())
    }

    /// Bytes that are durable: what the last [`flush`](Sink::flush) covered.
    pub fn offset(&self) -> u64 {
        self.file.offset()
    }
}

impl Sink for JsonLines {
    fn write(&mut self, point: &Point<'_>) -> Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, point).map_err(|error| Error::system(error.to_string()))?;
        self.line.push(b'\n');
        self.file.append(&self.line)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.sync()
    }
}

/// The byte in front of `offset`; none when the file is missing or too short, which opening it will tell.
fn byte_before(folder: &Folder, name: &str, offset: u64) -> Result<Option<u8>> {
    let Ok((mut file, _)) = folder.open_file(name) else { return Ok(None) };
    let mut byte = [0];
    let read = file.seek(SeekFrom::Start(offset - 1)).and_then(|_| file.read(&mut byte));
    let count = read.map_err(|error| failed("cannot be read", &error, &folder.path_of(name)))?;
    Ok((count == 1).then_some(byte[0]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn written(points: &[Point<'_>]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let (folder, path) = (Folder::open(dir.path()).unwrap(), dir.path().join("metrics.jsonl"));
        let mut sink = JsonLines::create(&folder, "metrics.jsonl").unwrap();
        for point in points {
            sink.write(point).unwrap();
        }
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_point_is_a_line_and_what_is_not_finite_is_null() {
        let scalars = [("charts/episodic_return", 12.5), ("losses/value_loss", f64::NAN), ("env/lambda2", 3.0)];
        assert_eq!(
            written(&[
                Point { step: 4096, wall_s: 1.0, scalars: &scalars },
                Point { step: 0, wall_s: 0.5, scalars: &[] }
            ]),
            "{\"step\":4096,\"wall_s\":1.0,\"charts/episodic_return\":12.5,\"losses/value_loss\":null,\"env/lambda2\":3.0}\n\
             {\"step\":0,\"wall_s\":0.5}\n"
        );
    }

    #[test]
    fn a_name_with_quotes_is_escaped() {
        let line = written(&[Point { step: 1, wall_s: 0.0, scalars: &[("a/\"b\"\n", 1.0)] }]);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((object["a/\"b\"\n"].as_f64(), line.lines().count()), (Some(1.0), 1));
    }

    #[test]
    fn a_resumed_file_equals_an_uninterrupted_one() {
        let point = |step| Point { step, wall_s: step as f64 / 3.0, scalars: &[("charts/loss", 0.1)] };
        let whole = written(&[point(1), point(2), point(3)]);
        let dir = tempfile::tempdir().unwrap();
        let (folder, path) = (Folder::open(dir.path()).unwrap(), dir.path().join("metrics.jsonl"));
        let mut sink = JsonLines::create(&folder, "metrics.jsonl").unwrap();
        sink.write(&point(1)).unwrap();
        sink.flush().unwrap();
        let offset = sink.offset();
        sink.write(&point(7)).unwrap();
        drop(sink);
        let mut sink = JsonLines::append_at(&folder, "metrics.jsonl", offset).unwrap();
        sink.write(&point(2)).unwrap();
        sink.write(&point(3)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    }

    #[test]
    fn an_event_is_a_line_of_its_own_that_no_curve_sees() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = JsonLines::create(&Folder::open(dir.path()).unwrap(), "metrics.jsonl").unwrap();
        sink.write(&Point { step: 1, wall_s: 0.5, scalars: &[("charts/loss", 0.1)] }).unwrap();
        sink.event(1, 0.5, "changes accepted", &serde_json::json!({ "charts/loss": 7 })).unwrap();
        let path = dir.path().join("metrics.jsonl");
        let curves = crate::metrics::RunCurves::read(&path).unwrap();
        assert_eq!(curves.get("charts/loss").unwrap().points(), [[1.0, 0.1]]);
        let text = fs::read_to_string(path).unwrap();
        assert!(text.lines().nth(1).unwrap().contains("\"event\":\"changes accepted\""), "{text}");
    }

    #[test]
    fn a_file_that_is_not_the_one_left_off_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, path) = (Folder::open(dir.path()).unwrap(), dir.path().join("metrics.jsonl"));
        assert!(JsonLines::append_at(&folder, "metrics.jsonl", 5).unwrap_err().to_string().contains("missing"));
        fs::write(&path, "{\"step\":1}\n").unwrap();
        let error = JsonLines::append_at(&folder, "metrics.jsonl", 5).unwrap_err();
        assert!(error.to_string().contains("metrics.jsonl: no line ends at byte 5"), "{error}");
        assert!(JsonLines::append_at(&folder, "metrics.jsonl", 12).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"step\":1}\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_float_comes_back_with_its_bits(
            bits in prop::collection::vec(any::<u64>().prop_map(f64::from_bits), 1..20),
            step in any::<u64>(),
        ) {
            let names: Vec<String> = (0..bits.len()).map(|at| format!("a/{at}")).collect();
            let scalars: Vec<(&str, f64)> = names.iter().map(String::as_str).zip(bits.iter().copied()).collect();
            let line = written(&[Point { step, wall_s: bits[0], scalars: &scalars }]);
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(object["step"].as_u64(), Some(step));
            for (name, value) in scalars {
                prop_assert!(object.get(name).is_some());
                prop_assert_eq!(object[name].as_f64().map(f64::to_bits), value.is_finite().then_some(value.to_bits()));
            }
        }
    }
}
