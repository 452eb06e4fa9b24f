//! Scripted nodes: what they may do, and which is better than which.

use super::*;
use crate::{
    domains::cluster::baselines,
    sim::{EVALUATION_ENVS, EpisodeRecord, Policy},
};

fn baseline(name: &str) -> Box<dyn Policy> {
    baselines::all().into_iter().find(|baseline| baseline.name == name).unwrap().policy
}

fn evaluation(params: &ClusterParams, max_steps: u32, episodes: u64) -> Lane {
    Lane::new(params, max_steps, Seeds::new(1), EVALUATION_ENVS..EVALUATION_ENVS + episodes)
}

/// The first episodes of these envs.
fn play(params: &ClusterParams, name: &str, max_steps: u32, episodes: u64) -> Vec<EpisodeRecord> {
    let (mut lane, mut policy) = (evaluation(params, max_steps, episodes), baseline(name));
    for _ in 0..max_steps {
        lane.act(&mut *policy, 0).unwrap();
        lane.step();
    }
    lane.ports().finished.clone()
}

/// Mean over episodes of a metric.
fn mean(params: &ClusterParams, records: &[EpisodeRecord], name: &str) -> f64 {
    use crate::sim::Domain;
    let at = params.spec(1).metric(name).unwrap();
    records.iter().map(|record| record.metrics[at]).sum::<f64>() / records.len() as f64
}

#[test]
fn who_knows_what_will_come_fails_less() {
    let params = ClusterParams::default();
    let violations = |name| mean(&params, &play(&params, name, 600, 12), "sla_violations");
    let [greedy, least_loaded, lookahead] = ["greedy", "least_loaded", "lookahead"].map(violations);
    assert!(lookahead < 0.85 * greedy.min(least_loaded), "{lookahead}, {greedy} and {least_loaded} %");
}

/// Nodes run out of any resource, so whoever looks at all of them fails less; under twice the load, declining what is not worth its
/// room is paid for.
#[test]
fn who_looks_at_all_resources_fails_less_and_who_declines_is_paid_more_under_overload() {
    let usual = ClusterParams::default();
    let violations = |name| mean(&usual, &play(&usual, name, 600, 24), "sla_violations");
    let [dominant_share, least_loaded] = ["dominant_share", "least_loaded"].map(violations);
    assert!(dominant_share < least_loaded, "{dominant_share} and {least_loaded} %");
    let heavy = ClusterParams { arrival_rate_hz: 10.0, max_workloads: 400, ..ClusterParams::default() };
    let reward = |name| mean(&heavy, &play(&heavy, name, 600, 24), "reward");
    let [bid_price, dominant_share] = ["bid_price", "dominant_share"].map(reward);
    assert!(bid_price > dominant_share, "{bid_price} and {dominant_share}");
}

/// In the published modes the reward is a matter of balance, as an independent measurement of its rules has it.
#[test]
fn rules_of_the_published_system_rank_as_measured() {
    let params = ClusterParams {
        mode: Mode::Repaired,
        dt_s: 0.01,
        action: ActionKind::Bids,
        node_capacity: vec![100.0, 64.0, 1000.0, 500.0],
        ..ClusterParams::default()
    };
    let reward = |name| mean(&params, &play(&params, name, 1000, 16), "reward");
    let names = ["best_fit", "greedy", "next_fit", "worst_fit", "least_loaded"];
    let rewards = names.map(reward);
    assert!(rewards.is_sorted(), "{names:?}: {rewards:?}");
    assert!((rewards[4] - 1000.0).abs() < 100.0, "{} of least_loaded", rewards[4]);
    assert_eq!(reward("all_ones"), rewards[0], "the tightest of whole offers is the best fit");
}

/// One decision a tick fits into actions; a rule that names itself decides the same.
#[test]
fn a_rule_decides_the_same_whether_it_scores_or_names_itself() {
    for action in [ActionKind::Scores, ActionKind::Bids] {
        let params = ClusterParams { action, mtbf_s: 30.0, ..ClusterParams::default() };
        for (name, rule) in [
            ("blind", Rule::Blind),
            ("random_fit", Rule::RandomFit),
            ("round_robin", Rule::RoundRobin),
            ("next_fit", Rule::NextFit),
            ("first_fit", Rule::FirstFit),
            ("dot_product", Rule::DotProduct),
            ("least_loaded", Rule::LeastLoaded),
            ("lookahead", Rule::Lookahead),
            ("dominant_share", Rule::DominantShare),
            ("bid_price", Rule::BidPrice),
            ("linear", Rule::Linear),
        ] {
            let (mut scoring, mut naming, mut policy) =
                (evaluation(&params, 200, 2), evaluation(&params, 200, 2), baseline(name));
            for tick in 0..200 {
                scoring.act(&mut *policy, 0).unwrap();
                naming.ports_mut().groups[0].actions.fill(rule.code());
                scoring.step();
                naming.step();
                let same = (0..2).all(|env| scoring.hash(env) == naming.hash(env));
                assert!(same, "{name} with {action:?}, tick {tick}");
            }
        }
    }
}

/// Who imitates a rule learns the mean of what it does: it points at the node that the rule chooses most often only if the others, of
/// which there are many, do not pull it down to where a score declines.
#[test]
fn whom_a_rule_passes_over_would_still_take_the_workload() {
    let (mut lane, mut policy) = (evaluation(&ClusterParams::default(), 200, 4), baseline("least_loaded"));
    let (mut chose, mut declined) = (0, 0);
    for _ in 0..200 {
        lane.act(&mut *policy, 0).unwrap();
        for scores in lane.ports().groups[0].actions.chunks_exact(10) {
            if scores.iter().all(|score| *score == -1.0) {
                declined += 1;
                continue;
            }
            let mut sorted = scores.to_vec();
            sorted.sort_by(f32::total_cmp);
            assert_eq!((&sorted[..9], sorted[9]), (&[0.0; 9][..], 1.0));
            chose += 1;
        }
        lane.step();
    }
    assert!(chose > 200 && declined > 200, "{chose} and {declined}");
}
