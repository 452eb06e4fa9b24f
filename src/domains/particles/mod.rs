//! Particles that push each other: the tasks `simple_spread` and `simple_tag` of the multi-agent particle environments.
//!
//! **The question.** Does a learner do here what it does elsewhere? These two tasks are what most libraries for multi-agent
//! learning report, so this domain equals them: from the same state the same actions lead to the same next state,
//! observations and rewards as in the Python package `mpe2`, up to rounding. `scripts/particles_vectors.py` records what `mpe2` does, and
//! tests compare.
//!
//! **Task `spread`.** One group, `agents`: discs that have to cover landmarks and not touch each other.
//! **Task `tag`.** Two groups: slow `adversaries` are paid for touching faster `good` agents, which are fined for being
//! touched and for leaving the bounds. Landmarks are obstacles.
//!
//! **Motion.** A disc of mass 1 feels its own thrust and the contact forces of all it overlaps: 100 N per metre of overlap,
//! softened over a millimetre. A tick lasts 0.1 s and takes a quarter of the velocity. `mpe2` moves by the old
//! velocity and then changes it; `vmas` changes it first, thrusts with a fifth of the force, and cuts contact forces off where discs just touch.
//!
//! | action | numbers | what it does |
//! |---|---|---|
//! | `discrete` | 1 | nothing, or full thrust to the left, right, down or up |
//! | `continuous` | 5 | nothing, left, right, down and up, 0 to 1 each; opposite ones are subtracted |
//! | `force` | 2 | thrust along x and y, -1 to 1 each: the actions of VMAS |
//!
//! | observation | numbers | for |
//! |---|---|---|
//! | `mpe2` | 18 | velocity, position, ways to landmarks and other agents, and two zeros for each other agent, which says nothing |
//! | `vmas` | 14 | position, velocity, ways to landmarks and other agents |
//!
//! These are the widths for three agents and three landmarks. In `tag` everybody sees, under either name, their own velocity and
//! position, the ways to obstacles and other agents, adversaries first, and the velocities of other good agents.
//!
//! | reward term | group | pays for |
//! |---|---|---|
//! | `distance` | `agents` | minus the distance of each landmark to the nearest agent, times 1 - `local_ratio` |
//! | `collisions` | `agents` | minus the agents that it touches, times `local_ratio` |
//! | `catches` | `adversaries` | 10 for each touch of an adversary and a good agent, paid to all |
//! | `caught` | `good` | -10 for each adversary that touches it |
//! | `bounds` | `good` | up to -1 from 0.9 m on, -exp(2 (x - 1)) from 1 m on, at most -10, on each axis |
//!
//! With `reward: shared` every agent of `spread` gets what VMAS pays: the sum of both terms over all agents, unweighted.
//!
//! References: I. Mordatch and P. Abbeel, Emergence of grounded compositional language in multi-agent populations, AAAI
//! (2018), for the particles; R. Lowe et al., Multi-agent actor-critic for mixed cooperative-competitive environments,
//! NeurIPS (2017), for the tasks; M. Bettini et al., VMAS: a vectorized multi-agent simulator, DARS (2022), for theirs.

mod baselines;
pub mod components;
mod editor;
mod model;
mod observe;
mod reward;
pub mod scenario;
mod spawn;
mod systems;
#[cfg(test)]
mod tests;
mod view;

use bevy_app::App;
use bevy_ecs::schedule::IntoScheduleConfigs;

pub use scenario::ParticlesParams;

use self::{
    model::{DT_S, Model},
    reward::{AdversaryTerms, GoodTerms, SpreadTerms},
    scenario::{Actions, Task},
    systems::{Measures, SpreadMetrics, TagMetrics, measure, motion},
};
use crate::{
    error::Result,
    sim::{
        ActionSpace, Baseline, DiscreteSpec, Domain, Editor, GroupSpec, Refresh, Reset, Showcase, Spec, Tick,
        TickSystems, View, field,
    },
};

impl Domain for ParticlesParams {
    fn id(&self) -> &'static str {
        "particles"
    }

    fn check(&self) -> Result<()> {
        scenario::check(self)
    }

    fn spec(&self, max_steps: u32) -> Spec {
        let group = |name, agents, good, reward_terms: &[_], (default, reference)| GroupSpec {
            name,
            agents,
            layout: observe::layout_name(self, good),
            observation: observe::fields(self, good, max_steps),
            action: action_space(self.actions),
            reward_terms: reward_terms.to_vec(),
            reward_clip: None,
            is_masked: false,
            default,
            reference,
        };
        let groups = match self.task {
            Task::Spread => {
                vec![group("agents", self.num_agents, false, &SpreadTerms::SPECS, ("assign", Some("planner")))]
            }
            Task::Tag => vec![
                group("adversaries", self.num_adversaries, false, &AdversaryTerms::SPECS, ("intercept", None)),
                group("good", self.num_good, true, &GoodTerms::SPECS, ("flee", None)),
            ],
        };
        let metrics = match self.task {
            Task::Spread => SpreadMetrics::SPECS.to_vec(),
            Task::Tag => TagMetrics::SPECS.to_vec(),
        };
        Spec { groups, metrics, stratum: None, state: Vec::new(), max_steps }
    }

    fn dt_s(&self) -> f64 {
        f64::from(DT_S)
    }

    fn install(&self, app: &mut App, envs: usize) {
        let model = Model::new(self);
        app.insert_resource(Measures::new(&model, envs)).insert_resource(model);
        app.add_systems(
            Tick,
            (
                motion::advance.in_set(TickSystems::Move),
                measure::measure.in_set(TickSystems::Measure),
                reward::pay.in_set(TickSystems::Reward),
                observe::observe.in_set(TickSystems::Observe),
            ),
        );
        app.add_systems(Reset, spawn::place);
        app.add_systems(Refresh, observe::observe);
        spawn::spawn(app, self.num_movers(), self.num_places());
    }

    fn baselines(&self) -> Vec<Baseline> {
        baselines::all(self.task)
    }

    fn view(&self) -> Option<&dyn View> {
        Some(self)
    }

    fn editor(&self) -> Option<&dyn Editor> {
        Some(self)
    }

    fn showcase(&self) -> Showcase {
        Showcase { first: &["spread", "tag", "spread-vmas"], defects: &[] }
    }
}

/// What one agent may do; every group does the same.
fn action_space(actions: Actions) -> ActionSpace {
    const WAYS: [&str; 5] = ["nothing", "left", "right", "down", "up"];
    match actions {
        Actions::Discrete => ActionSpace {
            continuous: Vec::new(),
            discrete: vec![DiscreteSpec { name: "thrust", choices: WAYS.to_vec() }],
        },
        Actions::Continuous => ActionSpace {
            continuous: WAYS.iter().map(|way| field(*way, "", 0.0..=1.0)).collect(),
            discrete: Vec::new(),
        },
        Actions::Force => ActionSpace {
            continuous: ["fx", "fy"].iter().map(|axis| field(*axis, "", -1.0..=1.0)).collect(),
            discrete: Vec::new(),
        },
    }
}
