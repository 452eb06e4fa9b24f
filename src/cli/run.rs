//! `agon`, `agon run`, `agon replay`, `agon smoke`: the window.
//!
//! What is wrong with a name is told where it was typed, before a window opens.

use super::{args::RunArgs, policies};
use crate::{
    error::{Error, Result},
    places,
};

/// Opens a scenario.
pub(super) fn run(args: &RunArgs) -> Result<()> {
    check(args)?;
    windowed::run(args)
}

/// Checks every name that was given.
fn check(args: &RunArgs) -> Result<()> {
    let Some(name) = &args.scenario else { return Ok(()) };
    let scenario = places::load_scenario(name)?;
    if !args.policies.is_empty() {
        policies::the_only(&scenario, &args.policies)?;
    }
    if let Some(file) = args.record.as_ref().filter(|file| file.exists()) {
        return Err(Error::input("this file is there already").in_file(file).hint("name another one"));
    }
    if let Some(other) = &args.policy_b {
        policies::single(&scenario, other)?;
    }
    Ok(())
}

#[cfg(feature = "window")]
mod windowed {
    use std::{
        path::{Path, PathBuf},
        time::{Duration, Instant},
    };

    use crate::{
        cli::{
            args::{ReplayArgs, RunArgs, SmokeArgs},
            interrupts::{Outcome, Watch},
            next, output, start,
        },
        durable::files_in,
        error::{Error, Result},
        eval::{Align, Table},
        metrics::Goal,
        places,
        priority::RightOfWay,
        session::{
            Background, Plan, Roles, Session,
            background::{self, Phase},
            recommended,
        },
        window::{
            self, Closed, Opening, Unavailable,
            command::Command,
            desk::settings_path,
            lab::Training,
            script::{self, Actors, Measured, Script, ScriptReport},
        },
    };

    /// How often runs that go on without a window say how far they are.
    const HEARTBEAT: Duration = Duration::from_secs(5);

    /// Opens the gallery; where no window can be opened, says why and what else there is.
    pub(in crate::cli) fn gallery() -> Result<Outcome> {
        match open(Opening { settings: settings_path(), ..Opening::default() }) {
            Err(Unavailable { why, has_opened: true }) => Err(why),
            Err(Unavailable { why, has_opened: false }) => {
                output::note(&why);
                start::print().map(|()| Outcome::Done)
            }
            Ok(closed) => finish(closed).map(|()| Outcome::Done),
        }
    }

    /// Opens a scenario under these policies.
    pub(super) fn run(args: &RunArgs) -> Result<()> {
        let (mut commands, policy) = (Vec::new(), args.policies.first().cloned());
        commands.extend(args.scenario.clone().map(|scenario| Command::Open { scenario, policy }));
        commands.extend(args.policy_b.iter().map(|policy| Command::Compare { policy: policy.clone() }));
        commands.extend(args.record.iter().map(|path| Command::StartRecording(Some(path.clone()))));
        if !commands.is_empty() {
            commands.push(Command::Play);
        }
        let script = args.script.as_deref().map(Script::read).transpose()?;
        // A script sees the same window whoever runs it.
        let settings = if script.is_some() { None } else { settings_path() };
        finish(open(Opening { commands, script, settings }).map_err(|unavailable| unavailable.why)?)
    }

    /// Opens a recording.
    pub(in crate::cli) fn replay(args: &ReplayArgs) -> Result<()> {
        if !args.file.is_file() {
            return Err(Error::input("there is no such file").in_file(&args.file));
        }
        let commands = vec![Command::OpenRecording(args.file.clone())];
        let opening = Opening { commands, settings: settings_path(), ..Opening::default() };
        finish(open(opening).map_err(|unavailable| unavailable.why)?)
    }

