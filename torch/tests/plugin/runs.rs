//! Runs that train with `backend=torch`.

use agon::{
    domains::jamming::JammingParams,
    learn::{
        hyperparameters::{Algo, Backend, CriticPool, PpoParams},
        mappo::Trainer,
    },
};

fn trainer(algo: Algo, critic: CriticPool) -> Trainer {
    let params = PpoParams {
        algo,
        critic,
        backend: Backend::Torch,
        num_envs: 4,
        envs_per_world: 2,
        num_steps: 8,
        hidden: 8,
        minibatch_size: 40,
        update_epochs: 2,
        target_kl: None,
        ..PpoParams::default()
    };
    Trainer::new(&JammingParams::default(), 5, 1, &params).unwrap()
}

#[test]
fn what_is_saved_goes_on_like_what_was_not() {
    for (algo, critic) in
        [(Algo::Ippo, CriticPool::Mean), (Algo::Mappo, CriticPool::Mean), (Algo::Mappo, CriticPool::Attention)]
    {
        let mut whole = trainer(algo, critic);
        let begin = whole.save().unwrap();
        whole.iterate(0.0).unwrap();
        assert_ne!(whole.save().unwrap()["weights"], begin["weights"], "{algo:?} learns nothing");
        let mut resumed = trainer(algo, critic);
        resumed.load(&whole.save().unwrap()).unwrap();
        assert_eq!(resumed.iterate(0.3).unwrap(), whole.iterate(0.3).unwrap());
        assert_eq!(resumed.save().unwrap(), whole.save().unwrap(), "{algo:?}, {critic:?}");
    }
}
