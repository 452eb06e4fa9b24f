//! Scripts: what is asked of a window step by step, for smoke tests, measurements and pictures of it.
//!
//! A script is a RON list of [`Step`]s: `[Do(Open(scenario: "skirmish")), Do(Play), Wait(2.0), Shot("a.png")]`. It fails with
//! the first error that the window would have told a person, or with a picture that is empty.

mod loops;
mod steps;

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

use self::loops::Loops;
pub use self::steps::{Actors, smoke, smoothness};
use super::{
    Asked, Closed, LabSystems, Opened, Remains,
    command::Command,
    desk::Desk,
    frames::{Frames, Smoothness},
    lab::{Lab, Severity, Training},
    pace::{Pace, Pacing},
    screenshots::Saved,
};
use crate::{
    durable::read_capped,
    error::{Error, Result},
    session::{
        background::{Phase, Status, Work},
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
    /// Wait until every run that is under way is paused.
    UntilPaused,
    /// Wait until no run is under way and no file is being written.
    UntilQuiet,
    /// Save a picture of the window.
    Shot(PathBuf),
    /// Measure for so many seconds how smooth the window is, and what is played and trained meanwhile. What has been measured under
    /// the same name before counts in.
    Measure(String, f64),
    /// The same of frames that are drawn as fast as they can be.
    MeasureFlatOut(String, f64),
    /// The same while no frame is drawn.
    MeasureStill(String, f64),
    /// From now on, or no longer, one loop per core does nothing but count, behind the window as training is: what frames lose to that,
    /// they lose to any program that runs beside them.
    Occupy(bool),
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// What it is called.
    pub name: String,
    /// How long.
    pub seconds: f64,
    /// Times between frames, in ms.
    pub frames_ms: Vec<f64>,
    /// Ticks that were played.
    pub ticks: u64,
    /// CPU time of everything but training and of training, in seconds; none where the system does not tell.
    pub cpu_s: Option<[f64; 2]>,
    /// What the newest run achieved.
    pub training: Work,
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
        self.steps.iter().any(|step| matches!(step, Step::MeasureFlatOut(..)))
    }
}

impl Step {
    /// Whether a frame is drawn only when the window itself wants one.
    fn only_watches(&self) -> bool {
        matches!(self, Self::Measure(..) | Self::MeasureStill(..) | Self::Rest(..))
    }

    /// How often frames are drawn in this step.
    fn pacing(&self) -> Pacing {
        match self {
            Self::MeasureFlatOut(..) => Pacing::FlatOut,
            // A length that is none, such as -1, is over at once.
            Self::MeasureStill(_, seconds) => Pacing::Still(Duration::try_from_secs_f64(*seconds).unwrap_or_default()),
            _ => Pacing::Own,
        }
    }
}

impl Measured {
    /// How smooth the window was.
    pub fn smoothness(&self) -> Smoothness {
        Smoothness::of(&self.frames_ms)
    }

    /// Ticks per second.
    pub fn ticks_per_s(&self) -> f64 {
        self.ticks as f64 / self.seconds
    }

    /// Cores that everything but training and that training kept busy; none where the system does not tell.
    pub fn cores(&self) -> Option<[f64; 2]> {
        self.cpu_s.map(|cpu_s| cpu_s.map(|cpu_s| cpu_s / self.seconds))
    }

    fn add(&mut self, more: Self) {
        self.seconds += more.seconds;
        self.frames_ms.extend(more.frames_ms);
        self.ticks += more.ticks;
        self.cpu_s = self.cpu_s.zip(more.cpu_s).map(|(ours, theirs)| [ours[0] + theirs[0], ours[1] + theirs[1]]);
        self.training += more.training;
    }
}

/// A script under way.
#[derive(Resource)]
struct Running {
    steps: std::vec::IntoIter<Step>,
    step: Option<Step>,
    begun: Instant,
    report: ScriptReport,
    counted: Counted,
    shots: usize,
    loops: Option<Loops>,
}

/// How far things were when a measurement began.
#[derive(Clone, Default)]
struct Counted {
    tick: u64,
    /// That of the newest run.
    training: Option<Status>,
    /// CPU time of everything but training and of training, in seconds.
    cpu_s: Option<[f64; 2]>,
}

