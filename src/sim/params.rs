//! Parameters, each declared once.
//!
//! One line of [`params!`](crate::params!) gives a parameter its Rust field, its key in a scenario file, its
//! `--set name=value` override and its [`Param`] record, from which sliders, sweeps and tables of the documentation are
//! made. The line states default, unit, range and when a change takes effect; a value outside its range is refused
//! wherever it comes from, with the same words.
//!
//! ```
//! use agon::sim::params::{Params, choices, params};
//!
//! choices! {
//!     /// How the swarm moves.
//!     pub enum Motion {
//!         /// Nobody moves.
//!         Hold = "hold",
//!         /// Every drone turns at random.
//!         RandomWalk = "random_walk",
//!     }
//! }
//!
//! params! {
//!     /// A small swarm.
//!     pub struct Swarm {
//!         /// Drones in the swarm.
//!         num_drones: usize = 10, range 1..=1000, next_reset;
//!         /// Transmit power of each drone.
//!         tx_power_dbm: f64 = 20.0, unit "dBm", range -30.0..=60.0, live;
//!         /// How the swarm moves.
//!         motion: Motion = Motion::RandomWalk, choice, next_reset;
//!         /// Whether the drones change band when they are jammed.
//!         hop: bool = false, flag, live;
//!         /// When the swarm changes its heading.
//!         turns_s: Vec<f64> = vec![10.0], list 0..=8, unit "s", range 0.0..=600.0, next_reset;
//!         /// Speed limit, if there is one.
//!         max_speed_mps: Option<f64> = None, optional, unit "m/s", range 0.0..=100.0, live;
//!     }
//! }
//!
//! let mut swarm = Swarm::default();
//! swarm.set("tx_power_dbm", "23")?;
//! assert_eq!(swarm.tx_power_dbm, 23.0);
//! assert_eq!(
//!     swarm.set("tx_power_dbm", "99").unwrap_err().to_string(),
//!     "`tx_power_dbm` must be a number from -30 to 60 dBm, found `99`"
//! );
//! # Ok::<(), agon::error::Error>(())
//! ```
//!
//! Words of a line, in this order: `list LEAST..=MOST` (of a `Vec`: how many entries) or `optional` (of an `Option`),
//! `unit "…"`, then one of `range`, `choice`, `flag` or `group` (a struct that was itself declared by `params!`), then
//! `live` or `next_reset`. A word that does not fit the type of the field does not compile. The expansion names the crate
//! `serde`.

mod declare;
mod macros;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::error::{Error, Result};

pub(super) use self::read::{NOT_A_NAME, dialect, read_text};
#[doc(hidden)]
pub use self::{
    declare::{Declaration, Declare, Limits, Setting, value_text},
    read::{Fields, read_choice, read_struct},
};
#[doc(inline)]
pub use crate::{choices, params};

/// What is known about one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name: field, RON key and `--set` name in one.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub doc: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// Its default, as RON.
    pub default: String,
    /// When a change takes effect.
    pub when: When,
}

/// Which values a parameter takes. Its `Display` is what an error says was expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number of `low..=high`.
    Whole {
        /// Least value.
        low: i128,
        /// Greatest value.
        high: i128,
        /// Unit, empty for a plain number.
        unit: &'static str,
    },
    /// A finite number of `low..=high`.
    Number {
        /// Least value.
        low: f64,
        /// Greatest value.
        high: f64,
        /// Unit, empty for a plain number.
        unit: &'static str,
    },
    /// One of several names.
    Choice {
        /// The names.
        names: &'static [&'static str],
        /// What each of them means, in the same order.
        docs: &'static [&'static str],
    },
    /// A list of `least..=most` values of one kind.
    List {
        /// Fewest entries.
        least: usize,
        /// Most entries.
        most: usize,
        /// Kind of every entry.
        of: Box<Kind>,
    },
    /// A value or `None`.
    Optional(Box<Kind>),
    /// Parameters of their own, addressed as `group.name`.
    Group(&'static [Param]),
}

/// When a changed parameter takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// From the next tick on.
    Live,
    /// When the env is next reset.
    NextReset,
}

/// A set of declared parameters, by name. Implemented by [`params!`](crate::params!).
///
/// Names of parameters inside a group are written `group.name`.
pub trait Params {
    /// The declarations, in the order of the fields.
    fn declarations() -> &'static [Param]
    where
        Self: Sized;

    /// The same as [`declarations`](Self::declarations), for a value behind a `dyn`.
    fn declared(&self) -> &'static [Param];

    /// Sets one parameter from RON text; on an error nothing is changed.
    ///
    /// # Errors
    /// An unknown name (with the nearest known one), a value of the wrong type or out of range (with what was
    /// expected).
    fn set(&mut self, name: &str, value: &str) -> Result<()>;

    /// One parameter as RON text, which [`Params::set`] reads back to the same value; `None` if there is no such name.
    fn get(&self, name: &str) -> Option<String>;

    /// Checks every value against its declaration: for values that were assigned in code, not read.
    ///
    /// # Errors
    /// The first value that its declaration refuses.
    fn check(&self) -> Result<()>;

    /// [`Params::set`] for a group; errors call the parameter by `path`, its full name.
    #[doc(hidden)]
    fn set_within(&mut self, path: &str, name: &str, value: &str) -> Result<()>;

