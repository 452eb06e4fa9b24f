//! `agon report`: the tables of a domain, measured anew by one command.

use indicatif::ProgressBar;

use super::{args::ReportArgs, eval, output};
use crate::{
    apps::{
        REPORTS,
        report::{Host, Wanted},
    },
    domains::Scenario,
    error::{Error, Result},
    eval::{EvalOptions, Report},
    places,
    policy::cast::Casts,
    session::cpu_time,
};

/// Measures and prints.
pub(super) fn run(args: &ReportArgs) -> Result<()> {
    let learned: Vec<String> = args
        .policies
        .iter()
        .flat_map(|list| places::listed(list, |name| std::path::Path::new(name).exists()))
        .collect();
    let (_, report) = REPORTS
        .iter()
        .find(|(domain, _)| *domain == args.domain)
        .ok_or_else(|| Error::input(format!("domain `{}` has no report", args.domain.escape_debug())))?;
    let family = eval::family(args.test);
    report(Wanted { learned: &learned, episodes: args.episodes, family, host: &Terminal })?;
    output::print(format_args!(
        "\n{} episodes of each policy, {:.0} s of CPU time\n",
        family.name(),
        cpu_time().as_secs_f64()
    ))
}

/// Results go to stdout, what happens meanwhile to stderr.
struct Terminal;

impl Host for Terminal {
    fn print(&self, text: String) -> Result<()> {
        output::print(text)
    }

    fn columns(&self) -> Option<usize> {
        output::columns()
    }

    fn progress(&self, len: u64, what: &'static str) -> ProgressBar {
        output::progress(len, what)
    }

    fn play(&self, scenario: &Scenario, casts: Casts, options: &EvalOptions) -> Result<Report> {
        let report = eval::play(scenario, casts, options)?;
        for (name, times) in eval::note_trials(&report) {
            output::note(format!("{name} has played test episodes {times} times"));
        }
        Ok(report)
    }
}
