//! Whom a network acts for: most often anybody, sometimes a team that has to be as it was in training.

use std::fmt;

/// Whom a network acts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Team {
    /// Each agent of a team of any size, by itself.
    #[default]
    Any,
    /// A team of this many agents, with layers of its own for each place in it.
    Each(usize),
    /// A team of this many agents at once: observations and actions of all stand side by side.
    Whole(usize),
}

impl fmt::Display for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => write!(f, "agents of a team of any size"),
            Self::Each(agents) => write!(f, "{agents} agents with layers of their own"),
            Self::Whole(agents) => write!(f, "{agents} agents as one"),
        }
    }
}

impl Team {
    /// How many agents there must be, if that matters.
    pub fn agents(self) -> Option<usize> {
        match self {
            Self::Any => None,
            Self::Each(agents) | Self::Whole(agents) => Some(agents),
        }
    }

    /// What the tensors of each set of layers begin with.
    pub(super) fn prefixes(self) -> Vec<String> {
        match self {
            Self::Each(agents) => (0..agents).map(|agent| format!("agent{agent}.")).collect(),
            Self::Any | Self::Whole(_) => vec![String::new()],
        }
    }
}
