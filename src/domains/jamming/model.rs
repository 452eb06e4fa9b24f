//! Configuration of the env and what follows from it.

use std::ops::Range;

use bevy_ecs::resource::Resource;
use glam::Vec2;

use super::{radio::LinkBudgets, scenario::JammingParams};
use crate::sim::kit::rows_of;

/// Configuration of the env and what follows from it.
#[derive(Resource, Clone, Debug)]
pub(super) struct Model {
    pub params: JammingParams,
    pub budgets: LinkBudgets,
    pub num_enemies: usize,
    pub num_jammers: usize,
    pub arena_m: f32,
    pub dt_s: f32,
    pub enemy_speed_mps: f32,
    pub jammer_speed_mps: f32,
    /// Where drones and jammers start, if the scenario says so of each.
    pub enemies_at: Vec<Vec2>,
    pub jammers_at: Vec<Vec2>,
}

impl Model {
    pub(super) fn new(params: &JammingParams) -> Self {
        Self {
            budgets: LinkBudgets::new(params),
            num_enemies: params.num_enemies,
            num_jammers: params.num_jammers,
            arena_m: params.arena_m as f32,
            dt_s: params.dt_s as f32,
            enemy_speed_mps: params.enemy_speed_mps as f32,
            jammer_speed_mps: params.jammer_speed_mps as f32,
            enemies_at: places(&params.enemies_at_m),
            jammers_at: places(&params.jammers_at_m),
            params: params.clone(),
        }
    }

    /// Rows of the drones of the env at `slot` in the tables of the swarm.
    pub(super) fn drones(&self, slot: usize) -> Range<usize> {
        rows_of(slot, self.num_enemies)
    }

    /// Rows of the jammers of the env at `slot` in the tables of the team.
    pub(super) fn jammers(&self, slot: usize) -> Range<usize> {
        rows_of(slot, self.num_jammers)
    }
}

/// Places from x and y in turn.
fn places(at_m: &[f64]) -> Vec<Vec2> {
    at_m.chunks_exact(2).map(|place| Vec2::new(place[0] as f32, place[1] as f32)).collect()
}
