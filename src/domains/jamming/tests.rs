//! Laws of the jamming domain. Each file here holds those of one part; what they share is a [`Stage`].

#![allow(clippy::unwrap_used, reason = "tests")]

mod baselines;
mod clusters;
mod duel;
mod editing;
mod measures;
mod motion;
mod observations;
mod placement;
mod radio;
mod regressions;
mod responses;
mod rewards;
mod structure;
mod view;

use bevy_ecs::{
    component::{Component, Mutable},
    query::{QueryFilter, With},
};
use glam::Vec2;

use super::{
    components::{Assignment, Clusters, Enemy, JamBand, Jammer, Position, Swarm, TurnRate, Velocity},
    scenario::{Band, JammingParams, Motion},
    systems::METRICS,
};
use crate::sim::{Lane, Seeds};

/// One env whose drones and jammers a test can put where it wants them.
struct Stage {
    lane: Lane,
    params: JammingParams,
}

impl Stage {
    /// The first episode under seed 1, without a time limit.
    fn new(params: &JammingParams) -> Self {
        Self::seeded(params, 1)
    }

    fn seeded(params: &JammingParams, seed: u64) -> Self {
        Self { lane: Lane::new(params, u32::MAX, Seeds::new(seed), 0..1), params: params.clone() }
    }

    /// Components `C` of all entities that `F` selects, in the order of the tables.
    fn all<C: Component + Clone, F: QueryFilter>(&mut self) -> Vec<C> {
        let world = self.lane.world_mut();
        let mut query = world.query_filtered::<&C, F>();
        query.iter(world).cloned().collect()
    }

    fn put<C: Component<Mutability = Mutable> + Clone, F: QueryFilter>(&mut self, values: &[C]) {
        let world = self.lane.world_mut();
        let mut query = world.query_filtered::<&mut C, F>();
        let mut rows: Vec<_> = query.iter_mut(world).collect();
        assert_eq!(rows.len(), values.len());
        for (row, value) in rows.iter_mut().zip(values) {
            **row = value.clone();
        }
    }

    fn drones(&mut self) -> Vec<Vec2> {
        self.all::<Position, With<Enemy>>().iter().map(|position| position.0).collect()
    }

    fn drone_velocities(&mut self) -> Vec<Vec2> {
        self.all::<Velocity, With<Enemy>>().iter().map(|velocity| velocity.0).collect()
    }

    fn turn_rates(&mut self) -> Vec<f32> {
        self.all::<TurnRate, With<Enemy>>().iter().map(|turn| turn.0).collect()
    }

    fn jammers(&mut self) -> Vec<Vec2> {
        self.all::<Position, With<Jammer>>().iter().map(|position| position.0).collect()
    }

    fn velocities(&mut self) -> Vec<Vec2> {
        self.all::<Velocity, With<Jammer>>().iter().map(|velocity| velocity.0).collect()
    }

    fn bands(&mut self) -> Vec<u8> {
        self.all::<JamBand, With<Jammer>>().iter().map(|band| band.0).collect()
    }

    fn assignments(&mut self) -> Vec<Assignment> {
        self.all::<Assignment, With<Jammer>>()
    }

    fn swarm(&mut self) -> Swarm {
        self.all::<Swarm, ()>()[0]
    }

    fn clusters(&mut self) -> Clusters {
        self.all::<Clusters, ()>()[0].clone()
    }

    fn put_drones(&mut self, places: &[(f32, f32)]) {
        let places: Vec<_> = places.iter().map(|place| Position(Vec2::from(*place))).collect();
        self.put::<_, With<Enemy>>(&places);
        self.refresh();
    }

    fn put_jammers(&mut self, places: &[(f32, f32)]) {
        let places: Vec<_> = places.iter().map(|place| Position(Vec2::from(*place))).collect();
        self.put::<_, With<Jammer>>(&places);
        self.refresh();
    }

    fn put_band(&mut self, band: Band) {
        let swarm = Swarm { band: index(band), first_band: index(band), ..self.swarm() };
        self.put::<_, ()>(&[swarm]);
        self.refresh();
    }

    /// Derives graphs and observations anew after something was put somewhere.
    fn refresh(&mut self) {
        self.lane.refresh(0);
    }

    /// A tick in which the jammers fly and tune as ordered.
    fn step(&mut self, orders: &[(Vec2, u8)]) {
        let actions: Vec<f32> = orders.iter().flat_map(|(v, band)| [v.x, v.y, f32::from(*band)]).collect();
        self.lane.ports_mut().groups[0].actions.copy_from_slice(&actions);
        self.lane.step();
    }

    /// A tick in which all jammers hover on `band`.
    fn hover(&mut self, band: Band) {
        self.step(&vec![(Vec2::ZERO, index(band)); self.params.num_jammers]);
    }

    /// What was measured in the last tick.
    fn metric(&self, name: &str) -> f64 {
        self.lane.ports().metrics[METRICS.iter().position(|metric| metric.name == name).unwrap()]
    }

    /// What an agent sees under this name.
    fn seen(&self, agent: usize, name: &str) -> f32 {
        let fields = &self.lane.spec().groups[0].observation;
        let at = fields.iter().position(|field| field.name == name).unwrap_or_else(|| panic!("no field `{name}`"));
        self.lane.ports().groups[0].observations[agent * fields.len() + at]
    }
}

fn index(band: Band) -> u8 {
    Band::ALL.iter().position(|other| *other == band).unwrap() as u8
}

/// Hovering drones on 2.4 GHz: nothing moves but what a test moves.
fn still(num_enemies: usize, num_jammers: usize) -> JammingParams {
    JammingParams {
        num_enemies,
        num_jammers,
        motion: Motion::Static,
        enemy_bands: vec![Band::Ghz2_4],
        ..JammingParams::default()
    }
}

/// Uniform numbers in [0, 1) that depend on `seed` alone.
fn noise(seed: u64) -> impl FnMut() -> f32 {
    use crate::sim::{Address, Purpose};
    let mut stream = Seeds::new(seed).stream(Purpose::new("test"), Address { env: 0, episode: 0, tick: 0 });
    move || stream.unit()
}

/// One random order per jammer.
fn random_orders(params: &JammingParams, unit: &mut impl FnMut() -> f32) -> Vec<(Vec2, u8)> {
    let top = params.jammer_speed_mps as f32;
    let order = |_| {
        let velocity = Vec2::new(top * (2.0 * unit() - 1.0), top * (2.0 * unit() - 1.0));
        (velocity, (4.0 * unit()) as u8)
    };
    (0..params.num_jammers).map(order).collect()
}
