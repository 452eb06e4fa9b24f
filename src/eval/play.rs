//! Playing the episodes.

use std::ops::Range;

use rayon::prelude::*;

use super::EvalOptions;
use crate::{
    domains::Scenario,
    error::{Error, Result},
    policy::registry::Entry,
    sim::{EpisodeRecord, Lane, Policy, Seeds},
};

/// The episodes of each policy, in the order of their envs.
pub(super) fn play(
    scenario: &Scenario,
    entries: &[Entry],
    options: &EvalOptions,
    on_ticks: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Vec<EpisodeRecord>>> {
    let stride = options.envs_per_world.max(1);
    let worlds: Vec<Range<u64>> = (0..options.episodes)
        .step_by(usize::try_from(stride).unwrap_or(usize::MAX))
        .map(|first| first..options.episodes.min(first.saturating_add(stride)))
        .collect();
    // Layouts change no state, so policies that see different ones play the same episodes.
    let shown: Vec<Scenario> = entries.iter().map(|entry| scenario.observed_on(entry.layout)).collect::<Result<_>>()?;
    let seats = entries.iter().zip(&shown);
    let jobs: Vec<(&Entry, &Scenario, Range<u64>)> =
        seats.flat_map(|(entry, shown)| worlds.iter().map(move |world| (entry, shown, world.clone()))).collect();
    // One job at a time is taken: some policies are a thousand times slower than others.
    let parts: Vec<Vec<EpisodeRecord>> = jobs
        .into_par_iter()
        .with_max_len(1)
        .map(|(entry, shown, envs)| play_world(shown, entry, envs, options, on_ticks))
        .collect::<Result<_>>()?;
    Ok(parts.chunks(worlds.len()).map(<[_]>::concat).collect())
}

/// The first episode of each of these envs of the family.
fn play_world(
    scenario: &Scenario,
    entry: &Entry,
    envs: Range<u64>,
    options: &EvalOptions,
    on_ticks: &(dyn Fn(u64) + Sync),
) -> Result<Vec<EpisodeRecord>> {
    let first = options.family.envs(options.episodes).start;
    let numbers = first + envs.start..first + envs.end;
    let mut lane = Lane::new(scenario.domain.domain(), scenario.max_steps, Seeds::new(options.seed), numbers);
    let mut policy = entry.policy.fork();
    let mut records: Vec<EpisodeRecord> = Vec::with_capacity(lane.envs());
    while records.len() < lane.envs() {
        step(&mut lane, &mut *policy).map_err(|error| about(entry, &error))?;
        // An env that ends early goes on with episodes that do not count until the others are done.
        records.extend(lane.ports().finished.iter().filter(|record| record.episode == 0).cloned());
        on_ticks(lane.envs() as u64);
    }
    records.sort_by_key(|record| record.env);
    Ok(records)
}

fn step(lane: &mut Lane, policy: &mut dyn Policy) -> Result<()> {
    for group in 0..lane.ports().groups.len() {
        lane.act(policy, group)?;
    }
    lane.step();
    Ok(())
}

/// Says which policy an error is about.
fn about(entry: &Entry, error: &Error) -> Error {
    let what = format!("policy `{}`: {error}", entry.name);
    Error::new(error.kind(), what)
}
