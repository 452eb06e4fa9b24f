//! What the messages of a recording say, and on which topic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    error::{Error, Result},
    sim::{EpisodeRecord, GroupPort, MetricSpec, Pay, Ports, RewardTerm, Spec, snapshot},
};

/// Topic of the [`Preamble`].
pub const RECORDING: &str = "/recording";
/// Topic of the scenario as RON text, every key written out.
pub const SCENARIO: &str = "/scenario";
/// Topic of [`Keyframe`]s.
pub const KEYFRAMES: &str = "/keyframes";
/// Topics of actions begin like this and end in the name of their group.
pub const ACTIONS: &str = "/actions/";
/// Topic of what was measured.
pub const METRICS: &str = "/metrics";
/// Topics of rewards begin like this and end in the name of their group.
pub const REWARDS: &str = "/rewards/";
/// Topic of [`Event`]s.
pub const EVENTS: &str = "/events";
/// Name of the metadata record that a finished recording ends with.
pub const FINISHED: &str = "agon.finished";

/// Version of everything in this file. Since 2 a keyframe has the state before each edit and the state at the end.
pub const VERSION: u32 = 2;

/// Who plays; the first message of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preamble {
    /// Version of the format.
    pub version: u32,
    /// Version of the agon that wrote it.
    pub agon: String,
    /// Run seed. In quotes, as other readers of JSON round numbers beyond 2⁵³.
    #[serde(with = "quoted")]
    pub seed: u64,
    /// Number of the env within the run.
    #[serde(with = "quoted")]
    pub env: u64,
    /// Name of the policy of each group.
    pub policies: Vec<String>,
    /// Name of each group.
    pub groups: Vec<String>,
}

/// Something that happened at a tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The episode is over; the state at this tick is the start of the next one.
    EpisodeEnded {
        /// Number of the episode within the env.
        episode: u64,
        /// Ticks it lasted.
        length: u32,
        /// Whether the time limit cut it.
        truncated: bool,
        /// Sum of the reward, mean over the agents of the first group.
        episode_return: f64,
        /// The same for each reward term of the first group, before clipping.
        terms: Vec<f64>,
        /// Both for each later group, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        later_groups: Vec<Pay>,
        /// What was measured, over the episode.
        metrics: Vec<f64>,
        /// Index into the labels of the domain's stratum.
        stratum: u8,
    },
    /// A parameter was changed by hand, effective from this tick on.
    ParameterChanged {
        /// Its name.
        name: String,
        /// Its new value, as RON text.
        value: String,
    },
    /// Something else was changed by hand: an agent was dragged, say.
    StateEdited {
        /// What was done, in words.
        what: String,
    },
    /// A group got another policy, which acts from this tick on.
    PolicySwapped {
        /// Name of the group.
        group: String,
        /// Name of the policy.
        policy: String,
    },
    /// Somebody wants to come back to this tick.
    Bookmark {
        /// What it is called.
        label: String,
    },
}

/// Why a state was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The recording begins.
    Start,
    /// So many ticks have passed since the last one, an episode has begun, an edit follows, or the recording ends: the state
    /// follows from what came before.
    Passing,
    /// It was changed by hand: the state does not follow from what came before.
    Edit,
}

/// A state from which a replay can start: one byte for the cause, eight for the hash (little-endian), the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyframe<'a> {
    /// Why it was saved.
    pub cause: Cause,
    /// Hash of the state.
    pub hash: u64,
    /// The state, as [`snapshot::save`] returned it.
    pub state: &'a [u8],
}

impl<'a> Keyframe<'a> {
    /// The message that says this.
    pub fn encode(&self) -> Vec<u8> {
        let cause = match self.cause {
            Cause::Start => 0,
            Cause::Passing => 1,
            Cause::Edit => 2,
        };
        [&[cause], &self.hash.to_le_bytes()[..], self.state].concat()
    }

    /// What a message says.
    ///
    /// # Errors
    /// A message that is no keyframe, or whose hash is not that of its state.
    pub fn decode(message: &'a [u8]) -> Result<Self> {
        let parts = message.split_first_chunk::<9>();
        let (&[cause, ref hash @ ..], state) = parts.ok_or_else(|| Error::input("a keyframe is too short"))?;
        let cause = match cause {
            0 => Cause::Start,
            1 => Cause::Passing,
            2 => Cause::Edit,
            _ => return Err(Error::input("a keyframe has a cause that this agon does not know")),
        };
        let hash = u64::from_le_bytes(*hash);
        if snapshot::hash_of(state) != hash {
            return Err(Error::input("the hash of a keyframe is not that of its state"));
        }
        Ok(Self { cause, hash, state })
    }
}

/// What the env at `slot` measured, by name.
pub(super) fn encode_metrics(spec: &Spec, ports: &Ports, slot: usize) -> Result<Vec<u8>> {
    let width = spec.metrics.len();
    let values = &ports.metrics[slot * width..(slot + 1) * width];
    json(&Named(spec.metrics.iter().map(|metric| metric.name).zip(values.iter().copied()).collect()))
}

