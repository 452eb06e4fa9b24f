//! Scripts: what is asked of a window step by step, for smoke tests, measurements and pictures of it.
//!
//! A script is a RON list of [`Step`]s: `[Do(Open(scenario: "skirmish")), Do(Play), Wait(2.0), Shot("a.png")]`. It fails with
//! the first error that the window would have told a person, or with a picture that is empty.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bevy::{
    app::{App, AppExit, Update},
    ecs::{
        message::MessageWriter,
        resource::Resource,
        schedule::IntoScheduleConfigs,
        system::{Res, ResMut},
    },
};
use serde::{Deserialize, Serialize};

use super::{
    Asked, Closed, LabSystems, Opened, Remains,
    command::{Command, WindowCommand},
    desk::Desk,
    frames::{Frames, Smoothness},
    lab::{Lab, Severity, Training},
    screenshots::Saved,
};
use crate::{
    durable::read_capped,
    error::{Error, Result},
    session::{
        background::{Pace, Status},
        cpu_time,
    },
};

/// Longest script that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Longest time that a step is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// A picture with fewer colours than this is empty.
const FEWEST_COLOURS: usize = 16;

/// Steps that are taken one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// Ask for something.
    Do(Command),
    /// Wait so many seconds.
    Wait(f64),
    /// Wait until so many ticks are played.
    UntilTick(u64),
    /// Wait until every run has done so many iterations.
    UntilTrained(u64),
    /// Wait until no run is under way and no file is being written.
    UntilQuiet,
    /// Save a picture of the window.
    Shot(PathBuf),
    /// Measure for so many seconds how smooth the window is, and what is played and trained meanwhile.
    Measure(String, f64),
    /// The same of a window in which nothing plays, drawn as seldom as it is then.
    MeasureAtRest(String, f64),
    /// Look on for so many seconds, in which no more than so many frames may be drawn.
    Rest(f64, usize),
}

/// What a script has come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptReport {
    /// Time from asking for the window until its first frame was handed to what draws, in seconds.
    pub first_frame_s: f64,
    /// What was measured.
    pub measured: Vec<Measured>,
    /// What went wrong; none if nothing did.
    pub failure: Option<String>,
}

/// What was measured for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What it is called.
    pub name: String,
    /// How smooth the window was.
    pub smoothness: Smoothness,
    /// Ticks per second.
    pub ticks_per_s: f64,
    /// Cores that everything but training kept busy; none where the system does not tell.
    pub other_cores: Option<f64>,
    /// What training achieved, all runs together; whole iterations in their own time.
    pub training: Pace,
}

impl Script {
    /// A script of these steps.
    pub fn new(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// Reads a script.
    ///
    /// # Errors
    /// A file that cannot be read or is no script.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_capped(path, MAX_BYTES)?;
        let steps = ron::de::from_bytes(&bytes).map_err(|error| {
            let at = error.span.start;
            Error::input(format!("this is no script: {}", error.code)).in_file(path).at(at.line, at.col)
        })?;
        Ok(Self { steps })
    }

    /// Whether it measures frames, which are drawn as fast as possible then.
    pub(super) fn is_unpaced(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Measure(..)))
    }
}

/// Whether frames are drawn as fast as possible, while they are measured.
#[derive(Resource, Default)]
pub(super) struct IsUnpaced(pub(super) bool);

/// A script under way.
#[derive(Resource)]
struct Running {
    steps: std::vec::IntoIter<Step>,
    step: Option<Step>,
    begun: Instant,
    report: ScriptReport,
    counted: Counted,
    shots: usize,
}

/// How far things were when a measurement began.
#[derive(Clone, Default)]
struct Counted {
    tick: u64,
    trainings: Vec<Status>,
    /// CPU time of everything but training, in seconds.
    other_s: Option<f64>,
}

