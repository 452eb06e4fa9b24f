//! What a domain declares about itself: its groups, what they observe and do, what they are paid for and what is measured.
//!
//! Everything that names a number to a person (tables, inspectors, files, plots) reads these declarations; nothing is
//! named twice.

use std::ops::RangeInclusive;

/// Declaration of a domain under one configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Kinds of agents; order is the order of the ports.
    pub groups: Vec<GroupSpec>,
    /// What each env measures every tick.
    pub metrics: Vec<MetricSpec>,
    /// A property of an episode by which results are told apart, such as the radio band.
    pub stratum: Option<Stratum>,
    /// Numbers that describe an env as a whole, for critics alone; none where they have to do with what agents observe.
    pub state: Vec<Field>,
    /// Ticks after which an episode is truncated.
    pub max_steps: u32,
}

/// Agents of one kind: they share observation layout, action space and reward terms.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSpec {
    /// Plural noun, such as `jammers`.
    pub name: &'static str,
    /// Agents per env.
    pub agents: usize,
    /// Identifies the meaning of the observation; a network trained on one layout refuses another.
    pub layout: &'static str,
    /// The numbers of one agent's observation, in order.
    pub observation: Vec<Field>,
    /// What one agent may do.
    pub action: ActionSpace,
    /// What one agent is paid for; a group without a term is never paid and so never learns.
    pub reward_terms: Vec<RewardTerm>,
    /// Total reward of an agent is clipped to this range.
    pub reward_clip: Option<(f32, f32)>,
    /// Whether some discrete choices are forbidden at times; see [`GroupPort::masks`](super::GroupPort::masks).
    pub is_masked: bool,
    /// Name of the baseline that acts where nobody was named.
    pub default: &'static str,
    /// Name of the baseline that results are quoted against and that teaches where a run imitates: the strongest one, which may
    /// know more than agents see.
    pub reference: Option<&'static str>,
}

/// One named number with its unit and bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Name, unique within its list.
    pub name: String,
    /// Unit symbol; empty for a plain number.
    pub unit: &'static str,
    /// Values it can take.
    pub bounds: RangeInclusive<f32>,
}

/// Shorthand for a [`Field`].
pub fn field(name: impl Into<String>, unit: &'static str, bounds: RangeInclusive<f32>) -> Field {
    Field { name: name.into(), unit, bounds }
}

/// Actions of one agent: continuous dimensions first, then one number per discrete dimension (the index chosen).
#[derive(Clone, Debug, PartialEq)]
pub struct ActionSpace {
    /// Continuous dimensions with their bounds.
    pub continuous: Vec<Field>,
    /// Discrete dimensions with the names of their choices.
    pub discrete: Vec<DiscreteSpec>,
}

/// One discrete action dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscreteSpec {
    /// Name of the dimension.
    pub name: &'static str,
    /// Names of the choices; an action holds the index of one of them.
    pub choices: Vec<&'static str>,
}

impl ActionSpace {
    /// Numbers in one agent's action.
    pub fn width(&self) -> usize {
        self.continuous.len() + self.discrete.len()
    }

    /// Choices of all discrete dimensions together: numbers in one agent's mask.
    pub fn num_choices(&self) -> usize {
        self.discrete.iter().map(|dimension| dimension.choices.len()).sum()
    }
}

/// A summand of the reward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RewardTerm {
    /// Name, as logged and shown.
    pub name: &'static str,
    /// What is paid for.
    pub doc: &'static str,
}

/// A quantity that each env measures every tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricSpec {
    /// Name, as logged and shown.
    pub name: &'static str,
    /// Unit symbol; empty for a plain number.
    pub unit: &'static str,
    /// What it says.
    pub doc: &'static str,
    /// How the ticks of an episode become one number.
    pub aggregate: Aggregate,
    /// Which way is better.
    pub better: Better,
}

/// Which way a number is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Better {
    /// The higher the better.
    #[default]
    Higher,
    /// The lower the better.
    Lower,
    /// It describes, and says nothing about good and bad.
    Neither,
}

/// How the ticks of an episode become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// Mean over ticks.
    Mean,
    /// Value at the last tick.
    Last,
    /// Sum over ticks.
    Sum,
}

/// A property of an episode by which results are told apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Stratum {
    /// What it is, such as `band`.
    pub name: &'static str,
    /// Names of its values.
    pub labels: Vec<&'static str>,
}

impl Spec {
    /// Index of the group called `name`.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.name == name)
    }

    /// Index of the metric called `name`.
    pub fn metric(&self, name: &str) -> Option<usize> {
        self.metrics.iter().position(|metric| metric.name == name)
    }
}
