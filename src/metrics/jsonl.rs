//! Metrics as JSON lines: one object per point, for everything that can read text.
//!
//! `{"step":4096,"wall_s":1.25,"charts/episodic_return":12.5,"losses/value_loss":null}`. Steps are integers, all else is a
//! float written with as many digits as bring the same bits back; a number that is not finite is `null` under its name.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use super::{
    Point, Sink,
    append::{AppendFile, failed},
};
use crate::error::{Error, Result};

/// A file of JSON lines that points are appended to.
#[derive(Debug)]
pub struct JsonLines {
    file: AppendFile,
    line: Vec<u8>,
}

impl JsonLines {
    /// Starts a new file.
    ///
    /// # Errors
    /// When the file exists (input) or cannot be made (system).
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self { file: AppendFile::create(path)?, line: Vec::new() })
    }

    /// Goes on behind the first `offset` bytes of a file, an [`offset`](Self::offset) from before; lines beyond are cut
    /// off.
    ///
    /// # Errors
    /// When the file is missing, shorter than `offset`, or has no end of line there: it is not the file that `offset`
    /// was taken from. Nothing has changed then.
    pub fn append_at(path: &Path, offset: u64) -> Result<Self> {
        if offset > 0 && byte_before(path, offset)?.is_some_and(|byte| byte != b'\n') {
            return Err(Error::input(format!("no line ends at byte {offset}, where the checkpoint left off"))
                .in_file(path)
                .hint("the file was replaced since; put the original back"));
        }
        Ok(Self { file: AppendFile::open_at(path, offset)?, line: Vec::new() })
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
fn byte_before(path: &Path, offset: u64) -> Result<Option<u8>> {
    let Ok(mut file) = File::open(path) else { return Ok(None) };
    let mut byte = [0];
    let read = file.seek(SeekFrom::Start(offset - 1)).and_then(|_| file.read(&mut byte));
    let count = read.map_err(|error| failed("cannot be read", &error, path))?;
    Ok((count == 1).then_some(byte[0]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn written(points: &[Point<'_>]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut sink = JsonLines::create(&path).unwrap();
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
        let folder = tempfile::tempdir().unwrap();
        let point = |step| Point { step, wall_s: step as f64 / 3.0, scalars: &[("charts/loss", 0.1)] };
        let whole = written(&[point(1), point(2), point(3)]);
        let path = folder.path().join("metrics.jsonl");
        let mut sink = JsonLines::create(&path).unwrap();
        sink.write(&point(1)).unwrap();
        sink.flush().unwrap();
        let offset = sink.offset();
        sink.write(&point(7)).unwrap();
        drop(sink);
        let mut sink = JsonLines::append_at(&path, offset).unwrap();
        sink.write(&point(2)).unwrap();
        sink.write(&point(3)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    }

    #[test]
    fn a_file_that_is_not_the_one_left_off_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        assert!(JsonLines::append_at(&path, 5).unwrap_err().to_string().contains("missing"));
        fs::write(&path, "{\"step\":1}\n").unwrap();
        let error = JsonLines::append_at(&path, 5).unwrap_err();
        assert!(error.to_string().contains("metrics.jsonl: no line ends at byte 5"), "{error}");
        assert!(JsonLines::append_at(&path, 12).is_err());
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
