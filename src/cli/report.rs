//! `agon report cluster`: what the published system claimed, what an independent measurement of it found, and what is
//! measured here.
//!
//! The claims are those of the published report; no log, model or seed stands behind them. The independent measurement
//! ran the published environment with its two crashing defects repaired, 30 episodes a rule; scenario `cluster/repaired`
//! has the same rules, so that its means have to agree within chance.

use super::{args::ReportArgs, eval, output};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    eval::{Align, EvalOptions, Report, Table},
    math::statistics::Interval,
    places,
    policy::acting::Decision,
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

/// Stands for the learned policy among [`CLAIMED`].
const LEARNED: &str = "learned";

/// What stands where nothing was measured or claimed.
const NOTHING: &str = "–";

/// Rules that the learned policy is measured against.
const RULES: [&str; 3] = ["greedy", "least_loaded", "lookahead"];

/// The claims: what it is called there, baseline here, reward, SLA violations, completion and CPU in use in %, variance.
#[rustfmt::skip]
const CLAIMED: [(&str, &str, [Option<f64>; 5]); 6] = [
    ("Random", "random_fit", [Some(485.67), Some(29.3), Some(70.7), Some(54.2), None]),
    ("Round robin", "round_robin", [None, Some(21.7), Some(78.3), Some(58.4), None]),
    ("Greedy", "greedy", [Some(950.23), Some(8.5), Some(91.5), Some(72.0), Some(0.142)]),
    ("Bin packing", "best_fit", [None, Some(6.8), Some(93.2), Some(78.3), None]),
    ("Single-agent DDPG", "", [Some(1087.4), Some(5.7), None, None, None]),
    ("MADDPG", LEARNED, [Some(1247.32), Some(3.2), Some(96.8), Some(84.7), Some(0.089)]),
];

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

/// Episodes of the sweeps, which have many points.
const SWEEP_EPISODES: u64 = 20;

/// Measures and prints.
pub(super) fn run(args: &ReportArgs) -> Result<()> {
    repaired(args.episodes)?;
    claims(args.policy.as_deref(), args.episodes)?;
    by_rate(args.policy.as_deref(), args.episodes.min(SWEEP_EPISODES))?;
    by_nodes(args.policy.as_deref(), args.episodes.min(SWEEP_EPISODES))
}

/// Rules of the repaired environment against their independent measurement.
fn repaired(episodes: u64) -> Result<()> {
    let report = play("cluster/repaired", &[], REPAIRED.iter().map(|row| row.0), episodes)?;
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
    output::print(format!(
        "Mode repaired: the published rules without their two crashing defects, {episodes} paired episodes.\n\
         Reward: mean ± standard deviation of 30 episodes there, mean [95 % interval] here; other cells: there / here.\n\
         agree: the means of the reward differ by no more than chance.\n\n{table}"
    ))
}

/// The published claims against mode `full`.
fn claims(learned: Option<&str>, episodes: u64) -> Result<()> {
    let actual = |name| if name == LEARNED { learned.unwrap_or_default() } else { name };
    let claimed = CLAIMED.map(|(label, name, claims)| (label, actual(name), claims));
    let best = ["least_loaded", "lookahead"].map(|name| ("", name, [None; 5]));
    let rows = || claimed.iter().chain(&best);
    let names = rows().map(|row| row.1).filter(|name| !name.is_empty());
    let report = play("cluster/default", &[], names, episodes)?;
    let mut table = table(&["claimed for", "measured here", "reward", "SLA %", "completion %", "CPU %", "variance"]);
    for (label, name, claims) in rows() {
        let mut cells = vec![(*label).to_owned(), if name.is_empty() { NOTHING } else { *name }.to_owned()];
        let metrics =
            [("reward", 0), ("sla_violations", 1), ("completion", 1), ("utilisation", 1), ("load_variance", 3)];
        for ((metric, digits), claim) in metrics.into_iter().zip(*claims) {
            let text = |number: Option<f64>| number.map_or(NOTHING.to_owned(), |number| format!("{number:.digits$}"));
            let here = if name.is_empty() { None } else { Some(measured(&report, name, metric)?.mean) };
            cells.push(format!("{} / {}", text(claim), text(here)));
        }
        table.row(cells);
    }
    output::print(format!(
        "\nMode full: the claims of the published report, which no measurement stands behind / what is measured here.\n\n{table}"
    ))?;
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
    output::print(format!("\n{table}"))
}

