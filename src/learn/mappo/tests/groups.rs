//! Games whose answers are known: between groups, with masks, with decisions now and then, with agents who leave, and with
//! episodes that end by themselves.

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::{
    query::With,
    resource::Resource,
    schedule::IntoScheduleConfigs,
    system::{Query, Res, ResMut},
};

use super::{scalar, small};
use crate::{
    learn::{
        hyperparameters::{Algo, CriticSees, Hyperparameters},
        learner::{Learned, Learner, Lineup, Seat},
        mappo::Trainer,
    },
    policy::{
        acting::{Decision, NetworkPolicy},
        card::{self, Actions, Card, Shared},
        network::Scratch,
    },
    sim::{
        ActionSpace, Baseline, Choices, Clock, DiscreteSpec, Domain, Due, Env, GroupSpec, Lane, Policy, Ports, Refresh,
        RewardTerm, Seeds, Spec, Tick, TickSystems, field,
    },
};

/// One env at one moment: the rows of its agents in the ports are `slot * agents ..`.
struct Moment<'a> {
    slot: usize,
    /// Ticks since the episode began.
    tick: u32,
    ports: &'a mut Ports,
}

impl Moment<'_> {
    /// What the only agent of a group chose.
    fn choice(&self, group: usize) -> usize {
        self.ports.groups[group].actions[self.slot] as usize
    }

    /// Pays the only agent of a group.
    fn pay(&mut self, group: usize, reward: f32) {
        self.ports.groups[group].terms[self.slot] = reward;
    }

    /// Shows the only agent of a group these numbers.
    fn show(&mut self, group: usize, seen: &[f32]) {
        self.ports.groups[group].observations[self.slot * seen.len()..(self.slot + 1) * seen.len()]
            .copy_from_slice(seen);
    }
}

/// A game of few lines.
#[derive(Resource, Clone, Copy)]
struct Game {
    /// Name, agents, width of the observation, and choices of each group.
    groups: &'static [(&'static str, usize, usize, usize)],
    is_masked: bool,
    /// What is paid, and which episodes end; the clock has counted the tick.
    play: fn(&mut Moment<'_>),
    /// What is seen, allowed and who is there.
    show: fn(&mut Moment<'_>),
}

const CHOICES: [&str; 3] = ["rock", "paper", "scissors"];

impl Domain for Game {
    fn id(&self) -> &'static str {
        "game"
    }

    fn spec(&self, max_steps: u32) -> Spec {
        let group = |&(name, agents, width, choices): &(&'static str, usize, usize, usize)| GroupSpec {
            name,
            agents,
            layout: name,
            observation: (0..width).map(|at| field(format!("x{at}"), "", -1.0..=1.0)).collect(),
            action: ActionSpace {
                continuous: Vec::new(),
                discrete: vec![DiscreteSpec { name: "choice", choices: CHOICES[..choices].to_vec() }],
            },
            reward_terms: vec![RewardTerm { name: "payoff", doc: "what the game pays" }],
            reward_clip: None,
            is_masked: self.is_masked,
            default: "",
            reference: None,
        };
        let groups = self.groups.iter().map(group).collect();
        Spec { groups, metrics: Vec::new(), stratum: None, state: vec![field("kept", "", 0.0..=2.0)], max_steps }
    }

    fn dt_s(&self) -> f64 {
        1.0
    }

    fn install(&self, app: &mut App, _envs: usize) {
        app.insert_resource(*self);
        app.add_systems(Tick, (play.in_set(TickSystems::Reward), show.in_set(TickSystems::Observe)));
        app.add_systems(Refresh, show_due);
    }

    fn baselines(&self) -> Vec<Baseline> {
        Vec::new()
    }
}

fn play(game: Res<Game>, mut ports: ResMut<Ports>, clocks: Query<&Clock, With<Env>>) {
    for (slot, clock) in clocks.iter().enumerate() {
        (game.play)(&mut Moment { slot, tick: clock.tick, ports: &mut ports });
    }
}

