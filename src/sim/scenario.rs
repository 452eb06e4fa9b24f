//! Scenarios: versioned RON files that configure a domain completely, seed included.
//!
//! ```text
//! // Four jammers against a swarm that walks at random.
//! (
//!     version: 1,
//!     name: "skirmish",
//!     title: "Skirmish",
//!     about: "Four jammers cut the links of ten drones.",
//!     seed: 1,
//!     max_steps: 200,
//!     domain: Jamming((num_jammers: 4, num_enemies: 10)),
//!     train: { "learning_rate": 3e-4 },
//! )
//! ```
//!
//! Keys of the domain that a file leaves out keep their default; a key that does not exist is an error. Whatever is wrong
//! with a file is told with its line and column. Nothing here touches the file system: callers read and write the files.

mod explain;
mod outline;
mod playable;

use std::{borrow::Cow, collections::BTreeMap, fmt, path::Path};

use ron::value::RawValue;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _, MapAccess, Unexpected, Visitor},
};

pub use self::playable::Playable;
use self::{explain::explain, outline::Outline};
use super::params::{Limits, Params, Setting, dialect, legible, read_text, refused, value_text};
use crate::{
    error::{Error, Result},
    text,
};

/// The version of the format that this agon writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// Longest scenario file that is read.
pub const MAX_BYTES: usize = 2 << 20;

/// Which domain, and its parameters: the enum with one variant for each domain.
pub trait DomainConfig: Clone + PartialEq + fmt::Debug + Serialize + DeserializeOwned {
    /// The parameters of the domain.
    fn params(&self) -> &dyn Params;

    /// The parameters of the domain, to be changed.
    fn params_mut(&mut self) -> &mut dyn Params;

    /// Checks parameters against each other. Each has been checked against its own range before.
    ///
    /// # Errors
    /// Parameters that do not go together. The first name in backticks says which key of the file is at fault.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// A scenario with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "D: DomainConfig")]
pub struct Scenario<D> {
    /// Version of the format.
    #[serde(deserialize_with = "read_version")]
    pub version: u32,
    /// Name for commands and folders: lower-case letters, digits and `-`.
    #[serde(deserialize_with = "read_name")]
    pub name: String,
    /// Name for people.
    #[serde(deserialize_with = "read_title")]
    pub title: String,
    /// What it shows.
    #[serde(deserialize_with = "read_about")]
    pub about: String,
    /// Seed of everything random in it.
    #[serde(deserialize_with = "read_seed")]
    pub seed: u64,
    /// Ticks after which an episode is truncated.
    #[serde(deserialize_with = "read_max_steps")]
    pub max_steps: u32,
    /// The domain and its parameters.
    pub domain: D,
    /// Hyperparameters recommended for learning it: name and value, the value as RON text for [`Params::set`].
    #[serde(default, deserialize_with = "read_train")]
    pub train: BTreeMap<String, String>,
}

impl<D: DomainConfig> Scenario<D> {
    /// Reads a scenario; `file` is only named in errors.
    ///
    /// # Errors
    /// Anything but a valid scenario of this version or an older one, with line and column.
    pub fn parse(text: &str, file: impl AsRef<Path>) -> Result<Self> {
        parse(text).map_err(|error| error.in_file(file.as_ref()))
    }

    /// Reads a scenario from the bytes of a file.
    ///
    /// # Errors
    /// As [`Scenario::parse`], and bytes that are not UTF-8, except in comments.
    pub fn parse_bytes(bytes: &[u8], file: impl AsRef<Path>) -> Result<Self> {
        let text = if bytes.len() > MAX_BYTES { Err(too_long()) } else { utf8(bytes) };
        text.and_then(|text| parse(&text)).map_err(|error| error.in_file(file.as_ref()))
    }

    /// The scenario as a RON file with every key written out, which reads back to an equal scenario.
    ///
    /// # Errors
    /// A scenario that [`Scenario::check`] refuses.
    pub fn to_ron(&self) -> Result<String> {
        self.check()?;
        let pretty = ron::ser::PrettyConfig::new().new_line("\n").compact_arrays(true);
        let text = ron::Options::default()
            .to_string_pretty(self, pretty)
            .map_err(|error| Error::input(format!("scenario `{}` cannot be written as RON: {error}", self.name)))?;
        Ok(text + "\n")
    }

    /// Sets `seed`, `max_steps` or a parameter of the domain from RON text.
    ///
    /// # Errors
    /// As [`Params::set`]; whether parameters fit each other is checked by [`Scenario::check`] once all are set.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "seed" => self.seed = read_text(name, &SEED, value)?,
            "max_steps" => self.max_steps = read_text(name, &MAX_STEPS, value)?,
            _ => self.domain.params_mut().set(name, value)?,
        }
        Ok(())
    }

    /// Checks a scenario that was made or changed in code.
    ///
    /// # Errors
    /// The first value out of range, or parameters that do not go together.
    pub fn check(&self) -> Result<()> {
        check_number("version", self.version, &THIS_VERSION)?;
        check_text("name", &self.name, &NAME)?;
        check_text("title", &self.title, &TITLE)?;
        check_text("about", &self.about, &ABOUT)?;
        check_number("max_steps", self.max_steps, &MAX_STEPS)?;
        for name in self.train.keys() {
            check_text("train", name, &HYPERPARAMETER)?;
        }
        self.domain.params().check()?;
        self.domain.check()
    }
}

/// Line and column, counted from 1, of the value at `path` in the text of a scenario: `["train", "learning_rate"]`.
///
/// For errors that are found after reading, such as a hyperparameter that the learner does not have.
pub fn place_of(text: &str, path: &[&str]) -> Option<(usize, usize)> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let outline = Outline::new(text);
    let value = outline.value_at(path)?;
    Some(outline.line_column(value.start()))
}

