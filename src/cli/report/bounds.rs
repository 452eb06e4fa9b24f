//! What bounds a policy in `cluster/default`: what its reward is made of, beside that of a cluster with room for everything.

use super::{NOTHING, measured, play, table};
use crate::{
    cli::output,
    domains::AnyDomain,
    error::{Error, Result},
    places,
};

const SCENARIO: &str = "cluster/default";
/// How many times as much room there is where every workload finds a place.
const ROOM: f64 = 10.0;
/// Whoever places there; with so much room it hardly matters.
const PLACER: &str = "least_loaded";
/// Terms of the reward; whether a cluster with more room is paid for them alike.
const TERMS: [(&str, bool); 4] =
    [("reward_success", true), ("reward_failure", true), ("reward_efficiency", false), ("reward_balance", false)];

/// Prints both.
pub(super) fn bounds(learned: Option<&str>, episodes: u64) -> Result<()> {
    let AnyDomain::Cluster(params) = places::load_scenario(SCENARIO)?.domain else {
        return Err(Error::input(format!("scenario `{SCENARIO}` is not of domain `cluster`")));
    };
    let room: Vec<f64> = params.node_capacity.iter().map(|amount| ROOM * amount).collect();
    let roomy = play(SCENARIO, &[("node_capacity", format!("{room:?}"))], [PLACER], episodes)?;
    let names = || ["greedy", "least_loaded"].into_iter().chain(learned).chain(["lookahead"]);
    let report = play(SCENARIO, &[], names(), episodes)?;
    let headings: Vec<&str> = ["reward for"].into_iter().chain(names()).chain(["with room for all"]).collect();
    let mut table = table(&headings);
    // Terms are quoted per node, the reward is that of all nodes.
    let nodes = params.num_nodes as f64;
    for (term, is_alike) in TERMS {
        let mut cells = vec![term.trim_start_matches("reward_").to_owned()];
        for name in names() {
            cells.push(format!("{:.0}", nodes * measured(&report, name, term)?.mean));
        }
        let there = nodes * measured(&roomy, PLACER, term)?.mean;
        cells.push(if is_alike { format!("{there:.0}") } else { NOTHING.to_owned() });
        table.row(cells);
    }
    let asked = ROOM * measured(&roomy, PLACER, "utilisation")?.mean;
    output::print(format!(
        "\nWhat bounds it, mode full: with {ROOM} times the room nearly every workload is placed. All of them together are worth what stands\n\
         there and ask for {asked:.1} % of the CPU that there is: nobody can use more of it. Efficiency and balance there are of another\n\
         cluster.\n\n{table}"
    ))
}
