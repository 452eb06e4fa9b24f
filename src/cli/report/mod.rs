//! `agon report`: the tables of a domain, measured anew by one command.

mod cluster;
mod jamming;

use super::{args::ReportArgs, eval, output, policies};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    eval::{Align, EvalOptions, Family, Report, Table},
    math::statistics::Interval,
    places,
    policy::acting::Decision,
    session::cpu_time,
};

/// What is measured.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    /// Learned policies to be measured beside the rules.
    learned: &'a [String],
    /// Episodes of each policy.
    episodes: u64,
    /// Which episodes.
    family: Family,
}

/// Measures and prints.
pub(super) fn run(args: &ReportArgs) -> Result<()> {
    let learned: Vec<String> = args
        .policies
        .iter()
        .flat_map(|list| places::listed(list, |name| std::path::Path::new(name).exists()))
        .collect();
    let wanted = Wanted { learned: &learned, episodes: args.episodes, family: eval::family(args.test) };
    match args.domain.as_str() {
        "jamming" => jamming::run(wanted)?,
        _ => cluster::run(wanted)?,
    }
    output::print(format_args!(
        "\n{} episodes of each policy, {:.0} s of CPU time\n",
        wanted.family.name(),
        cpu_time().as_secs_f64()
    ))
}

impl Wanted<'_> {
    /// Lets policies play a scenario; they are compared by `score`.
    fn play<'n>(&self, scenario: &Scenario, names: impl IntoIterator<Item = &'n str>, score: &str) -> Result<Report> {
        let resolved = policies::resolve(scenario, names, Decision::Mode)?;
        let options = EvalOptions {
            episodes: self.episodes,
            seed: scenario.seed,
            family: self.family,
            with_reference: false,
            score: Some(score.to_owned()),
            ..EvalOptions::default()
        };
        let report = eval::play(scenario, resolved, &options)?;
        for (name, times) in eval::note_trials(&report) {
            output::note(format!("{name} has played test episodes {times} times"));
        }
        Ok(report)
    }
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
    let align = |column: usize| if column == 0 { Align::Name } else { Align::Right };
    Table::new(headings.iter().enumerate().map(|(column, heading)| (align(column), *heading)))
}