/// The claims for each arrival rate against mode `full`.
fn by_rate(learned: Option<&str>, episodes: u64) -> Result<()> {
    let mut table = table(&["arrivals/s", "done %", "SLA %", "CPU %", "here", "done %", "SLA %", "CPU %"]);
    for (rate_hz, claims) in CLAIMED_BY_RATE {
        let set = [("arrival_rate_hz", format!("{rate_hz:?}")), ("max_workloads", "400".to_owned())];
        let names = || RULES.into_iter().chain(learned);
        let report = play("cluster/default", &set, names(), episodes)?;
        for name in names() {
            let mut cells = vec![format!("{rate_hz}")];
            cells.extend(claims.map(|claim| format!("{claim:.1}")));
            cells.push(name.to_owned());
            for metric in ["completion", "sla_violations", "utilisation"] {
                cells.push(format!("{:.1}", measured(&report, name, metric)?.mean));
            }
            table.row(cells);
        }
    }
    output::print(format!(
        "\nMode full, by arrival rate: claims for the learned policy, then what is measured here.\n\n{table}"
    ))
}

/// The claims for each number of nodes against mode `full`, arrivals growing with the nodes.
fn by_nodes(learned: Option<&str>, episodes: u64) -> Result<()> {
    let mut table =
        table(&["nodes", "claimed SLA %", "greedy SLA %", "least_loaded SLA %", "lookahead SLA %", "learned SLA %"]);
    for (nodes, claim) in CLAIMED_BY_NODES {
        let per_tick = (nodes / 10).max(1);
        let set = [
            ("num_nodes", nodes.to_string()),
            ("arrival_rate_hz", format!("{:?}", 0.5 * nodes as f64)),
            ("max_workloads", (20 * nodes).to_string()),
            ("decisions_per_tick", per_tick.to_string()),
        ];
        let names = || RULES.into_iter().chain(learned);
        let report = play("cluster/default", &set, names(), episodes)?;
        let mut cells = vec![nodes.to_string(), format!("{claim:.1}")];
        for name in names() {
            cells.push(format!("{:.1}", measured(&report, name, "sla_violations")?.mean));
        }
        if learned.is_none() {
            cells.push(NOTHING.to_owned());
        }
        table.row(cells);
    }
    output::print(format!(
        "\nMode full, by number of nodes: half an arrival per second and node, which the claims did not have.\n\n{table}"
    ))
}

fn play<'n>(
    scenario: &str,
    changes: &[(&str, String)],
    names: impl IntoIterator<Item = &'n str>,
    episodes: u64,
) -> Result<Report> {
    let mut scenario: Scenario = places::load_scenario(scenario)?;
    for (name, value) in changes {
        scenario.set(name, value)?;
    }
    let resolved = eval::resolve(&scenario, names, Decision::Mode)?;
    let options = EvalOptions { episodes, seed: scenario.seed, with_reference: false, ..EvalOptions::default() };
    eval::play(&scenario, resolved, options)
}

fn measured(report: &Report, policy: &str, metric: &str) -> Result<Interval> {
    report
        .interval(policy, metric)
        .ok_or_else(|| Error::input(format!("`{policy}` has no `{metric}` in scenario `{}`", report.scenario)))
}

fn interval(of: Interval) -> String {
    format!("{:.1} [{:.1}, {:.1}]", of.mean, of.lo, of.hi)
}

/// A table whose first column holds words.
fn table(headings: &[&str]) -> Table {
    let align = |column: usize| if column == 0 { Align::Left } else { Align::Right };
    Table::new(headings.iter().enumerate().map(|(column, heading)| (align(column), *heading)))
}
