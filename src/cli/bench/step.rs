//! A training step of the networks of `jamming/skirmish`: actor and critic forwards and backwards over one minibatch, both gradients
//! clipped, and Adam.

use std::{hint::black_box, ops::Range};

use super::{Figure, Meter, Unit, training::Recipe};
use crate::learn::nets::{ActorCritic, LOSS_TERMS, Loss, Minibatch, OutputGradients, Outputs, StepSize, fused::Fused};

const SIZE: StepSize =
    StepSize { actor_learning_rate: 3e-4, critic_learning_rate: 3e-4, adam_eps: 1e-5, max_grad_norm: 0.5 };

pub(super) fn figures() -> Vec<Figure> {
    let work = || {
        let recipe = Recipe::of("jamming/skirmish")?;
        Ok(recipe.learning() * recipe.params.ppo.minibatch_size as f64)
    };
    let measure = || {
        let recipe = Recipe::of("jamming/skirmish")?;
        let mut network = Fused::new(recipe.architecture(), -0.5, 1)?;
        Ok(1e3 * seconds(&recipe, &mut network))
    };
    vec![Figure::new("train_step_ms", Unit::Millis, [0.30, 0.75], work, measure)]
}

/// CPU seconds of a step of any network of the recipe's sizes, whatever computes it.
pub(super) fn seconds(recipe: &Recipe, network: &mut dyn ActorCritic) -> f64 {
    let agents = recipe.agents();
    let entries = recipe.params.ppo.minibatch_size / agents;
    let numbers = entries * agents * recipe.architecture().observation;
    let observations: Vec<f32> = (0..numbers).map(|i| (i * 7919 % 1000) as f32 / 500.0 - 1.0).collect();
    // An order without pattern: 389 is prime.
    let steps: Vec<u32> = (0..entries).map(|i| (i * 389 % entries) as u32).collect();
    let minibatch = Minibatch { observations: &observations, global: &[], shares: None, agents, steps: &steps };
    Meter::default().seconds(|| {
        black_box(network.step(black_box(minibatch), &Distance, SIZE));
    })
}

/// Squared distance to a constant: as cheap as a loss can be, so that the networks are what is measured.
struct Distance;

impl Loss for Distance {
    fn differentiate(&self, _: Range<usize>, outputs: Outputs<'_>, to: OutputGradients<'_>) -> [f64; LOSS_TERMS] {
        let mut terms = [0.0; LOSS_TERMS];
        for (x, gradient) in outputs.head.iter().zip(to.head).chain(outputs.values.iter().zip(to.values)) {
            *gradient = 1e-4 * (x - 0.3);
            terms[0] += f64::from(*gradient);
        }
        terms
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::learn::{learner::Learner, mappo::Trainer};

    #[test]
    fn the_networks_are_those_that_the_recipe_trains() {
        for name in ["jamming/skirmish", "jamming/swarm-40-100", "cluster/default"] {
            let mut recipe = Recipe::of(name).unwrap();
            (recipe.params.run.num_envs, recipe.params.run.envs_per_world) = (1, 1);
            let domain = recipe.scenario.domain.domain();
            let trainer = Trainer::new(domain, recipe.scenario.max_steps, 1, &recipe.params).unwrap();
            assert_eq!(*trainer.policies().unwrap()[0].network.shape(), recipe.architecture().actor(), "{name}");
        }
    }
}
