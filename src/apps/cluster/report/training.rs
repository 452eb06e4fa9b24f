//! How a policy became what it is: the published curve beside that of a run folder.

use std::path::Path;

use super::{NOTHING, bounds::SCENARIO};
use crate::{
    apps::report::{Wanted, table},
    domains::AnyDomain,
    error::Result,
    math::statistics::mean,
    metrics::series::{RunCurves, Series},
    places,
    session::RunFolder,
};

/// The published curve, by tenths of 10 000 episodes: reward and SLA violations in %.
const CLAIMED: [(f64, f64); 10] = [
    (542.34, 18.7),
    (723.45, 12.3),
    (891.23, 8.4),
    (1034.56, 6.1),
    (1142.78, 4.8),
    (1198.34, 4.2),
    (1227.45, 3.7),
    (1241.23, 3.4),
    (1245.67, 3.3),
    (1247.32, 3.2),
];

/// Prints the curve of the run folder at `policy`; of weights alone nobody knows how they came about.
pub(super) fn curve(policy: &str, wanted: Wanted<'_>) -> Result<()> {
    let path = Path::new(policy).join("metrics.jsonl");
    if !path.is_file() {
        return Ok(());
    }
    let run = RunCurves::read(&path)?;
    let curves = ["env/reward", "env/sla_violations"].map(|name| run.get(name));
    let [Some(reward), Some(violations)] = curves else { return Ok(()) };
    let is_paid_alike = is_paid_alike(Path::new(policy))?;
    let steps = run.wall_s().last().map_or(0.0, |(step, _)| step);
    let mut table = table(&["part of the run", "env-steps here", "reward", "SLA %"]);
    for (tenth, (claimed_reward, claimed_violations)) in CLAIMED.into_iter().enumerate() {
        let until = |tenth: usize| steps * tenth as f64 / CLAIMED.len() as f64;
        let (from, to) = (until(tenth), until(tenth + 1));
        let text = |series: &Series, claim: f64, digits: usize| match mean_within(series, from, to) {
            Some(here) => format!("{claim:.digits$} / {here:.digits$}"),
            None => format!("{claim:.digits$} / {NOTHING}"),
        };
        let rewarded = match is_paid_alike {
            true => text(reward, claimed_reward, 0),
            false => format!("{claimed_reward:.0} / {NOTHING}"),
        };
        table.row([
            format!("{}-{} %", 10 * tenth, 10 * (tenth + 1)),
            format!("{to:.0}"),
            rewarded,
            text(violations, claimed_violations, 1),
        ]);
    }
    let text = format!(
        "\nThe training of {policy}: the published curve / the one here, actions drawn as in training.{}\n",
        if is_paid_alike {
            ""
        } else {
            "\nIt was paid by other weights than the scenario has, so that its rewards do not compare."
        }
    );
    wanted.print(&text, &table)
}

/// Whether terms of the reward weighed as much in this run as they do in the scenario.
fn is_paid_alike(run: &Path) -> Result<bool> {
    let weights = |domain: &AnyDomain| match domain {
        AnyDomain::Cluster(params) => Some([params.w_success, params.w_efficiency, params.w_failure, params.w_balance]),
        _ => None,
    };
    let here = weights(&places::load_scenario(SCENARIO)?.domain);
    Ok(RunFolder::open(run)?.read_plan()?.stages.iter().all(|stage| weights(&stage.domain) == here))
}

/// Mean of the points with x above `from` and up to `to`.
fn mean_within(series: &Series, from: f64, to: f64) -> Option<f64> {
    let within = series.points().iter().filter(|[x, _]| *x > from && *x <= to).map(|[_, y]| *y);
    let values: Vec<f64> = within.collect();
    (!values.is_empty()).then(|| mean(&values))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{
        metrics::Goal,
        session::{Plan, Roles, recommended},
    };

    #[test]
    fn a_run_with_other_weights_is_told_from_one_with_those_of_the_scenario() {
        let dir = tempfile::tempdir().unwrap();
        for (name, value, is_alike) in [("w_success", "0.0", false), ("arrival_rate_hz", "3.0", true)] {
            let mut scenario = places::load_scenario(SCENARIO).unwrap();
            scenario.set(name, value).unwrap();
            let params = recommended(&scenario, Path::new("default.ron")).unwrap();
            let plan = Plan { stages: vec![scenario], seed: 1, goal: Goal::Steps(1), params, roles: Roles::default() };
            let path = dir.path().join(name);
            RunFolder::create(Some(&path), &plan).unwrap().write_plan(&plan).unwrap();
            assert_eq!(is_paid_alike(&path).unwrap(), is_alike, "{name}");
        }
    }

    #[test]
    fn a_part_of_a_curve_is_the_points_in_it() {
        let mut series = Series::new();
        [(1.0, 2.0), (2.0, 4.0), (3.0, 9.0)].into_iter().for_each(|(x, y)| series.push(x, y));
        assert_eq!(mean_within(&series, 0.0, 2.0), Some(3.0));
        assert_eq!(mean_within(&series, 2.0, 3.0), Some(9.0), "what ends one part does not begin the next");
        assert_eq!(mean_within(&series, 3.0, 9.0), None);
    }
}