pub(super) fn plugin(app: &mut App, script: Script) {
    app.insert_resource(Running {
        steps: script.steps.into_iter(),
        step: None,
        begun: Instant::now(),
        report: ScriptReport::default(),
        counted: Counted::default(),
        shots: 0,
    });
    app.add_systems(Update, run.in_set(LabSystems::Ask));
}

#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
fn run(
    mut running: ResMut<Running>,
    mut asked: ResMut<Asked>,
    mut lab: ResMut<Lab>,
    mut frames: ResMut<Frames>,
    mut desk: ResMut<Desk>,
    mut pace: ResMut<super::pace::Pace>,
    mut is_unpaced: ResMut<IsUnpaced>,
    saved: Res<Saved>,
    opened: Res<Opened>,
    remains: Res<Remains>,
    mut exit: MessageWriter<AppExit>,
) {
    let running = &mut *running;
    if !matches!(running.step, Some(Step::MeasureAtRest(..) | Step::Rest(..))) {
        // A script wants every frame.
        pace.stir();
    }
    running.report.first_frame_s = frames.first_after_s(opened.0).unwrap_or_default();
    let error = lab.messages().iter().find(|message| message.severity == Severity::Error);
    let failure = error.map(|message| message.text.clone()).or_else(|| {
        let empty = saved.0.iter().find(|(_, colours)| *colours < FEWEST_COLOURS);
        empty.map(|(path, colours)| format!("{} is empty: it has {colours} colours", path.display()))
    });
    let failure = failure
        .or_else(|| restless(&running.step, &frames))
        .or_else(|| (running.begun.elapsed() > PATIENCE).then(|| format!("this never came true: {:?}", running.step)));
    if let Some(failure) = failure {
        running.report.failure = Some(failure);
        return end(running, &mut lab, &remains, &mut exit);
    }
    while running.step.as_ref().is_none_or(|step| is_over(step, running, &lab, &saved)) {
        if matches!(running.step, Some(Step::Rest(..))) {
            running.step = None;
            let _ = frames.end();
        }
        if let Some(Step::Measure(name, _) | Step::MeasureAtRest(name, _)) = running.step.take() {
            is_unpaced.0 = false;
            let seconds = running.begun.elapsed().as_secs_f64();
            let (then, now) = (&running.counted, counted(&lab));
            running.report.measured.push(Measured {
                name,
                smoothness: frames.end(),
                ticks_per_s: now.tick.saturating_sub(then.tick) as f64 / seconds,
                other_cores: now.other_s.zip(then.other_s).map(|(now, then)| (now - then) / seconds),
                training: together(&now.trainings, &then.trainings),
            });
        }
        let Some(step) = running.steps.next() else { return end(running, &mut lab, &remains, &mut exit) };
        running.begun = Instant::now();
        match &step {
            Step::Do(command) => {
                asked.0.push(command.clone());
                running.step = Some(step);
                // What is asked for is obeyed in this frame, and what comes of it is seen in the next.
                return;
            }
            Step::Shot(path) => {
                running.shots += 1;
                desk.screenshots.push((path.clone(), false));
            }
            Step::Rest(..) => frames.begin(),
            Step::Measure(..) | Step::MeasureAtRest(..) => {
                is_unpaced.0 = matches!(step, Step::Measure(..));
                running.counted = counted(&lab);
                frames.begin();
            }
            Step::Wait(_) | Step::UntilTick(_) | Step::UntilTrained(_) | Step::UntilQuiet => {}
        }
        running.step = Some(step);
    }
}

fn is_over(step: &Step, running: &Running, lab: &Lab, saved: &Saved) -> bool {
    let seconds = running.begun.elapsed().as_secs_f64();
    match step {
        Step::Do(_) => true,
        Step::Wait(length) | Step::Measure(_, length) | Step::MeasureAtRest(_, length) | Step::Rest(length, _) => {
            seconds >= *length
        }
        Step::UntilTick(tick) => lab.stage().is_some_and(|stage| stage.tick() >= *tick),
        Step::UntilTrained(iterations) => {
            let trained = |training: &Training| training.status().counters.iterations >= *iterations;
            !lab.trainings().is_empty() && lab.trainings().iter().all(trained)
        }
        Step::UntilQuiet => !lab.is_training() && lab.exports().is_empty(),
        Step::Shot(_) => saved.0.len() >= running.shots,
    }
}

