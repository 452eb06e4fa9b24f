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

use bevy_ecs::query::With;
use glam::Vec2;

use super::{
    components::{Assignment, Clusters, Enemy, JamBand, Jammer, Position, Swarm, TurnRate, Velocity},
    scenario::{Band, JammingParams, Motion},
    systems::Metrics,
};
use crate::sim::{
    Lane, Seeds,
    kit::{self, noise},
};

/// One env whose drones and jammers a test can put where it wants them.
type Stage = kit::Stage<JammingParams>;

impl Stage {
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

    /// A tick in which the jammers fly and tune as ordered.
    fn order(&mut self, orders: &[(Vec2, u8)]) {
        let actions: Vec<f32> = orders.iter().flat_map(|(v, band)| [v.x, v.y, f32::from(*band)]).collect();
        self.step(&actions);
    }

    /// A tick in which all jammers hover on `band`.
    fn hover(&mut self, band: Band) {
        self.order(&vec![(Vec2::ZERO, index(band)); self.params.num_jammers]);
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

/// One random order per jammer.
fn random_orders(params: &JammingParams, unit: &mut impl FnMut() -> f32) -> Vec<(Vec2, u8)> {
    let top = params.jammer_speed_mps as f32;
    let order = |_| {
        let velocity = Vec2::new(top * (2.0 * unit() - 1.0), top * (2.0 * unit() - 1.0));
        (velocity, (4.0 * unit()) as u8)
    };
    (0..params.num_jammers).map(order).collect()
}
