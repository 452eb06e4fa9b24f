//! A run repeats, it can be saved, and what cannot be trained is refused.

use super::*;
use crate::{
    domains::{cluster::ClusterParams, jamming::JammingParams},
    learn::{
        hyperparameters::{Backend, CriticPool, Noise},
        learner::{Learned, Learner, policies_in},
    },
    policy::network::Team,
};

const MAX_STEPS: u32 = 7;

fn cluster(num_nodes: usize) -> ClusterParams {
    ClusterParams { num_nodes, ..ClusterParams::default() }
}

fn small(algo: Algo, parameter_sharing: bool) -> Hyperparameters {
    Hyperparameters::default().with(|params| {
        params.run.algo = algo;
        params.ddpg.parameter_sharing = parameter_sharing;
        params.run.num_envs = 4;
        params.run.envs_per_world = 3;
        params.run.num_steps = 8;
        params.run.hidden = 8;
        params.ddpg.batch_size = 20;
        params.ddpg.learning_starts = 12;
        params.ddpg.buffer_size = 60;
        params.ddpg.train_frequency = 2;
    })
}

/// One of each kind, with everything that can be saved wrongly.
fn kinds() -> [Hyperparameters; 6] {
    let attentive = |algo, parameter_sharing| {
        small(algo, parameter_sharing).with(|params| params.run.critic = CriticPool::Attention)
    };
    [
        small(Algo::Maddpg, true),
        small(Algo::Maddpg, false).with(|params| {
            params.ddpg.noise = Noise::Ou;
            params.ddpg.n_step = 3;
        }),
        small(Algo::Matd3, true).with(|params| {
            params.ddpg.prioritised = true;
            params.ddpg.noise = Noise::Ou;
            params.ddpg.gradient_steps = 2;
        }),
        small(Algo::Ddpg, false).with(|params| params.ddpg.prioritised = true),
        attentive(Algo::Matd3, false).with(|params| params.ddpg.policy_frequency = 1),
        attentive(Algo::Maddpg, true),
    ]
}

fn trainer(params: &Hyperparameters, seed: u64) -> Trainer {
    Trainer::new(&cluster(3), MAX_STEPS, seed, params).unwrap()
}

fn run(params: &Hyperparameters, seed: u64) -> (crate::learn::learner::Sections, Vec<IterationReport>) {
    let mut trainer = trainer(params, seed);
    let reports = (0..3).map(|i| trainer.iterate(f64::from(i) / 3.0).unwrap()).collect();
    (trainer.save().unwrap(), reports)
}

#[test]
fn a_run_repeats_bit_for_bit_on_any_number_of_threads_and_another_seed_is_another_run() {
    for params in kinds() {
        let on = |threads: usize, seed| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| run(&params, seed))
        };
        assert_eq!(on(1, 1), on(3, 1), "{:?}", params.run.algo);
        assert_ne!(on(1, 1).0["weights"], on(1, 2).0["weights"], "{:?}", params.run.algo);
    }
}

#[test]
fn what_is_saved_goes_on_like_what_was_not() {
    for params in kinds() {
        let mut whole = trainer(&params, 1);
        for _ in 0..2 {
            whole.iterate(0.1).unwrap();
        }
        let mut resumed = trainer(&params, 1);
        resumed.load(&whole.save().unwrap()).unwrap();
        assert_eq!(resumed.save().unwrap(), whole.save().unwrap());
        assert_eq!(resumed.iterate(0.3).unwrap(), whole.iterate(0.3).unwrap());
        assert_eq!(resumed.save().unwrap(), whole.save().unwrap(), "{params:?}");
    }
}

#[test]
fn a_run_whose_memory_was_not_saved_fills_it_anew() {
    let params = small(Algo::Maddpg, true).with(|params| params.ddpg.save_replay = false);
    let mut whole = trainer(&params, 1);
    whole.iterate(0.0).unwrap();
    let saved = whole.save().unwrap();
    assert!(!saved.contains_key("replay"));
    let mut resumed = trainer(&params, 1);
    resumed.load(&saved).unwrap();
    assert!(resumed.replay.is_empty());
    resumed.iterate(0.5).unwrap();
    assert_eq!(resumed.counters.env_steps, 64);
    assert_ne!(resumed.save().unwrap()["weights"], saved["weights"]);
}

