//! What is measured, the limit that it is a share of, and the bars that the share has to reach.

use super::machine::{Machine, Work};
use crate::error::Result;

/// Something that is measured.
pub(super) struct Figure {
    pub name: String,
    pub unit: Unit,
    /// What bounds it.
    pub limit: Limit,
    /// The share of the limit that it has to reach.
    pub must: f64,
    /// The share that can be reached.
    pub aim: f64,
    measure: Box<dyn Fn() -> Result<f64>>,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// CPU time.
    Micros,
    /// CPU time.
    Millis,
    /// Megabytes.
    Megabytes,
    /// So many of these per second of CPU time.
    PerSecond(&'static str),
}

/// What bounds a figure.
pub(super) enum Limit {
    /// What one of what is counted, or of what is timed, cannot do without.
    Work(Box<dyn Fn() -> Result<Work>>),
    /// Megabytes that have to be held.
    Held(Box<dyn Fn() -> Result<f64>>),
    /// A simple program that does the part of the work which nobody can do without, as it runs here; its figure, in the same
    /// unit.
    Program(&'static str, Box<dyn Fn() -> Result<f64>>),
}

/// A figure's outcome.
pub(super) struct Measured {
    pub value: f64,
    /// In the figure's unit.
    pub limit: f64,
    pub share: f64,
}

impl Figure {
    /// A figure that `work` bounds; `must` and `aim` are shares.
    pub(super) fn new(
        name: impl Into<String>,
        unit: Unit,
        [must, aim]: [f64; 2],
        work: impl Fn() -> Result<Work> + 'static,
        measure: impl Fn() -> Result<f64> + 'static,
    ) -> Self {
        Self::limited(name, unit, [must, aim], Limit::Work(Box::new(work)), measure)
    }

    /// A figure with any limit.
    pub(super) fn limited(
        name: impl Into<String>,
        unit: Unit,
        [must, aim]: [f64; 2],
        limit: Limit,
        measure: impl Fn() -> Result<f64> + 'static,
    ) -> Self {
        Self { name: name.into(), unit, limit, must, aim, measure: Box::new(measure) }
    }

    /// Measures.
    pub(super) fn measure(&self, machine: &Machine) -> Result<Measured> {
        let value = (self.measure)()?;
        let limit = match &self.limit {
            Limit::Work(work) => self.unit.of_seconds(work()?.seconds(machine)),
            Limit::Held(megabytes) => megabytes()?,
            Limit::Program(_, program) => program()?,
        };
        Ok(Measured { value, limit, share: self.unit.share(value, limit) })
    }

    /// What is said of this share of the limit.
    pub(super) fn verdict(&self, share: f64) -> &'static str {
        if share >= self.aim {
            "aim"
        } else if share >= self.must {
            "ok"
        } else {
            "BELOW"
        }
    }
}

impl Limit {
    /// What it is, for reports.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Work(_) => "the machine",
            Self::Held(_) => "what has to be held",
            Self::Program(name, _) => name,
        }
    }
}

impl Unit {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Micros => "us",
            Self::Millis => "ms",
            Self::Megabytes => "MB",
            Self::PerSecond(name) => name,
        }
    }

    /// Whether more of it is better.
    pub(super) fn is_rate(self) -> bool {
        matches!(self, Self::PerSecond(_))
    }

    /// How many times as good `value` is as `other`.
    pub(super) fn share(self, value: f64, other: f64) -> f64 {
        if self.is_rate() { value / other } else { other / value }
    }

    /// Something that takes `seconds`, in this unit.
    fn of_seconds(self, seconds: f64) -> f64 {
        match self {
            Self::Micros => 1e6 * seconds,
            Self::Millis => 1e3 * seconds,
            Self::PerSecond(_) => 1.0 / seconds,
            Self::Megabytes => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_the_limit_in_the_direction_of_the_unit() {
        assert_eq!(Unit::Micros.share(8.0, Unit::Micros.of_seconds(2e-6)), 0.25);
        assert_eq!(Unit::PerSecond("steps/s").share(1e6, Unit::PerSecond("steps/s").of_seconds(5e-7)), 0.5);
        assert_eq!(Unit::Megabytes.share(300.0, 30.0), 0.1);
    }

    #[test]
    fn a_share_is_judged_by_the_bars() {
        let figure = Figure::new("f", Unit::Millis, [0.2, 0.5], || Ok(Work::default()), || Ok(1.0));
        assert_eq!([0.1, 0.2, 0.4, 0.5].map(|share| figure.verdict(share)), ["BELOW", "ok", "ok", "aim"]);
    }
}
