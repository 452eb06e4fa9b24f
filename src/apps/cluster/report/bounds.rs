//! What bounds a policy in `cluster/default`: what its reward is made of, beside that of a cluster with room for everything.

use rayon::prelude::*;

use super::{NOTHING, play, sweeps::with_nodes};
use crate::{
    apps::report::{Wanted, measured, table},
    domains::{AnyDomain, cluster::offline},
    error::{Error, Result},
    math::statistics::mean,
    places,
    sim::Seeds,
};

pub(super) const SCENARIO: &str = "cluster/default";
/// How many times as much room there is where every workload finds a place.
const ROOM: f64 = 10.0;
/// Whoever places there; with so much room it hardly matters.
const PLACER: &str = "least_loaded";
/// Rules that stand beside a learned policy.
pub(super) const RULES: [&str; 3] = ["greedy", "least_loaded", "dominant_share"];
/// Terms of the reward; whether a cluster with more room is paid for them alike.
const TERMS: [(&str, bool); 4] =
    [("reward_success", true), ("reward_failure", true), ("reward_efficiency", false), ("reward_balance", false)];

/// What bounds a policy.
struct Bounds<'n> {
    names: Vec<&'n str>,
    /// Each term, of all nodes together: what each policy gets, and what there is for it with room for all, where that compares.
    terms: Vec<(&'static str, Vec<f64>, Option<f64>)>,
    /// What all workloads together ask for, in % of the CPU.
    asked: f64,
}

/// Measures and prints it.
pub(super) fn bounds(learned: Option<&str>, wanted: Wanted<'_>) -> Result<()> {
    let Bounds { names, terms, asked } = Bounds::measure(learned, wanted)?;
    let headings: Vec<&str> = ["reward for"].into_iter().chain(names).chain(["with room for all"]).collect();
    let mut table = table(&headings);
    for (term, earned, there) in terms {
        let there = there.map_or(NOTHING.to_owned(), |there| format!("{there:.0}"));
        let earned = earned.iter().map(|earned| format!("{earned:.0}"));
        table.row([term.trim_start_matches("reward_").to_owned()].into_iter().chain(earned).chain([there]));
    }
    let text = format!(
        "\nWhat bounds it, mode full: with {ROOM} times the room nearly every workload is placed. All of them together are worth what stands\n\
         there and ask for {asked:.1} % of the CPU that there is: nobody can use more of it. Efficiency and balance there are of another\n\
         cluster.\n"
    );
    wanted.print(&text, &table)
}

impl<'n> Bounds<'n> {
    fn measure(learned: Option<&'n str>, wanted: Wanted<'_>) -> Result<Self> {
        let AnyDomain::Cluster(params) = places::load_scenario(SCENARIO)?.domain else {
            return Err(Error::input(format!("scenario `{SCENARIO}` is not of domain `cluster`")));
        };
        let room: Vec<f64> = params.node_capacity.iter().map(|amount| ROOM * amount).collect();
        let roomy = play(SCENARIO, &[("node_capacity", format!("{room:?}"))], [PLACER], wanted)?;
        let names: Vec<&str> = RULES.into_iter().chain(learned).chain(["lookahead"]).collect();
        let report = play(SCENARIO, &[], names.iter().copied(), wanted)?;
        // Terms are quoted per node, the reward is that of all nodes.
        let of_all = |report, name, term| Ok(params.num_nodes as f64 * measured(report, name, term)?.mean);
        let terms = TERMS.iter().map(|(term, is_alike)| {
            let earned = names.iter().map(|name| of_all(&report, name, term)).collect::<Result<_>>()?;
            Ok((*term, earned, is_alike.then(|| of_all(&roomy, PLACER, term)).transpose()?))
        });
        let terms = terms.collect::<Result<_>>()?;
        Ok(Self { names, terms, asked: ROOM * measured(&roomy, PLACER, "utilisation")?.mean })
    }
}

/// Numbers of nodes at which the reward is bounded.
const NODES: [usize; 3] = [3, 10, 20];

/// Bounds the reward at several numbers of nodes, arrivals growing with them, and prints it.
pub(super) fn ceilings(learned: Option<&str>, wanted: Wanted<'_>) -> Result<()> {
    let names: Vec<&str> = RULES.into_iter().chain(learned).chain(["lookahead"]).collect();
    let headings: Vec<&str> = ["nodes"].into_iter().chain(names.iter().copied()).chain(["nobody more than"]).collect();
    let mut table = table(&headings);
    for nodes in NODES {
        let set = with_nodes(nodes);
        let mut scenario = places::load_scenario(SCENARIO)?;
        set.iter().try_for_each(|(name, value)| scenario.set(name, value))?;
        let AnyDomain::Cluster(params) = &scenario.domain else {
            return Err(Error::input(format!("scenario `{SCENARIO}` is not of domain `cluster`")));
        };
        let bar = wanted.host.progress(wanted.episodes, "bounding");
        let bounds: Vec<f64> = wanted
            .family
            .envs(wanted.episodes)
            .into_par_iter()
            .map(|env| {
                bar.inc(1);
                offline::most_reward(params, scenario.max_steps, Seeds::new(scenario.seed), env)
            })
            .collect::<Result<_>>()?;
        bar.finish_and_clear();
        let report = play(SCENARIO, &set, names.iter().copied(), wanted)?;
        let mut cells = vec![nodes.to_string()];
        for name in &names {
            cells.push(format!("{:.0}", measured(&report, name, "reward")?.mean));
        }
        cells.push(format!("{:.0}", mean(&bounds)));
        table.row(cells);
    }
    let text = "\nWhat nobody can be paid more than, whatever they know: the dual of a relaxed offline problem, in which the nodes are one large\n\
         node, workloads may be placed in parts and nothing is wasted. Half an arrival per second and node.\n";
    wanted.print(text, &table)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{apps::report::Quiet, eval::Family};

    const TWO: Wanted<'_> = Wanted { learned: &[], episodes: 2, family: Family::Development, host: &Quiet };

    #[test]
    fn terms_make_up_the_reward_and_room_bounds_what_placing_is_paid() {
        let bounds = Bounds::measure(None, TWO).unwrap();
        assert_eq!(bounds.names, ["greedy", "least_loaded", "dominant_share", "lookahead"]);
        let report = play(SCENARIO, &[], ["least_loaded"], TWO).unwrap();
        let reward = measured(&report, "least_loaded", "reward").unwrap().mean;
        let sum: f64 = bounds.terms.iter().map(|(_, earned, _)| earned[1]).sum();
        assert!((sum - reward).abs() < 1e-3 * reward, "{sum} and {reward}");
        for (term, earned, there) in &bounds.terms[..2] {
            assert!(earned.iter().all(|earned| earned <= &there.unwrap()), "{term}: {earned:?} and {there:?}");
        }
        assert!(bounds.terms[2..].iter().all(|(.., there)| there.is_none()));
        assert!((50.0..100.0).contains(&bounds.asked), "{} %", bounds.asked);
    }
}
