//! `agon eval`: policies on the same unseen episodes.

use super::{args::EvalArgs, load_changed, on_threads, output, policies};
use crate::{
    domains::Scenario,
    error::Result,
    eval::{EvalOptions, Report, env_steps, evaluate},
    policy::{acting::Decision, registry::Resolved},
};

/// Evaluates and prints the report.
pub(super) fn run(args: &EvalArgs) -> Result<()> {
    let scenario = load_changed(&args.scenario)?;
    let decision = if args.stochastic { Decision::Sample } else { Decision::Mode };
    let names = policies::names(&args.policies, &scenario);
    let resolved = policies::resolve(&scenario, names.iter().map(String::as_str), decision)?;
    resolved.notes.iter().for_each(output::note);
    let options = EvalOptions {
        episodes: args.episodes,
        seed: args.seed.unwrap_or(scenario.seed),
        with_reference: !args.no_planner,
        score: args.score.clone(),
        ..EvalOptions::default()
    };
    let report = on_threads(args.threads, || play(&scenario, resolved, &options))?;
    if args.json { output::print_json(&report.to_json()) } else { output::print(report.fit(output::columns())) }
}

/// Evaluates with a progress bar.
///
/// # Errors
/// See [`evaluate`].
pub(super) fn play(scenario: &Scenario, resolved: Resolved, options: &EvalOptions) -> Result<Report> {
    let bar = output::progress(env_steps(scenario, &resolved.entries, options), "evaluating");
    let report = evaluate(scenario, resolved.entries, options, &|ticks| bar.inc(ticks));
    bar.finish_and_clear();
    report
}