fn show(game: Res<Game>, mut ports: ResMut<Ports>, clocks: Query<&Clock, With<Env>>) {
    for (slot, clock) in clocks.iter().enumerate() {
        (game.show)(&mut Moment { slot, tick: clock.tick, ports: &mut ports });
    }
}

fn show_due(game: Res<Game>, due: Res<Due>, mut ports: ResMut<Ports>, clocks: Query<&Clock, With<Env>>) {
    for (slot, clock) in clocks.iter().enumerate().filter(|(slot, _)| due.0[*slot]) {
        (game.show)(&mut Moment { slot, tick: clock.tick, ports: &mut ports });
    }
}

fn params() -> Hyperparameters {
    small(Algo::Mappo).with(|params| {
        params.run.num_envs = 16;
        params.run.envs_per_world = 8;
        params.run.num_steps = 32;
        params.run.hidden = 16;
        params.ppo.minibatch_size = 256;
        params.ppo.update_epochs = 4;
        params.run.learning_rate = 0.01;
        params.run.critic_learning_rate = 0.02;
        params.run.final_lr_fraction = 0.1;
        params.ppo.ent_coef = 0.02;
        params.ppo.target_kl = None;
        params.run.norm_obs = false;
    })
}

fn trained(game: &Game, max_steps: u32, params: &Hyperparameters, iterations: u32) -> Trainer {
    let mut trainer = Trainer::new(game, max_steps, 1, params).unwrap();
    for i in 0..iterations {
        trainer.iterate(f64::from(i) / f64::from(iterations)).unwrap();
    }
    trainer
}

/// The choice that the policy of a group takes for most likely where it sees `seen`, and how likely that is.
fn favourite(trainer: &Trainer, group: usize, seen: &[f32]) -> (usize, f32) {
    let policies = trainer.policies().unwrap();
    let network = &policies.iter().find(|learned| learned.group == group).unwrap().network;
    let mut logits = vec![0.0; network.shape().head()];
    network.forward(seen, &mut logits, &mut Scratch::default());
    let sum: f32 = logits.iter().map(|logit| libm::expf(*logit)).sum();
    let (best, logit) = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    (best, libm::expf(*logit) / sum)
}

fn value(trainer: &Trainer, group: usize, seen: &[f32], agents: usize) -> Vec<f32> {
    trainer.critic(group).unwrap().values(seen, agents).unwrap()
}

/// What the first of two players wins from the second: its best reply is always the second row, and the best answer to that is
/// the third column, which is the saddle.
const PAYOFFS: [[f32; 3]; 3] = [[-1.0, 0.5, -0.5], [0.6, 1.0, 0.2], [0.4, -1.0, 0.1]];

const DUEL: Game = Game {
    groups: &[("rows", 1, 1, 3), ("columns", 1, 2, 3)],
    is_masked: false,
    play: |moment| {
        let won = PAYOFFS[moment.choice(0)][moment.choice(1)];
        moment.pay(0, won);
        moment.pay(1, -won);
    },
    show: |moment| {
        moment.show(0, &[1.0]);
        moment.show(1, &[1.0, 1.0]);
    },
};

#[test]
fn both_sides_of_a_zero_sum_game_find_its_saddle() {
    let trainer = trained(&DUEL, 8, &params(), 40);
    let (row, column) = (favourite(&trainer, 0, &[1.0]), favourite(&trainer, 1, &[1.0, 1.0]));
    assert_eq!((row.0, column.0), (1, 2), "{row:?} {column:?}");
    assert!(row.1 > 0.9 && column.1 > 0.9, "{row:?} {column:?}");
}

#[test]
fn each_group_tells_of_itself() {
    let mut trainer = Trainer::new(&DUEL, 8, 1, &params()).unwrap();
    let report = trainer.iterate(0.0).unwrap();
    let (rows, columns) =
        (scalar(&report, "charts/episodic_return/rows"), scalar(&report, "charts/episodic_return/columns"));
    assert!(rows != 0.0 && (rows + columns).abs() < 1e-6, "{rows} {columns}");
    assert_eq!(scalar(&report, "reward/rows/payoff"), rows);
    assert!(scalar(&report, "losses/entropy/rows") > 0.0 && scalar(&report, "losses/entropy/columns") > 0.0);
    assert_eq!(report.counters.agent_steps, 2 * report.counters.env_steps);
}

