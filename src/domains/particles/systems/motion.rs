//! Agents thrust, push each other and move.

use bevy_ecs::{
    query::{With, Without},
    system::{Local, Query, Res, ResMut},
};

use super::block::{Block, LANES, Lanes, Vectors, is_any_below, load, store};
use crate::{
    domains::particles::{
        components::{Agent, Landmark, Position, Velocity},
        model::{Body, DAMPING, DT_S, Model, OBSTACLE_M, SOFTNESS_M, STIFFNESS},
        scenario::{Actions, Physics},
    },
    math::simd::{Kernel, Simd, dispatch},
    sim::{GroupPort, Ports, column, column_mut},
};

/// Beyond so many times [`SOFTNESS_M`] softening changes less than `f32` can tell.
const SOFT: f32 = 20.0;

/// One tick of every env.
pub(in super::super) fn advance(
    model: Res<Model>,
    ports: ResMut<Ports>,
    mut positions: Query<&mut Position, With<Agent>>,
    mut velocities: Query<&mut Velocity, With<Agent>>,
    landmarks: Query<&Position, (With<Landmark>, Without<Agent>)>,
    mut block: Local<Block>,
) {
    dispatch(Advance {
        model: &model,
        groups: &ports.groups,
        positions: column_mut(&mut positions),
        velocities: column_mut(&mut velocities),
        landmarks: column(&landmarks),
        block: &mut block,
    });
}

/// One tick of every env, as a kernel: it is compiled for each instruction set.
struct Advance<'a> {
    model: &'a Model,
    groups: &'a [GroupPort],
    positions: &'a mut [Position],
    velocities: &'a mut [Velocity],
    landmarks: &'a [Position],
    block: &'a mut Block,
}

impl Kernel for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { model, groups, positions, velocities, landmarks, block } = self;
        let (agents, places) = (model.num_agents(), model.num_landmarks);
        block.resize(agents, places);
        let blocks = positions.chunks_mut(LANES * agents).zip(velocities.chunks_mut(LANES * agents));
        for (number, (positions, velocities)) in blocks.enumerate() {
            load(positions, &mut block.positions, |position| position.0);
            load(velocities, &mut block.velocities, |velocity| velocity.0);
            for (group, port) in groups.iter().enumerate() {
                let members = model.members(group);
                let actions = &port.actions[number * LANES * members.len() * port.action_width..];
                thrust(model, actions, &model.bodies[members.clone()], &mut block.forces[members]);
            }
            if model.has_obstacles {
                load(&landmarks[number * LANES * places..], &mut block.landmarks, |landmark| landmark.0);
                push_off_obstacles(model, block);
            }
            push_each_other(model, block);
            integrate(model, block);
            store(&block.positions, positions, Position);
            store(&block.velocities, velocities, Velocity);
        }
    }
}

/// Forces of the agents of a group by what they ordered, `[envs, agents, numbers]`. An order that is not a number is none.
#[inline(always)]
fn thrust(model: &Model, actions: &[f32], bodies: &[Body], forces: &mut [Vectors]) {
    let is = |order: f32, way: u8| f32::from(u8::from(order as u8 == way));
    let unit = |order: f32| if order.is_nan() { 0.0 } else { order.clamp(0.0, 1.0) };
    let signed = |order: f32| if order.is_nan() { 0.0 } else { order.clamp(-1.0, 1.0) };
    let each = forces.len();
    match model.params.actions {
        Actions::Discrete => orders::<1>(actions, each, |lane, agent, [order]| {
            forces[agent].x[lane] = bodies[agent].thrust_n * (is(order, 2) - is(order, 1));
            forces[agent].y[lane] = bodies[agent].thrust_n * (is(order, 4) - is(order, 3));
        }),
        Actions::Continuous => orders::<5>(actions, each, |lane, agent, [_, left, right, down, up]| {
            forces[agent].x[lane] = bodies[agent].thrust_n * (unit(right) - unit(left));
            forces[agent].y[lane] = bodies[agent].thrust_n * (unit(up) - unit(down));
        }),
        Actions::Force => orders::<2>(actions, each, |lane, agent, [x, y]| {
            forces[agent].x[lane] = bodies[agent].thrust_n * signed(x);
            forces[agent].y[lane] = bodies[agent].thrust_n * signed(y);
        }),
    }
}

/// Calls `take` with lane, agent and numbers of every order of a block.
#[inline(always)]
fn orders<const N: usize>(actions: &[f32], each: usize, mut take: impl FnMut(usize, usize, [f32; N])) {
    let (orders, _) = actions.as_chunks::<N>();
    for (lane, team) in orders.chunks_exact(each).take(LANES).enumerate() {
        for (agent, order) in team.iter().enumerate() {
            take(lane, agent, *order);
        }
    }
}