    /// [`Params::check`] of the group at `path`, empty or ending in a point.
    #[doc(hidden)]
    fn check_within(&self, path: &str) -> Result<()>;
}

/// An enum whose variants have a name in scenario files. Implemented by [`choices!`](crate::choices!).
pub trait Choice: Copy + 'static {
    /// Name of the enum itself.
    const TYPE: &'static str;
    /// Every variant.
    const ALL: &'static [Self];
    /// The name of every variant, in the same order.
    const NAMES: &'static [&'static str];
    /// What every variant means, in the same order.
    const DOCS: &'static [&'static str];

    /// The name of this variant.
    fn name(self) -> &'static str;
}

/// Every name that [`Params::set`] takes, groups written out as `group.name`.
pub fn names_of(params: &[Param]) -> Vec<String> {
    params
        .iter()
        .flat_map(|param| match &param.kind {
            Kind::Group(inner) => names_of(inner).into_iter().map(|name| format!("{}.{name}", param.name)).collect(),
            _ => vec![param.name.to_string()],
        })
        .collect()
}

impl Param {
    /// Its unit, empty where it has none.
    pub fn unit(&self) -> &'static str {
        self.kind.unit()
    }
}

impl Kind {
    fn unit(&self) -> &'static str {
        match self {
            Self::Whole { unit, .. } | Self::Number { unit, .. } => unit,
            Self::List { of, .. } | Self::Optional(of) => of.unit(),
            Self::Flag | Self::Choice { .. } | Self::Group(_) => "",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => write!(f, "`true` or `false`"),
            Self::Whole { low, high, unit } if low == high => write!(f, "{low}{}", spaced(unit)),
            Self::Whole { low, high, unit } => write!(f, "a whole number from {low} to {high}{}", spaced(unit)),
            Self::Number { low, high, unit } => {
                write!(f, "a number from {} to {}{}", number(*low), number(*high), spaced(unit))
            }
            Self::Choice { names, .. } => write!(f, "one of {}", names.join(", ")),
            Self::List { least, most, of } if least == most => write!(f, "a list of {most} values, each {of}"),
            Self::List { least, most, of } => write!(f, "a list of {least} to {most} values, each {of}"),
            Self::Optional(of) => write!(f, "`None` or {of}"),
            Self::Group(_) => write!(f, "a group `(key: value, …)`"),
        }
    }
}

impl<T: Fields> Params for T {
    fn declarations() -> &'static [Param] {
        T::declare()
    }

    fn declared(&self) -> &'static [Param] {
        T::declare()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        self.set_within(name, name, value)
    }

    fn get(&self, name: &str) -> Option<String> {
        match name.split_once('.') {
            Some((group, rest)) => self.group(group)?.get(rest),
            None => self.field_text(name),
        }
    }

    fn check(&self) -> Result<()> {
        self.check_within("")
    }

    fn set_within(&mut self, path: &str, name: &str, value: &str) -> Result<()> {
        if let Some((group, rest)) = name.split_once('.')
            && let Some(inner) = self.group_mut(group)
        {
            return inner.set_within(path, rest, value);
        }
        let Some(param) = T::declare().iter().find(|param| param.name == name) else {
            let names = names_of(T::declare());
            return Err(Error::input(format!("unknown parameter `{}`", legible(path)))
                .did_you_mean(name, names.iter().map(String::as_str)));
        };
        read::assign(self, path, param, value)
    }

    fn check_within(&self, path: &str) -> Result<()> {
        for Param { name, kind, .. } in T::declare() {
            match self.group(name) {
                Some(inner) => inner.check_within(&format!("{path}{name}."))?,
                None if self.field_fits(name) => (),
                None => {
                    return Err(refused(&format!("{path}{name}"), kind, &self.field_text(name).unwrap_or_default()));
                }
            }
        }
        Ok(())
    }
}

/// The one wording of a value that cannot be used.
pub(super) fn refused(name: &str, expected: impl fmt::Display, found: &str) -> Error {
    Error::input(format!("`{}` must be {expected}, found `{}`", legible(name), legible(found)))
}

/// The one wording of a name that is not among the choices.
pub(super) fn no_such_choice(name: &str, found: &str, names: &[&str]) -> Error {
    Error::input(format!("`{}` cannot be `{}`", legible(name), legible(found)))
        .did_you_mean(found, names.iter().copied())
}

/// Text of a file as it may stand in a message: one line, not long, nothing that steers a terminal.
pub(super) fn legible(text: &str) -> String {
    const LONGEST: usize = 48;
    let mut legible = String::new();
    for (num_chars, c) in text.trim().chars().enumerate() {
        match c {
            _ if num_chars == LONGEST => {
                legible.push('…');
                break;
            }
            c if c.is_whitespace() && legible.ends_with(' ') => (),
            c if c.is_whitespace() => legible.push(' '),
            c if c.is_control() || is_invisible(c) => legible.extend(c.escape_default()),
            c => legible.push(c),
        }
    }
    legible
}

/// Characters that change the direction of text or show nothing.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// A bound as people write it: without an exponent unless it is very large or very small.
fn number(bound: f64) -> String {
    if bound == 0.0 || (1e-4..1e7).contains(&bound.abs()) { bound.to_string() } else { format!("{bound:e}") }
}

fn spaced(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}
