//! Runs that train with `backend=torch`.

use agon::{
    domains::jamming::JammingParams,
    learn::{
        hyperparameters::{Algo, Backend, CriticPool, Hyperparameters},
        mappo::Trainer,
    },
};

fn trainer(algo: Algo, critic: CriticPool) -> Trainer {
    let params = Hyperparameters::default().with(|params| {
        params.run.algo = algo;
        params.run.critic = critic;
        params.run.backend = Backend::Torch;
        params.run.num_envs = 4;
        params.run.envs_per_world = 2;
        params.run.num_steps = 8;
        params.run.hidden = 8;
        params.ppo.minibatch_size = 40;
        params.ppo.update_epochs = 2;
        params.ppo.target_kl = None;
    });
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
