//! A domain of one's own, complete: walkers on a line look for a beacon. It learns and is evaluated as agon's own domains are.
//!
//! ```sh
//! cargo run --release --example custom_domain           # trains for some seconds, then compares
//! cargo test --example custom_domain                    # the laws that every domain keeps
//! ```
//!
//! CONTRIBUTING.md walks through it.
#![allow(clippy::print_stdout, reason = "an example tells what it finds")]

use agon::{
    error::Result,
    eval::{EvalOptions, Report, evaluate},
    learn::{
        hyperparameters::Hyperparameters,
        learner::{Learned, Lineup, learner},
    },
    policy::{
        acting::Decision,
        card::Shared,
        cast::{Casting, Player},
    },
    sim::{
        ActionSpace, Baseline, Clock, DeclareState, Declared, Domain, Due, Env, GroupPort, GroupSpec, Ports, Purpose,
        Refresh, Reset, Seeds, Spec, Tick, TickSystems, column, column_mut, field,
        kit::{self, Populate, Row, Script, declare_metrics, declare_terms, rows_of},
        params::params,
        scenario::Scenario,
    },
};
use bevy_app::App;
use bevy_ecs::{
    component::Component,
    query::With,
    resource::Resource,
    schedule::IntoScheduleConfigs,
    system::{Query, Res, ResMut, SystemParam},
};
use serde::{Deserialize, Serialize};

/// A scenario of the domain. Like agon's own it could be a file.
const SCENARIO: &str = r#"(
    version: 1, name: "line", title: "Line", about: "Three walkers look for a beacon.", seed: 1, max_steps: 40,
    domain: (num_walkers: 3),
)"#;

fn main() -> Result<()> {
    let report = trained(200)?;
    println!("{}", report.fit(Some(120)));
    Ok(())
}

/// Trains for some iterations and plays what was learned against the baselines.
fn trained(iterations: u32) -> Result<Report> {
    let scenario = Scenario::<Line>::parse(SCENARIO, "line.ron")?;
    let (domain, max_steps) = (&scenario.domain, scenario.max_steps);
    let params = Hyperparameters::default().with(|params| {
        (params.run.num_envs, params.run.num_steps, params.run.hidden) = (32, 40, 32);
        params.ppo.minibatch_size = 960;
    });
    let mut learner = learner(domain, max_steps, scenario.seed, &params, Lineup::all(domain, max_steps)?)?;
    for iteration in 0..iterations {
        learner.iterate(f64::from(iteration) / f64::from(iterations))?;
    }
    let spec = scenario.spec();
    let mut casts = Casting::new(domain, &scenario.name, scenario.spec()).casts(["random", "straight"])?.casts;
    for Learned { group, network } in learner.policies()? {
        let shared = Shared::new(network, domain.id(), &scenario.name, &spec.groups[group]);
        casts.push(Player::learned("learned".to_owned(), shared, Decision::Mode, spec.groups[group].layout)?.into());
    }
    evaluate(&scenario, casts, &EvalOptions { episodes: 64, ..EvalOptions::default() }, &|_| ())
}

const BEGIN: Purpose = Purpose::new("line.begin");
const RANDOM: Purpose = Purpose::new("line.policy.random");
const TOP_MPS: f32 = 1.0;
const DT_S: f32 = 0.5;

params! {
    /// Walkers on a line, and a beacon.
    pub struct Line {
        /// Walkers of an env.
        num_walkers: usize = 3, range 1..=64, next_reset;
        /// Half the length of the line.
        half_m: f64 = 5.0, unit "m", range 1.0..=100.0, next_reset;
        /// Weight of the effort of walking.
        w_effort: f64 = 0.1, range 0.0..=1.0, next_reset;
    }
}

declare_metrics! {
    /// What is measured.
    struct Metrics {
        distance: "m", Mean, Lower, "distance to the beacon, mean over walkers";
        distance_final: "m", Last, Lower, "the same at the last tick";
    }
}

declare_terms! {
    /// What walkers are paid for.
    struct Terms {
        distance: "minus the distance to the beacon, in half lines";
        effort: "minus the square of the speed, in top speeds";
    }
}

/// Configuration of the world.
#[derive(Resource, Clone)]
struct Model(Line);

/// Marks a walker.
#[derive(Component, Clone, Copy)]
struct Walker;

/// Where a walker is, in m from the middle.
#[derive(Component, Clone, Copy, Default, Serialize, Deserialize)]
struct Place(f32);

/// Where the beacon of an env stands, in m from the middle.
#[derive(Component, Clone, Copy, Default, Serialize, Deserialize)]
struct Beacon(f32);

impl Domain for Line {
    fn id(&self) -> &'static str {
        "line"
    }

    fn spec(&self, max_steps: u32) -> Spec {
        let walkers = GroupSpec {
            name: "walkers",
            agents: self.num_walkers,
            layout: "line/itself",
            observation: vec![field("place", "half lines", -1.0..=1.0), field("way", "half lines", -2.0..=2.0)],
            action: ActionSpace { continuous: vec![field("speed", "m/s", -TOP_MPS..=TOP_MPS)], discrete: Vec::new() },
            reward_terms: Terms::SPECS.to_vec(),
            reward_clip: None,
            is_masked: false,
            default: "straight",
            reference: Some("straight"),
        };
        let metrics = Metrics::SPECS.to_vec();
        Spec { groups: vec![walkers], metrics, stratum: None, state: Vec::new(), max_steps }
    }

    fn dt_s(&self) -> f64 {
        f64::from(DT_S)
    }

    fn install(&self, app: &mut App, _envs: usize) {
        app.insert_resource(Model(self.clone()));
        app.declare_state::<Beacon>("beacon").declare_state::<Place>("place");
        app.give_envs(Beacon::default()).spawn_each(self.num_walkers, (Walker, Place::default()));
        app.add_systems(Reset, begin);
        app.add_systems(
            Tick,
            (
                walk.in_set(TickSystems::Move),
                measure_and_pay.in_set(TickSystems::Measure),
                observe.in_set(TickSystems::Observe),
            ),
        );
        app.add_systems(Refresh, observe);
    }

    fn baselines(&self) -> Vec<Baseline> {
        let baseline = |name, doc, policy| Baseline { name, doc, group: "walkers", privileged: false, policy };
        vec![
            baseline("random", "any speed", kit::uniform(RANDOM)),
            baseline("straight", "straight to the beacon", kit::scripted(|| Straight)),
        ]
    }
}

