//! What to do next: the commands that a run, a recording or a policy is followed by, as they can be pasted.

use std::path::Path;

use crate::{domains::Scenario, places, shell};

/// Episodes that are worth waiting for.
const EPISODES: &str = "200";

/// Evaluates the policy of the run in `folder`, whose last scenario is number `stage` of those it trained in.
pub(super) fn evaluate(folder: &Path, stage: usize, scenario: &Scenario) -> String {
    shell::command(["eval", &place(folder, stage, scenario), "--policy", &shell::policy(folder)])
}

/// The same beside everything that the scenario comes with.
pub(super) fn compare(folder: &Path, scenario: &Scenario) -> String {
    let policies = format!("{},{}", shell::policy(folder), crate::policy::cast::ALL);
    shell::command(["eval", &place(folder, 0, scenario), "--policy", &policies, "--episodes", EPISODES])
}

/// Continues the run in `folder`; `more` is what is wished beside that.
pub(super) fn resume(folder: &Path, more: &[&str]) -> String {
    shell::command(["train", "--resume", &shell::path(folder)].into_iter().chain(more.iter().copied()))
}

/// Checks a recording.
pub(super) fn verify(file: &Path) -> String {
    shell::command(["verify", &shell::path(file)])
}

/// What the scenario of a run is called by: its name if that leads to this very scenario, otherwise the run's copy of it.
fn place(folder: &Path, stage: usize, scenario: &Scenario) -> String {
    let is_option = scenario.name.starts_with('-');
    if !is_option && places::load_scenario(&scenario.name).is_ok_and(|found| found == *scenario) {
        scenario.name.clone()
    } else {
        shell::path(&folder.join(crate::session::folder::stage_file(stage)))
    }
}
