//! What a run promises beside learning: it repeats, it can be saved, and its updates mean what they say.

#![allow(clippy::unwrap_used, reason = "tests")]

mod groups;

use bevy_app::App;
use bevy_ecs::{schedule::IntoScheduleConfigs, system::ResMut};

use super::*;
use crate::{
    domains::jamming::{
        JammingParams,
        scenario::{Band, ObservationLayout},
    },
    learn::hyperparameters::{Algo, CriticPool, HiddenActivation},
    policy::network::Scratch,
    sim::{
        ActionSpace, Address, Aggregate, Baseline, Better, GroupSpec, MetricSpec, Ports, RewardTerm, Tick, TickSystems,
        field,
    },
};

const MAX_STEPS: u32 = 5;

fn small(algo: Algo) -> Hyperparameters {
    Hyperparameters::default().with(|params| {
        params.run.algo = algo;
        params.run.num_envs = 4;
        params.run.envs_per_world = 2;
        params.run.num_steps = 8;
        params.run.hidden = 8;
        params.ppo.minibatch_size = 40;
        params.ppo.update_epochs = 2;
        params.ppo.target_kl = None;
    })
}

fn trainer(params: &Hyperparameters) -> Trainer {
    Trainer::new(&JammingParams::default(), MAX_STEPS, 1, params).unwrap()
}

fn policy_of(trainer: &Trainer) -> Network {
    trainer.policies().unwrap().remove(0).network
}

fn scalar(report: &IterationReport, name: &str) -> f64 {
    report.scalars.iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("no scalar `{name}`")).1
}

/// Parameters of the actor, or of the critic, without the optimiser's.
fn parameters(trainer: &Trainer, of: &str) -> Vec<Vec<f32>> {
    trainer.pupils[0]
        .net
        .state()
        .into_iter()
        .filter(|tensor| tensor.name.starts_with(of))
        .map(|tensor| tensor.data)
        .collect()
}

#[test]
fn a_run_repeats_bit_for_bit_and_another_seed_is_another_run() {
    for algo in [Algo::Mappo, Algo::Ippo] {
        let run = |seed| {
            let mut trainer = Trainer::new(&JammingParams::default(), MAX_STEPS, seed, &small(algo)).unwrap();
            let reports: Vec<_> = (0..3).map(|i| trainer.iterate(f64::from(i) / 3.0).unwrap()).collect();
            (trainer.save().unwrap(), reports)
        };
        assert_eq!(run(1), run(1), "{algo:?}");
        assert_ne!(run(1).0["weights"], run(2).0["weights"], "{algo:?}");
    }
}

#[test]
fn what_is_saved_goes_on_like_what_was_not() {
    for algo in [Algo::Mappo, Algo::Ippo] {
        for activation in [HiddenActivation::Relu, HiddenActivation::Tanh] {
            for (norm_obs, clip_vloss, norm_adv) in [(true, false, true), (false, true, false)] {
                let params = small(algo).with(|params| {
                    params.run.activation = activation;
                    params.run.norm_obs = norm_obs;
                    params.ppo.clip_vloss = clip_vloss;
                    params.ppo.norm_adv = norm_adv;
                });
                let mut whole = trainer(&params);
                whole.iterate(0.0).unwrap();
                let mut resumed = trainer(&params);
                resumed.load(&whole.save().unwrap()).unwrap();
                assert_eq!(resumed.save().unwrap(), whole.save().unwrap());
                assert_eq!(resumed.iterate(0.3).unwrap(), whole.iterate(0.3).unwrap());
                assert_eq!(resumed.save().unwrap(), whole.save().unwrap(), "{params:?}");
            }
        }
    }
}

/// One per step from MAPPO's critic, one per agent from IPPO's, in the unit of returns.
#[test]
fn a_copied_critic_expects_what_the_trainer_expects() {
    for (algo, columns) in [(Algo::Mappo, 1), (Algo::Ippo, 4)] {
        let mut trainer = trainer(&small(algo));
        (0..2).for_each(|_| drop(trainer.iterate(0.0).unwrap()));
        let copy = trainer.critic(0).unwrap();
        let Pupil { net, rollout, value_norm, .. } = &mut trainer.pupils[0];
        let mut expected = pupil::values_of(&mut **net, rollout.shape(), (&rollout.observations, &[]), &[]);
        value_norm.denormalise(&mut expected);
        assert_eq!(expected.len(), 4 * 8 * columns);
        assert_eq!(copy.values(&trainer.pupils[0].rollout.observations, 4).unwrap(), expected, "{algo:?}");
    }
}

