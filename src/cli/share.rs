//! `agon share`: a trained policy becomes a folder to pass on, with what it was measured to do on its card.

use super::{args::ShareArgs, eval, output, policies};
use crate::{
    durable::{Durability, landing},
    error::{Error, Result},
    eval::EvalOptions,
    places,
    policy::{
        acting::Decision,
        card::{self, CARD_FILE, Card, Score, WEIGHTS_FILE},
    },
};

/// Evaluates the policy where it was trained and writes it with its card.
pub(super) fn run(args: &ShareArgs) -> Result<()> {
    let shared = card::load(&args.policy)?;
    let folder = landing(&args.to)?;
    // Links inside the folder are not followed but replaced, so they are in the way like files.
    let taken = [CARD_FILE, WEIGHTS_FILE].into_iter().find(|file| folder.join(file).symlink_metadata().is_ok());
    if let Some(file) = taken.filter(|_| !args.force) {
        return Err(Error::input(format!("there is a `{file}` already"))
            .in_file(&args.to)
            .hint("name another folder, or replace the policy there with `--force`"));
    }
    let name = args.to.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let name = name.ok_or_else(|| Error::input("a policy is called by its folder's name").in_file(&args.to))?;
    let scenario = places::load_scenario(args.scenario.as_deref().unwrap_or(&shared.card.scenario))?;
    let path = args.policy.to_string_lossy();
    let resolved = policies::resolve(&scenario, [path.as_ref()], Decision::Mode)?;
    let options = EvalOptions { episodes: args.episodes, seed: scenario.seed, ..EvalOptions::default() };
    let report = eval::play(&scenario, resolved, &options)?;
    let measured = report.policies.iter().find(|policy| policy.name == path).map(|policy| &policy.overall.metrics);
    let intervals = measured.map_or(&[][..], Vec::as_slice);
    let results = report.metrics.iter().zip(intervals).map(|(metric, found)| Score::new(&*metric.name, *found));
    let card = Card { name, scenario: scenario.name.clone(), results: results.collect(), ..shared.card };
    if let Durability::Uncertain(error) = card::save(&folder, &shared.network, &card)? {
        output::note(error);
    }
    output::print(report.fit(output::columns()))?;
    output::note(format!("written to {}", args.to.display()));
    Ok(())
}
