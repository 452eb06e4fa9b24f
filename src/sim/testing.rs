//! Laws that every domain keeps, for the tests of whoever writes one.
//!
//! ```
//! use agon::{
//!     domains::particles::ParticlesParams,
//!     sim::testing::{LAWS, Subject},
//! };
//!
//! let domain = ParticlesParams::default();
//! for (name, law) in LAWS {
//!     law(&Subject { ticks: 60, ..Subject::new(&domain, 25) }).map_err(|error| format!("{name}: {error}"))?;
//! }
//! # Ok::<(), String>(())
//! ```
//!
//! A law plays a domain with actions that [`Dice`] roll and says what it found to be otherwise. That a domain's scenarios are
//! told apart, or that its baselines are good, is for its own tests.

mod declared;
mod dice;
mod exchange;
mod numbers;
mod policies;
mod prints;
mod time;

pub use self::{
    declared::{declarations_fit, views_only_read},
    dice::Dice,
    exchange::agents_are_exchangeable,
    numbers::{numbers_keep_their_bounds, records_are_sums},
    policies::{baselines_keep_to_the_rules, forks_remember_nothing},
    prints::{Print, prints, shown},
    time::{beginnings_follow_from_addresses, seeds_decide, snapshots_bring_back},
};
use super::{Domain, EVALUATION_ENVS, Lane, Seeds};
use crate::error::Result;

/// What laws are checked on: a domain under one configuration.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The domain.
    pub domain: &'a dyn Domain,
    /// Ticks after which an episode is truncated.
    pub max_steps: u32,
    /// Ticks that laws play.
    pub ticks: u32,
    /// Run seed.
    pub seed: u64,
    /// Whether baselines may act beyond the action space, because they tell the env by that who they are.
    pub has_codes: bool,
}

/// A law: what it finds to be otherwise is its error.
pub type Law = fn(&Subject<'_>) -> Result<()>;

/// All laws that hold without a further claim, with their names.
pub const LAWS: [(&str, Law); 9] = [
    ("declarations fit", declarations_fit),
    ("views only read", views_only_read),
    ("numbers keep their bounds", numbers_keep_their_bounds),
    ("records are sums", records_are_sums),
    ("seeds decide", seeds_decide),
    ("beginnings follow from addresses", beginnings_follow_from_addresses),
    ("snapshots bring back", snapshots_bring_back),
    ("baselines keep to the rules", baselines_keep_to_the_rules),
    ("forks remember nothing", forks_remember_nothing),
];

/// Envs of a lane on which a law is checked.
const ENVS: u64 = 2;

impl<'a> Subject<'a> {
    /// A domain in episodes of `max_steps` ticks.
    pub fn new(domain: &'a dyn Domain, max_steps: u32) -> Self {
        Self { domain, max_steps, ticks: 200, seed: 1, has_codes: false }
    }

    fn lane(&self) -> Lane {
        self.seeded(self.seed)
    }

    fn seeded(&self, seed: u64) -> Lane {
        Lane::new(self.domain, self.max_steps, Seeds::new(seed), EVALUATION_ENVS..EVALUATION_ENVS + ENVS)
    }

    /// Calls `check` with a fresh lane, then after each tick of random actions.
    fn play(&self, mut check: impl FnMut(u32, &Lane) -> Result<()>) -> Result<()> {
        let mut lane = self.lane();
        let dice = Dice::new(lane.spec(), 1);
        check(0, &lane)?;
        for tick in 1..=self.ticks {
            dice.roll(&mut lane);
            lane.step();
            check(tick, &lane)?;
        }
        Ok(())
    }
}

/// Returns from a law that is broken, and says how.
macro_rules! ensure {
    ($holds:expr, $($how:tt)+) => {
        if !$holds {
            return Err($crate::error::Error::input(format!($($how)+)));
        }
    };
}
use ensure;
