//! The goal of a run, which counts from its beginning, and what another goal changes.

use super::Plan;
use crate::{
    error::{Error, Result},
    learn::schedule::Schedule,
    metrics::Goal,
};

/// What a run has behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Behind {
    pub(super) env_steps: u64,
    /// Wall time in seconds.
    pub(super) wall_s: f64,
}

/// Share of the way to `goal` that is done, 0 to 1 and beyond.
pub(super) fn share(goal: Goal, behind: Behind) -> f64 {
    match goal {
        Goal::Steps(steps) => behind.env_steps as f64 / steps.max(1) as f64,
        Goal::Seconds(seconds) => behind.wall_s / seconds,
    }
}

/// Refuses another goal than the run's own that leaves nothing to do.
pub(super) fn check_reachable(plan: &Plan, goal: Goal, behind: Behind) -> Result<()> {
    if goal == plan.goal || share(goal, behind) < 1.0 {
        return Ok(());
    }
    let (done, flag) = match goal {
        Goal::Steps(_) => (Goal::Steps(behind.env_steps), "--steps"),
        Goal::Seconds(_) => (Goal::Seconds(behind.wall_s), "--minutes"),
    };
    Err(Error::input(format!(
        "this run has {} behind it, the goal is {} in all; nothing was trained",
        told(done),
        told(goal)
    ))
    .hint(format!("`{flag}` counts from the run's beginning: name more than is behind it")))
}

/// What the schedules of `plan` make of the goal `goal` instead of its own, in one sentence; none where nothing depends on it.
pub(super) fn schedules(plan: &Plan, goal: Goal, behind: Behind) -> Option<String> {
    let [old, new] = [plan.goal, goal].map(|goal| share(goal, behind).clamp(0.0, 1.0));
    if old == new {
        return None;
    }
    let p = &plan.params;
    let falling = |start: f64, left: f64| Schedule { start, end: start * left };
    let mut schedules = vec![("the learning rate", falling(p.run.learning_rate, p.run.final_lr_fraction))];
    if p.run.algo.is_off_policy() {
        schedules.push(("the exploration noise", falling(p.ddpg.exploration_noise, p.ddpg.final_noise_fraction)));
        if p.ddpg.prioritised {
            schedules.push(("the priority's beta", Schedule { start: p.ddpg.priority_beta, end: 1.0 }));
        }
    } else {
        schedules.push(("the weight of the entropy", falling(p.ppo.ent_coef, p.ppo.final_ent_fraction)));
    }
    let moved = schedules.into_iter().filter(|(_, schedule)| schedule.start != schedule.end);
    let mut parts: Vec<String> = moved
        .map(|(name, schedule)| format!("{name} goes from {} to {}", short(schedule.at(old)), short(schedule.at(new))))
        .collect();
    if !p.run.algo.is_off_policy() && (old < p.ppo.imitation) != (new < p.ppo.imitation) {
        let until = 100.0 * p.ppo.imitation;
        parts.push(match new < p.ppo.imitation {
            true => format!("the policy imitates its teacher again until {until:.0} % are done"),
            false => "the policy does not imitate its teacher any more".to_owned(),
        });
    }
    let [before, after] = [old, new].map(|share| stage_at(share, plan.stages.len()));
    if before != after {
        let name = plan.stages.get(after).map_or("", |scenario| &scenario.name);
        parts.push(format!("the curriculum goes on in stage {} of {} (`{name}`)", after + 1, plan.stages.len()));
    }
    let because =
        format!("with a goal of {} the run is {:.1} % done instead of {:.1} %", told(goal), 100.0 * new, 100.0 * old);
    (!parts.is_empty()).then(|| format!("{because}, so {}", parts.join(", ")))
}

/// The stage of a curriculum of so many at this share of the run.
pub(super) fn stage_at(share: f64, stages: usize) -> usize {
    ((share * stages as f64) as usize).min(stages.saturating_sub(1))
}

fn told(goal: Goal) -> String {
    match goal {
        Goal::Steps(steps) => format!("{steps} env-steps"),
        Goal::Seconds(seconds) => format!("{seconds:.1} s"),
    }
}

/// Three digits that count.
fn short(value: f64) -> String {
    format!("{value:.2e}").parse().unwrap_or(value).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{super::Roles, *};
    use crate::{
        domains::Scenario,
        learn::hyperparameters::{Algo, Hyperparameters},
    };

    fn plan(goal: Goal, params: Hyperparameters) -> Plan {
        let text = "(version: 1, name: \"x\", title: \"T\", about: \"A\", seed: 1, max_steps: 4, domain: Jamming(()))";
        let stage = Scenario::parse(text, "x.ron").unwrap();
        Plan { stages: vec![stage.clone(), stage], seed: 3, goal, params, roles: Roles::default() }
    }

    const BEHIND: Behind = Behind { env_steps: 600, wall_s: 2.94 };

    #[test]
    fn a_goal_that_is_behind_the_run_is_refused_and_its_own_is_not() {
        let plan = plan(Goal::Seconds(2.0), Hyperparameters::default());
        let refused = |goal| check_reachable(&plan, goal, BEHIND).unwrap_err().to_string();
        let told = refused(Goal::Seconds(1.2));
        assert!(
            told.starts_with("this run has 2.9 s behind it, the goal is 1.2 s in all; nothing was trained"),
            "{told}"
        );
        assert!(refused(Goal::Steps(600)).contains("600 env-steps") && refused(Goal::Steps(600)).contains("`--steps`"));
        check_reachable(&plan, Goal::Steps(601), BEHIND).unwrap();
        check_reachable(&plan, Goal::Seconds(2.0), BEHIND).unwrap();
    }

    #[test]
    fn what_a_longer_run_does_to_its_schedules_is_one_sentence() {
        let params = Hyperparameters::default().with(|params| params.ppo.imitation = 0.6);
        let told = schedules(&plan(Goal::Steps(600), params), Goal::Steps(1200), BEHIND).unwrap();
        assert_eq!(
            told,
            "with a goal of 1200 env-steps the run is 50.0 % done instead of 100.0 %, so the learning rate goes from 0.00005 \
             to 0.000275, the weight of the entropy goes from 0 to 0.0025, the policy imitates its teacher again until 60 % \
             are done"
        );
        let told = schedules(&plan(Goal::Steps(600), Hyperparameters::default()), Goal::Steps(1300), BEHIND).unwrap();
        assert!(told.contains("in stage 1 of 2 (`x`)") && !told.contains("teacher"), "{told}");
        let params = Hyperparameters::default().with(|params| {
            params.run.algo = Algo::Ddpg;
            params.ddpg.prioritised = true;
        });
        let told = schedules(&plan(Goal::Steps(600), params), Goal::Steps(1200), BEHIND).unwrap();
        assert!(told.contains("noise goes from 0.03 to 0.165") && told.contains("beta goes from 1 to 0.7"), "{told}");
    }

    #[test]
    fn a_run_without_schedules_has_nothing_to_tell() {
        let params = Hyperparameters::default().with(|params| {
            params.run.final_lr_fraction = 1.0;
            params.ppo.ent_coef = 0.0;
        });
        let mut plan = plan(Goal::Steps(600), params);
        plan.stages.truncate(1);
        assert_eq!(schedules(&plan, Goal::Steps(1200), BEHIND), None);
        plan.params = Hyperparameters::default();
        assert_eq!(schedules(&plan, Goal::Steps(600), BEHIND), None, "it is the same goal");
    }
}
