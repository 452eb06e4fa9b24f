//! Baselines of a line or two.

use bevy_ecs::world::World;
use glam::Vec2;

use super::{Script, Situation, scripted};
use crate::{
    error::Result,
    sim::{ActionSpace, Clock, Declared, Policy, Ports, Purpose, Seeds},
};

const RANDOM: Purpose = Purpose::new("particles.policy.random");

/// Uniform actions.
pub(super) fn random() -> Box<dyn Policy> {
    Box::new(Random)
}

/// Does nothing.
pub(super) fn still() -> Box<dyn Policy> {
    scripted(Still)
}

/// Draws from the action space itself, whatever it is.
struct Random;

impl Policy for Random {
    fn act(&mut self, world: &mut World, group: usize) -> Result<()> {
        let seeds = *world.resource::<Seeds>();
        let space = world.resource::<Declared>().0.groups[group].action.clone();
        let clocks: Vec<Clock> = world.query::<&Clock>().iter(world).copied().collect();
        let port = &mut world.resource_mut::<Ports>().groups[group];
        let teams = port.actions.chunks_exact_mut(port.agents * port.action_width);
        for (clock, team) in clocks.iter().zip(teams) {
            let mut stream = seeds.stream(RANDOM, clock.address());
            for action in team.chunks_exact_mut(port.action_width) {
                let ActionSpace { continuous, discrete } = &space;
                let (numbers, choices) = action.split_at_mut(continuous.len());
                for (number, axis) in numbers.iter_mut().zip(continuous) {
                    *number = stream.uniform(*axis.bounds.start(), *axis.bounds.end());
                }
                for (choice, dimension) in choices.iter_mut().zip(discrete) {
                    *choice = stream.below(dimension.choices.len()) as f32;
                }
            }
        }
        Ok(())
    }

    fn fork(&self) -> Box<dyn Policy> {
        random()
    }
}

struct Still;

impl Script for Still {
    fn command(&mut self, group: usize, situation: Situation<'_>, thrusts: &mut Vec<Vec2>) {
        thrusts.resize(situation.model.members(group).len(), Vec2::ZERO);
    }

    fn forget(&self) -> Box<dyn Policy> {
        still()
    }
}