/// What is wrong with a window that should rest.
fn restless(step: &Option<Step>, frames: &Frames) -> Option<String> {
    let Some(Step::Rest(seconds, most)) = step else { return None };
    let drawn = frames.measured();
    (drawn > *most).then(|| format!("a window at rest drew {drawn} frames, where {most} were allowed in {seconds} s"))
}

fn counted(lab: &Lab) -> Counted {
    let alive = || lab.trainings().iter().filter(|training| training.is_alive());
    let trained_s = alive().map(Training::cpu_s).sum::<Option<f64>>();
    Counted {
        tick: lab.stage().map_or(0, |stage| stage.tick()),
        trainings: alive().map(|training| training.status().clone()).collect(),
        other_s: trained_s.map(|trained_s| cpu_time().as_secs_f64() - trained_s),
    }
}

/// What the runs that go on achieved together.
fn together(now: &[Status], then: &[Status]) -> Pace {
    let paces: Vec<Pace> = now.iter().zip(then).map(|(now, then)| now.pace_since(then)).collect();
    let cpu_us = |pace: &Pace| pace.cpu_us_per_step.map(|us| us * pace.steps_per_s);
    let steps_per_s = paces.iter().fold(0.0, |sum, pace| sum + pace.steps_per_s);
    let cpu_us_per_step = paces.iter().map(cpu_us).sum::<Option<f64>>().map(|us| us / steps_per_s);
    Pace { steps_per_s, cpu_us_per_step: cpu_us_per_step.filter(|us| us.is_finite()) }
}

fn end(running: &mut Running, lab: &mut Lab, remains: &Remains, exit: &mut MessageWriter<AppExit>) {
    lab.apply(&Command::Gallery);
    lab.stop_training();
    remains.put(Closed::Script(std::mem::take(&mut running.report)));
    exit.write(AppExit::Success);
}

/// A scenario and two policies of its domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actors {
    /// Its name.
    pub scenario: String,
    /// Acts.
    pub first: String,
    /// Is compared with it.
    pub second: String,
    /// Whether a person may choose where its entities begin.
    pub can_edit: bool,
}