/// Agents that learn one after the other, each with its targets moved before the next one's turn, end with the bits of those that
/// learn together, whoever is first: what any of them learns from is what the target networks said before the step.
#[test]
fn targets_of_a_step_are_those_from_before_it_whoever_is_first() {
    for params in [
        small(Algo::Maddpg, false).with(|params| params.ddpg.tau = 0.5),
        small(Algo::Maddpg, false).with(|params| {
            params.ddpg.tau = 0.5;
            params.run.critic = CriticPool::Attention;
        }),
        small(Algo::Matd3, false).with(|params| {
            params.ddpg.tau = 0.5;
            params.ddpg.policy_noise = 0.0;
            params.ddpg.policy_frequency = 1;
        }),
    ] {
        for is_last_first in [false, true] {
            let mut together = trainer(&params, 1);
            together.iterate(0.0).unwrap();
            let mut apart = trainer(&params, 1);
            apart.load(&together.save().unwrap()).unwrap();
            together.learn(0.0).unwrap();

            let (lesson, [actor_step, critic_step]) = (&together.lesson, apart.steps(0.0));
            let mut order = [0, 1, 2];
            if is_last_first {
                order.reverse();
            }
            for agent in order {
                let member = &mut apart.members[agent];
                let next = actions_in(&lesson.next, &apart.seats, agent);
                assert!(are_told(&member.target_actions(lesson), &next, &lesson.next_matters[agent..]));
                let doing = actions_in(&lesson.doing, &apart.seats, agent);
                assert!(are_told(&member.actions(lesson), &doing, &lesson.matters[agent..]));
                let mut report = member.learn_values(lesson, critic_step);
                member.learn_actions(lesson, actor_step, &mut report);
                member.move_targets(params.ddpg.tau as f32);
                assert!(!are_told(&member.target_actions(lesson), &next, &lesson.next_matters[agent..]));
            }
            assert_eq!(apart.save().unwrap()["weights"], together.save().unwrap()["weights"], "{params:?}");
        }
    }
}

/// What `agent` does in rows `[entries, agents, row]`.
fn actions_in(rows: &[f32], seats: &Seats, agent: usize) -> Vec<f32> {
    let own = rows.chunks_exact(seats.row()).skip(agent).step_by(seats.agents);
    own.flat_map(|row| &row[seats.observation..]).copied().collect()
}

/// Whether critics were told that an agent does this, or the middle of the range where it could not change anything.
fn are_told(done: &[f32], told: &[f32], matters: &[bool]) -> bool {
    let each = done.iter().zip(told).zip(matters.iter().step_by(3));
    each.clone().count() == told.len()
        && each.clone().all(|((done, told), matters)| *told == if *matters { *done } else { 0.0 })
}

/// What an action that could not change anything says is noise: critics do not see it, and an actor does not learn from it.
#[test]
fn an_action_that_changes_nothing_is_neither_valued_nor_learned_from() {
    let twins = small(Algo::Matd3, false).with(|params| params.ddpg.policy_frequency = 1);
    for params in [small(Algo::Maddpg, false), twins, small(Algo::Maddpg, true)] {
        let mut trainer = trainer(&params, 1);
        trainer.iterate(0.0).unwrap();
        assert!(trainer.lesson.matters.contains(&true) && trainer.lesson.matters.contains(&false));
        for (rows, matters) in [
            (&trainer.lesson.now, &trainer.lesson.matters),
            (&trainer.lesson.doing, &trainer.lesson.matters),
            (&trainer.lesson.next, &trainer.lesson.next_matters),
        ] {
            let actions = rows.chunks_exact(trainer.seats.row()).map(|row| row[trainer.seats.observation]);
            assert!(actions.zip(matters).all(|(action, matters)| *matters || action == 0.0), "{:?}", params.run.algo);
        }
        // Only the second of three agents could have changed something; actors without momentum tell.
        let mut lesson = trainer.lesson.clone();
        lesson.matters.iter_mut().enumerate().for_each(|(row, matters)| *matters = row % 3 == 1);
        let [step, _] = trainer.steps(0.0);
        let mut learns = |member: &mut Member| {
            let before = member.actor.tensors("");
            member.learn_actions(&lesson, step, &mut Report::default());
            member.actor.tensors("") != before
        };
        let mut fresh = self::trainer(&params, 1);
        let learned: Vec<bool> = fresh.members.iter_mut().map(&mut learns).collect();
        let expected: &[bool] = if params.ddpg.parameter_sharing { &[true] } else { &[false, true, false] };
        assert_eq!(learned, expected);
    }
}

#[test]
fn nothing_is_learned_before_learning_starts() {
    let mut trainer = trainer(&small(Algo::Maddpg, true).with(|params| params.ddpg.learning_starts = 40), 1);
    let before = trainer.save().unwrap();
    let report = trainer.iterate(0.0).unwrap();
    assert_eq!(trainer.save().unwrap()["weights"], before["weights"]);
    assert!(report.scalars.iter().all(|(name, _)| !name.starts_with("losses/")), "{report:?}");
    let report = trainer.iterate(0.0).unwrap();
    for name in ["losses/qf_loss", "losses/qf_values", "losses/actor_loss", "charts/exploration_noise", "charts/replay"]
    {
        assert!(report.scalars.iter().any(|(found, value)| found == name && value.is_finite()), "{name}: {report:?}");
    }
    assert_eq!(trainer.updates, 4, "at every other tick of the second iteration, from the 40th step on");
}