pub(super) fn plugin(app: &mut App, script: Script) {
    app.insert_resource(Running {
        steps: script.steps.into_iter(),
        step: None,
        begun: Instant::now(),
        report: ScriptReport::default(),
        counted: Counted::default(),
        shots: 0,
        loops: None,
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
    mut pace: ResMut<Pace>,
    mut pacing: ResMut<Pacing>,
    saved: Res<Saved>,
    opened: Res<Opened>,
    remains: Res<Remains>,
    mut exit: MessageWriter<AppExit>,
) {
    let running = &mut *running;
    if !running.step.as_ref().is_some_and(Step::only_watches) {
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
        let frames_ms = frames.end();
        if let Some(Step::Measure(name, _) | Step::MeasureFlatOut(name, _) | Step::MeasureStill(name, _)) =
            running.step.take()
        {
            let measured = counted(&lab).since(&running.counted, name, running.begun.elapsed(), frames_ms);
            let before = running.report.measured.iter_mut().find(|before| before.name == measured.name);
            match before {
                Some(before) => before.add(measured),
                None => running.report.measured.push(measured),
            }
        }
        let Some(step) = running.steps.next() else { return end(running, &mut lab, &remains, &mut exit) };
        running.begun = Instant::now();
        *pacing = step.pacing();
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
            Step::Occupy(begins) => running.loops = begins.then(Loops::start),
            Step::Rest(..) => frames.begin(),
            Step::Measure(..) | Step::MeasureFlatOut(..) | Step::MeasureStill(..) => {
                running.counted = counted(&lab);
                frames.begin();
            }
            Step::Wait(_) | Step::UntilTick(_) | Step::UntilTrained(_) | Step::UntilPaused | Step::UntilQuiet => {}
        }
        running.step = Some(step);
    }
}

fn is_over(step: &Step, running: &Running, lab: &Lab, saved: &Saved) -> bool {
    let seconds = running.begun.elapsed().as_secs_f64();
    match step {
        Step::Do(_) | Step::Occupy(_) => true,
        Step::Wait(length)
        | Step::Measure(_, length)
        | Step::MeasureFlatOut(_, length)
        | Step::MeasureStill(_, length)
        | Step::Rest(length, _) => seconds >= *length,
        Step::UntilTick(tick) => lab.stage().is_some_and(|stage| stage.tick() >= *tick),
        Step::UntilTrained(iterations) => {
            let trained = |training: &Training| training.status().counters.iterations >= *iterations;
            !lab.trainings().is_empty() && lab.trainings().iter().all(trained)
        }
        Step::UntilPaused => lab.trainings().iter().all(|training| training.status().phase != Phase::Training),
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
        training: alive().next_back().map(|training| training.status().clone()),
        cpu_s: trained_s.map(|trained_s| [cpu_time().as_secs_f64() - trained_s, trained_s]),
    }
}

impl Counted {
    /// What has happened since `then`.
    fn since(self, then: &Self, name: String, elapsed: Duration, frames_ms: Vec<f64>) -> Measured {
        let training = self.training.zip(then.training.as_ref()).map(|(now, then)| now.since(then));
        Measured {
            name,
            seconds: elapsed.as_secs_f64(),
            frames_ms,
            ticks: self.tick.saturating_sub(then.tick),
            cpu_s: self.cpu_s.zip(then.cpu_s).map(|(now, then)| [now[0] - then[0], now[1] - then[1]]),
            training: training.unwrap_or_default(),
        }
    }
}

fn end(running: &mut Running, lab: &mut Lab, remains: &Remains, exit: &mut MessageWriter<AppExit>) {
    lab.apply(&Command::Gallery);
    lab.stop_training();
    remains.put(Closed::Script(std::mem::take(&mut running.report)));
    exit.write(AppExit::Success);
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

    #[test]
    fn a_length_that_is_none_is_no_panic() {
        for seconds in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Step::MeasureStill(String::new(), seconds).pacing(), Pacing::Still(Duration::ZERO));
        }
        assert_eq!(Step::MeasureStill(String::new(), 0.5).pacing(), Pacing::Still(Duration::from_millis(500)));
    }

    #[test]
    fn what_is_measured_by_turns_counts_together() {
        let turn = |frames_ms: &[f64], cpu_s, env_steps| Measured {
            name: "playing".to_owned(),
            seconds: 0.5,
            frames_ms: frames_ms.to_vec(),
            ticks: 10,
            cpu_s,
            training: Work { env_steps, wall_s: 0.25, cpu_s: Some(0.5) },
        };
        let mut whole = turn(&[10.0, 40.0], Some([0.5, 0.25]), 100);
        whole.add(turn(&[30.0, 20.0], Some([0.75, 0.0]), 300));
        let smooth = whole.smoothness();
        assert_eq!((smooth.frames, smooth.rate, smooth.p50_ms), (4, 40.0, 25.0));
        assert_eq!((whole.ticks_per_s(), whole.cores()), (20.0, Some([1.25, 0.25])));
        assert_eq!((whole.training.steps_per_s(), whole.training.cpu_us_per_step()), (Some(800.0), Some(2500.0)));
        whole.add(turn(&[], None, 0));
        assert_eq!(whole.cores(), None, "what was not told of a part is not known of the whole");
        assert_eq!((Work::default().steps_per_s(), Work::default().cpu_us_per_step()), (None, None));
    }
}
