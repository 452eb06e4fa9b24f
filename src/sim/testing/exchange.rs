//! Agents who are alike can change places.

use bevy_ecs::entity::Entity;

use super::{Dice, Subject, ensure};
use crate::{
    error::{Error, Result},
    sim::{Lane, snapshot},
};

/// Where two agents of group `group` take on each other's state, each sees what the other saw, and the rest what they saw
/// before, up to `tolerance`. Only for groups whose agents are alike and whose observations do not say who is who.
///
/// # Errors
/// The first agent for whom it is otherwise, or a domain that does not say by its editor who the agents are.
pub fn agents_are_exchangeable(subject: &Subject<'_>, group: usize, tolerance: f32) -> Result<()> {
    let mut lane = subject.lane();
    let dice = Dice::new(lane.spec(), 1);
    for tick in 0..subject.ticks.min(40) {
        let before = rows(&lane, group);
        let (one, other) = (tick as usize % before.len(), before.len() - 1);
        exchange(subject, &mut lane, group, [one, other])?;
        let mut after = rows(&lane, group);
        after.swap(one, other);
        for (agent, (before, after)) in before.iter().zip(&after).enumerate() {
            let field = before.iter().zip(after).position(|(before, after)| (before - after).abs() > tolerance);
            let name = field.map_or("", |at| lane.spec().groups[group].observation[at].name.as_str());
            ensure!(
                field.is_none(),
                "tick {tick}: agent {agent} sees another `{name}` where {one} and {other} changed"
            );
        }
        exchange(subject, &mut lane, group, [one, other])?;
        dice.roll(&mut lane);
        lane.step();
    }
    Ok(())
}

fn exchange(subject: &Subject<'_>, lane: &mut Lane, group: usize, agents: [usize; 2]) -> Result<()> {
    let nobody = || Error::input("the domain's editor does not say who the agents are");
    let editor = subject.domain.editor().ok_or_else(nobody)?;
    let kind = editor.kinds().iter().position(|kind| kind.group == Some(group)).ok_or_else(nobody)?;
    let who: Vec<Entity> = editor.places(lane.world(), 0, kind).into_iter().map(|(who, _)| who).collect();
    let [Some(one), Some(other)] = agents.map(|agent| who.get(agent).copied()) else { return Err(nobody()) };
    snapshot::exchange(lane.world_mut(), one, other)?;
    lane.refresh(0);
    Ok(())
}

/// What the agents of the first env see.
fn rows(lane: &Lane, group: usize) -> Vec<Vec<f32>> {
    let port = &lane.ports().groups[group];
    port.observations.chunks_exact(port.observation_width).take(port.agents).map(<[f32]>::to_vec).collect()
}