/// A group that is played by somebody else learns nothing, and the other learns the answer to that.
#[test]
fn a_group_that_is_played_is_answered() {
    // One that has learned nothing chooses at random, to which the second row is the best reply by far.
    let stranger = Trainer::new(&DUEL, 8, 2, &params()).unwrap();
    let opponent = NetworkPolicy::new(shared(&DUEL, &stranger, 1), Decision::Sample).unwrap();
    let lineup =
        Lineup { learners: vec![Seat { group: 0, has_pool: false }], opponents: vec![(1, Box::new(opponent))] };
    let mut trainer = Trainer::with_lineup(&DUEL, 8, 1, &params(), lineup).unwrap();
    let reports: Vec<_> = (0..30).map(|i| trainer.iterate(f64::from(i) / 30.0).unwrap()).collect();
    let last = reports.last().unwrap();
    assert!(last.scalars.iter().all(|(name, _)| name != "losses/entropy/columns"), "nobody learns there");
    assert_eq!(favourite(&trainer, 0, &[1.0]).0, 1);
    // The mean of the second row is 0.6 a tick.
    assert!(scalar(last, "charts/episodic_return/rows") > 0.55 * 8.0, "{last:?}");
}

/// What a group has learned, for acting.
fn shared(game: &Game, trainer: &Trainer, group: usize) -> Arc<Shared> {
    let Learned { network, .. } = trainer.policies().unwrap().remove(group);
    let spec = game.spec(8).groups.remove(group);
    let shape = network.shape();
    let card = Card {
        version: card::VERSION,
        name: "game".to_owned(),
        domain: "game".to_owned(),
        scenario: "game".to_owned(),
        group: spec.name.to_owned(),
        layout: spec.layout.to_owned(),
        observation: shape.observation,
        hidden: shape.hidden,
        activation: shape.activation,
        team: network.team(),
        actions: Actions::of(&spec.action),
        algorithm: "mappo".to_owned(),
        seed: 1,
        env_steps: 0,
        minutes: 0.0,
        results: Vec::new(),
        agon: String::new(),
        sha256: String::new(),
    };
    Arc::new(Shared { card, network })
}

/// Self-play against the past is part of what a resumed run repeats, and nothing is learned where the past has played.
#[test]
fn a_run_that_plays_its_past_repeats_and_resumes_bit_for_bit() {
    let lineup = || Lineup {
        learners: vec![Seat { group: 0, has_pool: true }, Seat { group: 1, has_pool: true }],
        opponents: Vec::new(),
    };
    let params = params().with(|params| params.ppo.pool_size = 3);
    let begin = || Trainer::with_lineup(&DUEL, 8, 1, &params, lineup()).unwrap();
    let mut whole = begin();
    (0..6).for_each(|i| drop(whole.iterate(f64::from(i) / 12.0).unwrap()));
    let middle = whole.save().unwrap();
    (6..12).for_each(|i| drop(whole.iterate(f64::from(i) / 12.0).unwrap()));
    let mut resumed = begin();
    resumed.load(&middle).unwrap();
    (6..12).for_each(|i| drop(resumed.iterate(f64::from(i) / 12.0).unwrap()));
    assert!(resumed.save().unwrap() == whole.save().unwrap());
    let learned_from: Vec<usize> =
        whole.pupils.iter().map(|pupil| pupil.rollout.counts.iter().filter(|counts| **counts).count()).collect();
    let steps = whole.pupils[0].rollout.shape().steps();
    assert!(learned_from.iter().sum::<usize>() < 2 * steps, "the past has played somewhere: {learned_from:?}");
    assert!(learned_from.iter().sum::<usize>() >= steps, "and never on both sides");
}

