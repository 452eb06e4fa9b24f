//! The scripts of the smoke test and of the benchmark of frames.

use std::path::Path;

use super::{Script, Step};
use crate::window::{
    command::{Command, WindowCommand},
    desk::Pane,
    lab::TrainingId,
};

/// Turns in which the benchmark of frames measures everything.
const TURNS: u32 = 4;

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
            done(Command::Open { scenario: scenario.clone(), policy: None }),
            done(Command::StartRecording(Some(recording.clone()))),
            done(Command::Play),
            Step::UntilTick(20),
            done(Command::SelectNext),
            shot("playing"),
            done(Command::Train { minutes: 60.0, seed: None, set: quick(), from: None }),
            done(Command::Window(WindowCommand::Show(Pane::Training))),
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
            done(Command::Window(WindowCommand::Show(Pane::Compare))),
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
            done(Command::Window(WindowCommand::Show(Pane::Timeline))),
            done(Command::Seek(15)),
            shot("replayed"),
            done(Command::Fork { policy: None }),
            done(Command::Play),
            Step::UntilTick(20),
            shot("forked"),
            done(Command::Window(WindowCommand::Show(Pane::Metrics))),
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

/// The steps of the benchmark of frames: each scenario playing and at rest, without and with training beside it, each for `seconds` in
/// all. A machine is faster at one time than at another, so that what is compared is measured by turns; and what there is to draw differs
/// more between two episodes than with and without training, so that each turn plays the same ones under the same policy.
pub fn smoothness(scenarios: &[&str], seconds: f64) -> Script {
    let mut steps = Vec::new();
    let turn_s = seconds / f64::from(TURNS);
    for (index, scenario) in (1..).zip(scenarios) {
        let training = TrainingId(index);
        let (pause, resume) = (Command::PauseTraining(training), Command::ResumeTraining(training));
        let named = |what: &str| format!("{scenario}, {what}");
        let train = Command::Train { minutes: 600.0, seed: None, set: vec![], from: None };
        let rested = [Step::Do(Command::Pause), Step::Do(pause), Step::UntilPaused];
        let played = |measure: Step| [Step::Do(Command::Reset), Step::Do(Command::Play), Step::Wait(1.0), measure];
        steps.extend([
            Step::Do(Command::Open { scenario: (*scenario).to_owned(), policy: None }),
            Step::Do(train),
            Step::UntilTrained(1),
        ]);
        steps.extend(rested.clone());
        for turn in 0..TURNS {
            for (is_flat_out, what) in [(false, "playing"), (true, "playing flat out")] {
                let measure =
                    |name| if is_flat_out { Step::MeasureFlatOut(name, turn_s) } else { Step::Measure(name, turn_s) };
                steps.extend(played(measure(named(what))));
                steps.push(Step::Do(resume.clone()));
                steps.extend(played(measure(named(&format!("{what}, training")))));
                steps.extend(rested.clone());
            }
            steps.push(Step::Occupy(true));
            steps.extend(played(Step::Measure(named("playing, empty loops"), turn_s)));
            steps.extend([Step::Occupy(false), Step::Do(Command::Pause)]);
            // What is trained is counted by whole iterations, so that a bit of either leaks into the one that comes next.
            let mut unseen = [
                Step::Measure(named("at rest, training"), 2.0 * turn_s),
                Step::MeasureStill(named("not drawn, training"), 2.0 * turn_s),
            ];
            if turn % 2 == 1 {
                unseen.reverse();
            }
            steps.extend([Step::Do(resume.clone()), Step::Wait(1.0)]);
            steps.extend(unseen);
            steps.extend(rested.clone());
        }
        steps.extend([Step::Do(Command::ToggleTraining), Step::UntilQuiet]);
    }
    Script::new(steps)
}

fn shot(folder: &Path, scenario: &str, state: &str) -> Step {
    let name = if state.is_empty() { scenario.to_owned() } else { format!("{scenario}-{state}") };
    Step::Shot(folder.join(format!("{name}.png")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is compared is measured as often and as long, from the same episodes on.
    #[test]
    fn the_benchmark_of_frames_measures_without_and_with_training_alike() {
        let steps = smoothness(&["a", "b"], 20.0).steps;
        let named = |name: &str| -> Vec<(usize, f64)> {
            let measured = steps.iter().enumerate().filter_map(|(at, step)| match step {
                Step::Measure(own, seconds) | Step::MeasureFlatOut(own, seconds) | Step::MeasureStill(own, seconds)
                    if own == name =>
                {
                    Some((at, *seconds))
                }
                _ => None,
            });
            measured.collect()
        };
        let total = |name: &str| named(name).iter().map(|(_, seconds)| seconds).sum::<f64>();
        for what in ["a, playing", "b, playing", "a, playing flat out", "b, playing flat out"] {
            let with = format!("{what}, training");
            assert_eq!((total(what), total(&with)), (20.0, 20.0));
            let reset = Step::Do(Command::Reset);
            let mut begins = named(what).into_iter().chain(named(&with));
            assert!(begins.all(|(at, _)| steps[at - 3] == reset), "{what}");
        }
        assert_eq!(total("a, playing, empty loops"), 20.0);
        assert_eq!((total("a, at rest, training"), total("a, not drawn, training")), (40.0, 40.0));
    }
}
