//! `agon eval`: policies on the same unseen episodes.

use std::path::Path;

use serde_json::Map;

use super::{args::EvalArgs, load_changed, on_threads, output, payoffs, policies};
use crate::{
    domains::Scenario,
    error::Result,
    eval::{EvalOptions, Family, Report, env_steps, evaluate},
    policy::{acting::Decision, cast::Casts},
    session::trials::{self, Trial},
};

/// Evaluates and prints the report.
pub(super) fn run(args: &EvalArgs) -> Result<()> {
    let scenario = load_changed(&args.scenario)?;
    let decision = if args.stochastic { Decision::Sample } else { Decision::Mode };
    let names = policies::names(&args.policies, &scenario);
    let options = EvalOptions {
        episodes: args.episodes,
        seed: args.seed.unwrap_or(scenario.seed),
        family: family(args.test),
        with_reference: !args.no_reference,
        score: args.score.clone(),
        ..EvalOptions::default()
    };
    if !args.against.is_empty() {
        return on_threads(args.threads, || payoffs::run(args, &scenario, &names, &options));
    }
    let resolved = policies::resolve(&scenario, names.iter().map(String::as_str), decision)?;
    resolved.notes.iter().for_each(output::note);
    let report = on_threads(args.threads, || play(&scenario, resolved, &options))?;
    let trials = note_trials(&report);
    if args.json {
        let mut json = report.to_json();
        if report.family == Family::Test {
            json["trials"] = trials.into_iter().map(|(name, times)| (name, times.into())).collect::<Map<_, _>>().into();
        }
        return output::print_json(&json);
    }
    output::print(report.fit(output::columns()))?;
    if trials.is_empty() {
        return Ok(());
    }
    let times = |(name, times): (String, usize)| format!("{name} {times}\n");
    output::print(format_args!(
        "\ntimes that a run has played test episodes\n{}",
        trials.into_iter().map(times).collect::<String>()
    ))
}

/// The episodes that `--test` asks for.
pub(super) fn family(is_test: bool) -> Family {
    if is_test { Family::Test } else { Family::Development }
}

/// Notes that test episodes were played in the folders of the runs whose policies played them. Returns how often each of them
/// has by now.
pub(super) fn note_trials(report: &Report) -> Vec<(String, usize)> {
    if report.family == Family::Development {
        return Vec::new();
    }
    let noted = report.policies.iter().filter_map(|policy| {
        let trial = Trial {
            at: trials::now(),
            agon: env!("CARGO_PKG_VERSION"),
            policy: policy.name.clone(),
            scenario: report.scenario.clone(),
            scenario_sha256: report.scenario_sha256.clone(),
            seed: report.seed,
            episodes: report.episodes,
            score: report.score().name.clone(),
            mean: policy.overall.metrics[0].mean,
        };
        // A policy is known by its path, a rule by a name that is none.
        match trials::note(Path::new(&policy.name), &trial) {
            Ok(times) => times.map(|times| (policy.name.clone(), times)),
            Err(error) => {
                output::note(format!("that it played test episodes could not be noted: {error}"));
                None
            }
        }
    });
    noted.collect()
}

/// Evaluates with a progress bar.
///
/// # Errors
/// See [`evaluate`].
pub(super) fn play(scenario: &Scenario, resolved: Casts, options: &EvalOptions) -> Result<Report> {
    let bar = output::progress(env_steps(scenario, &resolved.casts, options), "evaluating");
    let report = evaluate(scenario, resolved.casts, options, &|ticks| bar.inc(ticks));
    bar.finish_and_clear();
    report
}
