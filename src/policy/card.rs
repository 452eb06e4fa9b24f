//! A policy to share: a folder with its weights and the card that says what they are good for.
//!
//! ```text
//! checkpoints/jamming/skirmish/
//!     policy.safetensors   weights and observation normaliser, the card's text among its metadata
//!     card.ron             the same card for people, with the SHA-256 of the file beside it
//! ```
//! The card fixes every size of the network and every name and bound of its actions, so that nothing is guessed from the
//! weights. Because the weights carry it too, the file alone can be passed on.

mod files;

use serde::{Deserialize, Serialize};

pub use self::files::{CARD_FILE, Shared, WEIGHTS_FILE, folders, load, load_card, load_in, save, save_in};
use super::{
    distribution::HybridHead,
    network::{Activation, ActorShape, Team},
};
use crate::{
    error::{Error, Result},
    math::statistics::Interval,
    sim::{ActionSpace, Choices, DiscreteSpec, Field, GroupSpec},
};

/// The version of the card that this agon writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// Most agents whose discrete choices one network makes: a guard against absurd sizes in damaged files.
const MAX_TOGETHER: usize = 4096;

/// Longest card that is read.
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
    /// Whom its network acts for.
    #[serde(default)]
    pub team: Team,
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
    /// Settings of each continuous dimension that the policy chooses among; 0 if it draws them from Gaussians.
    #[serde(default)]
    pub bins: usize,
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

    /// Where it comes from, in a sentence.
    pub fn origin(&self) -> String {
        format!("learned by {} in {}, {} env-steps", self.algorithm, self.scenario, self.env_steps)
    }

    /// Sizes and choices of the network it describes.
    pub fn shape(&self) -> ActorShape {
        let together = if let Team::Whole(agents) = self.team { agents } else { 1 };
        let continuous = if self.actions.is_on_grid() { 0 } else { self.actions.continuous.len() };
        ActorShape {
            observation: self.observation.saturating_mul(together),
            hidden: self.hidden,
            activation: self.activation,
            continuous: continuous.saturating_mul(together),
            discrete: self.actions.logits().repeat(together.min(MAX_TOGETHER)),
        }
    }

    /// Whether a policy with this card can act for `group`. How many agents there are matters only to networks of a fixed team.
    ///
    /// # Errors
    /// Another group, number of agents, observation layout or action space, or actions that the group does not allow, told by name.
    pub fn check_fit(&self, group: &GroupSpec) -> Result<()> {
        let name = &self.name;
        if self.group != group.name {
            return Err(Error::input(format!(
                "policy `{name}` acts for group `{}`, not for `{}`",
                self.group, group.name
            )));
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
        if let Some(agents) = self.team.agents().filter(|agents| *agents != group.agents) {
            return Err(Error::input(format!(
                "policy `{name}` was trained for a team of exactly {agents} agents, and here are {}",
                group.agents
            ))
            .hint("a policy that agents share acts in a team of any size: train one with `parameter_sharing`"));
        }
        self.actions
            .check_fit(&group.action)
            .map_err(|why| Error::input(format!("policy `{name}` does not fit: {why}")))
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
        let is_checksum =
            self.sha256.len() == 64 && self.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
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
        self.shape().check()?;
        self.actions.head().map(|_| ())
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
            bins: 0,
        }
    }

    /// The distribution over these actions.
    ///
    /// # Errors
    /// An action space without a dimension, or with bounds that no action lies in.
    pub fn head(&self) -> Result<HybridHead> {
        let bounds: Vec<(f32, f32)> = self.continuous.iter().map(|axis| (axis.low, axis.high)).collect();
        let choices: Vec<usize> = self.discrete.iter().map(|dimension| dimension.choices.len()).collect();
        HybridHead::with_bins(&bounds, &choices, self.bins)
    }

    /// What [`HybridHead::marginals`] says of these actions, in their own words.
    pub(super) fn choices(&self, marginals: Vec<Vec<(f32, f32)>>) -> Vec<Choices> {
        let (continuous, discrete) = marginals.split_at(self.continuous.len());
        let axes = continuous.iter().map(|settings| {
            if self.is_on_grid() {
                Choices::Discrete(settings.iter().map(|&(setting, p)| (short(setting), p)).collect())
            } else {
                let most = settings.iter().map(|&(_, p)| p).fold(f32::MIN_POSITIVE, f32::max);
                Choices::Density(settings.iter().map(|&(setting, p)| (setting, p / most)).collect())
            }
        });
        let named = self.discrete.iter().zip(discrete).map(|(dimension, choices)| {
            let probabilities = choices.iter().map(|&(_, p)| p);
            Choices::Discrete(dimension.choices.iter().cloned().zip(probabilities).collect())
        });
        axes.chain(named).collect()
    }

    fn is_on_grid(&self) -> bool {
        self.bins > 0 && !self.continuous.is_empty()
    }

    /// Choices of each dimension drawn from a softmax.
    fn logits(&self) -> Vec<usize> {
        let points = u32::try_from(self.continuous.len()).map_or(usize::MAX, |n| self.bins.saturating_pow(n));
        let grid = self.is_on_grid().then_some(points);
        grid.into_iter().chain(self.discrete.iter().map(|dimension| dimension.choices.len())).collect()
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
    if fits {
        Ok(())
    } else {
        Err(Error::input(format!("`{key}` must be a text of at most 200 characters on one line")))
    }
}

/// A setting to two decimals, without trailing zeros.
fn short(setting: f32) -> String {
    let text = format!("{setting:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text from a file, safe to print: without control characters, and no longer than a line or two.
fn one_line(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(200).collect()
}

#[cfg(test)]
pub(super) mod tests;
