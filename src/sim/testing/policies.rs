//! What baselines may do.

use super::{Dice, Subject, ensure};
use crate::{
    error::{Error, Result},
    sim::{ActionSpace, GroupPort, Lane, Policy},
};

/// Ticks that each baseline plays: some of them are slow.
const TICKS: u32 = 3;

/// Baselines write every action of their group and none of others, within the action space, and take no choice that a mask
/// forbids.
///
/// # Errors
/// The first action that is otherwise.
pub fn baselines_keep_to_the_rules(subject: &Subject<'_>) -> Result<()> {
    for mut baseline in subject.domain.baselines() {
        let mut lane = subject.lane();
        let spec = lane.spec().clone();
        let Some(group) = spec.group(baseline.group) else { continue };
        let dice = Dice::new(&spec, 1);
        for tick in 0..TICKS {
            dice.roll(&mut lane);
            let others: Vec<Vec<f32>> = lane.ports().groups.iter().map(|port| port.actions.clone()).collect();
            act(&mut lane, &mut *baseline.policy, group)?;
            for (index, (before, port)) in others.iter().zip(&lane.ports().groups).enumerate() {
                let is_own = index == group;
                ensure!(is_own || port.actions == *before, "`{}` acts for others, too", baseline.name);
            }
            let port = &lane.ports().groups[group];
            is_allowed(&spec.groups[group].action, port, subject.has_codes)
                .map_err(|error| Error::input(format!("`{}`, tick {tick}: {error}", baseline.name)))?;
            lane.step();
        }
    }
    Ok(())
}

/// A fork of a baseline that has played does in the same world what one does that was just made.
///
/// # Errors
/// The baseline that is otherwise.
pub fn forks_remember_nothing(subject: &Subject<'_>) -> Result<()> {
    let fresh = subject.domain.baselines();
    for (mut used, mut fresh) in subject.domain.baselines().into_iter().zip(fresh) {
        let mut lane = subject.lane();
        let Some(group) = lane.spec().group(used.group) else { continue };
        for _ in 0..TICKS {
            act(&mut lane, &mut *used.policy, group)?;
            lane.step();
        }
        let expected = act(&mut lane, &mut *fresh.policy, group)?;
        let found = act(&mut lane, &mut *used.policy.fork(), group)?;
        ensure!(expected == found, "a fork of `{}` does something else than a new one", used.name);
    }
    Ok(())
}

/// The actions that a policy writes where there were none, as bits.
fn act(lane: &mut Lane, policy: &mut dyn Policy, group: usize) -> Result<Vec<u32>> {
    lane.ports_mut().groups[group].actions.fill(f32::NAN);
    lane.act(policy, group)?;
    Ok(lane.ports().groups[group].actions.iter().map(|number| number.to_bits()).collect())
}

fn is_allowed(space: &ActionSpace, port: &GroupPort, has_codes: bool) -> Result<()> {
    let mut masks = port.masks.chunks_exact(port.num_choices.max(1));
    for action in port.actions.chunks_exact(port.action_width) {
        let mut mask = masks.next().unwrap_or_default();
        let (numbers, choices) = action.split_at(space.continuous.len());
        for (number, axis) in numbers.iter().zip(&space.continuous) {
            let is_code = has_codes && *number < *axis.bounds.start();
            ensure!(is_code || axis.bounds.contains(number), "`{}` is {number}, of {:?}", axis.name, axis.bounds);
        }
        for (choice, dimension) in choices.iter().zip(&space.discrete) {
            let num_choices = dimension.choices.len();
            let is_choice = choice.fract() == 0.0 && (0.0..num_choices as f32).contains(choice);
            ensure!(is_choice, "choice {choice} of `{}`, of {num_choices}", dimension.name);
            let (own, rest) = mask.split_at(num_choices.min(mask.len()));
            ensure!(own.get(*choice as usize) != Some(&false), "choice {choice} of `{}` is forbidden", dimension.name);
            mask = rest;
        }
    }
    Ok(())
}
