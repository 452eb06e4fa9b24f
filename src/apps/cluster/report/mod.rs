//! `agon report cluster`: what the published system claimed, what an independent measurement of it found, and what is
//! measured here.
//!
//! The claims are those of the published report; no log, model or seed stands behind them. The independent measurement
//! ran the published environment with its two crashing defects repaired, 30 episodes a rule; scenario `cluster/repaired`
//! has the same rules, so that its means have to agree within chance.

mod bounds;
mod claims;
mod decision;
mod sweeps;
mod training;

use crate::{
    apps::report::{Wanted, cast, interval, measured, table},
    error::{Error, Result},
    eval::Report,
    places,
};

/// Episodes behind each row of [`REPAIRED`].
const EPISODES_THEN: f64 = 30.0;
/// A difference of means is chance within so many standard errors.
const CHANCE: f64 = 1.96;

/// The repaired environment, measured independently: baseline here, what it is called there, reward with its standard
/// deviation, SLA violations in %, CPU in use at the end and over time in %, variance.
#[rustfmt::skip]
const REPAIRED: [(&str, &str, [f64; 2], [f64; 4]); 11] = [
    ("random", "random actions", [107.7, 262.8], [0.53, 33.3, 23.9, 0.0582]),
    ("all_ones", "all ones (its \"greedy\")", [-1668.6, 250.3], [0.0, 59.8, 42.3, 0.1443]),
    ("random_fit", "random fitting node", [142.4, 327.8], [0.0, 32.3, 22.7, 0.0504]),
    ("blind", "random blind node", [57.9, 356.5], [5.53, 27.7, 20.9, 0.0498]),
    ("greedy", "greedy rule (raw sum)", [-129.8, 397.4], [0.0, 32.1, 19.9, 0.0644]),
    ("next_fit", "round robin, next fit", [554.1, 268.0], [0.0, 24.2, 17.5, 0.0289]),
    ("round_robin", "round robin, strict", [521.5, 298.7], [1.13, 23.3, 17.3, 0.0296]),
    ("first_fit", "first fit", [-1625.7, 225.9], [0.0, 52.4, 33.7, 0.1419]),
    ("best_fit", "best fit (bin packing)", [-1668.6, 250.3], [0.0, 59.8, 42.3, 0.1443]),
    ("worst_fit", "worst fit", [907.0, 142.9], [0.0, 17.4, 12.7, 0.0109]),
    ("least_loaded", "least-loaded CPU", [1000.0, 138.2], [0.0, 14.6, 11.3, 0.0063]),
];

/// What stands where nothing was measured or claimed.
const NOTHING: &str = "–";

/// Measures and shows it.
///
/// # Errors
/// More than one learned policy, one that does not fit, or a host that shows nothing any more.
pub fn run(wanted: Wanted<'_>) -> Result<()> {
    let learned = match wanted.learned {
        [] => None,
        [one] => Some(one.as_str()),
        many => {
            return Err(Error::input(format!("{} policies, and `agon report cluster` takes one", many.len()))
                .hint("`agon eval` compares several"));
        }
    };
    if let Some(name) = learned {
        // What is wrong with it is told now, not after everything that is measured before it plays.
        cast(&places::load_scenario(bounds::SCENARIO)?, name)?;
    }
    repaired(wanted)?;
    claims::claims(learned, wanted)?;
    bounds::bounds(learned, wanted)?;
    bounds::ceilings(learned, wanted)?;
    claims::failures(learned, wanted)?;
    sweeps::by_rate(learned, wanted)?;
    sweeps::by_nodes(learned, wanted)?;
    learned.map_or(Ok(()), |policy| training::curve(policy, wanted))
}

/// Lets policies play in a scenario with some of its values changed.
fn play<'n>(
    scenario: &str,
    changes: &[(&str, String)],
    names: impl IntoIterator<Item = &'n str>,
    wanted: Wanted<'_>,
) -> Result<Report> {
    let mut scenario = places::load_scenario(scenario)?;
    for (name, value) in changes {
        scenario.set(name, value)?;
    }
    wanted.play(&scenario, names, "reward")
}

/// Rules of the repaired environment against their independent measurement.
fn repaired(wanted: Wanted<'_>) -> Result<()> {
    let report = play("cluster/repaired", &[], REPAIRED.iter().map(|row| row.0), wanted)?;
    let mut table =
        table(&["rule", "reward there", "here", "agree", "SLA %", "CPU at end %", "CPU mean %", "variance"]);
    for (name, label, [reward, sd], [sla, end, mean, variance]) in REPAIRED {
        let here = measured(&report, name, "reward")?;
        // Half of a 95 % interval is 1.96 standard errors.
        let error = libm::hypot((here.hi - here.lo) / (2.0 * CHANCE), sd / EPISODES_THEN.sqrt());
        let agree = if (here.mean - reward).abs() <= CHANCE * error { "yes" } else { "NO" };
        let mut cells = vec![label.to_owned(), format!("{reward:.1} ± {sd:.1}"), interval(here), agree.to_owned()];
        for (metric, there, digits) in [
            ("sla_violations", sla, 2),
            ("utilisation_end", end, 1),
            ("utilisation", mean, 1),
            ("load_variance", variance, 4),
        ] {
            let here = measured(&report, name, metric)?.mean;
            cells.push(format!("{there:.digits$} / {here:.digits$}"));
        }
        table.row(cells);
    }
    let text = format!(
        "Mode repaired: the published rules without their two crashing defects, {} paired episodes.\n\
         Reward: mean ± standard deviation of 30 episodes there, mean [95 % interval] here; other cells: there / here.\n\
         agree: the means of the reward differ by no more than chance.\n",
        wanted.episodes
    );
    wanted.print(&text, &table)
}