#[test]
fn counters_count() {
    let mut trainer = trainer(&small(Algo::Mappo));
    assert_eq!(trainer.steps_per_iteration(), 4 * 8);
    for done in 1..=3 {
        let report = trainer.iterate(0.0).unwrap();
        let Counters { iterations, env_steps, agent_steps, episodes, imitated } = report.counters;
        assert_eq!((iterations, env_steps, agent_steps, imitated), (done, 32 * done, 32 * 4 * done, 0));
        assert_eq!(episodes, 4 * (8 * done / u64::from(MAX_STEPS)), "episodes of five ticks in 4 envs");
        assert_eq!(report.counters, trainer.counters());
        assert_eq!(scalar(&report, "charts/episodic_length"), f64::from(MAX_STEPS));
    }
}

/// The published system clamped actions at collection and not at the update: its ratios did not begin at one.
#[test]
fn regress_7_the_first_ratio_of_an_update_is_one() {
    for algo in [Algo::Mappo, Algo::Ippo] {
        let params = small(algo).with(|params| {
            params.run.learning_rate = 0.0;
            params.run.critic_learning_rate = 0.0;
            params.ppo.update_epochs = 3;
        });
        let mut trainer = trainer(&params);
        for _ in 0..3 {
            let report = trainer.iterate(0.0).unwrap();
            assert!(scalar(&report, "losses/approx_kl").abs() < 1e-9, "{algo:?}: {report:?}");
            assert_eq!(scalar(&report, "losses/clipfrac"), 0.0, "{algo:?}");
        }
    }
}

#[test]
fn every_step_is_in_one_minibatch_of_every_epoch() {
    for (algo, minibatch_size, expected) in
        [(Algo::Mappo, 40, 4.0), (Algo::Ippo, 40, 4.0), (Algo::Mappo, 1, 32.0), (Algo::Mappo, 1 << 20, 1.0)]
    {
        let params = small(algo).with(|params| {
            params.ppo.minibatch_size = minibatch_size;
            params.ppo.update_epochs = 3;
        });
        let report = trainer(&params).iterate(0.0).unwrap();
        // 40 agent-steps are 10 steps of a team of four: 32 steps make minibatches of 10, 10, 10 and 2.
        assert_eq!(scalar(&report, "charts/minibatches"), 3.0 * expected, "{algo:?}, {minibatch_size}");
    }
}

#[test]
fn steps_in_which_nothing_mattered_are_learned_from_once() {
    for (idle, expected) in [(0, 3.0 * 4.0), (2, 4.0 + 2.0 + 2.0), (4, 4.0)] {
        let mut trainer = trainer(&small(Algo::Mappo).with(|params| {
            params.ppo.minibatch_size = 40;
            params.ppo.update_epochs = 3;
        }));
        let lanes = trainer.batch.lanes_mut().iter_mut();
        let mattering = lanes.flat_map(|lane| lane.ports_mut().groups[0].matters.chunks_exact_mut(4));
        mattering.take(idle).for_each(|agents| agents.fill(false));
        let report = trainer.iterate(0.0).unwrap();
        assert_eq!(scalar(&report, "charts/minibatches"), expected, "{idle} envs of four idle");
        assert!(report.scalars.iter().all(|(_, number)| number.is_finite()), "{idle} envs idle: {report:?}");
    }
}

#[test]
fn the_order_of_an_epoch_is_a_permutation_at_an_address_of_its_own() {
    let order = |episode, tick, group| {
        let mut order: Vec<u32> = (0..32).collect();
        pupil::shuffle(&mut order, Seeds::new(1), Address { env: 0, episode, tick }, group);
        order
    };
    let first = order(0, 0, 0);
    assert_eq!(first, order(0, 0, 0));
    assert_ne!(first, order(0, 1, 0));
    assert_ne!(first, order(0, 0, 1));
    let mut sorted = first.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..32).collect::<Vec<_>>());
    assert_ne!(first, sorted);
    assert_ne!(first, order(1, 0, 0));
}

