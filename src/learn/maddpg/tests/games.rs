//! Known answers: values of two states, gains of a linear-quadratic game, the best cell of a matrix.

use bevy_app::App;
use bevy_ecs::{
    query::With,
    schedule::IntoScheduleConfigs,
    system::{Query, Res, ResMut},
};

use super::*;
use crate::{
    learn::{
        hyperparameters::{CriticPool, Noise},
        learner::Learner,
        nets::q_net::{Company, QPass},
    },
    policy::network::Scratch,
    sim::{
        ActionSpace, Baseline, Clock, Due, Env, GroupSpec, Ports, Refresh, RewardTerm, Spec, Tick, TickSystems, field,
    },
};

const SEEDS: [u64; 3] = [1, 2, 3];
const X0: Purpose = Purpose::new("test.x0");

/// Games whose whole state is one number, which every agent sees.
#[derive(Clone, Copy, Debug)]
enum Game {
    /// State +1 pays 1 and -1 nothing; an action above 0 leads to +1, another to -1. With `ends`, +1 is the last state.
    TwoStates { ends: bool },
    /// x' = A x + B (a0 + a1); each pays for x and its own action.
    LinearQuadratic,
    /// One tick; the signs of two actions choose a cell, which pays both.
    Matrix([[f32; 2]; 2]),
}

const A: f32 = 0.9;
const B: f32 = 0.4;
const COST: f32 = 0.5;

impl Game {
    fn agents(self) -> usize {
        if matches!(self, Self::TwoStates { .. }) { 1 } else { 2 }
    }

    /// The next state, what each is paid, and whether that was the end.
    fn step(self, x: f32, actions: &[f32]) -> (f32, Vec<f32>, bool) {
        match self {
            Self::TwoStates { ends } => {
                let next = if actions[0] > 0.0 { 1.0 } else { -1.0 };
                (next, vec![0.5 + 0.5 * x], ends && x > 0.0)
            }
            Self::LinearQuadratic => {
                let rewards = actions.iter().map(|action| -(x * x + COST * action * action)).collect();
                (A * x + B * (actions[0] + actions[1]), rewards, false)
            }
            Self::Matrix(payoffs) => {
                let [row, column] = [0, 1].map(|agent| usize::from(actions[agent] > 0.0));
                (x, vec![payoffs[row][column]; 2], true)
            }
        }
    }

    fn first(self, seeds: Seeds, clock: &Clock) -> f32 {
        let x = seeds.stream(X0, clock.address()).uniform(-1.0, 1.0);
        match self {
            Self::TwoStates { .. } => x.signum(),
            Self::LinearQuadratic => x,
            Self::Matrix(_) => 1.0,
        }
    }
}

impl Domain for Game {
    fn id(&self) -> &'static str {
        "game"
    }

    fn spec(&self, max_steps: u32) -> Spec {
        let group = GroupSpec {
            name: "players",
            agents: self.agents(),
            layout: "game",
            observation: vec![field("x", "", -1.0..=1.0)],
            action: ActionSpace { continuous: vec![field("a", "", -1.0..=1.0)], discrete: Vec::new() },
            reward_terms: vec![RewardTerm { name: "payoff", doc: "what the game pays" }],
            reward_clip: None,
            is_masked: false,
            default: "",
            reference: None,
        };
        Spec { groups: vec![group], metrics: Vec::new(), stratum: None, state: vec![], max_steps }
    }

    fn dt_s(&self) -> f64 {
        1.0
    }

    fn install(&self, app: &mut App, _envs: usize) {
        let game = *self;
        let agents = self.agents();
        let step = move |mut ports: ResMut<Ports>| {
            let Ports { groups, terminated, .. } = &mut *ports;
            let port = &mut groups[0];
            let envs = port.observations.chunks_mut(agents).zip(port.actions.chunks(agents));
            for ((seen, actions), (terms, terminated)) in envs.zip(port.terms.chunks_mut(agents).zip(terminated)) {
                let (next, rewards, ends) = game.step(seen[0], actions);
                seen.fill(next);
                terms.copy_from_slice(&rewards);
                *terminated = ends;
            }
        };
        let begin =
            move |due: Res<Due>, seeds: Res<Seeds>, clocks: Query<&Clock, With<Env>>, mut ports: ResMut<Ports>| {
                let seen = ports.groups[0].observations.chunks_mut(agents);
                for (seen, (clock, _)) in seen.zip(clocks.iter().zip(&due.0)).filter(|(_, (_, due))| **due) {
                    seen.fill(game.first(*seeds, clock));
                }
            };
        app.add_systems(Tick, step.in_set(TickSystems::Reward));
        app.add_systems(Refresh, begin);
    }

    fn baselines(&self) -> Vec<Baseline> {
        Vec::new()
    }
}

fn trained(game: Game, max_steps: u32, seed: u64, params: &Hyperparameters, iterations: u32) -> Trainer {
    let mut trainer = Trainer::new(&game, max_steps, seed, params).unwrap();
    for iteration in 0..iterations {
        trainer.iterate(f64::from(iteration) / f64::from(iterations)).unwrap();
    }
    trainer
}

/// What the first critic of a team of one says of (state, action).
fn value(trainer: &Trainer, x: f32, action: f32) -> f32 {
    let mut pass = QPass::default();
    let company = Company { rows: &[x, action], entries: 1, agents: 1, valued: Some(0) };
    trainer.members[0].critics[0].forward(company, &mut pass);
    pass.values().next().unwrap()
}

