//! Hyperparameters of all algorithms, under the names that cleanrl gave them.
//!
//! Each family of algorithms declares what it reads: [`PpoParams`] and [`DdpgParams`] beside the [`RunParams`] of all. A run has one of each
//! ([`Hyperparameters`]), under names that no two sets share, so that it is changed, saved, listed and shown in one way whatever it trains.

mod all;

pub use self::all::Hyperparameters;
use crate::sim::params::{choices, params};

choices! {
    /// How policies are made better.
    pub enum Algo {
        /// Proximal policy optimisation; one value for the team, from all its observations.
        Mappo = "mappo",
        /// Proximal policy optimisation; one value per agent, from its own observation.
        Ippo = "ippo",
        /// Deterministic policy gradients; each agent's critic sees what all observe and do.
        Maddpg = "maddpg",
        /// The same with twin critics, noise on target actions and delayed actors.
        Matd3 = "matd3",
        /// Deterministic policy gradients; the team is one agent with all observations and actions.
        Ddpg = "ddpg",
    }
}

choices! {
    /// What an actor that learns through a critic tries out.
    pub enum Noise {
        /// New at every tick.
        Gaussian = "gaussian",
        /// A drift that begins anew with every episode (Ornstein and Uhlenbeck).
        Ou = "ou",
    }
}

impl Algo {
    /// Whether it learns from a replay of what earlier policies did.
    pub fn is_off_policy(self) -> bool {
        matches!(self, Self::Maddpg | Self::Matd3 | Self::Ddpg)
    }
}

choices! {
    /// What differentiates the networks.
    pub enum Backend {
        /// Hand-fused kernels for small networks on a CPU.
        Fused = "fused",
        /// libtorch.
        Torch = "torch",
    }
}

choices! {
    /// How a critic takes in a team: that of MAPPO all agents, those of MADDPG and MATD3 the others beside the one they value.
    pub enum CriticPool {
        /// Mean of learned embeddings; side by side in MADDPG and MATD3 without `parameter_sharing`.
        Mean = "mean",
        /// Attention over learned embeddings; for MAPPO it needs backend `torch`.
        Attention = "attention",
    }
}

choices! {
    /// What the critic of a group is shown. Actors always see what their group sees.
    pub enum CriticSees {
        /// What its group sees.
        Group = "group",
        /// What all groups see, side by side.
        All = "all",
        /// The state of the env that the domain tells critics.
        State = "state",
    }
}

choices! {
    /// Nonlinearity of the hidden layers.
    pub enum HiddenActivation {
        /// max(0, x).
        Relu = "relu",
        /// Hyperbolic tangent.
        Tanh = "tanh",
    }
}

params! {
    /// What every algorithm is told.
    pub struct RunParams {
        /// How policies are made better.
        algo: Algo = Algo::Mappo, choice, next_reset;
        /// What differentiates the networks.
        backend: Backend = Backend::Fused, choice, next_reset;
        /// Envs stepped side by side.
        num_envs: usize = 128, range 1..=65536, next_reset;
        /// Envs that share a world. Part of the recipe: it fixes the order of the rollout's steps.
        envs_per_world: usize = 32, range 1..=65536, next_reset;
        /// Ticks of each env per iteration; for MAPPO and IPPO those of a rollout.
        num_steps: usize = 64, range 1..=65536, next_reset;
        /// Width of both hidden layers, of actor and critic.
        hidden: usize = 128, range 1..=4096, next_reset;
        /// Nonlinearity of the hidden layers.
        activation: HiddenActivation = HiddenActivation::Tanh, choice, next_reset;
        /// MAPPO, MADDPG, MATD3: how a critic takes in the agents of a team.
        critic: CriticPool = CriticPool::Mean, choice, next_reset;
        /// Learning rate of the actor.
        learning_rate: f64 = 0.0005, range 0.0..=1.0, live;
        /// Learning rate of the critic.
        critic_learning_rate: f64 = 0.001, range 0.0..=1.0, live;
        /// Share of both learning rates left at the end of the run; in between they fall linearly.
        final_lr_fraction: f64 = 0.1, range 0.0..=1.0, live;
        /// Adam's epsilon.
        adam_eps: f64 = 0.00001, range 0.0..=1.0, live;
        /// Discount per tick.
        gamma: f64 = 0.99, range 0.0..=1.0, live;
        /// Gradients of actor and critic are each scaled down to this norm.
        max_grad_norm: f64 = 0.5, range 0.0..=1000000.0, live;
        /// Whether observations are normalised by their running moments.
        norm_obs: bool = true, flag, next_reset;
    }
}