/// What was measured, in the order of `metrics`; what was no number is NaN.
pub(super) fn decode_metrics(metrics: &[MetricSpec], message: &[u8]) -> Result<Vec<f64>> {
    let values: BTreeMap<String, Option<f64>> = from_json(message)?;
    let find = |metric: &MetricSpec| values.get(metric.name).map(|value| value.unwrap_or(f64::NAN));
    metrics.iter().map(find).collect::<Option<_>>().ok_or_else(|| Error::input("a metric of the scenario is missing"))
}

#[derive(Serialize)]
struct Rewards<'a> {
    total: &'a [f32],
    terms: Named<Vec<f32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadRewards {
    total: Vec<Option<f32>>,
    terms: BTreeMap<String, Vec<Option<f32>>>,
}

/// What the agents of the env at `slot` were paid: the total of each, and each term of each.
pub(super) fn encode_rewards(terms: &[RewardTerm], port: &GroupPort, slot: usize) -> Result<Vec<u8>> {
    let rows = slot * port.agents..(slot + 1) * port.agents;
    let paid = |term: usize| rows.clone().map(|row| port.terms[row * port.num_terms + term]).collect();
    let terms = terms.iter().enumerate().map(|(index, term)| (term.name, paid(index))).collect();
    json(&Rewards { total: &port.rewards[rows.clone()], terms: Named(terms) })
}

/// Puts what the agents of the only env were paid back into their port.
pub(super) fn decode_rewards(terms: &[RewardTerm], message: &[u8], port: &mut GroupPort) -> Result<()> {
    let read: ReadRewards = from_json(message)?;
    let misfit = || Error::input("rewards of another number of agents, or of other terms");
    let number = |value: &Option<f32>| value.unwrap_or(f32::NAN);
    if read.total.len() != port.agents {
        return Err(misfit());
    }
    port.rewards.iter_mut().zip(&read.total).for_each(|(reward, value)| *reward = number(value));
    for (index, term) in terms.iter().enumerate() {
        let paid = read.terms.get(term.name).filter(|paid| paid.len() == port.agents).ok_or_else(misfit)?;
        let column = port.terms.iter_mut().skip(index).step_by(port.num_terms);
        column.zip(paid).for_each(|(cell, value)| *cell = number(value));
    }
    Ok(())
}

/// The actions of the env at `slot`, bit for bit.
pub(super) fn encode_actions(port: &GroupPort, slot: usize) -> Vec<u8> {
    let width = port.agents * port.action_width;
    port.actions[slot * width..(slot + 1) * width].iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Puts the actions of the only env back into their port.
pub(super) fn decode_actions(message: &[u8], port: &mut GroupPort) -> Result<()> {
    let (numbers, rest) = message.as_chunks::<4>();
    if numbers.len() != port.actions.len() || !rest.is_empty() {
        return Err(Error::input("actions of another number of agents"));
    }
    port.actions.iter_mut().zip(numbers).for_each(|(number, bytes)| *number = f32::from_le_bytes(*bytes));
    Ok(())
}

impl From<(&EpisodeRecord, bool)> for Event {
    /// The end of an episode, and whether the time limit cut it.
    fn from((record, truncated): (&EpisodeRecord, bool)) -> Self {
        let EpisodeRecord { episode, length, groups, metrics, stratum, .. } = record.clone();
        let mut groups = groups.into_iter();
        let Pay { episode_return, terms } = groups.next().unwrap_or_default();
        let later_groups = groups.collect();
        Self::EpisodeEnded { episode, length, truncated, episode_return, terms, later_groups, metrics, stratum }
    }
}

impl Event {
    /// The record of the episode of env `env` whose end this is, and whether the time limit cut it.
    pub fn into_record(self, env: u64) -> Option<(EpisodeRecord, bool)> {
        let Self::EpisodeEnded { episode, length, truncated, episode_return, terms, later_groups, metrics, stratum } =
            self
        else {
            return None;
        };
        let groups = [Pay { episode_return, terms }].into_iter().chain(later_groups).collect();
        Some((EpisodeRecord { env, episode, length, groups, metrics, stratum }, truncated))
    }
}

/// A value as a message.
pub(super) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::system(format!("cannot write a message as JSON: {error}")))
}

/// A message as a value.
pub(super) fn from_json<'a, T: Deserialize<'a>>(message: &'a [u8]) -> Result<T> {
    serde_json::from_slice(message).map_err(|error| Error::input(format!("a message that cannot be read: {error}")))
}

/// A JSON object whose keys keep their order.
struct Named<T>(Vec<(&'static str, T)>);

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A whole number in quotes.
mod quoted {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<u64, D::Error> {
        let text = <&str>::deserialize(source)?;
        text.parse().map_err(|_| D::Error::custom("expected a whole number in quotes"))
    }
}
