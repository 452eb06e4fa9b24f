//! Distances and touches: what rewards and metrics are made of.

use bevy_ecs::{
    query::{With, Without},
    resource::Resource,
    system::{Local, Query, Res, ResMut},
};

use super::{
    Model,
    block::{Block, LANES, Lanes, load},
};
use crate::{
    domains::particles::{
        components::{Agent, Landmark, Position},
        scenario::Task,
    },
    math::simd::{Kernel, Simd, dispatch},
    sim::{Ports, column, kit::declare_metrics},
};

/// A landmark with an agent within this distance is covered.
pub(in super::super) const COVERED_M: f32 = 0.1;

declare_metrics! {
    /// What is measured in task `spread`.
    pub(in super::super) struct SpreadMetrics {
        landmark_distance: "m", Mean, Lower, "distance of a landmark to the nearest agent, mean over landmarks";
        collisions: "", Mean, Lower, "pairs of agents that touch";
        covered: "", Mean, Higher, "landmarks with an agent within 0.1 m";
        covered_final: "", Last, Higher, "landmarks with an agent within 0.1 m at the last tick";
    }
}

declare_metrics! {
    /// What is measured in task `tag`.
    pub(in super::super) struct TagMetrics {
        catches: "", Sum, Higher, "ticks in which an adversary touches a good agent, summed over their pairs";
        adversary_distance: "m", Mean, Lower, "distance of a good agent to the nearest adversary, mean over good agents";
    }
}

/// What the last tick of an env came to. In task `tag` what is near are adversaries, and those it is near to good agents.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in super::super) struct Measure {
    /// Distances of landmarks (`spread`) or good agents (`tag`) to the nearest agent or adversary, summed.
    pub distance_m: f32,
    /// Landmarks that are covered.
    pub num_covered: f32,
    /// Pairs that touch: agents (`spread`), or an adversary and a good agent (`tag`).
    pub num_touches: f32,
}

/// The last tick's measures; derived, never state.
#[derive(Resource, Default)]
pub(in super::super) struct Measures {
    /// One per env.
    pub envs: Vec<Measure>,
    /// `[envs, agents]`: agents that touch it. In task `tag` only adversaries and good agents count for each other.
    pub touches: Vec<f32>,
}

impl Measures {
    pub(in super::super) fn new(model: &Model, envs: usize) -> Self {
        Self { envs: vec![Measure::default(); envs], touches: vec![0.0; envs * model.num_agents()] }
    }
}

impl Measure {
    fn spread_metrics(&self, model: &Model) -> SpreadMetrics {
        let covered = f64::from(self.num_covered);
        SpreadMetrics {
            landmark_distance: f64::from(self.distance_m) / model.num_landmarks as f64,
            collisions: f64::from(self.num_touches),
            covered,
            covered_final: covered,
        }
    }

    fn tag_metrics(&self, model: &Model) -> TagMetrics {
        let num_good = model.num_agents() - model.num_adversaries;
        TagMetrics {
            catches: f64::from(self.num_touches),
            adversary_distance: f64::from(self.distance_m) / num_good as f64,
        }
    }
}

/// Measures every env.
pub(in super::super) fn measure(
    model: Res<Model>,
    mut measures: ResMut<Measures>,
    mut ports: ResMut<Ports>,
    positions: Query<&Position, With<Agent>>,
    landmarks: Query<&Position, (With<Landmark>, Without<Agent>)>,
    mut block: Local<Block>,
) {
    let (positions, landmarks) = (column(&positions), column(&landmarks));
    dispatch(MeasureAll { model: &model, positions, landmarks, measures: &mut measures, block: &mut block });
    match model.params.task {
        Task::Spread => {
            let (rows, _) = ports.metrics.as_chunks_mut();
            rows.iter_mut()
                .zip(&measures.envs)
                .for_each(|(row, measure)| *row = measure.spread_metrics(&model).numbers());
        }
        Task::Tag => {
            let (rows, _) = ports.metrics.as_chunks_mut();
            rows.iter_mut().zip(&measures.envs).for_each(|(row, measure)| *row = measure.tag_metrics(&model).numbers());
        }
    }
}