/// The steps of the smoke test: opens each of these scenarios, trains, pauses, swaps, compares, records and forks, and saves
/// a picture of each state below `folder`.
pub fn smoke(scenarios: &[Actors], folder: &Path) -> Script {
    let mut steps = vec![Step::Do(Command::Gallery), Step::Wait(3.0), shot(folder, "gallery", "")];
    for Actors { scenario, first, second, can_edit } in scenarios {
        let name = scenario.replace('/', "-");
        let shot = |state: &str| shot(folder, &name, state);
        let recording = folder.join(format!("{name}.mcap"));
        let done = |command: Command| Step::Do(command);
        steps.extend([
            done(Command::Open { scenario: scenario.clone(), policies: vec![] }),
            done(Command::StartRecording(Some(recording.clone()))),
            done(Command::Play),
            Step::UntilTick(20),
            done(Command::SelectNext),
            shot("playing"),
            done(Command::Train { minutes: 60.0, seed: None, set: quick(), from: None }),
            done(Command::Window(WindowCommand::Show(super::desk::Pane::Training))),
            Step::UntilTrained(3),
            Step::Wait(2.0),
            shot("training"),
            done(Command::ToggleTraining),
            Step::UntilQuiet,
            done(Command::Pause),
            done(Command::StepBack),
            done(Command::ToggleFreeze),
            done(Command::ToggleFreeze),
            shot("paused"),
            done(Command::Swap { play: 0, group: 0, policy: first.clone() }),
            done(Command::Play),
            Step::Wait(0.5),
            shot("swapped"),
            done(Command::Bookmark("here".to_owned())),
            done(Command::StopRecording),
            done(Command::Compare { policy: second.clone() }),
            done(Command::Window(WindowCommand::Show(super::desk::Pane::Compare))),
            done(Command::Play),
            Step::UntilTick(10),
            shot("compared"),
            done(Command::EndCompare),
            done(Command::Pause),
        ]);
        if *can_edit {
            steps.extend([done(Command::ToggleEditor), shot("edited"), done(Command::ToggleEditor)]);
        }
        steps.extend([
            done(Command::OpenRecording(recording)),
            done(Command::Window(WindowCommand::Show(super::desk::Pane::Timeline))),
            done(Command::Seek(15)),
            shot("replayed"),
            done(Command::Fork { policy: None }),
            done(Command::Play),
            Step::UntilTick(5),
            shot("forked"),
            done(Command::Window(WindowCommand::Show(super::desk::Pane::Metrics))),
        ]);
    }
    steps.extend([
        Step::Do(Command::Pause),
        Step::UntilQuiet,
        // Frames linger for a moment, at 30 a second at most; one that never rests draws far more.
        Step::Rest(4.0, 40),
        Step::Do(Command::Window(WindowCommand::ToggleHelp)),
        Step::Wait(0.3),
        shot(folder, "help", ""),
        Step::Do(Command::Window(WindowCommand::ToggleHelp)),
        Step::Do(Command::Window(WindowCommand::TogglePalette)),
        Step::Wait(0.3),
        shot(folder, "palette", ""),
    ]);
    Script::new(steps)
}

/// Hyperparameters under which an iteration takes a moment.
fn quick() -> Vec<(String, String)> {
    [("num_envs", "4"), ("num_steps", "16"), ("envs_per_world", "4"), ("imitation", "0.0")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// The steps of the benchmark of frames: each scenario playing, without and with training beside it.
pub fn smoothness(scenarios: &[&str], seconds: f64) -> Script {
    let mut steps = Vec::new();
    for scenario in scenarios {
        steps.extend([
            Step::Do(Command::Open { scenario: (*scenario).to_owned(), policies: vec![] }),
            Step::Do(Command::Play),
            Step::Wait(2.0),
            Step::Measure(format!("{scenario}, playing"), seconds),
            Step::Do(Command::Train { minutes: 600.0, seed: None, set: vec![], from: None }),
            Step::UntilTrained(1),
            // The same episodes again: what there is to draw differs more between two of them than with and without training.
            Step::Do(Command::Reset),
            Step::Do(Command::Play),
            Step::Wait(2.0),
            Step::Measure(format!("{scenario}, playing and training"), seconds),
            Step::Do(Command::Pause),
            Step::Wait(3.0),
            Step::MeasureAtRest(format!("{scenario}, at rest and training"), 2.0 * seconds),
            Step::Do(Command::ToggleTraining),
            Step::UntilQuiet,
        ]);
    }
    Script::new(steps)
}

fn shot(folder: &Path, scenario: &str, state: &str) -> Step {
    let name = if state.is_empty() { scenario.to_owned() } else { format!("{scenario}-{state}") };
    Step::Shot(folder.join(format!("{name}.png")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_a_list_of_steps() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("script.ron");
        let text = r#"[Do(Open(scenario: "skirmish")), Do(Play), Wait(2.0), Do(Window(Show(Metrics))), Shot("a.png")]"#;
        std::fs::write(&path, text).unwrap();
        let script = Script::read(&path).unwrap();
        assert_eq!(script.steps.len(), 5);
        assert_eq!(script.steps[1], Step::Do(Command::Play));
        assert!(!script.is_unpaced());
        std::fs::write(&path, "[\n  Do(Plai)]").unwrap();
        assert!(Script::read(&path).unwrap_err().to_string().contains("script.ron:2:"));
    }
}
