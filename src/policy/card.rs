//! A policy to share: a folder with its weights and the card that says what they are good for.
//!
//! ```text
//! checkpoints/jamming/skirmish/
//!     policy.safetensors   weights and observation normaliser, the card's text among its metadata
//!     card.ron             the same card for people, with the SHA-256 of the file beside it
//! ```
//! The card fixes every size of the network and every name and bound of its actions, so that nothing is guessed from the
//! weights. Because the weights carry it too, the file alone can be passed on.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    network::{Activation, ActorShape, Network},
    tensors::{MAX_FILE_BYTES, from_safetensors, to_safetensors},
};
use crate::{
    durable::{Durability, create_dir, read_capped, write_atomic},
    error::{Error, Result},
    math::statistics::Interval,
    sim::{ActionSpace, DiscreteSpec, Field, GroupSpec},
};

/// The version of the card that this agon writes, and the newest it reads.
pub const VERSION: u32 = 1;
/// Name of the card within its folder.
pub const CARD_FILE: &str = "card.ron";
/// Name of the weights within their folder.
pub const WEIGHTS_FILE: &str = "policy.safetensors";

/// Metadata key of the weights under which they carry their card.
const METADATA_KEY: &str = "agon.card";
const MAX_CARD_BYTES: usize = 64 * 1024;

/// What a shared policy is, where it comes from and how well it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Version of the card's format.
    pub version: u32,
    /// Name of the policy.
    pub name: String,
    /// Domain it acts in.
    pub domain: String,
    /// Scenario it was trained in.
    pub scenario: String,
    /// Group of agents it was trained for.
    pub group: String,
    /// Observation layout it understands.
    pub layout: String,
    /// Numbers in one agent's observation.
    pub observation: usize,
    /// Width of both hidden layers.
    pub hidden: usize,
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
    /// What it does.
    pub actions: Actions,
    /// What it was trained with, such as `mappo`.
    pub algorithm: String,
    /// Seed of its training.
    pub seed: u64,
    /// Env-steps of its training.
    pub env_steps: u64,
    /// Wall time of its training in minutes.
    pub minutes: f64,
    /// How well it did in evaluation.
    pub results: Vec<Score>,
    /// The agon that wrote it.
    pub agon: String,
    /// SHA-256 of the weights' file, 64 hexadecimal digits; empty in the copy that the weights carry themselves.
    pub sha256: String,
}

/// The action space that a policy was trained with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actions {
    /// Continuous dimensions, in order.
    pub continuous: Vec<Axis>,
    /// Discrete dimensions, in order.
    pub discrete: Vec<Selection>,
}

/// A continuous action dimension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Name of the dimension.
    pub name: String,
    /// Unit symbol; empty for a plain number.
    pub unit: String,
    /// Least value.
    pub low: f32,
    /// Greatest value.
    pub high: f32,
}

/// A discrete action dimension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Name of the dimension.
    pub name: String,
    /// Names of the choices, in order.
    pub choices: Vec<String>,
}

/// One metric of an evaluation: mean and 95 % interval over episodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Name of the metric.
    pub metric: String,
    /// Mean over episodes.
    pub mean: f64,
    /// Lower end of the interval.
    pub lo: f64,
    /// Upper end of the interval.
    pub hi: f64,
    /// Episodes.
    pub n: usize,
}

/// A policy that was read from its files.
#[derive(Clone, Debug)]
pub struct Shared {
    /// What it is.
    pub card: Card,
    /// What acts.
    pub network: Network,
}

/// Writes a policy into the folder `dir`: the weights, then the card. The card's checksum is filled in here.
///
/// Each file appears complete or not at all. A crash between the two leaves weights without the right card, which
/// [`load`] refuses for the folder and accepts for the file of weights alone.
///
/// # Errors
/// A card that does not describe the network or cannot be read back, weights that are not finite, or what the file
/// system reports.
pub fn save(dir: &Path, network: &Network, card: &Card) -> Result<Durability> {
    if card.shape() != *network.shape() {
        return Err(Error::input(format!("the card describes {:?}, the network is {:?}", card.shape(), network.shape())));
    }
    let carried = Card { sha256: String::new(), ..card.clone() }.to_ron()?;
    let weights = to_safetensors(&network.tensors(), &BTreeMap::from([(METADATA_KEY.to_owned(), carried)]))?;
    let text = Card { sha256: sha256(&weights), ..card.clone() }.to_ron()?;
    let folder = create_dir(dir)?;
    let weights = write_atomic(&dir.join(WEIGHTS_FILE), &weights)?;
    let card = write_atomic(&dir.join(CARD_FILE), text.as_bytes())?;
    Ok(folder.and(weights).and(card))
}

/// Reads a policy: a folder with a card (a run folder is one), its card, or a file of weights.
///
/// # Errors
/// Files that are missing, damaged, of another tool or a newer agon, or that do not belong together; numbers that are not
/// finite; what the file system reports.
pub fn load(path: &Path) -> Result<Shared> {
    if path.is_dir() {
        load_folder(path)
    } else if path.file_name().is_some_and(|name| name == CARD_FILE) {
        load_folder(path.parent().unwrap_or(Path::new("")))
    } else {
        load_weights(path)
    }
}