#[test]
fn the_policy_acts_for_the_team_that_it_was_trained_for() {
    let teams = [Team::Any, Team::Each(3), Team::Any, Team::Whole(3), Team::Each(3), Team::Any];
    for (params, team) in kinds().iter().zip(teams) {
        let mut trainer = trainer(params, 1);
        trainer.iterate(0.0).unwrap();
        let policy = trainer.policies().unwrap().remove(0).network;
        assert_eq!(policy.team(), team);
        let spec = trainer.spec().clone();
        let again = policies_in(&trainer.save().unwrap(), &spec, &[0], params).unwrap().remove(0).network;
        assert_eq!(again.tensors(), policy.tensors());
        let mut pupil = Trainer::new(&cluster(3), MAX_STEPS, 2, params).unwrap();
        pupil.start_from(&Learned { group: 0, network: policy.clone() }).unwrap();
        assert_eq!(pupil.policies().unwrap().remove(0).network.tensors(), policy.tensors());
    }
}

/// What is done while nothing is tried out is what others see the policy do.
#[test]
fn members_act_like_the_network_that_is_shared() {
    use crate::policy::network::Scratch;
    for params in kinds() {
        let mut trainer = trainer(&params, 1);
        trainer.iterate(0.0).unwrap();
        let network = trainer.policies().unwrap().remove(0).network;
        let seen: Vec<f32> = trainer.batch.lanes()[0].ports().groups[0].observations.clone();
        let actions = trainer.batch.lanes()[0].ports().groups[0].actions.len();
        let mut head = vec![0.0; actions];
        network.forward(&seen, &mut head, &mut Scratch::default());
        let mut normalised = seen;
        trainer.seats.normaliser(&trainer.moments, &params).apply(&mut normalised);
        let (mut found, mut pass) = (vec![0.0; actions], Default::default());
        trainer.members.iter().for_each(|member| member.act(&normalised, &mut pass, &mut found));
        assert!(
            found.iter().zip(&head).all(|(found, u)| (found - libm::tanhf(*u)).abs() < 1e-6),
            "{:?}",
            params.run.algo
        );
    }
}

#[test]
fn a_shared_policy_goes_on_in_a_larger_team_and_others_cannot() {
    for params in kinds() {
        let mut trainer = trainer(&params, 1);
        trainer.iterate(0.0).unwrap();
        let before = trainer.save().unwrap();
        let outcome = trainer.change_scenario(&cluster(5), MAX_STEPS);
        if trainer.seats.team == Team::Any {
            outcome.unwrap();
            assert_eq!(trainer.save().unwrap()["weights"], before["weights"]);
            let report = trainer.iterate(0.5).unwrap();
            assert_eq!(report.counters.agent_steps, 32 * 3 + 32 * 5);
        } else {
            assert!(outcome.unwrap_err().to_string().contains("from 3 to 5 agents"));
            assert_eq!(trainer.save().unwrap(), before);
        }
    }
}

#[test]
fn sections_that_are_missing_damaged_or_foreign_are_errors() {
    for params in kinds() {
        let mut saved = trainer(&params, 1);
        saved.iterate(0.0).unwrap();
        let saved = saved.save().unwrap();
        for name in ["weights", "learner", "envs", "replay"] {
            let mut without = saved.clone();
            without.remove(name);
            let error = trainer(&params, 1).load(&without).unwrap_err();
            assert!(error.to_string().contains(&format!("no section `{name}`")), "{error}");
            for len in [0, 1, saved[name].len() / 2, saved[name].len() - 1] {
                let mut cut = saved.clone();
                cut.get_mut(name).unwrap().truncate(len);
                assert!(trainer(&params, 1).load(&cut).is_err(), "{name} cut to {len} bytes");
            }
        }
        let other = params.clone().with(|params| params.run.hidden = 9);
        assert!(trainer(&other, 1).load(&saved).is_err());
    }
}

#[test]
fn what_cannot_be_trained_is_refused_at_once() {
    let refused = |domain: &dyn Domain, params: Hyperparameters| {
        let error = Trainer::new(domain, MAX_STEPS, 1, &params).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    let choosers = refused(&JammingParams::default(), small(Algo::Maddpg, true));
    assert!(choosers.contains("numbers") && choosers.contains("maddpg"), "{choosers}");
    let few = cluster(3);
    assert!(refused(&few, small(Algo::Maddpg, true).with(|params| params.ddpg.tau = 1.5)).contains("tau"));
    assert!(refused(&few, small(Algo::Maddpg, true).with(|params| params.ppo.action_bins = 5)).contains("grid"));
    assert!(
        refused(&few, small(Algo::Ddpg, true).with(|params| params.run.backend = Backend::Torch)).contains("fused")
    );
    for parameter_sharing in [false, true] {
        let attentive = small(Algo::Ddpg, parameter_sharing).with(|params| params.run.critic = CriticPool::Attention);
        assert!(refused(&few, attentive).contains("attention finds no others"));
    }
    assert!(refused(&few, small(Algo::Matd3, true).with(|params| params.ddpg.buffer_size = 1 << 30)).contains("MiB"));
    assert_eq!(Algo::ALL.iter().filter(|algo| algo.is_off_policy()).count(), 3, "what is tested for each algorithm");
}