#[test]
fn an_update_stops_early_once_the_policy_has_moved_too_far() {
    let far = small(Algo::Mappo).with(|params| {
        params.ppo.target_kl = Some(0.0);
        params.ppo.update_epochs = 10;
        params.run.learning_rate = 0.1;
    });
    let minibatches = scalar(&trainer(&far).iterate(0.0).unwrap(), "charts/minibatches");
    assert_eq!(minibatches, 4.0, "the epoch that exceeds the limit is the last");
    let near = far.clone().with(|params| params.ppo.target_kl = Some(1000.0));
    assert_eq!(scalar(&trainer(&near).iterate(0.0).unwrap(), "charts/minibatches"), 40.0);
}

#[test]
fn learning_rates_and_entropy_fall_to_their_shares_of_the_run() {
    let params = small(Algo::Mappo).with(|params| {
        params.run.final_lr_fraction = 0.25;
        params.ppo.ent_coef = 0.04;
        params.ppo.final_ent_fraction = 0.5;
    });
    for (progress, lr_left, ent_left) in [(0.0, 1.0, 1.0), (0.5, 0.625, 0.75), (1.0, 0.25, 0.5), (7.0, 0.25, 0.5)] {
        let (coefficients, size) = pupil::scheduled(&params, 0, progress);
        let close = |found: f32, expected: f64| assert!((f64::from(found) / expected - 1.0).abs() < 1e-6, "{found}");
        close(size.actor_learning_rate, params.run.learning_rate * lr_left);
        close(size.critic_learning_rate, params.run.critic_learning_rate * lr_left);
        close(coefficients.ent_coef, params.ppo.ent_coef * ent_left);
    }
}

#[test]
fn a_critic_that_warms_up_learns_alone() {
    let params = small(Algo::Mappo).with(|params| params.ppo.critic_warmup = 2);
    let mut trainer = trainer(&params);
    for iteration in 0..4 {
        let (actor, critic) = (parameters(&trainer, "actor."), parameters(&trainer, "critic."));
        trainer.iterate(0.0).unwrap();
        assert_eq!(parameters(&trainer, "actor.") == actor, iteration < 2, "iteration {iteration}");
        assert_ne!(parameters(&trainer, "critic."), critic, "iteration {iteration}");
    }
}

#[test]
fn explained_variance_is_one_for_a_seer_and_zero_for_a_mean() {
    let returns = [1.0, 2.0, 4.0, 9.0];
    assert_eq!(sums::explained_variance(&returns, &returns), 1.0);
    assert_eq!(sums::explained_variance(&[4.0; 4], &returns), 0.0);
    assert!(sums::explained_variance(&[9.0, 4.0, 2.0, 1.0], &returns) < 0.0);
    assert_eq!(sums::explained_variance(&[1.0, 2.0], &[3.0, 3.0]), 0.0, "returns that do not vary need no explanation");
}

/// A rollout is seen through one normaliser: that of all rollouts before it.
#[test]
fn the_normaliser_of_a_rollout_does_not_know_it_yet() {
    let mut trainer = trainer(&small(Algo::Mappo));
    let first = policy_of(&trainer);
    assert!(first.normaliser().1.iter().all(|std| *std == 1.0), "nothing has been seen yet");
    trainer.iterate(0.0).unwrap();
    let second = policy_of(&trainer);
    assert_ne!(first.normaliser(), second.normaliser());
    assert_eq!(trainer.pupils[0].moments.count(), 32 * 4);
    let mut raw = trainer_without_normaliser();
    raw.iterate(0.0).unwrap();
    let policy = policy_of(&raw);
    assert!(
        policy.normaliser().0.iter().all(|mean| *mean == 0.0) && policy.normaliser().1.iter().all(|std| *std == 1.0)
    );
}

fn trainer_without_normaliser() -> Trainer {
    trainer(&small(Algo::Mappo).with(|params| params.run.norm_obs = false))
}

