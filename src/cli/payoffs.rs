//! `agon eval --against`: who earns what against whom, as a table of both sides.

use serde_json::{Value, json};

use super::{args::EvalArgs, eval, output, policies};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    eval::{Align, EvalOptions, Report, Table},
    math::statistics::Interval,
    policy::{acting::Decision, cast::Casts},
    sim::Spec,
};

/// Lets every policy of `rows` play against every policy of `columns`, and prints what both sides earn.
pub(super) fn run(args: &EvalArgs, scenario: &Scenario, rows: &[String], options: &EvalOptions) -> Result<()> {
    let columns = policies::names(&args.against, scenario);
    let spec = scenario.domain.domain().spec(scenario.max_steps);
    let decision = if args.stochastic { Decision::Sample } else { Decision::Mode };
    let rows = policies::resolve(scenario, rows.iter().map(String::as_str), decision)?;
    let columns = policies::resolve(scenario, columns.iter().map(String::as_str), decision)?;
    let sides = sides(&spec, &rows, &columns)?;
    let mut pairs = Casts::default();
    for row in &rows.casts {
        for column in &columns.casts {
            let mut pair = row.fork();
            pair.name = format!("{} against {}", row.name, column.name);
            pair.players[sides[1]] = column.players[sides[1]].fork();
            pair.is_named[sides[1]] = true;
            pairs.casts.push(pair);
        }
    }
    let options = EvalOptions { with_reference: false, ..options.clone() };
    let report = eval::play(scenario, pairs, &options)?;
    let names = |casts: &Casts| casts.casts.iter().map(|cast| cast.name.clone()).collect::<Vec<String>>();
    let (rows, columns) = (names(&rows), names(&columns));
    let mut metrics = sides.map(|group| format!("episode_return/{}", spec.groups[group].name)).to_vec();
    metrics.extend(options.score);
    if args.json {
        return output::print_json(&to_json(&report, &metrics, &rows, &columns));
    }
    for metric in &metrics {
        let title = format!(
            "{metric}: {} in rows against {} in columns, {} {} episodes, mean [95 % interval]",
            spec.groups[sides[0]].name,
            spec.groups[sides[1]].name,
            report.episodes,
            report.family.name()
        );
        output::print(format_args!("\n{title}\n{}", output::fitted(&table(&report, metric, &rows, &columns))))?;
    }
    Ok(())
}

/// The groups of rows and columns: each is the one for which its casts name policies.
fn sides(spec: &Spec, rows: &Casts, columns: &Casts) -> Result<[usize; 2]> {
    let named = |casts: &Casts, group: usize| casts.casts.iter().all(|cast| cast.is_named[group]);
    let groups = 0..spec.groups.len();
    let column =
        groups.clone().find(|group| named(columns, *group) && !rows.casts.iter().any(|row| row.is_named[*group]));
    let row = groups.clone().find(|group| Some(*group) != column && named(rows, *group));
    row.zip(column).map(|(row, column)| [row, column]).ok_or_else(|| {
        let names: Vec<&str> = spec.groups.iter().map(|group| group.name).collect();
        Error::input("`--policy` and `--against` must name policies of one group each, and not of the same")
            .hint(format!("name them as in `--policy {0}=NAME --against {1}=NAME`", names[0], names[names.len() - 1]))
    })
}

fn cell(report: &Report, metric: &str, row: &str, column: &str) -> Option<Interval> {
    report.interval(&format!("{row} against {column}"), metric)
}

fn table(report: &Report, metric: &str, rows: &[String], columns: &[String]) -> Table {
    let headings = columns.iter().map(|column| (Align::Right, column.as_str()));
    let mut table = Table::new([(Align::Name, "")].into_iter().chain(headings));
    for row in rows {
        let cells = columns.iter().map(|column| {
            let found = cell(report, metric, row, column);
            found.map_or_else(String::new, |Interval { mean, lo, hi, .. }| format!("{mean:.2} [{lo:.2}, {hi:.2}]"))
        });
        table.row([row.clone()].into_iter().chain(cells));
    }
    table
}

/// `payoffs.<metric>.<row>.<column>.{mean,lo,hi,n}`.
fn to_json(report: &Report, metrics: &[String], rows: &[String], columns: &[String]) -> Value {
    let mut payoffs = json!({});
    for metric in metrics {
        for row in rows {
            for column in columns {
                let Some(Interval { mean, lo, hi, n }) = cell(report, metric, row, column) else { continue };
                payoffs[metric][row][column] = json!({ "mean": mean, "lo": lo, "hi": hi, "n": n });
            }
        }
    }
    json!({
        "scenario": report.scenario,
        "scenario_sha256": report.scenario_sha256,
        "episodes": report.episodes,
        "seed": report.seed,
        "family": report.family.name(),
        "payoffs": payoffs,
    })
}
