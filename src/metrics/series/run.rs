//! All curves of a run, read from its `metrics.jsonl` and kept up with it while another process writes it.
//!
//! The file is what [`JsonLines`](crate::metrics::JsonLines) writes: one object per line. A line that has no end yet is
//! left for the next time. A resume cuts the file back and writes on from there; the last line read tells, because it
//! holds the wall time to the last bit: where it no longer stands in its place, everything is read again.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::Series;
use crate::{
    durable::read_failed,
    error::{Error, Result},
};

/// The longest file that is read: a million updates of forty scalars.
pub const MAX_BYTES: u64 = 1 << 30;

/// The longest line that is read, its end included.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// The most names that a run may have.
pub const MAX_CURVES: usize = 10_000;

/// The scalars of a run as curves over env-steps.
#[derive(Debug)]
pub struct RunCurves {
    path: PathBuf,
    curves: Curves,
    wall_s: Series,
    /// Bytes and lines taken in; the next line starts there.
    offset: u64,
    num_lines: usize,
    last_line: Vec<u8>,
    scalars: Vec<(usize, f64)>,
}

#[derive(Debug, Default)]
struct Curves {
    /// Where in `series` each name has its own.
    places: BTreeMap<String, usize>,
    series: Vec<Series>,
}

impl RunCurves {
    /// The curves of the `metrics.jsonl` at `path`, of which nothing is read before [`follow`](Self::follow).
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            curves: Curves::default(),
            wall_s: Series::new(),
            offset: 0,
            num_lines: 0,
            last_line: Vec::new(),
            scalars: Vec::new(),
        }
    }

    /// Reads the `metrics.jsonl` at `path`.
    ///
    /// # Errors
    /// Those of [`follow`](Self::follow).
    pub fn read(path: &Path) -> Result<Self> {
        let mut curves = Self::new(path);
        curves.follow()?;
        Ok(curves)
    }

    /// Takes in the lines that were written since the last call, and tells whether anything changed. Where the file is
    /// no longer the one read before, as after a resume, all curves begin anew.
    ///
    /// Keys other than `step`, `wall_s` and names with a `/` are passed over.
    ///
    /// # Errors
    /// When the file is missing, not an ordinary file, longer than [`MAX_BYTES`] or unreadable, or when a line is longer
    /// than [`MAX_LINE_BYTES`], is no object with a step, holds something else than a number under a name, or brings
    /// more than [`MAX_CURVES`] names. The lines before stay taken in, and the next call starts at the one refused.
    pub fn follow(&mut self) -> Result<bool> {
        let mut file = self.open()?;
        let mut has_changed = false;
        if !self.is_continued_by(&mut file).map_err(|error| read_failed(&self.path, &error))? {
            self.forget();
            has_changed = true;
        }
        let mut log = BufReader::new(file.take(MAX_BYTES - self.offset));
        let mut line = Vec::new();
        loop {
            line.clear();
            let limited = log.by_ref().take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line);
            limited.map_err(|error| read_failed(&self.path, &error))?;
            if line.last() != Some(&b'\n') {
                break;
            }
            self.take_in(&line)?;
            self.offset += line.len() as u64;
            self.num_lines += 1;
            std::mem::swap(&mut self.last_line, &mut line);
            has_changed = true;
        }
        if line.len() == MAX_LINE_BYTES {
            let told = format!("this line is longer than {MAX_LINE_BYTES} bytes, the most that is read");
            return Err(self.refused(told, 1));
        }
        Ok(has_changed)
    }

    /// The file that is followed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names and curves in the order of names; x is env-steps. A name stays, with an empty curve, when the file that
    /// had it was replaced.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Series)> {
        self.curves.places.iter().map(|(name, &place)| (name.as_str(), &self.curves.series[place]))
    }

    /// The curve of one name, `charts/episodic_return` say.
    pub fn get(&self, name: &str) -> Option<&Series> {
        self.curves.places.get(name).map(|&place| &self.curves.series[place])
    }

    /// Wall time since the start of the run in seconds, over env-steps.
    pub fn wall_s(&self) -> &Series {
        &self.wall_s
    }

    /// Wall time in seconds at the point nearest to `step`: exact for every x of a curve.
    pub fn wall_s_at(&self, step: f64) -> Option<f64> {
        self.wall_s.nearest(step).map(|(_, wall_s)| wall_s).filter(|wall_s| wall_s.is_finite())
    }

    fn open(&self) -> Result<File> {
        let failed = |error: io::Error| read_failed(&self.path, &error);
        // Asked before opening: opening a pipe would wait for a writer.
        let metadata = fs::metadata(&self.path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::input("this is not an ordinary file").in_file(&self.path).hint("name the file itself"));
        }
        if metadata.len() > MAX_BYTES {
            return Err(Error::input(format!("longer than {MAX_BYTES} bytes, the most that is read"))
                .in_file(&self.path)
                .hint("check that this is the file you mean"));
        }
        File::open(&self.path).map_err(failed)
    }

    /// Whether the last line still stands where it was read; the file is left behind it, or else at its beginning.
    fn is_continued_by(&self, file: &mut File) -> io::Result<bool> {
        let mut stands_there = vec![0; self.last_line.len()];
        file.seek(SeekFrom::Start(self.offset - self.last_line.len() as u64))?;
        match file.read_exact(&mut stands_there) {
            Ok(()) if stands_there == self.last_line => return Ok(true),
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error),
            _ => file.rewind()?,
        }
        Ok(false)
    }

    fn forget(&mut self) {
        self.curves.series.iter_mut().for_each(Series::clear);
        self.wall_s.clear();
        self.last_line.clear();
        (self.offset, self.num_lines) = (0, 0);
    }

    /// Takes in a whole line or nothing of it.
    fn take_in(&mut self, line: &[u8]) -> Result<()> {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return Ok(());
        }
        self.scalars.clear();
        let mut json = serde_json::Deserializer::from_slice(line);
        let point = PointSeed { curves: &mut self.curves, scalars: &mut self.scalars };
        let parsed = point.deserialize(&mut json).and_then(|point| json.end().map(|()| point));
        let (step, wall_s) = parsed.map_err(|error| self.refused(told_by(&error), error.column().max(1)))?;
        self.wall_s.push(step as f64, wall_s);
        for &(place, value) in &self.scalars {
            self.curves.series[place].push(step as f64, value);
        }
        Ok(())
    }

    /// An error about the line behind those taken in.
    fn refused(&self, told: String, column: usize) -> Error {
        Error::input(told)
            .in_file(&self.path)
            .at(self.num_lines + 1, column)
            .hint("put the original file back, or look at another run")
    }
}