fn outputs(network: &Network) -> Vec<u32> {
    let width = network.shape().observation;
    let observations: Vec<f32> = (0..20 * width).map(|i| ((i * 7919) % 2003) as f32 / 500.0 - 2.0).collect();
    let mut head = vec![0.0; 20 * network.shape().head()];
    network.forward(&observations, &mut head, &mut Scratch::default());
    head.iter().chain(network.log_std()).map(|number| number.to_bits()).collect()
}

#[test]
fn a_run_from_a_policy_is_that_policy_and_its_critic_is_its_own() {
    let mut teacher = trainer(&small(Algo::Mappo));
    (0..3).for_each(|_| drop(teacher.iterate(0.0).unwrap()));
    let policy = policy_of(&teacher);
    let mut pupil = Trainer::new(&JammingParams::default(), MAX_STEPS, 2, &small(Algo::Ippo)).unwrap();
    let critic = parameters(&pupil, "critic.");
    pupil.start_from(&Learned { group: 0, network: policy.clone() }).unwrap();
    assert_eq!(outputs(&policy_of(&pupil)), outputs(&policy));
    assert_eq!(parameters(&pupil, "critic."), critic);
    assert_eq!(pupil.counters(), Counters::default());
    // One rollout weighs little against the rows a policy brings along.
    let before = policy.normaliser().0[0];
    pupil.iterate(0.0).unwrap();
    let after = policy_of(&pupil).normaliser().0[0];
    assert!(before != after && (before - after).abs() < 1e-3, "{before} became {after}");
}

#[test]
fn a_policy_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut trained = trainer(&small(Algo::Mappo));
    trained.iterate(0.0).unwrap();
    let policy = policy_of(&trained);
    let wide = small(Algo::Mappo).with(|params| params.run.hidden = 16);
    for (mut pupil, expected) in [(trainer(&wide), "hidden"), (trainer_without_normaliser(), "norm_obs")] {
        let before = pupil.save().unwrap();
        let error = pupil.start_from(&Learned { group: 0, network: policy.clone() }).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(pupil.save().unwrap(), before);
    }
}

#[test]
fn a_curriculum_changes_the_envs_and_nothing_else() {
    let mut trainer = trainer(&small(Algo::Mappo));
    trainer.iterate(0.0).unwrap();
    let before = trainer.save().unwrap();
    let larger = JammingParams { num_jammers: 6, num_enemies: 15, ..JammingParams::default() };
    trainer.change_scenario(&larger, 7).unwrap();
    let after = trainer.save().unwrap();
    assert_eq!((&after["weights"], &after["learner"]), (&before["weights"], &before["learner"]));
    assert_ne!(after["envs"], before["envs"]);
    let report = trainer.iterate(0.5).unwrap();
    assert_eq!(report.counters.agent_steps, 32 * 4 + 32 * 6);
    assert_eq!(scalar(&report, "charts/episodic_length"), 7.0);
}

#[test]
fn a_curriculum_cannot_change_what_agents_see_or_do() {
    let mut trainer = trainer(&small(Algo::Mappo));
    let before = trainer.save().unwrap();
    let blind = JammingParams { observation: ObservationLayout::Published5, ..JammingParams::default() };
    let faster = JammingParams { jammer_speed_mps: 9.0, ..JammingParams::default() };
    for other in [blind, faster] {
        let error = trainer.change_scenario(&other, MAX_STEPS).unwrap_err();
        assert!(error.to_string().contains("curriculum"), "{error}");
        assert_eq!(trainer.save().unwrap(), before);
    }
    let fewer_bands = JammingParams { enemy_bands: vec![Band::Mhz433], ..JammingParams::default() };
    trainer.change_scenario(&fewer_bands, MAX_STEPS).unwrap();
}

#[test]
fn sections_that_are_missing_damaged_or_foreign_are_errors() {
    let saved = trainer(&small(Algo::Mappo)).save().unwrap();
    for name in ["weights", "learner", "envs"] {
        let mut without = saved.clone();
        without.remove(name);
        let error = trainer(&small(Algo::Mappo)).load(&without).unwrap_err();
        assert!(error.to_string().contains(&format!("no section `{name}`")), "{error}");
        for len in [0, 1, saved[name].len() / 2, saved[name].len() - 1] {
            let mut cut = saved.clone();
            cut.get_mut(name).unwrap().truncate(len);
            assert!(trainer(&small(Algo::Mappo)).load(&cut).is_err(), "{name} cut to {len} bytes");
        }
    }
    let others = [
        small(Algo::Mappo).with(|params| params.run.hidden = 9),
        small(Algo::Mappo).with(|params| params.run.num_envs = 5),
        small(Algo::Mappo).with(|params| {
            params.run.algo = Algo::Ippo;
            params.run.hidden = 7;
        }),
    ];
    for params in others {
        assert!(trainer(&params).load(&saved).is_err(), "{params:?}");
    }
}

