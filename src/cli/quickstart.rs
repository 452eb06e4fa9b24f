//! `agon quickstart`: from nothing to a trained team and a table in about a minute.

use super::{args::QuickstartArgs, eval, interrupts::Outcome, next, output, policies, train};
use crate::{error::Result, eval::EvalOptions, places, policy::acting::Decision, shell};

/// Trains, evaluates against every baseline, and says what to try next.
pub(super) fn run(args: QuickstartArgs) -> Result<Outcome> {
    let (mut session, folder) = train::start_plain(&args.scenario, args.minutes)?;
    let outcome = train::watch(&mut session)?;
    drop(session);
    if outcome != Outcome::Done {
        output::note(format!("interrupted and saved; continue it with `{}`", next::resume(&folder, &[])));
        return Ok(outcome);
    }
    let scenario = places::load_scenario(&args.scenario)?;
    let names = scenario.domain.domain().baselines().into_iter().map(|baseline| baseline.name);
    let policy = shell::policy(&folder);
    let names: Vec<&str> = [policy.as_str()].into_iter().chain(names).collect();
    let resolved = policies::resolve(&scenario, names, Decision::Mode)?;
    let options = EvalOptions { seed: scenario.seed, ..EvalOptions::default() };
    let report = eval::play(&scenario, resolved, &options)?;
    output::print(report.fit(output::columns()))?;
    output::print(format_args!(
        "\nThe run is in {}\n\n\
         Train it further:          {}\n\
         Compare it again:          {}\n\
         Watch its curves:          tensorboard --logdir {}\n\
         See what else there is:    agon list",
        folder.display(),
        next::resume(&folder, &["--minutes", "5"]),
        next::compare(&folder, &scenario),
        shell::word(&shell::path(&folder)),
    ))?;
    Ok(Outcome::Done)
}
