//! Scripted drones to compare with: each motion that a swarm can be scripted to have, and rules that respond to being jammed.
//!
//! They use no more than a drone's radio shows: itself, the drones that it has links to, and how loud each band is.

use bevy_ecs::{
    query::With,
    system::{Query, Res, ResMut, SystemParam},
};
use glam::Vec2;

use super::GROUP;
use crate::{
    domains::jamming::{
        components::{Enemy, JamBand, Jammer, Position, Swarm, TurnRate, Velocity},
        model::Model,
        neighbours::nearest_linked,
        scenario::Band,
        systems::RadioGraphs,
    },
    sim::{Baseline, Clock, Ports, Purpose, Seeds, Stream, column, kit},
};

const SCRIPT: Purpose = Purpose::new("jamming.policy.swarm");

/// All baselines of the swarm, roughly weakest first.
pub(in super::super) fn baselines() -> Vec<Baseline> {
    let baseline = |&(name, doc, script): &(_, _, Script)| Baseline {
        name,
        doc,
        group: GROUP,
        privileged: false,
        policy: kit::scripted(move || script),
    };
    SCRIPTS.iter().map(baseline).collect()
}

const SCRIPTS: [(&str, &str, Script); 9] = [
    ("static", "hovers", Script { fly: Fly::Stand, hop: Hop::Never }),
    ("random_walk", "flies at top speed, its heading disturbed by noise", Script { fly: Fly::Walk, hop: Hop::Never }),
    ("coordinated_turn", "flies in circles of its own", Script { fly: Fly::Turn, hop: Hop::Never }),
    ("fly_on", "all fly on as the first one does", Script { fly: Fly::On, hop: Hop::Never }),
    ("spread", "flies away from the drones that it hears", Script { fly: Fly::Apart, hop: Hop::Never }),
    (
        "hop",
        "walks at random, and hops to the quietest band when its own is louder",
        Script { fly: Fly::Walk, hop: Hop::WhenLouder },
    ),
    (
        "gather",
        "flies to the middle of the drones that it hears, and hops",
        Script { fly: Fly::Together, hop: Hop::WhenLouder },
    ),
    (
        "cycle",
        "keeps its spacing to the nearest drone that it hears, and changes between its two bands of longest range in every tick",
        Script { fly: Fly::Spaced, hop: Hop::InTurn },
    ),
    (
        "fhss",
        "keeps its spacing too, and talks on a far-reaching band drawn anew in every tick, from a sequence that the swarm shares",
        Script { fly: Fly::Spaced, hop: Hop::AtRandom },
    ),
];

/// What a drone does.
#[derive(Clone, Copy)]
struct Script {
    fly: Fly,
    hop: Hop,
}

/// When and where to the swarm hops.
#[derive(Clone, Copy)]
enum Hop {
    Never,
    WhenLouder,
    /// Between the two bands of longest range.
    InTurn,
    /// Frequency-hopping spread spectrum over the bands that reach across half of the arena. All of them have the same chance, the
    /// present one as well: nothing of the past tells where the swarm will be.
    AtRandom,
}

#[derive(Clone, Copy)]
enum Fly {
    Stand,
    Walk,
    Turn,
    On,
    Apart,
    Together,
    Spaced,
}

/// The tables that scripts read, and the ports they write.
#[derive(SystemParam)]
struct Tables<'w, 's> {
    model: Res<'w, Model>,
    graphs: Res<'w, RadioGraphs>,
    seeds: Res<'w, Seeds>,
    ports: ResMut<'w, Ports>,
    envs: Query<'w, 's, (&'static Clock, &'static Swarm)>,
    drones: Query<'w, 's, &'static Position, With<Enemy>>,
    velocities: Query<'w, 's, &'static Velocity, With<Enemy>>,
    turns: Query<'w, 's, &'static TurnRate, With<Enemy>>,
    team: Query<'w, 's, &'static Position, With<Jammer>>,
    bands: Query<'w, 's, &'static JamBand>,
}

impl kit::Script for Script {
    type Tables = Tables<'static, 'static>;

    fn act(&mut self, tables: Tables<'_, '_>, group: usize) {
        let Tables { model, graphs, seeds, mut ports, envs, drones, velocities, turns, team, bands } = tables;
        let (drones, velocities, turns) = (column(&drones), column(&velocities), column(&turns));
        let (team, bands) = (column(&team), column(&bands));
        let actions = ports.groups[group].actions.chunks_exact_mut(3 * model.num_enemies);
        for (slot, ((clock, swarm), actions)) in envs.iter().zip(actions).enumerate() {
            let (d, j) = (model.drones(slot), model.jammers(slot));
            let mut stream = seeds.stream(SCRIPT, clock.address());
            let situation = Situation {
                model: &model,
                swarm,
                drones: &drones[d.clone()],
                velocities: &velocities[d.clone()],
                turns: &turns[d],
                links: graphs.links(slot),
                team: &team[j.clone()],
                bands: &bands[j],
            };
            let common = situation.common_band(self.hop, &mut stream);
            for (own, action) in actions.chunks_exact_mut(3).enumerate() {
                let velocity = situation.velocity(self.fly, own, &mut stream);
                let band = common.unwrap_or_else(|| situation.quietest(own));
                action.copy_from_slice(&[velocity.x, velocity.y, f32::from(band)]);
            }
        }
    }
}