impl Curves {
    /// Where the curve of a name is, or comes to be; none when there are too many.
    fn place_of(&mut self, name: &str) -> Option<usize> {
        if let Some(&place) = self.places.get(name) {
            return Some(place);
        }
        let place = self.series.len();
        (place < MAX_CURVES).then(|| {
            self.series.push(Series::new());
            self.places.insert(name.to_owned(), place);
            place
        })
    }
}

/// What the parser has to say, without its own idea of the line; it quotes the file, which may hold anything.
fn told_by(error: &serde_json::Error) -> String {
    let told = error.to_string();
    let told = told.rsplit_once(" at line ").map_or(told.as_str(), |(told, _)| told);
    let printable: String = told.chars().filter(|character| !character.is_control()).take(200).collect();
    format!("this line cannot be read ({printable})")
}

/// Reads one object: its step and wall time; its scalars go to `scalars`, each with the place of its curve.
struct PointSeed<'a> {
    curves: &'a mut Curves,
    scalars: &'a mut Vec<(usize, f64)>,
}

impl<'de> DeserializeSeed<'de> for PointSeed<'_> {
    type Value = (u64, f64);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PointSeed<'_> {
    type Value = (u64, f64);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a step")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut step, mut wall_s) = (None, f64::NAN);
        while let Some(key) = map.next_key_seed(KeySeed(self.curves))? {
            match key {
                Key::Step => step = Some(map.next_value()?),
                Key::WallTime => wall_s = number(&mut map)?,
                Key::Scalar(place) => self.scalars.push((place, number(&mut map)?)),
                Key::Unknown => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok((step.ok_or_else(|| A::Error::missing_field("step"))?, wall_s))
    }
}

/// A number, or NaN for `null`.
fn number<'de, A: MapAccess<'de>>(map: &mut A) -> Result<f64, A::Error> {
    Ok(map.next_value::<Option<f64>>()?.unwrap_or(f64::NAN))
}

enum Key {
    Step,
    WallTime,
    Scalar(usize),
    Unknown,
}

/// Finds the place of a key's curve without making a `String` of it.
struct KeySeed<'a>(&'a mut Curves);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Key, E> {
        match key {
            "step" => Ok(Key::Step),
            "wall_s" => Ok(Key::WallTime),
            _ if key.contains('/') => match self.0.place_of(key) {
                Some(place) => Ok(Key::Scalar(place)),
                None => Err(E::custom(format_args!("more than {MAX_CURVES} names"))),
            },
            _ => Ok(Key::Unknown),
        }
    }
}