    /// Goes through every scenario and saves pictures.
    pub(in crate::cli) fn smoke(args: &SmokeArgs) -> Result<()> {
        let scenarios: Vec<String> = match args.scenarios.is_empty() {
            true => places::scenarios()?.iter().map(|place| format!("{}/{}", place.domain, place.name)).collect(),
            false => args.scenarios.clone(),
        };
        if scenarios.is_empty() {
            return Err(Error::input("no scenarios were found").hint("start agon in its own folder"));
        }
        let actors = scenarios.iter().map(|scenario| actors(scenario)).collect::<Result<Vec<_>>>()?;
        // Recordings replace nothing: the folder is emptied, if all that is in it was left by a test before.
        let is_ours = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "png" || ending == "mcap");
        if args.out.exists() {
            if !files_in(&args.out)?.iter().all(is_ours) {
                return Err(Error::input("this folder holds other things than a smoke test leaves").in_file(&args.out));
            }
            std::fs::remove_dir_all(&args.out)
                .map_err(|error| Error::system(format!("cannot empty the folder: {error}")).in_file(&args.out))?;
        }
        let script = script::smoke(&actors, &args.out);
        let closed =
            open(Opening { script: Some(script), ..Opening::default() }).map_err(|unavailable| unavailable.why)?;
        if !matches!(closed, Closed::Script(_)) {
            return Err(Error::system("the window was closed before the smoke test was over"));
        }
        finish(closed)?;
        output::note(format!("{} scenarios; pictures in {}", scenarios.len(), args.out.display()));
        Ok(())
    }

    /// Two scripted policies of a scenario.
    fn actors(scenario: &str) -> Result<Actors> {
        let loaded = places::load_scenario(scenario)?;
        let domain = loaded.domain.domain();
        let baselines = domain.baselines();
        let can_edit = domain.editor().is_some_and(|editor| editor.kinds().iter().any(|kind| kind.places.is_some()));
        let name = |index: usize| baselines.get(index).or(baselines.first()).map_or("", |baseline| baseline.name);
        Ok(Actors { scenario: scenario.to_owned(), first: name(0).to_owned(), second: name(1).to_owned(), can_edit })
    }

    /// Measures how smooth the window is.
    pub(in crate::cli) fn measure(scenarios: &[&str], seconds: f64) -> Result<ScriptReport> {
        // Runs go below the current folder, and those of a measurement are worth nothing afterwards.
        let work = std::env::temp_dir().join(format!("agon-bench-{}", std::process::id()));
        let failed = |error: std::io::Error| Error::system(format!("cannot use the folder: {error}")).in_file(&work);
        std::fs::create_dir_all(&work).map_err(failed)?;
        std::env::set_current_dir(&work).map_err(failed)?;
        let mut measured = Vec::new();
        for scenario in scenarios {
            measured.push(alone(scenario, &work.join("alone").join(scenario), 2.0 * seconds)?);
        }
        let opening = Opening { script: Some(script::smoothness(scenarios, seconds)), ..Opening::default() };
        let closed = open(opening).map_err(|unavailable| unavailable.why)?;
        let _ = std::fs::remove_dir_all(&work);
        let Closed::Script(mut report) = closed else {
            return Err(Error::system("the window was closed before it was measured"));
        };
        measured.append(&mut report.measured);
        report.failure.take().map_or(Ok(ScriptReport { measured, ..report }), |why| Err(Error::system(why)))
    }

    /// How fast the same training goes without a window.
    fn alone(scenario: &str, folder: &Path, seconds: f64) -> Result<Measured> {
        let file = places::find_scenario(scenario)?;
        let stages = vec![places::read_scenario(&file)?];
        let params = recommended(&stages[0], &file)?;
        let plan =
            Plan { seed: stages[0].seed, goal: Goal::Seconds(36_000.0), stages, params, roles: Roles::default() };
        let background = Background::start(Session::start(plan, Some(folder), None)?, None, &RightOfWay::default())?;
        while background.status().counters.iterations == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let before = background.status();
        std::thread::sleep(Duration::from_secs_f64(seconds));
        Ok(Measured {
            name: format!("{scenario}, no window, training"),
            seconds,
            training: background.status().since(&before),
            ..Measured::default()
        })
    }

    fn open(opening: Opening) -> Result<Closed, Unavailable> {
        window::open(opening)
    }

    fn finish(closed: Closed) -> Result<()> {
        match closed {
            Closed::Done => Ok(()),
            Closed::Training(trainings) => keep(trainings),
            Closed::Script(report) => {
                if !report.measured.is_empty() {
                    output::print(output::fitted(&table(&report.measured)))?;
                }
                report.failure.map_or(Ok(()), |why| Err(Error::system(why)))
            }
        }
    }

    /// What was measured, as a table.
    pub(in crate::cli) fn table(measured: &[Measured]) -> Table {
        use Align::{Left, Right};
        let mut table = Table::new([
            (Left, "window"),
            (Right, "frames/s"),
            (Right, "p50 ms"),
            (Right, "p99 ms"),
            (Right, "ticks/s"),
            (Right, "cores but for training"),
            (Right, "cores for training"),
            (Right, "env-steps/s trained"),
            (Right, "CPU us/env-step"),
        ]);
        for measured in measured {
            let told =
                |number: Option<f64>, digits| number.map_or(String::new(), |number| format!("{number:.digits$}"));
            let smoothness = Some(measured.smoothness()).filter(|smoothness| smoothness.frames > 0);
            let [other, training] = [0, 1].map(|part| measured.cores().map(|cores| cores[part]));
            table.row([
                measured.name.clone(),
                told(smoothness.map(|smoothness| smoothness.rate), 1),
                told(smoothness.map(|smoothness| smoothness.p50_ms), 1),
                told(smoothness.map(|smoothness| smoothness.p99_ms), 1),
                told(smoothness.map(|_| measured.ticks_per_s()), 1),
                told(other, 4),
                told(training, 4),
                told(measured.training.steps_per_s(), 1),
                told(measured.training.cpu_us_per_step(), 1),
            ]);
        }
        table
    }

    /// Waits for runs that go on without the window; an interrupt lets them save and stop.
    fn keep(trainings: Vec<Training>) -> Result<()> {
        let watch = Watch::begin("saving and stopping");
        let mut trainings: Vec<Training> = trainings.into_iter().filter(Training::is_alive).collect();
        for training in &trainings {
            output::note(format!("{} goes on; Ctrl-C saves and stops it", training.folder().display()));
        }
        // Nobody could go on with one that was paused in a window that is gone.
        trainings.iter_mut().for_each(|training| training.tell(background::Command::Resume));
        while trainings.iter().any(Training::is_alive) && watch.signal().is_none() {
            let until = Instant::now() + HEARTBEAT;
            while Instant::now() < until && watch.signal().is_none() {
                std::thread::sleep(Duration::from_millis(100));
            }
            for training in &mut trainings {
                training.poll().iter().for_each(output::note);
                let status = training.status();
                let rate = training.steps_per_s().unwrap_or_default();
                output::note(format!(
                    "{}: {:.1} %, {} env-steps, {rate:.0} steps/s",
                    training.name(),
                    100.0 * status.progress.min(1.0),
                    status.counters.env_steps
                ));
            }
        }
        let folders: Vec<PathBuf> = trainings.iter().map(|training| training.folder().clone()).collect();
        for (training, folder) in trainings.into_iter().zip(&folders) {
            if let Phase::Failed(why) = training.stop() {
                return Err(Error::system(why).in_file(folder));
            }
            if watch.signal().is_some() {
                output::note(format_args!("saved; continue it with `{}`", next::resume(folder, &[])));
            }
            output::print(folder.display())?;
        }
        Ok(())
    }
}