#[test]
fn what_cannot_be_trained_is_refused_at_once() {
    let refused =
        |params: Hyperparameters| Trainer::new(&JammingParams::default(), MAX_STEPS, 1, &params).err().unwrap();
    assert!(refused(small(Algo::Mappo).with(|params| params.run.gamma = 1.5)).to_string().contains("gamma"));
    assert!(
        refused(small(Algo::Mappo).with(|params| params.run.learning_rate = f64::NAN))
            .to_string()
            .contains("learning_rate")
    );
    let attentive = small(Algo::Mappo).with(|params| params.run.critic = CriticPool::Attention);
    assert_eq!(refused(attentive).exit_code(), 2);
    assert_eq!(Algo::ALL.iter().filter(|algo| !algo.is_off_policy()).count(), 2, "what is tested for each algorithm");
}

/// A domain whose agents see and are paid whatever a test wants.
struct Rigged {
    observation: f32,
    reward: f32,
}

impl Domain for Rigged {
    fn id(&self) -> &'static str {
        "rigged"
    }

    fn spec(&self, max_steps: u32) -> Spec {
        let group = GroupSpec {
            name: "agents",
            agents: 1,
            layout: "rigged",
            observation: vec![field("x", "", -1.0..=1.0)],
            action: ActionSpace { continuous: vec![field("y", "", -1.0..=1.0)], discrete: Vec::new() },
            reward_terms: vec![RewardTerm { name: "x", doc: "x" }],
            reward_clip: None,
            is_masked: false,
            default: "",
            reference: None,
        };
        let metrics =
            vec![MetricSpec { name: "x", unit: "", doc: "x", aggregate: Aggregate::Mean, better: Better::Higher }];
        Spec { groups: vec![group], metrics, stratum: None, state: vec![], max_steps }
    }

    fn dt_s(&self) -> f64 {
        1.0
    }

    fn install(&self, app: &mut App, _envs: usize) {
        let Self { observation, reward } = *self;
        let rig = move |mut ports: ResMut<Ports>| {
            ports.groups[0].observations.fill(observation);
            ports.groups[0].terms.fill(reward);
        };
        app.add_systems(Tick, rig.in_set(TickSystems::Reward));
    }

    fn baselines(&self) -> Vec<Baseline> {
        Vec::new()
    }
}

/// Nothing would be learned from then on, and nobody would know.
#[test]
fn numbers_that_are_not_finite_are_an_error_before_anything_is_learned() {
    for (observation, reward, expected) in [
        (f32::NAN, 1.0, "column 0"),
        (f32::INFINITY, 1.0, "column 0"),
        (0.5, f32::NAN, "return of step"),
        (0.5, f32::INFINITY, "return of step"),
    ] {
        let mut trainer = Trainer::new(&Rigged { observation, reward }, 4, 1, &small(Algo::Ippo)).unwrap();
        let before = trainer.save().unwrap();
        let error = trainer.iterate(0.0).unwrap_err();
        assert!(error.to_string().contains(expected), "{observation} and {reward}: {error}");
        assert_eq!(error.exit_code(), 1);
        assert_eq!(trainer.save().unwrap()["weights"], before["weights"]);
    }
}

#[test]
fn agents_that_see_and_are_paid_nothing_new_train_without_harm() {
    let mut trainer = Trainer::new(&Rigged { observation: 0.5, reward: 0.0 }, 4, 1, &small(Algo::Ippo)).unwrap();
    for _ in 0..5 {
        let report = trainer.iterate(0.0).unwrap();
        assert!(report.scalars.iter().all(|(_, value)| value.is_finite()), "{report:?}");
    }
}
