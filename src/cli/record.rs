//! `agon record`: policies play one env, and everything that they do goes into a file.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    args::RecordArgs,
    interrupts::{Outcome, Watch},
    load_changed, next, output, policies,
};
use crate::{
    domains::Scenario,
    durable::{Durability, landing},
    error::Result,
    policy::cast::Cast,
    record::{Opening, RecordingFile},
    sim::{EVALUATION_ENVS, Lane, Seeds},
};

/// Folder of the recordings.
const RECORDINGS: &str = "recordings";

/// The most that a power cut may take.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Plays and records.
pub(super) fn run(args: &RecordArgs) -> Result<Outcome> {
    let scenario = load_changed(&args.scenario)?;
    let mut cast = policies::the_only(&scenario, &args.policies)?;
    // Layouts change no state, so what is recorded is the same episode.
    let scenario = scenario.observed_on(&cast.layouts())?;
    let seed = args.seed.unwrap_or(scenario.seed);
    let env = EVALUATION_ENVS + args.env;
    let mut lane = Lane::new(scenario.domain.domain(), scenario.max_steps, Seeds::new(seed), env..env + 1);
    let path = match &args.out {
        Some(typed) => landing(typed)?,
        None => default_path(&scenario, &cast, seed, args.env),
    };
    let names = cast.players.iter().map(|player| player.name.clone()).collect();
    let opening = Opening { scenario: &scenario, seed, env, policies: names, keyframe_ticks: args.keyframes };
    let mut file = RecordingFile::create(&path, &opening, lane.world(), 0)?;
    let outcome = play(args, &mut lane, &mut cast, &mut file)?;
    let (ticks, path) = (file.recorder().ticks(), file.path().to_owned());
    if let Durability::Uncertain(error) = file.finish()? {
        output::note(error);
    }
    let cut = if outcome == Outcome::Done { "" } else { "interrupted and saved: " };
    output::note(format!("{cut}{ticks} ticks; check them with `{}`", next::verify(&path)));
    output::print(path.display())?;
    Ok(outcome)
}

/// Plays until the ticks or episodes are over; an interrupt ends the recording after the tick that runs.
fn play(args: &RecordArgs, lane: &mut Lane, cast: &mut Cast, file: &mut RecordingFile) -> Result<Outcome> {
    let watch = Watch::begin("ending the recording after this tick");
    let mut outcome = Outcome::Done;
    let most = args.ticks.unwrap_or_else(|| args.episodes.saturating_mul(u64::from(lane.spec().max_steps)));
    let bar = output::progress(most, "recording");
    let (mut episodes, mut synced) = (0, Instant::now());
    for _ in 0..most {
        cast.act(lane)?;
        lane.step();
        file.recorder().tick(lane.world(), 0)?;
        bar.inc(1);
        episodes += lane.ports().finished.len() as u64;
        if args.ticks.is_none() && episodes == args.episodes {
            break;
        }
        if let Some(signal) = watch.signal() {
            outcome = Outcome::Interrupted(signal);
            break;
        }
        // Chunks end at ticks, never at times: only so has the same recording the same bytes.
        if synced.elapsed() >= SYNC_EVERY {
            file.sync()?;
            synced = Instant::now();
        }
    }
    bar.finish_and_clear();
    Ok(outcome)
}

/// A name below [`RECORDINGS`] that no file has.
fn default_path(scenario: &Scenario, cast: &Cast, seed: u64, env: u64) -> PathBuf {
    let policies: Vec<String> = cast.players.iter().map(|player| file_part(&player.name)).collect();
    let name = format!("{}-{}-s{seed}-e{env}", scenario.name, policies.join("-"));
    let numbered = |attempt: u64| match attempt {
        1 => Path::new(RECORDINGS).join(format!("{name}.mcap")),
        _ => Path::new(RECORDINGS).join(format!("{name}-{attempt}.mcap")),
    };
    // A link that leads nowhere is in the way as well.
    (1..).map(numbered).find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| numbered(1))
}

/// What of the name of a policy, which may be a path, goes into the name of a file.
fn file_part(name: &str) -> String {
    let path = Path::new(name);
    let is_weights = path.extension().is_some_and(|end| end == "safetensors");
    let folder = path.parent().and_then(Path::file_name).filter(|_| is_weights);
    let part = folder.or(path.file_name()).unwrap_or_default().to_string_lossy();
    part.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).take(64).collect()
}
