//! A smooth loss and the two networks in f64, to differentiate by hand what the fused code differentiates by formula.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::{HEAD, OBSERVATION};
use crate::learn::nets::{
    Activation, ActorCritic, Architecture, CriticInput, LOSS_TERMS, Loss, Minibatch, NamedTensor, OutputGradients,
    Outputs, fused::Fused,
};
use std::ops::Range;

/// A loss in which every output matters and none enters linearly: the sum over agents and head entries of
/// cos(k + head exp(log_std)) and over values of sin(value + k), where k tells places in the minibatch apart.
pub(super) struct Waves {
    pub(super) agents: usize,
}

impl Waves {
    /// Loss of one entry; generic in nothing, so the reference and the network share one formula.
    fn entry(entry: usize, head: &[f64], log_std: &[f64], values: &[f64]) -> f64 {
        let spread = |j: usize| log_std.get(j % HEAD).map_or(1.0, |&log_std| libm::exp(log_std));
        let phase = entry as f64 * 0.37;
        let heads = head.iter().enumerate().map(|(j, x)| libm::cos(phase + j as f64 + x * spread(j)));
        let values = values.iter().enumerate().map(|(j, x)| libm::sin(phase - j as f64 + x));
        heads.sum::<f64>() + values.sum::<f64>()
    }
}

impl Loss for Waves {
    fn differentiate(&self, entries: Range<usize>, outputs: Outputs<'_>, gradients: OutputGradients<'_>) -> [f64; 8] {
        assert!(gradients.head.iter().chain(&*gradients.log_std).chain(&*gradients.values).all(|&x| x == 0.0));
        let widen = |numbers: &[f32]| numbers.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let log_std = widen(outputs.log_std);
        let (width, values) = (self.agents * HEAD, outputs.values.len() / entries.len());
        let mut terms = [0.0; LOSS_TERMS];
        for (place, entry) in entries.enumerate() {
            let head = widen(&outputs.head[place * width..][..width]);
            let value = widen(&outputs.values[place * values..][..values]);
            terms[0] += Self::entry(entry, &head, &log_std, &value);
            terms[1] += 1.0;
            for (j, x) in head.iter().enumerate() {
                let spread = log_std.get(j % HEAD).map_or(1.0, |&log_std| libm::exp(log_std));
                let slope = -libm::sin(entry as f64 * 0.37 + j as f64 + x * spread);
                gradients.head[place * width + j] = (slope * spread) as f32;
                if let Some(sum) = gradients.log_std.get_mut(j % HEAD) {
                    *sum += (slope * x * spread) as f32;
                }
            }
            for (j, x) in value.iter().enumerate() {
                gradients.values[place * values + j] = libm::cos(entry as f64 * 0.37 - j as f64 + x) as f32;
            }
        }
        terms
    }
}

/// A network in f64, from the named tensors of [`ActorCritic::state`].
pub(super) struct Reference {
    critic: CriticInput,
    activation: Activation,
    pub(super) tensors: Vec<(String, Vec<usize>, Vec<f64>)>,
}

impl Reference {
    pub(super) fn of(fused: &Fused) -> Self {
        let parameters = fused.state().into_iter().filter(|tensor| !tensor.name.starts_with("adam."));
        let widen = |tensor: NamedTensor| (tensor.name, tensor.shape, tensor.data.into_iter().map(f64::from).collect());
        let Architecture { critic, activation, .. } = fused.architecture;
        Self { critic, activation, tensors: parameters.map(widen).collect() }
    }

    fn get(&self, name: &str) -> &[f64] {
        &self.tensors.iter().find(|tensor| tensor.0 == name).unwrap().2
    }

    fn layer(&self, name: &str, index: usize, x: &[f64]) -> Vec<f64> {
        let bias = self.get(&format!("{name}.{index}.bias"));
        let weight = self.get(&format!("{name}.{index}.weight"));
        let z = |j: usize| bias[j] + x.iter().enumerate().map(|(i, x)| x * weight[i * bias.len() + j]).sum::<f64>();
        let activate = |z: f64| match self.activation {
            _ if index == 2 => z,
            Activation::Relu => z.max(0.0),
            Activation::Tanh => libm::tanh(z),
        };
        (0..bias.len()).map(|j| activate(z(j))).collect()
    }

    /// Head and values of one step, of which the critic may be shown something else.
    fn outputs(&self, rows: &[Vec<f64>], global: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let through =
            |name: &str, from: usize, x: &[f64]| (from..3).fold(x.to_vec(), |x, index| self.layer(name, index, &x));
        let head = rows.iter().flat_map(|row| through("actor", 0, row)).collect();
        let values = match self.critic {
            CriticInput::Own => rows.iter().flat_map(|row| through("critic", 0, row)).collect(),
            CriticInput::Global(_) => through("critic", 0, global),
            _ => {
                let embedded: Vec<_> = rows.iter().map(|row| self.layer("critic", 0, row)).collect();
                let mean = |j: usize| embedded.iter().map(|e| e[j]).sum::<f64>() / rows.len() as f64;
                through("critic", 1, &(0..embedded[0].len()).map(mean).collect::<Vec<_>>())
            }
        };
        (head, values)
    }

    pub(super) fn loss(&self, minibatch: Minibatch<'_>) -> f64 {
        let entry = minibatch.agents * OBSERVATION;
        let one = |(place, &step): (usize, &u32)| {
            let rows = minibatch.observations[step as usize * entry..][..entry].chunks(OBSERVATION);
            let rows: Vec<Vec<f64>> = rows.map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect();
            let width = if let CriticInput::Global(width) = self.critic { width } else { 0 };
            let global = &minibatch.global[step as usize * width..][..width];
            let global: Vec<f64> = global.iter().map(|&x| f64::from(x)).collect();
            let (head, values) = self.outputs(&rows, &global);
            Waves::entry(place, &head, self.get("actor.log_std"), &values)
        };
        minibatch.steps.iter().enumerate().map(one).sum()
    }
}
