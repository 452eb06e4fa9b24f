//! The swarm as a group of agents: what they do, see and are paid for.
//!
//! Each drone orders a velocity and votes for a band; the swarm talks on one band, and hops when more than half of its drones vote for
//! another. It is paid to stay connected and to keep its spacing, and a hop has a price.
//!
//! | observation | numbers | for |
//! |---|---|---|
//! | `radio` | 62 | learning: what a drone's own radio hears: the drones it has a link to, and the power on each band |
//!
//! | reward term | weight | pays for |
//! |---|---|---|
//! | `lambda2` | `w_swarm_lambda2` | lambda-2 / reference, within 0..=1 |
//! | `formation` | -`w_swarm_formation` | deviation from `spacing_m` to the nearest other drone, in spacings, at most 1 |
//! | `hop` | -`w_swarm_hop` | hops to another band |

mod baselines;
mod observe;
mod orders;
mod reward;

use bevy_app::App;
use bevy_ecs::schedule::IntoScheduleConfigs;

pub(super) use baselines::baselines;

use super::scenario::{Band, JammingParams, Motion};
use crate::sim::{ActionSpace, DiscreteSpec, GroupSpec, Refresh, Tick, TickSystems, field};

/// Name of the group.
const GROUP: &str = "enemies";

/// Place of the group in the spec.
const INDEX: usize = 1;

/// Declaration of the group.
pub(super) fn group(params: &JammingParams) -> GroupSpec {
    let top = params.enemy_speed_mps as f32;
    GroupSpec {
        name: GROUP,
        agents: params.num_enemies,
        layout: "jamming/radio",
        observation: observe::fields(params),
        action: ActionSpace {
            continuous: vec![field("vx", "m/s", -top..=top), field("vy", "m/s", -top..=top)],
            discrete: vec![DiscreteSpec { name: "band", choices: Band::ALL.iter().map(|band| band.label()).collect() }],
        },
        reward_terms: reward::Terms::SPECS.to_vec(),
        reward_clip: None,
        // Bands that the swarm has no radio for are forbidden.
        is_masked: params.enemy_bands.len() < Band::ALL.len(),
        default: match params.motion {
            Motion::Static => "static",
            Motion::RandomWalk => "random_walk",
            Motion::CoordinatedTurn => "coordinated_turn",
            Motion::Formation => "fly_on",
        },
        reference: None,
    }
}

/// Hangs the group's systems into the schedules of `sim`.
pub(super) fn plugin(app: &mut App, envs: usize) {
    app.insert_resource(orders::Hops(vec![false; envs]));
    app.add_systems(
        Tick,
        (
            orders::hop.in_set(TickSystems::Act),
            orders::move_drones.in_set(TickSystems::Move),
            reward::pay.in_set(TickSystems::Reward).after(super::reward::pay),
            observe::observe.in_set(TickSystems::Observe).after(super::observe::observe),
        ),
    );
    app.add_systems(Refresh, observe::observe.after(super::observe::observe));
}
