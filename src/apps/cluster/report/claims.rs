//! The published claims against mode `full`.

use super::{NOTHING, bounds::RULES, decision, play};
use crate::{
    apps::report::{Wanted, measured, table},
    error::{Error, Result},
};

/// Stands for the learned policy among [`CLAIMED`].
const LEARNED: &str = "learned";

/// The claims: what it is called there, baseline here, reward, SLA violations, completion and CPU in use in %, variance, time
/// of a decision in µs.
#[rustfmt::skip]
const CLAIMED: [(&str, &str, [Option<f64>; 6]); 5] = [
    ("Random", "random_fit", [Some(485.67), Some(29.3), Some(70.7), Some(54.2), None, None]),
    ("Round robin", "round_robin", [None, Some(21.7), Some(78.3), Some(58.4), None, None]),
    ("Greedy", "greedy", [Some(950.23), Some(8.5), Some(91.5), Some(72.0), Some(0.142), Some(2300.0)]),
    ("Bin packing", "best_fit", [None, Some(6.8), Some(93.2), Some(78.3), None, None]),
    ("Learned (there MADDPG)", LEARNED, [Some(1247.32), Some(3.2), Some(96.8), Some(84.7), Some(0.089), Some(3100.0)]),
];

/// The claims for success by priority, lowest first, in %.
const CLAIMED_BY_PRIORITY: [f64; 3] = [96.2, 97.1, 97.8];

/// The claims for violations by cause in %.
const CLAIMED_BY_CAUSE: [(&str, &str, f64); 4] = [
    ("insufficient resources", "failed_no_room", 1.8),
    ("spike", "failed_spike", 0.9),
    ("node failure", "failed_node", 0.3),
    ("network latency", "failed_latency", 0.2),
];

/// The claims for the shares of nodes whose CPU is in use by so much, in %.
const CLAIMED_BY_USE: [(&str, &str, f64); 5] = [
    ("0-20 %", "nodes_at_0_20", 4.2),
    ("20-40 %", "nodes_at_20_40", 8.7),
    ("40-60 %", "nodes_at_40_60", 15.3),
    ("60-80 %", "nodes_at_60_80", 38.4),
    ("80-100 %", "nodes_at_80_100", 33.4),
];

/// The published claims against mode `full`.
pub(super) fn claims(learned: Option<&str>, wanted: Wanted<'_>) -> Result<()> {
    let actual = |name| if name == LEARNED { learned.unwrap_or_default() } else { name };
    let claimed = CLAIMED.map(|(label, name, claims)| (label, actual(name), claims));
    let best = ["least_loaded", "dominant_share", "lookahead"].map(|name| ("", name, [None; 6]));
    let rows = || claimed.iter().chain(&best);
    let names = rows().map(|row| row.1).filter(|name| !name.is_empty());
    let report = play("cluster/default", &[], names, wanted)?;
    let mut table =
        table(&["claimed for", "measured here", "reward", "SLA %", "completion %", "CPU %", "variance", "decision µs"]);
    for (label, name, claims) in rows() {
        let mut cells = vec![(*label).to_owned(), if name.is_empty() { NOTHING } else { *name }.to_owned()];
        let metrics =
            [("reward", 0), ("sla_violations", 1), ("completion", 1), ("utilisation", 1), ("load_variance", 3)];
        let text =
            |number: Option<f64>, digits| number.map_or(NOTHING.to_owned(), |number: f64| format!("{number:.digits$}"));
        let is_here = !name.is_empty();
        for ((metric, digits), claim) in metrics.into_iter().zip(*claims) {
            let here = is_here.then(|| measured(&report, name, metric)).transpose()?;
            cells.push(format!("{} / {}", text(claim, digits), text(here.map(|here| here.mean), digits)));
        }
        let here = is_here.then(|| decision::time_us("cluster/default", name)).transpose()?;
        cells.push(format!("{} / {}", text(claims[5], 0), text(here, 1)));
        table.row(cells);
    }
    let text = "\nMode full: the claims of the published report, which no measurement stands behind / what is measured here.\n\
         The claims are of episodes of 55 workloads, here they are of about 460. A decision is that of all nodes in a tick.\n";
    wanted.print(text, &table)?;
    let mut table = self::table(&[
        "claimed for the learned policy",
        "claim %",
        "learned here %",
        "greedy here %",
        "lookahead here %",
    ]);
    let mut row = |label: String, claim: f64, metric: &str| -> Result<()> {
        let here = |name| Ok::<_, Error>(format!("{:.1}", measured(&report, name, metric)?.mean));
        let learned = learned.map_or(Ok(NOTHING.to_owned()), here)?;
        table.row([label, format!("{claim:.1}"), learned, here("greedy")?, here("lookahead")?]);
        Ok(())
    };
    for (index, claim) in CLAIMED_BY_PRIORITY.into_iter().enumerate() {
        row(format!("completion, priority {}", index + 1), claim, &format!("completion_{}", index + 1))?;
    }
    for (label, metric, claim) in CLAIMED_BY_CAUSE {
        row(format!("violations, {label}"), claim, metric)?;
    }
    for (label, metric, claim) in CLAIMED_BY_USE {
        row(format!("nodes with {label} of their CPU in use"), claim, metric)?;
    }
    wanted.print("", &table)
}

/// What is claimed of failures and here measured: label, metric, claim in %.
const CLAIMED_OF_FAILURES: [(&str, &str, Option<f64>); 5] = [
    ("nodes at work %", "nodes_up", Some(99.97)),
    ("workloads lost with their node, per episode", "lost", None),
    ("violations after a node was lost %", "failed_node", Some(0.3)),
    ("violations in all %", "sla_violations", Some(3.2)),
    ("wait for a node s", "queue_wait", None),
];

/// The claims for failing nodes against scenario `failures`.
pub(super) fn failures(learned: Option<&str>, wanted: Wanted<'_>) -> Result<()> {
    let names = || RULES.into_iter().chain(learned).chain(["lookahead"]);
    let report = play("cluster/failures", &[], names(), wanted)?;
    let headings: Vec<&str> = ["with failing nodes", "claim"].into_iter().chain(names()).collect();
    let mut table = self::table(&headings);
    for (label, metric, claim) in CLAIMED_OF_FAILURES {
        let mut cells = vec![label.to_owned(), claim.map_or(NOTHING.to_owned(), |claim| claim.to_string())];
        for name in names() {
            cells.push(format!("{:.2}", measured(&report, name, metric)?.mean));
        }
        table.row(cells);
    }
    let text = "\nScenario failures: a node fails once a minute and is repaired in ten seconds, both on average. The published system\n\
         had no failures to recover from; its recovery in 1.2 s is claimed of nothing.\n";
    wanted.print(text, &table)
}