/// Reads the card in the folder `dir` without its weights.
///
/// # Errors
/// A card that is missing, damaged or of a newer agon.
pub fn load_card(dir: &Path) -> Result<Card> {
    let path = dir.join(CARD_FILE);
    if !path.exists() {
        let what = if dir.join(WEIGHTS_FILE).exists() { "there is no card beside the weights" } else { "no policy is here" };
        return Err(Error::input(what)
            .in_file(dir)
            .hint(format!("a policy is a folder with `{CARD_FILE}` and `{WEIGHTS_FILE}`, or a `.safetensors` file of agon")));
    }
    Card::parse(&read_capped(&path, MAX_CARD_BYTES as u64)?).map_err(|error| error.in_file(path))
}

fn load_folder(dir: &Path) -> Result<Shared> {
    let card = load_card(dir)?;
    let path = dir.join(WEIGHTS_FILE);
    let bytes = read_capped(&path, MAX_FILE_BYTES)?;
    // Read before the checksums are compared: what is wrong with a damaged file is better told by its own reader.
    let network = network_of(&card, &bytes, &path)?;
    if sha256(&bytes) != card.sha256 {
        return Err(Error::input(format!("these are not the weights that `{CARD_FILE}` beside them describes"))
            .in_file(path)
            .hint("fetch both files again, or name the file of weights alone if it is the one you mean"));
    }
    Ok(Shared { card, network })
}

/// A file of weights alone: its card is the one it carries, or the one beside it.
fn load_weights(path: &Path) -> Result<Shared> {
    let bytes = read_capped(path, MAX_FILE_BYTES)?;
    let carried = from_safetensors(&bytes, path)?.metadata.remove(METADATA_KEY);
    let card = match carried {
        Some(text) => Card::parse(text.as_bytes()).map_err(|error| error.in_file(path))?,
        None => {
            let card = load_card(path.parent().unwrap_or(Path::new(""))).map_err(|_| {
                Error::input("these weights carry no card, so nobody knows what they observe and do")
                    .in_file(path)
                    .hint(format!("put the `{CARD_FILE}` they came with beside them"))
            })?;
            if sha256(&bytes) != card.sha256 {
                return Err(Error::input(format!("`{CARD_FILE}` beside these weights belongs to other ones"))
                    .in_file(path)
                    .hint("fetch both files again"));
            }
            card
        }
    };
    let network = network_of(&card, &bytes, path)?;
    Ok(Shared { card, network })
}

fn network_of(card: &Card, bytes: &[u8], path: &Path) -> Result<Network> {
    let tensors = from_safetensors(bytes, path)?.tensors;
    Network::from_tensors(card.shape(), &tensors).map_err(|error| error.in_file(path))
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// Anything but a card of this version or an older one, with line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_CARD_BYTES {
            return Err(Error::input(format!("longer than {MAX_CARD_BYTES} bytes, which no card is")));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::input("not a card: this is not text in UTF-8"))?;
        let ron = ron::Options::default();
        // Looked at first, as a newer card may have fields that this agon does not know.
        if let Ok(VersionOnly { version }) = ron.from_str(text)
            && version > VERSION
        {
            return Err(Error::input(format!(
                "version {version} of the policy card is newer than this agon, which reads up to {VERSION}"
            ))
            .hint("update agon"));
        }
        let card: Self = ron.from_str(text).map_err(|error| {
            let (line, column) = (error.span.start.line, error.span.start.col);
            Error::input(format!("not a card: {}", one_line(&error.code.to_string()))).at(line, column)
        })?;
        card.check()?;
        Ok(card)
    }

    /// The card as a RON file, which reads back to an equal card.
    ///
    /// # Errors
    /// A card that [`parse`](Self::parse) would refuse.
    pub fn to_ron(&self) -> Result<String> {
        self.check()?;
        let pretty = ron::ser::PrettyConfig::new().new_line("\n").depth_limit(3);
        let text = ron::ser::to_string_pretty(self, pretty)
            .map_err(|error| Error::input(format!("this card cannot be written: {error}")))?;
        let text = format!("// What `{WEIGHTS_FILE}` beside this file is.\n{text}\n");
        if text.len() > MAX_CARD_BYTES {
            return Err(Error::input(format!("this card is longer than {MAX_CARD_BYTES} bytes")));
        }
        Ok(text)
    }

    /// Sizes and choices of the network it describes.
    pub fn shape(&self) -> ActorShape {
        ActorShape {
            observation: self.observation,
            hidden: self.hidden,
            activation: self.activation,
            continuous: self.actions.continuous.len(),
            discrete: self.actions.discrete.iter().map(|dimension| dimension.choices.len()).collect(),
        }
    }

    /// Whether a policy with this card can act for `group`. How many agents there are does not matter.
    ///
    /// # Errors
    /// Another group, observation layout or action space, or actions that the group does not allow, told by name.
    pub fn check_fit(&self, group: &GroupSpec) -> Result<()> {
        let name = &self.name;
        if self.group != group.name {
            return Err(Error::input(format!("policy `{name}` acts for group `{}`, not for `{}`", self.group, group.name)));
        }
        if self.layout != group.layout || self.observation != group.observation.len() {
            return Err(Error::input(format!(
                "policy `{name}` was trained on observation layout `{}` ({} numbers), but `{}` observe layout `{}` ({} numbers)",
                self.layout,
                self.observation,
                group.name,
                group.layout,
                group.observation.len()
            ))
            .hint(format!("choose a policy of layout `{}`, or a scenario of layout `{}`", group.layout, self.layout)));
        }
        self.actions.check_fit(&group.action).map_err(|why| Error::input(format!("policy `{name}` does not fit: {why}")))
    }

    fn check(&self) -> Result<()> {
        if self.version == 0 || self.version > VERSION {
            return Err(Error::input(format!("`version` must be 1 to {VERSION}, found {}", self.version)));
        }
        let texts = [
            ("name", &self.name),
            ("domain", &self.domain),
            ("scenario", &self.scenario),
            ("group", &self.group),
            ("layout", &self.layout),
            ("algorithm", &self.algorithm),
            ("agon", &self.agon),
        ];
        for (key, text) in texts {
            check_text(key, text)?;
        }
        let is_checksum = self.sha256.len() == 64 && self.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !self.sha256.is_empty() && !is_checksum {
            return Err(Error::input("`sha256` must be 64 hexadecimal digits"));
        }
        if !(self.minutes >= 0.0 && self.minutes.is_finite()) {
            return Err(Error::input(format!("`minutes` must be a duration, found {}", self.minutes)));
        }
        for score in &self.results {
            check_text("metric", &score.metric)?;
        }
        self.actions.check()?;
        self.shape().check()
    }
}