/// The first group sees what is wanted and decides every fourth tick; the second, who sees only what the first does, decides each
/// tick. Both are paid if both do what is wanted.
const RELAY: Game = Game {
    groups: &[("captains", 1, 3, 3), ("crew", 1, 4, 3)],
    is_masked: false,
    play: |moment| {
        let Moment { slot, tick, .. } = *moment;
        // What the captain decided stands until the next decision.
        if (tick - 1) % 4 == 0 {
            moment.ports.state[slot] = moment.choice(0) as f32;
        }
        let wanted = wanted(slot, tick - 1);
        let is_right = moment.ports.state[slot] as usize == wanted && moment.choice(1) == (wanted + 1) % 3;
        let reward = if is_right { 1.0 } else { 0.0 };
        moment.pay(0, reward);
        moment.pay(1, reward);
    },
    show: |moment| {
        let Moment { slot, tick, .. } = *moment;
        moment.show(0, &one_hot::<3>(wanted(slot, tick)));
        // In the tick of a new order the crew sees the old one and has to do without.
        let order = moment.ports.state[slot] as usize;
        moment.show(1, &one_hot::<4>(order));
        moment.ports.groups[0].matters[slot] = tick % 4 == 0;
    },
};

fn wanted(slot: usize, tick: u32) -> usize {
    (slot * 7 + tick as usize / 12) % 3
}

fn one_hot<const N: usize>(at: usize) -> [f32; N] {
    std::array::from_fn(|index| if index == at { 1.0 } else { 0.0 })
}

#[test]
fn groups_of_different_widths_and_periods_learn_what_needs_both() {
    let trainer = trained(&RELAY, 24, &params().with(|params| params.run.num_steps = 48), 80);
    for wanted in 0..3 {
        assert_eq!(favourite(&trainer, 0, &one_hot::<3>(wanted)).0, wanted, "captain of {wanted}");
        assert_eq!(favourite(&trainer, 1, &one_hot::<4>(wanted)).0, (wanted + 1) % 3, "crew of {wanted}");
    }
}

/// The best of three arms is always forbidden.
const BANDIT: Game = Game {
    groups: &[("gamblers", 1, 1, 3)],
    is_masked: true,
    play: |moment| {
        let choice = moment.choice(0);
        assert_ne!(choice, 0, "a forbidden choice was played");
        moment.pay(0, [1.0, 0.3, 0.6][choice]);
    },
    show: |moment| {
        moment.show(0, &[1.0]);
        let slot = moment.slot;
        moment.ports.groups[0].masks[3 * slot..3 * (slot + 1)].copy_from_slice(&[false, true, true]);
    },
};

#[test]
fn forbidden_choices_are_never_played_and_the_best_of_the_others_is_found() {
    for decision in [Decision::Mode, Decision::Sample] {
        let mut trainer = trained(&BANDIT, 8, &params(), 20);
        let report = trainer.iterate(1.0).unwrap();
        assert!(scalar(&report, "charts/episodic_return") > 8.0 * 0.57, "{report:?}");
        let mut policy = NetworkPolicy::new(shared(&BANDIT, &trainer, 0), decision).unwrap();
        let mut lane = Lane::new(&BANDIT, 8, Seeds::new(3), 0..4);
        for _ in 0..20 {
            let explained = policy.explain(lane.world_mut(), 0, 0).unwrap().unwrap();
            let Choices::Discrete(shares) = &explained[0] else { panic!("{explained:?}") };
            assert!(shares[0].1 == 0.0 && (shares[1].1 + shares[2].1 - 1.0).abs() < 1e-5, "{shares:?}");
            lane.act(&mut policy, 0).unwrap();
            lane.step();
        }
    }
}

#[test]
fn a_mask_without_a_choice_is_an_error() {
    let stuck = Game {
        show: |moment| {
            let slot = moment.slot;
            moment.ports.groups[0].masks[3 * slot..3 * (slot + 1)].fill(false);
        },
        ..BANDIT
    };
    let error = Trainer::new(&stuck, 8, 1, &params()).unwrap().iterate(0.0).unwrap_err();
    assert!(error.to_string().contains("no choice left"), "{error}");
}