#[cfg(not(feature = "window"))]
mod windowed {
    use crate::{
        cli::{
            args::{ReplayArgs, RunArgs, SmokeArgs},
            interrupts::Outcome,
            start,
        },
        error::{Error, Result},
        shell,
    };

    /// Says what there is.
    pub(in crate::cli) fn gallery() -> Result<Outcome> {
        start::print().map(|()| Outcome::Done)
    }

    pub(super) fn run(args: &RunArgs) -> Result<()> {
        Err(without(&["run"].into_iter().chain(args.scenario.as_deref()).collect::<Vec<_>>()))
    }

    pub(in crate::cli) fn replay(args: &ReplayArgs) -> Result<()> {
        Err(without(&["replay", &shell::path(&args.file)]))
    }

    pub(in crate::cli) fn smoke(_args: &SmokeArgs) -> Result<()> {
        Err(without(&["smoke"]))
    }

    fn without(command: &[&str]) -> Error {
        let build =
            shell::line(["cargo", "run", "--release", "--features", "window", "--"].iter().chain(command).copied());
        Error::input("this agon was built without the feature `window`")
            .hint(format!("build it with `{build}`; `agon export` makes clips without a window"))
    }
}

pub(super) use self::windowed::{gallery, replay, smoke};
#[cfg(feature = "window")]
pub(super) use self::windowed::{measure, table};
