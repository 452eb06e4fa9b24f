//! `agon share`: a trained policy becomes a folder to pass on, with what it was measured to do on its card.

use super::{args::ShareArgs, eval, output, policies};
use crate::{
    durable::{Durability, landing},
    error::{Error, Result},
    eval::EvalOptions,
    places,
    policy::{
        acting::Decision,
        card::{self, CARD_FILE, Card, Score, Shared, WEIGHTS_FILE},
    },
};

/// Evaluates the policy where it was trained and writes it with its card; one of several groups becomes a folder for each.
pub(super) fn run(args: &ShareArgs) -> Result<()> {
    let policies: Vec<Shared> =
        card::folders(&args.policy)?.iter().map(|own| card::load(own)).collect::<Result<_>>()?;
    let first = policies.first().ok_or_else(|| Error::input("no policy is here").in_file(&args.policy))?;
    let folder = landing(&args.to)?;
    let place = |group: &str| if policies.len() > 1 { folder.join(group) } else { folder.clone() };
    for Shared { card, .. } in &policies {
        // Links inside the folder are not followed but replaced, so they are in the way like files.
        let is_taken = |file: &&str| place(&card.group).join(file).symlink_metadata().is_ok();
        if let Some(file) = [CARD_FILE, WEIGHTS_FILE].iter().find(|file| is_taken(file)).filter(|_| !args.force) {
            return Err(Error::input(format!("there is a `{file}` already"))
                .in_file(&args.to)
                .hint("name another folder, or replace the policy there with `--force`"));
        }
    }
    let name = args.to.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let name = name.ok_or_else(|| Error::input("a policy is called by its folder's name").in_file(&args.to))?;
    let scenario = places::load_scenario(args.scenario.as_deref().unwrap_or(&first.card.scenario))?;
    let path = args.policy.to_string_lossy();
    let resolved = policies::resolve(&scenario, [path.as_ref()], Decision::Mode)?;
    let options = EvalOptions { episodes: args.episodes, seed: scenario.seed, ..EvalOptions::default() };
    let report = eval::play(&scenario, resolved, &options)?;
    let measured = report.policies.iter().find(|policy| policy.name == path).map(|policy| &policy.overall.metrics);
    let intervals = measured.map_or(&[][..], Vec::as_slice);
    let results = report.metrics.iter().zip(intervals).map(|(metric, found)| Score::new(&*metric.name, *found));
    let results: Vec<Score> = results.collect();
    for Shared { card, network } in &policies {
        let card =
            Card { name: name.clone(), scenario: scenario.name.clone(), results: results.clone(), ..card.clone() };
        if let Durability::Uncertain(error) = card::save(&place(&card.group), network, &card)? {
            output::note(error);
        }
    }
    output::print(report.fit(output::columns()))?;
    output::note(format!("written to {}", args.to.display()));
    Ok(())
}