/// Two agents who see who they are and what time it is: the first leaves after three ticks, the second stays until the time limit.
/// Both are paid 1 a tick.
const LEAVERS: Game = Game {
    groups: &[("agents", 2, 2, 2)],
    is_masked: false,
    play: |moment| {
        let rows = 2 * moment.slot..2 * moment.slot + 2;
        let port = &mut moment.ports.groups[0];
        for row in rows {
            port.terms[row] = if port.acted[row] { 1.0 } else { -100.0 };
        }
    },
    show: |moment| {
        let (first, tick) = (2 * moment.slot, moment.tick);
        let port = &mut moment.ports.groups[0];
        let time = tick as f32 / 8.0;
        // Who is gone shows numbers that would spoil every mean.
        let is_here = tick < 3;
        port.observations[2 * first..2 * first + 4].copy_from_slice(&if is_here {
            [0.0, time, 1.0, time]
        } else {
            [1e6, 1e6, 1.0, time]
        });
        (port.present[first], port.matters[first]) = (is_here, is_here);
    },
};

#[test]
fn who_leaves_has_no_future_and_is_counted_nowhere() {
    let params = params().with(|params| {
        params.run.algo = Algo::Ippo;
        params.run.gamma = 0.9;
        params.ppo.gae_lambda = 0.9;
    });
    let mut trainer = trained(&LEAVERS, 8, &params, 80);
    let value = |agent: f32, tick: u32| value(&trainer, 0, &[agent, tick as f32 / 8.0], 1)[0];
    // 1 + 0.9 + 0.81 and so on, as many as are left.
    for (tick, expected) in [(0, 2.71), (1, 1.9), (2, 1.0)] {
        assert!((value(0.0, tick) - expected).abs() < 0.25, "tick {tick}: {}, not {expected}", value(0.0, tick));
    }
    // The other's episode is cut by the time limit, so its value is that of a pension.
    assert!(value(1.0, 7) > 6.0, "{}", value(1.0, 7));
    let report = trainer.iterate(1.0).unwrap();
    assert!((scalar(&report, "charts/episodic_return") - 8.0).abs() < 1e-6, "a mean over those who were there");
    // A critic of the team takes in those who are there.
    let mut team = trained(&LEAVERS, 8, &params.clone().with(|params| params.run.algo = Algo::Mappo), 3);
    assert!(team.iterate(1.0).unwrap().scalars.iter().all(|(_, number)| number.is_finite()));
    assert!(scalar(&team.iterate(1.0).unwrap(), "losses/value_loss") < 10.0);
}

/// Luck decides what both are paid. The first group sees nothing of it, the second does, and it is the env's state.
const LUCK: Game = Game {
    groups: &[("blind", 1, 1, 2), ("seeing", 1, 1, 2)],
    is_masked: false,
    play: |moment| {
        let won = luck(moment.slot, moment.tick - 1);
        moment.pay(0, won);
        moment.pay(1, won);
    },
    show: |moment| {
        let (slot, luck) = (moment.slot, luck(moment.slot, moment.tick));
        moment.show(0, &[1.0]);
        moment.show(1, &[luck]);
        moment.ports.state[slot] = luck;
    },
};

fn luck(slot: usize, tick: u32) -> f32 {
    ((slot + (tick * tick) as usize) % 3) as f32
}

#[test]
fn a_critic_knows_what_it_is_shown_and_actors_need_not() {
    let explained = |critic_sees, group: &str| {
        let params = params().with(|params| {
            params.ppo.critic_sees = critic_sees;
            params.run.gamma = 0.0;
            params.run.norm_obs = true;
        });
        let mut trainer = trained(&LUCK, 8, &params, 30);
        scalar(&trainer.iterate(1.0).unwrap(), &format!("losses/explained_variance/{group}"))
    };
    assert!(explained(CriticSees::Group, "blind") < 0.1, "nobody can know what it does not see");
    for sees in [CriticSees::All, CriticSees::State] {
        assert!(explained(sees, "blind") > 0.9 && explained(sees, "seeing") > 0.9, "{sees:?}");
    }
}

