//! `agon quickstart`: from nothing to a trained team and a table in about a minute.

use super::{args::QuickstartArgs, eval, interrupts::Outcome, output, train};
use crate::{error::Result, eval::EvalOptions, places, policy::acting::Decision};

/// Trains, evaluates against every baseline, and says what to try next.
pub(super) fn run(args: QuickstartArgs) -> Result<Outcome> {
    let (mut session, folder) = train::start_plain(&args.scenario, args.minutes)?;
    let outcome = train::watch(&mut session)?;
    drop(session);
    let folder = folder.display().to_string();
    if outcome != Outcome::Done {
        output::note(format!("interrupted and saved; continue it with `agon train --resume {folder}`"));
        return Ok(outcome);
    }
    let scenario = places::load_scenario(&args.scenario)?;
    let names = scenario.domain.domain().baselines().into_iter().map(|baseline| baseline.name);
    let names: Vec<&str> = [folder.as_str()].into_iter().chain(names).collect();
    let resolved = eval::resolve(&scenario, names, Decision::Mode)?;
    let options = EvalOptions { seed: scenario.seed, ..EvalOptions::default() };
    let report = eval::play(&scenario, resolved, &options)?;
    output::print(report)?;
    let name = &scenario.name;
    output::print(format_args!(
        "\nThe run is in {folder}\n\n\
         Train it further:          agon train --resume {folder} --minutes 5\n\
         Compare it again:          agon eval {name} --policy {folder},greedy,planner --episodes 200\n\
         Watch its curves:          tensorboard --logdir {folder}\n\
         See what else there is:    agon list"
    ))?;
    Ok(Outcome::Done)
}
