//! Arrival rates and numbers of nodes: the best of the simple rules, the learned policy and the lookahead at each.

use super::play;
use crate::{
    apps::report::{Wanted, interval, measured, table},
    error::Result,
    math::statistics::Interval,
    places,
};

/// The claims for the learned policy at each arrival rate: per second, completion, SLA violations, CPU in use in %.
const CLAIMED_BY_RATE: [(f64, [f64; 3]); 5] = [
    (1.0, [99.2, 0.8, 45.3]),
    (3.0, [98.1, 1.9, 67.8]),
    (5.0, [96.8, 3.2, 84.7]),
    (8.0, [93.4, 6.6, 94.2]),
    (10.0, [89.7, 10.3, 98.1]),
];

/// The claims for each number of nodes: SLA violations in %.
const CLAIMED_BY_NODES: [(usize, f64); 5] = [(3, 3.8), (5, 3.5), (10, 3.2), (20, 3.6), (50, 4.1)];

/// What the rows of a sweep are.
const BEST: &str = "Rows: the simple rule with the highest mean reward there, the learned policy if one is given, the lookahead; reward less\n\
                    that of the best rule: mean [95 % interval], paired by episode.";

/// The claims for each arrival rate against mode `full`.
pub(super) fn by_rate(learned: Option<&str>, wanted: Wanted<'_>) -> Result<()> {
    let mut table = table(&[
        "arrivals/s",
        "claimed done %",
        "SLA %",
        "CPU %",
        "here",
        "reward",
        "minus the best rule",
        "done %",
        "SLA %",
        "CPU %",
    ]);
    for (rate_hz, claims) in CLAIMED_BY_RATE {
        let set = [("arrival_rate_hz", format!("{rate_hz:?}")), ("max_workloads", "400".to_owned())];
        for row in sweep(&set, learned, wanted)? {
            let mut cells = vec![format!("{rate_hz}")];
            cells.extend(claims.map(|claim| format!("{claim:.1}")));
            cells.extend(row.cells());
            table.row(cells);
        }
    }
    let text =
        format!("\nMode full, by arrival rate: claims for the learned policy, then what is measured here.\n{BEST}\n");
    wanted.print(&text, &table)
}

/// The claims for each number of nodes against mode `full`, arrivals growing with the nodes.
pub(super) fn by_nodes(learned: Option<&str>, wanted: Wanted<'_>) -> Result<()> {
    let mut table =
        table(&["nodes", "claimed SLA %", "here", "reward", "minus the best rule", "done %", "SLA %", "CPU %"]);
    for (nodes, claim) in CLAIMED_BY_NODES {
        for row in sweep(&with_nodes(nodes), learned, wanted)? {
            table.row([nodes.to_string(), format!("{claim:.1}")].into_iter().chain(row.cells()));
        }
    }
    let text = format!(
        "\nMode full, by number of nodes: half an arrival per second and node, which the claims did not have.\n{BEST}\n"
    );
    wanted.print(&text, &table)
}

/// So many nodes, and arrivals and decisions that grow with them.
pub(super) fn with_nodes(nodes: usize) -> [(&'static str, String); 4] {
    [
        ("num_nodes", nodes.to_string()),
        ("arrival_rate_hz", format!("{:?}", 0.5 * nodes as f64)),
        ("max_workloads", (20 * nodes).to_string()),
        ("decisions_per_tick", (nodes / 10).max(1).to_string()),
    ]
}

/// One policy at one point of a sweep.
struct SweepRow {
    name: String,
    reward: Interval,
    /// Reward less that of the best rule in the same episodes; none for that rule.
    minus_best: Option<Interval>,
    /// Completion, violations and CPU in use in %.
    shares: [f64; 3],
}

impl SweepRow {
    fn cells(&self) -> impl Iterator<Item = String> {
        let minus = self.minus_best.map_or(String::new(), interval);
        let shares = self.shares.map(|share| format!("{share:.1}"));
        [self.name.clone(), format!("{:.1}", self.reward.mean), minus].into_iter().chain(shares)
    }
}

/// The simple rule with the highest mean reward, the learned policy and the lookahead in `cluster/default`, changed by `set`.
fn sweep(set: &[(&str, String)], learned: Option<&str>, wanted: Wanted<'_>) -> Result<Vec<SweepRow>> {
    let baselines = places::load_scenario("cluster/default")?.domain.domain().baselines();
    let rules = || baselines.iter().filter(|baseline| !baseline.privileged).map(|baseline| baseline.name);
    let report = play("cluster/default", set, rules().chain(["lookahead"]).chain(learned), wanted)?;
    let reward = |name: &str| measured(&report, name, "reward");
    let mut best = ("", f64::NEG_INFINITY);
    for name in rules() {
        let mean = reward(name)?.mean;
        if mean > best.1 {
            best = (name, mean);
        }
    }
    let place = report.policies.iter().position(|policy| policy.name == best.0);
    let row = |name: &str| {
        let difference = || Some(report.policy(name)?.overall.differences[place?].difference);
        let [completion, violations, utilisation] =
            ["completion", "sla_violations", "utilisation"].map(|metric| measured(&report, name, metric));
        Ok(SweepRow {
            name: name.to_owned(),
            reward: reward(name)?,
            minus_best: if name == best.0 { None } else { difference() },
            shares: [completion?.mean, violations?.mean, utilisation?.mean],
        })
    };
    [best.0].into_iter().chain(learned).chain(["lookahead"]).map(row).collect()
}
