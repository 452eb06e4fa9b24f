//! Descriptions: what can be said of one entity of an env, for a person who points at it.

use crate::picture::short;

/// What can be said of an entity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// What it is called: its kind and its number, such as `workload 17`.
    pub title: String,
    /// How it is, in a few words, such as `runs on node 4`; may be empty.
    pub state: String,
    /// Number of its life. A row of a pool stands for one thing after the other, and each of them has another number.
    /// An entity that always stands for the same thing has 0.
    pub life: u64,
    /// Whether its life has ended; the facts then say how it ended.
    pub is_over: bool,
    /// What is known in numbers, most important first.
    pub facts: Vec<Fact>,
}

/// A number with its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// Unit symbol; empty for a plain number.
    pub unit: &'static str,
    /// Its value.
    pub value: f64,
    /// The most that it can be, where that is known.
    pub limit: Option<f64>,
}

impl Fact {
    /// A number in `unit` that has no limit.
    pub fn new(name: &'static str, value: impl Into<f64>, unit: &'static str) -> Self {
        Self { name, unit, value: value.into(), limit: None }
    }

    /// How many things of a kind there are; a number without a unit.
    pub fn count(name: &'static str, count: usize) -> Self {
        Self::new(name, count as f64, "")
    }

    /// The same fact with `limit` as its largest possible value.
    pub fn of(self, limit: impl Into<f64>) -> Self {
        Self { limit: Some(limit.into()), ..self }
    }

    /// The value with its limit and its unit: `0.40 of 1.30 s`.
    pub fn text(&self) -> String {
        let limit = self.limit.map_or(String::new(), |limit| format!(" of {}", short(limit)));
        let space = if self.unit.is_empty() { "" } else { " " };
        format!("{}{limit}{space}{}", short(self.value), self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_says_its_limit_and_its_unit() {
        assert_eq!(Fact::new("waiting", 0.4, "s").of(1.3).text(), "0.40 of 1.30 s");
        assert_eq!(Fact::new("cpu", 12.34_f32, "").text(), "12.3");
        assert_eq!(Fact::count("turn", 3).of(12).text(), "3 of 12");
    }
}
