//! Cooperative jamming of a swarm's radio graph.
//!
//! **The question.** A swarm of drones keeps a radio graph alive: two drones share a link while they hear each other. A
//! team of jammers flies among them and cuts links whose midpoint (or receivers) it drowns in noise on the right band. How
//! far can the team lower the algebraic connectivity of the graph, lambda-2, the second smallest eigenvalue of its
//! Laplacian, which is 0 exactly when the swarm has fallen apart?
//!
//! **Agents.** One group, `jammers`. Each orders a velocity (two axes, m/s) and a band, every tick. With `swarm: agents` the drones
//! are a second group, `enemies`, with the same kind of orders; see `swarm/mod.rs`.
//!
//! | observation | numbers | for |
//! |---|---|---|
//! | `local` | 99 | learning: nearest enemies, jammers and live links, whatever the size of swarm and team |
//! | `lookahead` | 135 | learning: `local`, and how well the drones it sees would hold together after each of nine steps |
//! | `seed5` | 5 | comparison: direction to the assigned centroid, own velocity, band |
//! | `published5` | 5 | comparison with the published system, whose agents see neither a direction nor a band |
//!
//! | reward term | weight | pays for |
//! |---|---|---|
//! | `lambda2` | `w_lambda2` | 1 - lambda-2 / reference, within 0..=1 |
//! | `band` | `w_band` | jammers on the swarm's band |
//! | `proximity` | `w_proximity` | exp(-κ d), d the distance to the assigned centroid |
//! | `energy` | -`w_energy` | speed squared over top speed squared |
//! | `overlap` | -`w_overlap` | pairs of jammers closer than twice the jam range |
//!
//! **Two radio profiles.** With the published numbers (20 dBm, -90 dBm) links carry 3.1 km at 2.4 GHz, so in arenas of
//! 100 to 300 m the graph is always complete. The calibrated profile (-58.74 dBm) brings that to 86 m, where topology matters.
//!
//! References: M. Fiedler, Algebraic connectivity of graphs, Czechoslovak Mathematical Journal 23 (1973); P. Valianti et
//! al., IEEE Transactions on Mobile Computing 23(12) (2024), for cooperative jamming of a rogue swarm; H. Friis, Proc. IRE 34 (1946).

mod baselines;
pub mod components;
mod editor;
mod lookahead;
mod model;
mod neighbours;
mod observe;
pub mod radio;
mod reward;
pub mod scenario;
mod spawn;
mod structure;
mod swarm;
mod systems;
#[cfg(test)]
mod tests;
mod view;

use bevy_app::App;
use bevy_ecs::schedule::IntoScheduleConfigs;

pub use scenario::JammingParams;

use self::{
    model::Model,
    scenario::{Band, RewardMode, SwarmControl},
    systems::{Measures, Metrics, RadioGraphs, Sensing, measure, motion, sense},
};
use crate::{
    error::Result,
    sim::{
        ActionSpace, Baseline, DiscreteSpec, Domain, Editor, GroupSpec, Refresh, Reset, Showcase, Spec, Stratum, Tick,
        TickSystems, View, field,
    },
};

impl Domain for JammingParams {
    fn id(&self) -> &'static str {
        "jamming"
    }

    fn check(&self) -> Result<()> {
        scenario::check_places("enemies_at_m", &self.enemies_at_m, ("num_enemies", self.num_enemies), self.arena_m)?;
        scenario::check_places("jammers_at_m", &self.jammers_at_m, ("num_jammers", self.num_jammers), self.arena_m)
    }

    fn spec(&self, max_steps: u32) -> Spec {
        let bands = || Band::ALL.iter().map(|band| band.label()).collect::<Vec<_>>();
        let top = self.jammer_speed_mps as f32;
        let jammers = GroupSpec {
            name: "jammers",
            agents: self.num_jammers,
            layout: observe::layout_name(self.observation),
            observation: observe::fields(self),
            action: ActionSpace {
                continuous: vec![field("vx", "m/s", -top..=top), field("vy", "m/s", -top..=top)],
                discrete: vec![DiscreteSpec { name: "band", choices: bands() }],
            },
            reward_terms: reward::Terms::SPECS.to_vec(),
            reward_clip: (self.reward == RewardMode::Team).then_some(reward::TEAM_CLIP),
            is_masked: false,
            default: "extrapolate",
            reference: Some("planner"),
        };
        let drones = (self.swarm == SwarmControl::Agents).then(|| swarm::group(self));
        Spec {
            groups: [jammers].into_iter().chain(drones).collect(),
            metrics: Metrics::SPECS.to_vec(),
            stratum: Some(Stratum { name: "band", labels: bands() }),
            state: Vec::new(),
            max_steps,
        }
    }

    fn dt_s(&self) -> f64 {
        self.dt_s
    }

    fn install(&self, app: &mut App, envs: usize) {
        let model = Model::new(self);
        app.insert_resource(RadioGraphs::new(&model, envs))
            .insert_resource(Measures::new(envs))
            .init_resource::<Sensing>()
            .insert_resource(model);
        app.add_systems(
            Tick,
            (
                motion::take_orders.in_set(TickSystems::Act),
                sense::recluster.in_set(TickSystems::Sense),
                (measure::draw_graphs, measure::measure).chain().in_set(TickSystems::Measure),
                reward::pay.in_set(TickSystems::Reward),
                observe::observe.in_set(TickSystems::Observe),
            ),
        );
        match self.swarm {
            SwarmControl::Scripted => {
                let respond = motion::respond.before(motion::take_orders).in_set(TickSystems::Act);
                app.add_systems(Tick, (respond, motion::move_swarm.in_set(TickSystems::Move)));
            }
            SwarmControl::Agents => swarm::plugin(app, envs),
        }
        app.add_systems(Reset, (spawn::place_swarm, spawn::cluster_anew, spawn::place_jammers).chain());
        app.add_systems(Refresh, (measure::draw_graphs, observe::observe).chain());
        spawn::spawn(app, self.num_enemies, self.num_jammers);
    }

    fn baselines(&self) -> Vec<Baseline> {
        let mut all = baselines::all();
        if self.swarm == SwarmControl::Agents {
            all.extend(swarm::baselines());
        }
        all
    }

    fn view(&self) -> Option<&dyn View> {
        Some(self)
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }

    fn showcase(&self) -> Showcase {
        let first = &[
            "skirmish",
            "duel-4-10",
            "hopping",
            "formation",
            "ratio-10-25",
            "ratio-20-50",
            "swarm-40-100",
            "swarm-40-300",
        ];
        Showcase { first, defects: &[] }
    }
}