/// Adds the forces between agents.
#[inline(always)]
pub(super) fn push_each_other(model: &Model, block: &mut Block) {
    let Block { positions, forces, .. } = block;
    for other in 1..positions.len() {
        let (before, rest) = forces.split_at_mut(other);
        for (agent, force) in before.iter_mut().enumerate() {
            let contact = Contact::new(model.params.physics, model.touch_m(agent, other));
            let away = positions[other].to(&positions[agent]);
            contact.push(&away, |lane, x, y| {
                force.x[lane] += x;
                force.y[lane] += y;
                rest[0].x[lane] -= x;
                rest[0].y[lane] -= y;
            });
        }
    }
}

/// Adds the forces of obstacles on agents.
#[inline(always)]
fn push_off_obstacles(model: &Model, block: &mut Block) {
    let Block { positions, forces, landmarks, .. } = block;
    for ((position, force), body) in positions.iter().zip(forces).zip(&model.bodies) {
        let contact = Contact::new(model.params.physics, body.radius_m + OBSTACLE_M);
        for obstacle in landmarks.iter() {
            contact.push(&obstacle.to(position), |lane, x, y| {
                force.x[lane] += x;
                force.y[lane] += y;
            });
        }
    }
}

/// How two discs push each other.
struct Contact {
    physics: Physics,
    /// Distance at which they touch.
    touch_m: f32,
    /// Square of the distance from which on they feel nothing.
    reach2: f32,
}

impl Contact {
    #[inline(always)]
    fn new(physics: Physics, touch_m: f32) -> Self {
        let reach_m = match physics {
            Physics::Mpe2 => touch_m + SOFT * SOFTNESS_M,
            Physics::Vmas => touch_m,
        };
        Self { physics, touch_m, reach2: reach_m * reach_m }
    }

    /// Calls `push` with lane and force on the disc at the end of `away`, which leads there from the other one.
    #[inline(always)]
    fn push(&self, away: &Vectors, mut push: impl FnMut(usize, f32, f32)) {
        let distances2: Lanes = away.length2();
        if !is_any_below(&distances2, self.reach2) {
            return;
        }
        for (lane, distance2) in distances2.iter().enumerate() {
            if *distance2 < self.reach2 {
                let by = force_per_m(self.physics, *distance2, self.touch_m);
                push(lane, by * away.x[lane], by * away.y[lane]);
            }
        }
    }
}

/// Force between two discs over their distance: stiffness × softplus of the overlap. Discs whose distance is 0 have
/// no direction to push in (mpe2 divides by zero there).
fn force_per_m(physics: Physics, distance2: f32, touch_m: f32) -> f32 {
    /// Below this distance VMAS pushes nobody.
    const CLOSEST_M: f32 = 1e-6;
    let distance_m = distance2.sqrt();
    let is_apart = match physics {
        Physics::Mpe2 => distance_m > 0.0,
        Physics::Vmas => distance_m >= CLOSEST_M,
    };
    if !is_apart {
        return 0.0;
    }
    let overlap = (touch_m - distance_m) / SOFTNESS_M;
    let soft = if overlap > SOFT { overlap } else { libm::log1pf(libm::expf(overlap)) };
    STIFFNESS * SOFTNESS_M * soft / distance_m
}

/// Velocities and positions after a tick under the forces.
#[inline(always)]
pub(super) fn integrate(model: &Model, block: &mut Block) {
    let Block { positions, velocities, forces, .. } = block;
    for (((position, velocity), force), body) in positions.iter_mut().zip(velocities).zip(forces).zip(&model.bodies) {
        if model.params.physics == Physics::Mpe2 {
            drift(position, velocity);
        }
        for lane in 0..LANES {
            velocity.x[lane] = velocity.x[lane] * (1.0 - DAMPING) + force.x[lane] * DT_S;
            velocity.y[lane] = velocity.y[lane] * (1.0 - DAMPING) + force.y[lane] * DT_S;
        }
        if body.top_speed_mps.is_finite() {
            let speeds2 = velocity.length2();
            for (lane, speed2) in speeds2.into_iter().enumerate() {
                let speed = speed2.sqrt();
                let slower = if speed > body.top_speed_mps { body.top_speed_mps / speed } else { 1.0 };
                velocity.x[lane] *= slower;
                velocity.y[lane] *= slower;
            }
        }
        if model.params.physics == Physics::Vmas {
            drift(position, velocity);
        }
    }
}

/// Moves by a velocity for a tick.
#[inline(always)]
fn drift(position: &mut Vectors, velocity: &Vectors) {
    for lane in 0..LANES {
        position.x[lane] += velocity.x[lane] * DT_S;
        position.y[lane] += velocity.y[lane] * DT_S;
    }
}