/// Measures every env, as a kernel: it is compiled for each instruction set.
struct MeasureAll<'a> {
    model: &'a Model,
    positions: &'a [Position],
    landmarks: &'a [Position],
    measures: &'a mut Measures,
    block: &'a mut Block,
}

impl Kernel for MeasureAll<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { model, positions, landmarks, measures, block } = self;
        let (agents, places) = (model.num_agents(), model.num_landmarks);
        block.resize(agents, places);
        let blocks = measures.envs.chunks_mut(LANES).zip(measures.touches.chunks_mut(LANES * agents));
        for (number, (envs, touches)) in blocks.enumerate() {
            load(&positions[number * LANES * agents..], &mut block.positions, |position| position.0);
            match model.params.task {
                Task::Spread => {
                    load(&landmarks[number * LANES * places..], &mut block.landmarks, |landmark| landmark.0);
                    spread(model, block);
                }
                Task::Tag => tag(model, block),
            }
            for (lane, (env, touches)) in envs.iter_mut().zip(touches.chunks_exact_mut(agents)).enumerate() {
                *env = Measure {
                    distance_m: block.distance_m[lane],
                    num_covered: block.num_covered[lane],
                    num_touches: block.num_touches[lane],
                };
                for (to, from) in touches.iter_mut().zip(&block.touches) {
                    *to = from[lane];
                }
            }
        }
    }
}

/// Measures eight envs of task `spread`.
#[inline(always)]
pub(super) fn spread(model: &Model, block: &mut Block) {
    clear(block);
    for landmark in &block.landmarks {
        let mut nearest2 = [f32::INFINITY; LANES];
        for position in &block.positions {
            keep_less(&mut nearest2, &position.to(landmark).length2());
        }
        let nearest_m = nearest2.map(f32::sqrt);
        for (lane, nearest_m) in nearest_m.into_iter().enumerate() {
            block.distance_m[lane] += nearest_m;
            block.num_covered[lane] += if nearest_m < COVERED_M { 1.0 } else { 0.0 };
        }
    }
    for other in 1..model.num_agents() {
        (0..other).for_each(|agent| count_touches(model, block, agent, other));
    }
}

/// Measures eight envs of task `tag`.
#[inline(always)]
fn tag(model: &Model, block: &mut Block) {
    clear(block);
    for good in model.num_adversaries..model.num_agents() {
        let mut nearest2 = [f32::INFINITY; LANES];
        for adversary in 0..model.num_adversaries {
            keep_less(&mut nearest2, &block.positions[adversary].to(&block.positions[good]).length2());
            count_touches(model, block, adversary, good);
        }
        for (distance_m, nearest2) in block.distance_m.iter_mut().zip(nearest2) {
            *distance_m += nearest2.sqrt();
        }
    }
}

#[inline(always)]
fn clear(block: &mut Block) {
    block.touches.fill([0.0; LANES]);
    (block.distance_m, block.num_covered, block.num_touches) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
}

#[inline(always)]
fn count_touches(model: &Model, block: &mut Block, one: usize, other: usize) {
    let touch_m = model.touch_m(one, other);
    let distances2 = block.positions[one].to(&block.positions[other]).length2();
    for (lane, distance2) in distances2.into_iter().enumerate() {
        let touch = if distance2 < touch_m * touch_m { 1.0 } else { 0.0 };
        block.touches[one][lane] += touch;
        block.touches[other][lane] += touch;
        block.num_touches[lane] += touch;
    }
}

/// The lesser of both in each lane.
#[inline(always)]
fn keep_less(least: &mut Lanes, numbers: &Lanes) {
    for lane in 0..LANES {
        least[lane] = if numbers[lane] < least[lane] { numbers[lane] } else { least[lane] };
    }
}