impl Actions {
    /// The action space of a group.
    pub fn of(space: &ActionSpace) -> Self {
        let axis = |field: &Field| Axis {
            name: field.name.clone(),
            unit: field.unit.to_owned(),
            low: *field.bounds.start(),
            high: *field.bounds.end(),
        };
        let selection = |dimension: &DiscreteSpec| Selection {
            name: dimension.name.to_owned(),
            choices: dimension.choices.iter().map(|&choice| choice.to_owned()).collect(),
        };
        Self {
            continuous: space.continuous.iter().map(axis).collect(),
            discrete: space.discrete.iter().map(selection).collect(),
        }
    }

    /// Bounds of the continuous dimensions, as (low, high).
    pub fn bounds(&self) -> Vec<(f32, f32)> {
        self.continuous.iter().map(|axis| (axis.low, axis.high)).collect()
    }

    /// Numbers of choices of the discrete dimensions.
    pub fn choices(&self) -> Vec<usize> {
        self.discrete.iter().map(|dimension| dimension.choices.len()).collect()
    }

    /// Why these actions cannot be taken where `space` is what is allowed.
    fn check_fit(&self, space: &ActionSpace) -> Result<(), String> {
        let there = Self::of(space);
        let names = |actions: &Self| {
            let axes = actions.continuous.iter().map(|axis| format!("{} ({})", axis.name, axis.unit));
            let selections = actions.discrete.iter().map(|d| format!("{} of {}", d.name, d.choices.join("/")));
            axes.chain(selections).collect::<Vec<_>>().join(", ")
        };
        if names(self) != names(&there) {
            return Err(format!("its actions are {}, those of the scenario {}", names(self), names(&there)));
        }
        for (axis, there) in self.continuous.iter().zip(&there.continuous) {
            if axis.low < there.low || axis.high > there.high {
                return Err(format!(
                    "its `{}` goes from {} to {} {}, but the scenario allows {} to {}",
                    axis.name, axis.low, axis.high, axis.unit, there.low, there.high
                ));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        for axis in &self.continuous {
            check_text("name", &axis.name)?;
            check_optional_text("unit", &axis.unit)?;
            let range = axis.high - axis.low;
            if !(range > 0.0 && range.is_finite()) {
                let Axis { name, low, high, .. } = axis;
                return Err(Error::input(format!("action `{name}` cannot go from {low} to {high}")));
            }
        }
        for dimension in &self.discrete {
            check_text("name", &dimension.name)?;
            dimension.choices.iter().try_for_each(|choice| check_text("choices", choice))?;
        }
        Ok(())
    }
}

impl Score {
    /// The score of a metric.
    pub fn new(metric: impl Into<String>, Interval { mean, lo, hi, n }: Interval) -> Self {
        Self { metric: metric.into(), mean, lo, hi, n }
    }
}

/// All that is read of a card before its version is known to be one of ours.
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

fn check_text(key: &str, text: &str) -> Result<()> {
    if text.is_empty() { Err(Error::input(format!("`{key}` is empty"))) } else { check_optional_text(key, text) }
}

fn check_optional_text(key: &str, text: &str) -> Result<()> {
    let fits = text.chars().count() <= 200 && !text.contains(char::is_control);
    if fits { Ok(()) } else { Err(Error::input(format!("`{key}` must be a text of at most 200 characters on one line"))) }
}

/// Text from a file in a form and length that a terminal can bear.
fn one_line(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(200).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "card/tests.rs"]
pub(super) mod tests;
