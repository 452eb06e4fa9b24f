//! A run that starts from a policy is that policy until it learns.

use agon::policy::network::{Network, Scratch};

use super::*;

/// What the network puts out for observations of all magnitudes, as bits.
fn outputs(network: &Network) -> Vec<u32> {
    let rows = 50;
    let width = network.shape().observation;
    let observations: Vec<f32> = (0..rows * width).map(|i| ((i * 7919) % 2003) as f32 / 500.0 - 2.0).collect();
    let mut head = vec![0.0; rows * network.shape().head()];
    network.forward(&observations, &mut head, &mut Scratch::default());
    head.iter().chain(network.log_std()).map(|number| number.to_bits()).collect()
}

#[test]
fn a_run_that_starts_from_a_policy_acts_like_it_before_it_learns() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(&plan(1, Algo::Mappo), &dir.path().join("first"), &mut Watch::to_the_end());
    let policy = card::load(&first).unwrap();
    for algo in [Algo::Mappo, Algo::Ippo] {
        let folder = dir.path().join(format!("{algo:?}"));
        let session = Session::start(plan(2, algo), Some(&folder), Some(&policy)).unwrap();
        let begun = card::load(&folder).unwrap().network;
        assert_eq!(outputs(&begun), outputs(&policy.network), "{algo:?}");
        assert_ne!(outputs(&begun), outputs(&fresh(algo).network), "{algo:?}: it could have been chance");
        drive(session, &mut Watch::to_the_end());
        assert_ne!(
            outputs(&card::load(&folder).unwrap().network),
            outputs(&policy.network),
            "{algo:?}: then it learns"
        );
    }
}

/// What a run with the same seed begins with if it starts from nothing.
fn fresh(algo: Algo) -> card::Shared {
    let dir = tempfile::tempdir().unwrap();
    drop(Session::start(plan(2, algo), Some(dir.path()), None).unwrap());
    card::load(dir.path()).unwrap()
}

#[test]
fn a_policy_of_another_shape_is_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let policy = fresh(Algo::Mappo);
    let mut wide = plan(2, Algo::Mappo);
    wide.params.run.hidden = 16;
    let out = dir.path().join("wide");
    let error = Session::start(wide, Some(&out), Some(&policy)).err().unwrap();
    let error = error.to_string();
    assert!(error.contains("hidden layers of 8") && error.contains("hidden layers of 16"), "{error}");
    assert!(!error.contains('{'), "in words: {error}");
    assert!(!out.exists());
}

/// A run without a normaliser cannot act like a policy that has one.
#[test]
fn a_run_that_does_not_normalise_refuses_a_policy_that_does() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(&plan(1, Algo::Mappo), &dir.path().join("first"), &mut Watch::to_the_end());
    let policy = card::load(&first).unwrap();
    let mut bare = plan(2, Algo::Mappo);
    bare.params.run.norm_obs = false;
    let error = Session::start(bare.clone(), Some(&dir.path().join("bare")), Some(&policy)).err().unwrap();
    assert!(error.to_string().contains("norm_obs"), "{error}");
    // A policy that was trained without one is a start for both.
    let plain = start(&bare, &dir.path().join("plain"), &mut Watch::to_the_end());
    let policy = card::load(&plain).unwrap();
    for (name, norm_obs) in [("with", true), ("without", false)] {
        let mut plan = bare.clone();
        plan.params.run.norm_obs = norm_obs;
        drop(Session::start(plan, Some(&dir.path().join(name)), Some(&policy)).unwrap());
        assert_eq!(
            outputs(&card::load(&dir.path().join(name)).unwrap().network),
            outputs(&policy.network),
            "{name} a normaliser"
        );
    }
}

#[test]
fn resuming_a_run_that_started_from_a_policy_needs_no_policy() {
    let dir = tempfile::tempdir().unwrap();
    let policy = fresh(Algo::Mappo);
    let mut plan = plan(9, Algo::Mappo);
    plan.params.ppo.critic_warmup = 2;
    let from = |name: &str| Session::start(plan.clone(), Some(&dir.path().join(name)), Some(&policy)).unwrap();
    let whole = drive(from("whole"), &mut Watch::to_the_end());
    let broken = drive(from("broken"), &mut Watch::until(1, Interruption::Stop));
    resume(&broken, &mut Watch::to_the_end());
    assert_same(&remains(&broken), &remains(&whole), "with a critic that warms up");
}