/// One env as a script sees it.
struct Situation<'a> {
    model: &'a Model,
    swarm: &'a Swarm,
    drones: &'a [Position],
    velocities: &'a [Velocity],
    turns: &'a [TurnRate],
    links: &'a [u64],
    team: &'a [Position],
    bands: &'a [JamBand],
}

impl Situation<'_> {
    fn velocity(&self, fly: Fly, own: usize, stream: &mut Stream) -> Vec2 {
        let (top, velocity) = (self.model.enemy_speed_mps, self.velocities[own].0);
        match fly {
            Fly::Stand => Vec2::ZERO,
            Fly::Walk => {
                let noise = self.model.params.walk_noise_mps as f32;
                at_speed(velocity + noise * Vec2::new(stream.normal(), stream.normal()), top)
            }
            Fly::Turn => {
                let (sin, cos) = libm::sincosf(self.turns[own].0 * self.model.dt_s);
                at_speed(Vec2::new(cos * velocity.x - sin * velocity.y, sin * velocity.x + cos * velocity.y), top)
            }
            Fly::On => at_speed(self.velocities[0].0, top),
            Fly::Apart => at_speed(self.drones[own].0 - self.middle(own), top),
            Fly::Together => {
                // Short of the middle it slows down, so that nobody flies to and fro.
                let way = (self.middle(own) - self.drones[own].0) / self.model.dt_s;
                way.clamp_length_max(top)
            }
            Fly::Spaced => self.spaced(own).clamp_length_max(top),
        }
    }

    /// Mean place of the drones that a drone hears; its own if it hears nobody.
    fn middle(&self, own: usize) -> Vec2 {
        let heard = nearest_linked(self.drones, own, self.links);
        let sum: Vec2 = heard.indices().map(|drone| self.drones[drone].0).sum();
        if heard.len == 0 { self.drones[own].0 } else { sum / heard.len as f32 }
    }

    /// Velocity that brings a drone to its spacing from the nearest drone that it hears, if that one stays.
    fn spaced(&self, own: usize) -> Vec2 {
        let place = self.drones[own].0;
        let heard = nearest_linked(self.drones, own, self.links);
        let Some(nearest) = heard.indices().next() else { return Vec2::ZERO };
        let away = place - self.drones[nearest].0;
        let missing = self.model.params.spacing_m as f32 - away.length();
        // Both may fly: each goes half of the way.
        at_speed(away, 0.5 * missing / self.model.dt_s)
    }

    /// Bands that the swarm may talk on.
    fn ours(&self) -> impl Iterator<Item = u8> + '_ {
        let bands = 0..Band::ALL.len() as u8;
        bands.filter(|band| self.model.params.enemy_bands.contains(&Band::ALL[usize::from(*band)]))
    }

    /// The band that all drones vote for; none where each looks for itself.
    fn common_band(&self, hop: Hop, stream: &mut Stream) -> Option<u8> {
        let present = self.swarm.band;
        match hop {
            Hop::Never => Some(present),
            Hop::WhenLouder => None,
            Hop::InTurn => {
                let others = self.ours().filter(|band| *band != present);
                let farthest = others.max_by(|a, b| self.range_m(*a).total_cmp(&self.range_m(*b)));
                Some(farthest.unwrap_or(present))
            }
            Hop::AtRandom => {
                let half = 0.5 * self.model.params.arena_m as f32;
                let far = || self.ours().filter(|band| self.range_m(*band) >= half);
                Some(far().nth(stream.below(far().count().max(1))).unwrap_or(present))
            }
        }
    }

    fn range_m(&self, band: u8) -> f32 {
        self.model.budgets.band(band).link_range_m
    }

    /// The band of the swarm's own with the least power at a drone; the present one where none is quieter.
    fn quietest(&self, own: usize) -> u8 {
        let place = self.drones[own].0;
        let power = |band: u8| -> f32 {
            let on_band = self.team.iter().zip(self.bands).filter(|(_, other)| other.0 == band);
            on_band.map(|(jammer, _)| 1.0 / jammer.0.distance_squared(place).max(1.0)).sum::<f32>()
                * self.model.budgets.band(band).jam_watt_at_1m
        };
        let (best, least) = self
            .ours()
            .map(|band| (band, power(band)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((self.swarm.band, 0.0));
        if least < power(self.swarm.band) { best } else { self.swarm.band }
    }
}

/// The same direction at this speed; nothing has no direction.
fn at_speed(velocity: Vec2, speed: f32) -> Vec2 {
    velocity * (speed / velocity.length().max(1e-6))
}