params! {
    /// What MAPPO and IPPO are told besides.
    pub struct PpoParams {
        /// MAPPO: what a critic is shown; other than `group` it takes the agents side by side and needs backend `fused`.
        critic_sees: CriticSees = CriticSees::Group, choice, next_reset;
        /// Settings of each continuous action dimension that the policy chooses among; 0 draws them from Gaussians.
        action_bins: usize = 0, range 0..=64, next_reset;
        /// Logarithm of the initial standard deviation of continuous actions, before squashing.
        log_std_init: f64 = -0.5, range -5.0..=1.0, next_reset;
        /// Lambda of generalised advantage estimation.
        gae_lambda: f64 = 0.95, range 0.0..=1.0, live;
        /// Agent-steps per minibatch, rounded down to whole steps of the team; a rollout that has fewer is one minibatch.
        minibatch_size: usize = 4096, range 1..=16777216, live;
        /// Passes over a rollout.
        update_epochs: usize = 5, range 1..=1000, live;
        /// How far the probability ratio may leave 1 before it stops paying.
        clip_coef: f64 = 0.2, range 0.0..=10.0, live;
        /// Whether values are clipped like ratios.
        clip_vloss: bool = false, flag, live;
        /// Whether advantages are normalised per minibatch.
        norm_adv: bool = true, flag, live;
        /// Weight of the entropy at the start of the run.
        ent_coef: f64 = 0.005, range 0.0..=10.0, live;
        /// Share of it left at the end of the run; in between it falls linearly.
        final_ent_fraction: f64 = 0.0, range 0.0..=1.0, live;
        /// Weight of the value loss.
        vf_coef: f64 = 1.0, range 0.0..=1000.0, live;
        /// The rest of the epochs is skipped once the mean KL divergence of an epoch exceeds this.
        target_kl: Option<f64> = Some(0.02), optional, range 0.0..=1000.0, live;
        /// Share of the run, at its start, in which the policy learns to do what a teacher does; 0 needs no teacher.
        imitation: f64 = 0.0, range 0.0..=1.0, next_reset;
        /// Logarithm of the standard deviation of continuous actions from which reinforcement goes on after imitation.
        imitation_log_std: f64 = -1.5, range -5.0..=1.0, next_reset;
        /// Iterations at the start in which only the critic learns; for runs that start from a policy.
        critic_warmup: usize = 0, range 0..=1000000, next_reset;
        /// Where a group also plays against its past: share of the lanes in which some group does.
        pool_fraction: f64 = 0.5, range 0.0..=1.0, live;
        /// Earlier policies of a group that are kept for that.
        pool_size: usize = 16, range 1..=1024, next_reset;
    }
}

params! {
    /// What MADDPG, MATD3 and DDPG are told besides.
    pub struct DdpgParams {
        /// MADDPG, MATD3: whether all agents have the same actor and critic, so that the policy acts in a team of any size.
        parameter_sharing: bool = true, flag, next_reset;
        /// Steps of the team that are remembered.
        buffer_size: usize = 100000, range 1..=1073741824, next_reset;
        /// Whether checkpoints hold them too; a run resumed without fills its memory anew and has other bits.
        save_replay: bool = true, flag, next_reset;
        /// Env-steps with actions drawn anywhere in their range, before anything is learned.
        learning_starts: usize = 5000, range 0..=1073741824, live;
        /// Ticks between trainings, at most `num_steps`.
        train_frequency: usize = 1, range 1..=65536, live;
        /// Updates of a training.
        gradient_steps: usize = 1, range 1..=65536, live;
        /// Steps of the team in an update.
        batch_size: usize = 256, range 1..=1048576, live;
        /// Share of the way that targets go to their networks with an update.
        tau: f64 = 0.01, range 0.0..=1.0, live;
        /// MATD3: updates of the critics for one of actors and targets.
        policy_frequency: usize = 2, range 1..=1000, live;
        /// MATD3: deviation of the noise on target actions, in halves of their range.
        policy_noise: f64 = 0.2, range 0.0..=10.0, live;
        /// MATD3: most of that noise.
        noise_clip: f64 = 0.5, range 0.0..=10.0, live;
        /// Kind of noise that actions are tried out with.
        noise: Noise = Noise::Gaussian, choice, next_reset;
        /// Its deviation at the start of the run, in halves of an action's range.
        exploration_noise: f64 = 0.3, range 0.0..=10.0, live;
        /// Share of it left at the end of the run; in between it falls linearly.
        final_noise_fraction: f64 = 0.1, range 0.0..=1.0, live;
        /// Steps of a return before the critic has the word.
        n_step: usize = 1, range 1..=1000, live;
        /// What rewards are multiplied by before they are learned.
        reward_scale: f64 = 1.0, range 0.0..=1000000.0, live;
        /// Whether steps are drawn by how wrong the critic was about them.
        prioritised: bool = false, flag, next_reset;
        /// How much that counts: 0 draws all alike, 1 in proportion.
        priority_alpha: f64 = 0.6, range 0.0..=1.0, next_reset;
        /// Share of the bias of priorities that is taken back at the start of the run; at its end it is all of it.
        priority_beta: f64 = 0.4, range 0.0..=1.0, live;
    }
}