/// What each agent does when it sees `x`, by the policy as others get it.
fn actions(trainer: &Trainer, x: f32) -> Vec<f32> {
    let network = trainer.policies().unwrap().remove(0).network;
    let agents = trainer.batch.spec().groups[0].agents;
    let mut head = vec![0.0; agents];
    network.forward(&vec![x; agents], &mut head, &mut Scratch::default());
    head.into_iter().map(libm::tanhf).collect()
}

/// The best policy always goes to +1, so V(+1) = 1 / (1 - gamma) and V(-1) = gamma V(+1), time limits or not: a step that only the
/// limit ended has a future. Where +1 is the last state, V(+1) = 1 and V(-1) = gamma.
#[test]
fn values_of_two_states_are_those_of_the_closed_form() {
    const GAMMA: f32 = 0.8;
    for (ends, limit, n_step, prioritised) in [(false, 4, 1, false), (true, 1000, 1, false), (false, 4, 3, true)] {
        for seed in SEEDS {
            let params = quick(Algo::Maddpg).with(|params| {
                params.run.gamma = f64::from(GAMMA);
                params.ddpg.n_step = n_step;
                params.ddpg.prioritised = prioritised;
            });
            let trainer = trained(Game::TwoStates { ends }, limit, seed, &params, 60);
            let up = if ends { 1.0 } else { 1.0 / (1.0 - GAMMA) };
            let down = GAMMA * up;
            let after = if ends { [down, down, 0.0, 0.0] } else { [up, down, up, down] };
            // From -1 one can go up or stay, where there is no end; an end has nothing behind it.
            let expected = if ends {
                [(-1.0, 0.9, GAMMA * up), (-1.0, -0.9, GAMMA * down), (1.0, 0.9, 1.0), (1.0, -0.9, 1.0)]
            } else {
                [
                    (-1.0, 0.9, GAMMA * after[0]),
                    (-1.0, -0.9, GAMMA * after[1]),
                    (1.0, 0.9, 1.0 + GAMMA * after[2]),
                    (1.0, -0.9, 1.0 + GAMMA * after[3]),
                ]
            };
            for (x, action, q) in expected {
                let found = value(&trainer, x, action);
                // Returns over several steps follow what was tried out, bad steps included: they stay a little below.
                let below = if n_step > 1 { 0.6 } else { 0.15 };
                let case = format!("ends {ends}, n {n_step}, seed {seed}: Q({x}, {action}) = {found}, not {q}");
                assert!(found < q + 0.15 && found > q - below, "{case}");
            }
            assert!(actions(&trainer, -1.0)[0] > 0.0, "seed {seed}");
        }
    }
}

/// The gain k of a = -k x at the equilibrium: each best answers the other's (coupled Riccati equations, here symmetric).
fn equilibrium_gain(gamma: f64) -> f64 {
    let (a, b, cost) = (f64::from(A), f64::from(B), f64::from(COST));
    let (mut k, mut p) = (0.0, 1.0);
    for _ in 0..10_000 {
        let alone = a - b * k;
        k = 0.5 * k + 0.5 * gamma * alone * b * p / (cost + gamma * b * b * p);
        let closed = alone - b * k;
        p = 1.0 + cost * k * k + gamma * closed * closed * p;
    }
    k
}

#[test]
fn gains_of_a_linear_quadratic_game_are_those_of_its_equilibrium() {
    let expected = equilibrium_gain(0.9) as f32;
    assert!((0.2..0.8).contains(&expected), "{expected}");
    for algo in [Algo::Maddpg, Algo::Matd3] {
        for seed in SEEDS {
            let params = quick(algo).with(|params| {
                params.run.gamma = 0.9;
                params.ddpg.noise = Noise::Ou;
            });
            let trainer = trained(Game::LinearQuadratic, 10, seed, &params, 150);
            let (low, high) = (actions(&trainer, -0.5), actions(&trainer, 0.5));
            for agent in 0..2 {
                let gain = low[agent] - high[agent];
                let case = format!("{algo:?}, seed {seed}, agent {agent}: gain {gain}, not {expected}");
                assert!((gain - expected).abs() < 0.08, "{case}");
            }
        }
    }
}

/// Separate and shared networks, and one for the whole team, which can tell its two actions apart although both agents see the same.
#[test]
fn teams_find_the_best_cell_of_a_matrix() {
    let payoffs = |best: (usize, usize), second: (usize, usize)| {
        let mut payoffs = [[0.0; 2]; 2];
        payoffs[best.0][best.1] = 2.0;
        payoffs[second.0][second.1] = 1.0;
        payoffs
    };
    let uneven = payoffs((1, 0), (0, 1));
    let even = payoffs((0, 0), (1, 1));
    let (mean, attention) = (CriticPool::Mean, CriticPool::Attention);
    for (algo, parameter_sharing, critic, game) in [
        (Algo::Maddpg, false, mean, uneven),
        (Algo::Maddpg, false, mean, even),
        (Algo::Maddpg, true, mean, even),
        (Algo::Matd3, false, mean, uneven),
        (Algo::Ddpg, false, mean, uneven),
        (Algo::Maddpg, false, attention, uneven),
        (Algo::Matd3, false, attention, uneven),
        (Algo::Matd3, true, attention, even),
    ] {
        for seed in SEEDS {
            let params = quick(algo).with(|params| {
                params.ddpg.parameter_sharing = parameter_sharing;
                params.run.critic = critic;
            });
            let trainer = trained(Game::Matrix(game), 1, seed, &params, 20);
            let cell: Vec<usize> = actions(&trainer, 1.0).iter().map(|action| usize::from(*action > 0.0)).collect();
            let case = format!("{algo:?}, {critic:?}, shared {parameter_sharing}, seed {seed}: {cell:?}");
            assert_eq!(game[cell[0]][cell[1]], 2.0, "{case}");
        }
    }
}