/// Puts the walkers and the beacon of the envs that begin an episode somewhere.
fn begin(
    (model, seeds, due): (Res<Model>, Res<Seeds>, Res<Due>),
    mut envs: Query<(&Clock, &mut Beacon)>,
    mut places: Query<&mut Place>,
) {
    let (half_m, places) = (model.0.half_m as f32, column_mut(&mut places));
    for (slot, (clock, mut beacon)) in envs.iter_mut().enumerate().filter(|(slot, _)| due.0[*slot]) {
        let mut stream = seeds.stream(BEGIN, clock.address());
        beacon.0 = stream.uniform(-half_m, half_m);
        places[rows_of(slot, model.0.num_walkers)].fill_with(|| Place(stream.uniform(-half_m, half_m)));
    }
}

fn walk(model: Res<Model>, ports: Res<Ports>, mut places: Query<&mut Place>) {
    let half_m = model.0.half_m as f32;
    for (place, speed) in column_mut(&mut places).iter_mut().zip(&ports.groups[0].actions) {
        place.0 = (place.0 + speed.clamp(-TOP_MPS, TOP_MPS) * DT_S).clamp(-half_m, half_m);
    }
}

fn measure_and_pay(model: Res<Model>, mut ports: ResMut<Ports>, beacons: Query<&Beacon>, places: Query<&Place>) {
    let (Line { num_walkers, half_m, w_effort }, places, ports) = (&model.0, column(&places), &mut *ports);
    let (metrics, _) = ports.metrics.as_chunks_mut();
    let GroupPort { actions, terms, .. } = &mut ports.groups[0];
    let (terms, _) = terms.as_chunks_mut();
    for (slot, (beacon, metrics)) in beacons.iter().zip(metrics).enumerate() {
        let mut sum_m = 0.0;
        for row in rows_of(slot, *num_walkers) {
            let distance_m = f64::from((beacon.0 - places[row].0).abs());
            let share = (actions[row] / TOP_MPS).clamp(-1.0, 1.0);
            sum_m += distance_m;
            let effort = -(*w_effort as f32) * share * share;
            let paid = Terms { distance: -(distance_m / half_m) as f32, effort };
            terms[row] = paid.numbers();
        }
        let distance = sum_m / *num_walkers as f64;
        *metrics = Metrics { distance, distance_final: distance }.numbers();
    }
}

/// Writes what walkers see in the envs that are due: all of them after a tick.
fn observe(
    (model, declared, due): (Res<Model>, Res<Declared>, Res<Due>),
    mut ports: ResMut<Ports>,
    beacons: Query<&Beacon>,
    places: Query<&Place>,
) {
    let (fields, half_m) = (&declared.0.groups[0].observation, model.0.half_m as f32);
    let rows = ports.groups[0].observations.chunks_exact_mut(model.0.num_walkers * fields.len());
    for (slot, (beacon, rows)) in beacons.iter().zip(rows).enumerate().filter(|(slot, _)| due.0[*slot]) {
        let places = &column(&places)[rows_of(slot, model.0.num_walkers)];
        Row::each(rows, fields, |walker, row| {
            let place = places[walker].0;
            row.put(["place", "way"], [place / half_m, (beacon.0 - place) / half_m]);
        });
    }
}

/// A baseline: as far as it takes to the beacon, at most at top speed.
struct Straight;

#[derive(SystemParam)]
struct Tables<'w, 's> {
    model: Res<'w, Model>,
    ports: ResMut<'w, Ports>,
    beacons: Query<'w, 's, &'static Beacon, With<Env>>,
    places: Query<'w, 's, &'static Place, With<Walker>>,
}

impl Script for Straight {
    type Tables = Tables<'static, 'static>;

    fn act(&mut self, Tables { model, mut ports, beacons, places }: Tables<'_, '_>, group: usize) {
        let (actions, each) = (&mut ports.groups[group].actions, model.0.num_walkers);
        for (slot, beacon) in beacons.iter().enumerate() {
            let rows = rows_of(slot, each);
            for (speed, place) in actions[rows.clone()].iter_mut().zip(&column(&places)[rows]) {
                *speed = ((beacon.0 - place.0) / DT_S).clamp(-TOP_MPS, TOP_MPS);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use agon::sim::testing::{LAWS, Subject};

    use super::*;

    #[test]
    fn the_domain_keeps_all_laws() {
        for (name, law) in LAWS {
            law(&Subject::new(&Line::default(), 40)).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn what_is_learned_goes_nearly_as_straight_as_the_rule() {
        let report = trained(60).unwrap();
        let [random, straight, learned] =
            ["random", "straight", "learned"].map(|name| report.interval(name, "distance_final").unwrap().mean);
        assert!(learned < 0.3 * random, "{learned} m, {straight} m straight and {random} m at random");
    }
}