const THIS_VERSION: Limits<u32> = Limits::new(VERSION..=VERSION, "");
const SEED: Limits<u64> = Limits::new(0..=u64::MAX, "");
const MAX_STEPS: Limits<u32> = Limits::new(1..=10_000_000, "ticks");

/// What is asked of a text.
struct Text {
    expected: &'static str,
    fits: fn(&str) -> bool,
}

const NAME: Text = Text {
    expected: "1 to 64 lower-case letters, digits and `-`",
    fits: |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    },
};

const TITLE: Text = Text {
    expected: "a text of 1 to 100 characters on one line",
    fits: |text| (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control),
};

const ABOUT: Text = Text {
    expected: "a text of 1 to 4000 characters",
    fits: |text| (1..=4000).contains(&text.chars().count()) && !text.contains(|c: char| c.is_control() && c != '\n'),
};

const HYPERPARAMETER: Text = Text {
    expected: "a map from names of hyperparameters to values",
    fits: |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.'))
    },
};

/// The text of a file, without a byte order mark. What comments are written in does not matter.
fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>> {
    let refused = match text::utf8(bytes) {
        Ok(text) => return Ok(Cow::Borrowed(text)),
        Err(refused) => refused,
    };
    let (mut text, mut broken) = (String::new(), Vec::new());
    for chunk in text::without_mark(bytes).utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            broken.push(text.len());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    let outline = Outline::new(&text);
    let Some(at) = broken.into_iter().find(|at| !outline.is_passed_over(*at)) else { return Ok(Cow::Owned(text)) };
    let (line, column) = outline.line_column(at);
    Err(refused.into_error().at(line, column))
}

fn parse<D: DomainConfig>(text: &str) -> Result<Scenario<D>> {
    if text.len() > MAX_BYTES {
        return Err(too_long());
    }
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let outline = Outline::new(text);
    refuse_newer(&outline)?;
    let scenario: Scenario<D> = dialect().from_str(text).map_err(|error| explain(&outline, error))?;
    scenario.check().map_err(|error| locate(&outline, error))?;
    Ok(scenario)
}

fn too_long() -> Error {
    Error::input(format!("the file is longer than {} KiB, which no scenario is", MAX_BYTES / 1024))
}

/// Looks at the version before anything else, as a newer format may have keys that this agon does not know.
fn refuse_newer(outline: &Outline) -> Result<()> {
    let Some(place) = outline.value_at(&["version"]) else { return Ok(()) };
    let newer = outline.slice(place).parse::<u64>().ok().filter(|version| *version > u64::from(VERSION));
    let Some(version) = newer else { return Ok(()) };
    let (line, column) = outline.line_column(place.start());
    let error = Error::input(format!(
        "version {version} of the scenario format is newer than this agon, which reads up to {VERSION}"
    ));
    Err(error.hint("update agon, or write the scenario for the older version").at(line, column))
}

/// Adds to an error of [`Scenario::check`] where in the file its first name in backticks has its value.
///
/// Where the file leaves that key to its default, the error points at the domain.
fn locate(outline: &Outline, error: Error) -> Error {
    let message = error.to_string();
    let name = message.split('`').nth(1).unwrap_or_default();
    let in_domain: Vec<&str> = ["domain"].into_iter().chain(name.split('.')).collect();
    let place =
        outline.value_at(&in_domain).or_else(|| outline.value_at(&[name])).or_else(|| outline.value_at(&["domain"]));
    let Some(place) = place else { return error };
    let (line, column) = outline.line_column(place.start());
    error.at(line, column)
}

fn check_number<T: Setting<Bounds = Limits<T>>>(key: &str, value: T, limits: &Limits<T>) -> Result<()> {
    if value.fits(limits) { Ok(()) } else { Err(refused(key, T::kind(limits), &value_text(&value))) }
}

fn check_text(key: &str, value: &str, text: &Text) -> Result<()> {
    if (text.fits)(value) { Ok(()) } else { Err(refused(key, text.expected, value)) }
}

fn read_version<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    u32::read(&THIS_VERSION, source)
}

fn read_name<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    source.deserialize_any(TextVisitor(&NAME))
}

fn read_title<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    source.deserialize_any(TextVisitor(&TITLE))
}

fn read_about<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    source.deserialize_any(TextVisitor(&ABOUT))
}

fn read_seed<'de, D: Deserializer<'de>>(source: D) -> Result<u64, D::Error> {
    u64::read(&SEED, source)
}

fn read_max_steps<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    u32::read(&MAX_STEPS, source)
}

fn read_train<'de, D: Deserializer<'de>>(source: D) -> Result<BTreeMap<String, String>, D::Error> {
    source.deserialize_map(TrainVisitor)
}

struct TextVisitor(&'static Text);

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.0.expected)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        if (self.0.fits)(text) { Ok(text.to_string()) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
    }
}

struct TrainVisitor;

impl<'de> Visitor<'de> for TrainVisitor {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(HYPERPARAMETER.expected)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut train = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if !(HYPERPARAMETER.fits)(&name) {
                return Err(A::Error::custom(format!("`{}` is not the name of a hyperparameter", legible(&name))));
            }
            if train.contains_key(&name) {
                return Err(A::Error::custom(format!("`{name}` is given twice")));
            }
            let value = map.next_value::<Box<RawValue>>()?;
            train.insert(name, unquoted(value.get_ron()));
        }
        Ok(train)
    }
}

/// A value in quotes means what is between them: `"3e-4"` is `3e-4`.
fn unquoted(ron: &str) -> String {
    dialect().from_str::<String>(ron).unwrap_or_else(|_| ron.trim().to_string())
}