/// What a critic is shown is normalised by moments that a resumed run needs as well, and those who are gone are in none.
#[test]
fn a_run_whose_critic_sees_more_resumes_bit_for_bit() {
    for (game, sees) in [(&LUCK, CriticSees::All), (&LUCK, CriticSees::State), (&LEAVERS, CriticSees::All)] {
        let params = params().with(|params| {
            params.ppo.critic_sees = sees;
            params.run.norm_obs = true;
        });
        let mut whole = trained(game, 8, &params, 3);
        let mut resumed = Trainer::new(game, 8, 1, &params).unwrap();
        resumed.load(&whole.save().unwrap()).unwrap();
        assert_eq!(resumed.iterate(0.5).unwrap(), whole.iterate(0.5).unwrap());
        assert!(resumed.save().unwrap() == whole.save().unwrap());
        let shown = &whole.pupils[0].rollout.global;
        assert!(shown.iter().all(|number| number.abs() < 5.0), "numbers of those who are gone count: {sees:?}");
        assert!(shown.iter().any(|number| *number != 0.0));
        let mut other =
            Trainer::new(game, 8, 1, &params.clone().with(|params| params.ppo.critic_sees = CriticSees::Group))
                .unwrap();
        assert!(other.load(&whole.save().unwrap()).is_err(), "a critic of other sizes");
    }
}

#[test]
fn a_critic_cannot_see_a_state_that_nobody_tells() {
    let params = params().with(|params| params.ppo.critic_sees = CriticSees::State);
    let error = Trainer::new(&crate::domains::jamming::JammingParams::default(), 8, 1, &params).err().unwrap();
    assert!(error.to_string().contains("no state"), "{error}");
    let unshared = params.clone().with(|params| {
        params.run.algo = Algo::Ippo;
        params.ppo.critic_sees = CriticSees::All;
    });
    assert!(unshared.consistent().unwrap_err().to_string().contains("critic_sees"));
}

/// Pays 1 a tick and ends by itself after four.
const SHORT: Game = Game {
    groups: &[("agents", 1, 1, 2)],
    is_masked: false,
    play: |moment| {
        moment.pay(0, 1.0);
        let (slot, tick) = (moment.slot, moment.tick);
        moment.ports.terminated[slot] = tick == 4;
    },
    show: |moment| moment.show(0, &[moment.tick as f32 / 8.0]),
};

#[test]
fn nothing_follows_an_episode_that_ends_by_itself() {
    let params = params().with(|params| params.run.gamma = 0.9);
    let trainer = trained(&SHORT, 1000, &params, 60);
    for (tick, expected) in [(0, 3.439), (1, 2.71), (2, 1.9), (3, 1.0)] {
        let found = value(&trainer, 0, &[tick as f32 / 8.0], 1)[0];
        assert!((found - expected).abs() < 0.15, "tick {tick}: {found}, not {expected}");
    }
}

/// A choice every fifth tick, and 1 a tick until the next one for the right choice.
const SLOW: Game = Game {
    groups: &[("agents", 1, 1, 2)],
    is_masked: false,
    play: |moment| {
        let (slot, tick) = (moment.slot, moment.tick);
        if (tick - 1) % 5 == 0 {
            moment.ports.state[slot] = moment.choice(0) as f32;
        }
        let right = moment.ports.state[slot];
        moment.pay(0, right);
    },
    show: |moment| {
        let (slot, tick) = (moment.slot, moment.tick);
        moment.show(0, &[1.0]);
        moment.ports.groups[0].matters[slot] = tick % 5 == 0;
    },
};

#[test]
fn a_chain_of_two_time_scales_is_valued_in_closed_form() {
    let params = params().with(|params| params.run.gamma = 0.9);
    let mut trainer = trained(&SLOW, 100, &params, 40);
    assert_eq!(favourite(&trainer, 0, &[1.0]).0, 1);
    // 1 a tick for ever: 1 / (1 - 0.9).
    let found = value(&trainer, 0, &[1.0], 1)[0];
    assert!((found - 10.0).abs() < 0.5, "{found}");
    let report = trainer.iterate(1.0).unwrap();
    assert!(scalar(&report, "losses/explained_variance").is_finite());
}
