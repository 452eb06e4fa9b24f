//! Training: whole iterations, rollout and update, by the recipes of the scenarios, on as many threads as there are cores.
//!
//! The early stop is off, so that the number of epochs is that of the recipe. Nobody is imitated: that is another share of a run.

use std::time::Duration;

use super::{Figure, Limit, Unit, Work, envs, meter::seconds_within};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    learn::{
        hyperparameters::Hyperparameters,
        mappo::Trainer,
        nets::{Activation, Architecture, CriticInput},
    },
    places::{find_scenario, read_scenario},
    session::recommended,
    sim::{Lane, Seeds},
};

/// CPU time per rate, after an iteration to warm up.
const BUDGET: Duration = Duration::from_millis(1000);

/// What a scenario is trained with.
pub(super) struct Recipe {
    pub scenario: Scenario,
    pub params: Hyperparameters,
}

pub(super) fn figures() -> Vec<Figure> {
    let rate = |name, scenario, bars| {
        let work = move || Recipe::of(scenario).map(|recipe| recipe.work());
        Figure::new(name, Unit::PerSecond("agent-steps/s"), bars, work, move || {
            Recipe::of(scenario)?.agent_steps_per_s()
        })
    };
    let swarm = "jamming/swarm-40-100";
    let held = Limit::Held(Box::new(move || Recipe::of(swarm).map(|recipe| recipe.held_mb())));
    let peak = move || peak_of(&Recipe::of(swarm)?);
    vec![
        rate("train_skirmish_agent_sps", "jamming/skirmish", [0.30, 0.75]),
        rate("train_swarm_agent_sps", swarm, [0.22, 0.60]),
        rate("train_cluster_agent_sps", "cluster/default", [0.30, 0.75]),
        Figure::limited("train_swarm_peak_mb", Unit::Megabytes, [0.18, 0.70], held, peak),
    ]
}

impl Recipe {
    /// Of the scenario with this name.
    pub(super) fn of(name: &str) -> Result<Self> {
        let file = find_scenario(name)?;
        let scenario = read_scenario(&file)?;
        let params = recommended(&scenario, &file)?.with(|params| params.ppo.target_kl = None);
        Ok(Self { scenario, params })
    }

    fn trainer(&self) -> Result<Trainer> {
        Trainer::new(self.scenario.domain.domain(), self.scenario.max_steps, 1, &self.params)
    }

    /// Sizes and choices of its networks.
    pub(super) fn architecture(&self) -> Architecture {
        let group = self.scenario.domain.domain().spec(self.scenario.max_steps).groups.remove(0);
        let (axes, bins) = (group.action.continuous.len(), self.params.ppo.action_bins);
        // With bins, all continuous dimensions are one choice among the points of a grid.
        let grid = (bins > 0 && axes > 0).then(|| bins.pow(axes as u32));
        let choices = group.action.discrete.iter().map(|choice| choice.choices.len());
        Architecture {
            observation: group.observation.len(),
            hidden: self.params.run.hidden,
            activation: Activation::Tanh,
            continuous: if grid.is_some() { 0 } else { axes },
            discrete: grid.into_iter().chain(choices).collect(),
            critic: CriticInput::Mean,
        }
    }

    /// Agents of the team.
    pub(super) fn agents(&self) -> usize {
        self.scenario.domain.domain().spec(self.scenario.max_steps).groups[0].agents
    }

    /// What an agent-step takes in each epoch: actor and critic forwards, and backwards twice as much, but that nothing is
    /// passed down to the observations.
    pub(super) fn learning(&self) -> Work {
        let [first, others] = self.products();
        Work { flops_f32: 2.0 * (2.0 * first + 3.0 * others), ..Work::default() }
    }

    /// What an agent-step cannot do without: its part of the env-step, actor and critic once, and its epochs.
    fn work(&self) -> Work {
        let lane = Lane::new(self.scenario.domain.domain(), self.scenario.max_steps, Seeds::new(1), 0..1);
        let playing = envs::work(&self.scenario, &lane) * (1.0 / self.agents() as f64);
        let acting = Work { flops_f32: 2.0 * self.products().iter().sum::<f64>(), ..Work::default() };
        playing + acting + self.learning() * self.params.ppo.update_epochs as f64
    }

    /// Multiplications of actor and critic for one agent-step: in their first layers, and in all others. The critic takes in the
    /// team as the mean of what its first layer makes of each agent.
    fn products(&self) -> [f64; 2] {
        let architecture = self.architecture();
        let [observation, hidden, head] =
            [architecture.observation, architecture.hidden, architecture.head()].map(|size| size as f64);
        let (actor, critic) = (hidden * hidden + hidden * head, (hidden * hidden + hidden) / self.agents() as f64);
        [2.0 * observation * hidden, actor + critic]
    }

    /// Agent-steps per core-second of an iteration.
    fn agent_steps_per_s(&self) -> Result<f64> {
        let mut trainer = self.trainer()?;
        let mut outcome = Ok(());
        trainer.iterate(0.0)?;
        let before = trainer.counters();
        let seconds = seconds_within(BUDGET, || {
            if let Err(error) = trainer.iterate(0.0) {
                outcome = Err(error);
            }
        });
        outcome?;
        let after = trainer.counters();
        let iterations = (after.iterations - before.iterations) as f64;
        Ok((after.agent_steps - before.agent_steps) as f64 / iterations / seconds)
    }

    /// Megabytes of what agents are shown in a rollout, which an update goes through again and again.
    fn held_mb(&self) -> f64 {
        let rows = self.params.run.num_envs * self.params.run.num_steps * self.agents();
        (4 * rows * self.architecture().observation) as f64 / 1e6
    }
}

/// Peak of this process's memory while it trains, in MB.
fn peak_of(recipe: &Recipe) -> Result<f64> {
    forget_peak();
    recipe.trainer()?.iterate(0.0)?;
    peak_mb()
}

/// Lets the kernel count the peak from here on. Where it does not, earlier figures may raise this one, never lower it.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Largest resident memory of this process so far.
fn peak_mb() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| {
        Error::system(format!("cannot read this process's memory: {error}")).in_file("/proc/self/status")
    })?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.map(|kib| kib * 1024.0 / 1e6)
        .ok_or_else(|| Error::system("the kernel does not tell this process's peak memory"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_peak_holds_what_was_used_and_freed() {
        let before = peak_mb().unwrap();
        let used = std::hint::black_box(vec![1_u8; 300_000_000]);
        drop(used);
        assert!(peak_mb().unwrap() >= before.max(300.0));
    }

    #[test]
    fn an_agent_step_takes_what_its_networks_take() {
        // Layers of 135 x 128, 128 x 128 and 128 x 13 that act once and learn five times.
        let recipe = Recipe::of("jamming/skirmish").unwrap();
        assert_eq!(
            (recipe.params.ppo.update_epochs, recipe.params.ppo.action_bins, recipe.params.ppo.target_kl),
            (5, 3, None)
        );
        let flops = recipe.work().flops_f32;
        assert!((1.3e6..1.5e6).contains(&flops), "{flops}");
    }
}
