//! A run's policy with its card: for its folder, for whoever watches, and out of a checkpoint that was kept.

use std::path::Path;

use super::{
    Plan, RunFolder, SessionState,
    binding::{self, Binding},
    generation,
};
use crate::{
    error::Result,
    learn::learner::{self, Learned},
    policy::{card::Shared, network::Network},
    sim::GroupSpec,
};

/// How far a run had come when its policy was taken.
pub(super) struct Moment {
    pub(super) stage: usize,
    pub(super) env_steps: u64,
    pub(super) wall_s: f64,
}

/// The policy of the run `plan` at `moment`, with its card.
pub(super) fn share(plan: &Plan, moment: &Moment, group: &GroupSpec, network: Network) -> Shared {
    let scenario = &plan.stages[moment.stage];
    let mut shared = Shared::new(network, scenario.domain.domain().id(), &scenario.name, group);
    let card = &mut shared.card;
    card.actions.bins = plan.params.ppo.action_bins;
    card.algorithm = plan.params.run.algo.name().to_owned();
    card.seed = plan.seed;
    card.env_steps = moment.env_steps;
    card.minutes = moment.wall_s / 60.0;
    shared
}

/// The policies, one for each group that learns, that the run in the folder `run` had at `step`: those of the last checkpoint kept
/// up to there, or else of the first after it. No envs are made, and a run that is under way is not disturbed.
///
/// # Errors
/// No run there, no checkpoint of it that can be used, or a plan that was changed since so that it describes another policy.
pub fn policies_at(run: &Path, step: u64) -> Result<Vec<Shared>> {
    let folder = RunFolder::open(run)?;
    let plan = folder.read_plan()?;
    let loaded = generation::load_nearest(&folder.checkpoints()?, step)?;
    let state = SessionState::of(&loaded)?;
    if let Some(binding) = Binding::read(&loaded.generation).map_err(|error| error.in_file(&loaded.path))? {
        // One of an earlier time may have learned under another learning rate: the policy is the same.
        let changes: Vec<_> = binding.changes(&plan).into_iter().filter(|change| !change.is_live()).collect();
        if let Some(error) = binding::refusal(&changes) {
            return Err(error.in_file(&loaded.path));
        }
    }
    let stage = state.stage.min(plan.stages.len() - 1);
    let scenario = &plan.stages[stage];
    let spec = scenario.domain.domain().spec(scenario.max_steps);
    let learners = plan.roles.lineup(scenario, |group| folder.opponent(group))?.learners;
    let groups: Vec<usize> = learners.iter().map(|seat| seat.group).collect();
    let learned = learner::policies_in(&loaded.generation.sections, &spec, &groups, &plan.params)
        .map_err(|error| error.in_file(&loaded.path))?;
    let moment = Moment { stage, env_steps: loaded.step, wall_s: state.wall_s };
    let shared = |Learned { group, network }| share(&plan, &moment, &spec.groups[group], network);
    Ok(learned.into_iter().map(shared).collect())
}
