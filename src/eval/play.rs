//! Playing the episodes.

use std::{ops::Range, sync::Arc};

use rayon::prelude::*;

use super::EvalOptions;
use crate::{
    error::{Error, Result},
    policy::cast::Cast,
    sim::{
        EpisodeRecord, Lane, Seeds, Spec,
        scenario::{Playable, Scenario},
    },
};

/// The episodes of each cast, in the order of their envs.
pub(super) fn play<D: Playable>(
    scenario: &Scenario<D>,
    casts: &[Cast],
    options: &EvalOptions,
    on_ticks: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Vec<EpisodeRecord>>> {
    let stride = options.envs_per_world.max(1);
    let worlds: Vec<Range<u64>> = (0..options.episodes)
        .step_by(usize::try_from(stride).unwrap_or(usize::MAX))
        .map(|first| first..options.episodes.min(first.saturating_add(stride)))
        .collect();
    // Layouts change no state, so policies that see different ones play the same episodes.
    let shown = casts.iter().map(|cast| scenario.observed_on(&cast.layouts()));
    let shown: Vec<Scenario<D>> = shown.collect::<Result<_>>()?;
    let shown: Vec<Shown<D>> = shown.iter().map(|scenario| (scenario, Arc::new(scenario.spec()))).collect();
    let plays = casts.iter().zip(&shown);
    let jobs: Vec<(&Cast, &Shown<D>, Range<u64>)> =
        plays.flat_map(|(cast, shown)| worlds.iter().map(move |world| (cast, shown, world.clone()))).collect();
    // One job at a time is taken: some policies are a thousand times slower than others.
    let parts: Vec<Vec<EpisodeRecord>> = jobs
        .into_par_iter()
        .with_max_len(1)
        .map(|(cast, shown, envs)| play_world(shown, cast, envs, options, on_ticks))
        .collect::<Result<_>>()?;
    Ok(parts.chunks(worlds.len()).map(<[_]>::concat).collect())
}

/// A scenario as a policy sees it, and its declaration.
type Shown<'a, D> = (&'a Scenario<D>, Arc<Spec>);

/// The first episode of each of these envs of the family.
fn play_world<D: Playable>(
    (scenario, spec): &Shown<'_, D>,
    cast: &Cast,
    envs: Range<u64>,
    options: &EvalOptions,
    on_ticks: &(dyn Fn(u64) + Sync),
) -> Result<Vec<EpisodeRecord>> {
    let first = options.family.envs(options.episodes).start;
    let numbers = first + envs.start..first + envs.end;
    let mut lane = Lane::sharing(scenario.domain.domain(), spec.clone(), Seeds::new(options.seed), numbers);
    let mut cast = cast.fork();
    let mut records: Vec<EpisodeRecord> = Vec::with_capacity(lane.envs());
    while records.len() < lane.envs() {
        cast.act(&mut lane).map_err(|error| about(&cast, &error))?;
        lane.step();
        // An env that ends early goes on with episodes that do not count until the others are done.
        records.extend(lane.ports().finished.iter().filter(|record| record.episode == 0).cloned());
        on_ticks(lane.envs() as u64);
    }
    records.sort_by_key(|record| record.env);
    Ok(records)
}

/// Says which policy an error is about.
fn about(cast: &Cast, error: &Error) -> Error {
    let what = format!("policy `{}`: {error}", cast.name);
    Error::new(error.kind(), what)
}
