//! The baseline that every domain has: actions drawn uniformly from all that are allowed.

use bevy_ecs::system::{Query, Res, ResMut, SystemParam};

use super::{Script, scripted};
use crate::sim::{ActionSpace, Clock, Declared, Policy, Ports, Purpose, Seeds, Stream};

/// Draws every dimension of every action on its own, at an address of `purpose`.
pub fn uniform(purpose: Purpose) -> Box<dyn Policy> {
    scripted(move || Uniform(purpose))
}

/// One agent's action, uniform within `space`. `mask` says of each choice whether it is allowed; empty, all are.
pub fn draw(stream: &mut Stream, space: &ActionSpace, mut mask: &[bool], action: &mut [f32]) {
    let (numbers, choices) = action.split_at_mut(space.continuous.len());
    for (number, axis) in numbers.iter_mut().zip(&space.continuous) {
        *number = stream.uniform(*axis.bounds.start(), *axis.bounds.end());
    }
    for (choice, dimension) in choices.iter_mut().zip(&space.discrete) {
        let (own, rest) = mask.split_at(dimension.choices.len().min(mask.len()));
        mask = rest;
        let allowed = || (0..dimension.choices.len()).filter(|choice| own.get(*choice).copied().unwrap_or(true));
        let number = stream.below(allowed().count().max(1));
        *choice = allowed().nth(number).unwrap_or_default() as f32;
    }
}

struct Uniform(Purpose);

#[derive(SystemParam)]
struct Tables<'w, 's> {
    declared: Res<'w, Declared>,
    seeds: Res<'w, Seeds>,
    ports: ResMut<'w, Ports>,
    clocks: Query<'w, 's, &'static Clock>,
}

impl Script for Uniform {
    type Tables = Tables<'static, 'static>;

    fn act(&mut self, Tables { declared, seeds, mut ports, clocks }: Tables<'_, '_>, group: usize) {
        let (space, port) = (&declared.0.groups[group].action, &mut ports.groups[group]);
        let teams = port.actions.chunks_exact_mut(port.agents * port.action_width);
        let mut masks = port.masks.chunks_exact(port.num_choices.max(1));
        for (clock, team) in clocks.iter().zip(teams) {
            let mut stream = seeds.stream(self.0, clock.address());
            for action in team.chunks_exact_mut(port.action_width) {
                draw(&mut stream, space, masks.next().unwrap_or_default(), action);
            }
        }
    }
}
