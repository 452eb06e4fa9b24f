//! The critic with attention against the formulas in f64, and what attention is for.

use std::collections::BTreeMap;

use super::*;

/// The critic's parameters, by name.
type Parameters = BTreeMap<String, Vec<f64>>;

fn parameters(tensors: &[NamedTensor]) -> Parameters {
    let number = |tensor: &NamedTensor| tensor.data.iter().map(|x| f64::from(*x)).collect();
    tensors.iter().map(|tensor| (tensor.name.clone(), number(tensor))).collect()
}

/// A layer without its nonlinearity.
fn layer(parameters: &Parameters, name: &str, x: &[f64]) -> Vec<f64> {
    let (weight, bias) = (&parameters[&format!("{name}.weight")], &parameters[&format!("{name}.bias")]);
    let z = |j: usize| bias[j] + x.iter().enumerate().map(|(i, x)| x * weight[i * bias.len() + j]).sum::<f64>();
    (0..bias.len()).map(z).collect()
}

fn tanh(z: Vec<f64>) -> Vec<f64> {
    z.into_iter().map(libm::tanh).collect()
}

/// What agent `own` of a team with these rows is worth, formula by formula.
fn value(parameters: &Parameters, team: &[f64], own: usize) -> f64 {
    let rows: Vec<&[f64]> = team.chunks(ROW).collect();
    let embeddings: Vec<Vec<f64>> = rows.iter().map(|row| tanh(layer(parameters, "embed.0", row))).collect();
    let query = layer(parameters, "query.0", &embeddings[own]);
    let score = |e: &Vec<f64>| query.iter().zip(e).map(|(q, e)| q * e).sum::<f64>() / (HIDDEN as f64).sqrt();
    let others: Vec<&Vec<f64>> = (0..rows.len()).filter(|j| *j != own).map(|j| &embeddings[j]).collect();
    let weights: Vec<f64> = others.iter().map(|e| libm::exp(score(e))).collect();
    let sum: f64 = weights.iter().sum();
    let attended = |k: usize| others.iter().zip(&weights).map(|(e, weight)| weight / sum * e[k]).sum::<f64>();
    let input: Vec<f64> = rows[own].iter().copied().chain((0..HIDDEN).map(attended)).collect();
    let first = tanh(layer(parameters, "0", &input));
    layer(parameters, "2", &tanh(layer(parameters, "1", &first)))[0]
}

/// The values of a company in its order.
fn values_in_f64(parameters: &Parameters, rows: &[f64], agents: usize, valued: Option<usize>) -> Vec<f64> {
    let own = |team| {
        let who = valued.map_or(0..agents, |agent| agent..agent + 1);
        who.map(move |own| value(parameters, team, own))
    };
    rows.chunks(agents * ROW).flat_map(own).collect()
}

fn loss_in_f64(parameters: &Parameters, rows: &[f64], valued: Option<usize>) -> f64 {
    let values = values_in_f64(parameters, rows, AGENTS, valued);
    values.iter().zip(1..).map(|(q, place)| q * f64::from(place)).sum()
}

/// Central difference in f64.
fn slope(mut loss: impl FnMut(f64) -> f64) -> f64 {
    (loss(1e-5) - loss(-1e-5)) / 2e-5
}

#[track_caller]
fn close(found: f32, expected: f64, what: &str) {
    assert!((f64::from(found) - expected).abs() < 2e-4 * expected.abs().max(0.1), "{what}: {found}, not {expected}");
}

#[test]
fn values_are_those_of_the_formulas() {
    let (net, rows) = (net(Others::Attention), numbers(20 * ROW));
    let parameters = parameters(&net.tensors(""));
    let in_f64: Vec<f64> = rows.iter().map(|x| f64::from(*x)).collect();
    for (agents, valued) in [(1, None), (1, Some(0)), (2, None), (4, Some(3)), (5, None), (20, None)] {
        let expected = values_in_f64(&parameters, &in_f64, agents, valued);
        let found = values(&net, company(&rows, agents, valued));
        assert_eq!(found.len(), expected.len());
        found.iter().zip(&expected).for_each(|(found, expected)| close(*found, *expected, &format!("{agents}")));
    }
}

/// Of all parameters, and of all that an agent sees and does: tight enough to miss no term.
#[test]
fn gradients_are_those_of_the_formulas() {
    for valued in [None, Some(0), Some(2)] {
        let (net, rows) = (net(Others::Attention), numbers(ENTRIES * AGENTS * ROW));
        let seen = company(&rows, AGENTS, valued);
        let (gradient, by_own) = gradients(&net, seen, 0..ROW);
        let in_f64: Vec<f64> = rows.iter().map(|x| f64::from(*x)).collect();
        let of_net = parameters(&net.tensors(""));

        let mut start = 0;
        for (name, part) in net.named() {
            let slopes = part.tensors_of(&gradient[start..start + part.len()], name);
            start += part.len();
            for (tensor, at) in slopes.iter().flat_map(|tensor| (0..tensor.data.len()).map(move |at| (tensor, at))) {
                let expected = slope(|by| {
                    let mut moved = of_net.clone();
                    moved.get_mut(&tensor.name).unwrap()[at] += by;
                    loss_in_f64(&moved, &in_f64, valued)
                });
                close(tensor.data[at], expected, &format!("{valued:?}, {} at {at}", tensor.name));
            }
        }
        for (value, column) in (0..by_own.len()).flat_map(|value| (0..ROW).map(move |column| (value, column))) {
            let row = seen.first_valued() + value * seen.valued_step();
            let expected = slope(|by| {
                let mut moved = in_f64.clone();
                moved[row * ROW + column] += by;
                (value + 1) as f64 * values_in_f64(&of_net, &moved, AGENTS, valued)[value]
            });
            close(by_own[value][column], expected, &format!("{valued:?}, value {value} by column {column}"));
        }
    }
}

#[test]
fn one_agent_alone_has_the_bits_that_it_has_among_all() {
    let (net, rows) = (net(Others::Attention), numbers(ENTRIES * 4 * ROW));
    let all = values(&net, company(&rows, 4, None));
    for agent in 0..4 {
        let alone = values(&net, company(&rows, 4, Some(agent)));
        assert_eq!(alone, all.iter().skip(agent).step_by(4).copied().collect::<Vec<_>>(), "agent {agent}");
    }
}

#[test]
fn attention_begins_as_the_mean() {
    let of =
        |others| QNet::new(QShape { row: ROW, others, hidden: HIDDEN, activation: Activation::Relu }, 3, 1).unwrap();
    let rows = numbers(ENTRIES * 6 * ROW);
    for agents in [1, 2, 6] {
        let [mean, attention] =
            [Others::Mean, Others::Attention].map(|others| values(&of(others), company(&rows, agents, None)));
        assert!(mean.iter().zip(&attention).all(|(mean, attention)| (mean - attention).abs() < 1e-5), "{agents}");
    }
}

/// Whom a game pays for: agent 0 is told a colour and is worth what the other of that colour does; the rest is of no account.
struct Colours(u32);

impl Colours {
    const COUNT: usize = 6;
    const AGENTS: usize = 1 + Self::COUNT;
    /// A colour to look for, a colour to show, and what is done.
    const ROW: usize = 2 * Self::COUNT + 1;

    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    fn colours(&mut self) -> Vec<usize> {
        let mut colours: Vec<usize> = (0..Self::COUNT).collect();
        for last in (1..Self::COUNT).rev() {
            colours.swap(last, self.next() as usize % (last + 1));
        }
        colours
    }

    /// Rows of some entries, and what agent 0 is worth in each.
    fn entries(&mut self, entries: usize) -> (Vec<f32>, Vec<f32>) {
        let (mut rows, mut worth) = (vec![0.0; entries * Self::AGENTS * Self::ROW], Vec::new());
        for team in rows.chunks_exact_mut(Self::AGENTS * Self::ROW) {
            let wanted = self.next() as usize % Self::COUNT;
            let (own, others) = team.split_at_mut(Self::ROW);
            own[wanted] = 1.0;
            for (row, colour) in others.chunks_exact_mut(Self::ROW).zip(self.colours()) {
                let done = self.next() as f32 / 8_388_608.0 - 1.0;
                row[Self::COUNT + colour] = 1.0;
                row[Self::ROW - 1] = done;
                if colour == wanted {
                    worth.push(done);
                }
            }
        }
        (rows, worth)
    }

    fn errors(net: &QNet, rows: &[f32], worth: &[f32], pass: &mut QPass) -> Vec<f32> {
        net.forward(Self::company(rows), pass);
        pass.values().step_by(Self::valued(net)).zip(worth).map(|(value, worth)| value - worth).collect()
    }

    fn company(rows: &[f32]) -> Company<'_> {
        Company { rows, entries: rows.len() / (Self::AGENTS * Self::ROW), agents: Self::AGENTS, valued: Some(0) }
    }

    /// Values that a critic gives per entry, of which the first is agent 0's.
    fn valued(net: &QNet) -> usize {
        net.num_values(Self::company(&[0.0; Self::AGENTS * Self::ROW]))
    }

    /// The mean square error of a critic that has learned from so many batches; that of one which knows nothing is a third.
    fn error_after(others: Others, batches: usize, seed: u64) -> f32 {
        const BATCH: usize = 64;
        let shape = QShape { row: Self::ROW, others, hidden: 32, activation: Activation::Tanh };
        let mut net = QNet::new(shape, seed, 0).unwrap();
        let (mut optimiser, mut pass) = (Optimiser::new(net.len()), QPass::default());
        let mut game = Self(seed as u32);
        let step = Step { learning_rate: 3e-3, adam_eps: 1e-8, max_grad_norm: 10.0 };
        for _ in 0..batches {
            let (rows, worth) = game.entries(BATCH);
            let errors = Self::errors(&net, &rows, &worth, &mut pass);
            let values = net.num_values(Self::company(&rows));
            let mut gradient = vec![0.0; net.len()];
            let by_value = pass.value_gradient(values).step_by(Self::valued(&net));
            by_value.zip(&errors).for_each(|(by, error)| *by = 2.0 * error / BATCH as f32);
            net.backward(Self::company(&rows), &mut pass, &mut gradient);
            net.follow(&mut optimiser, &gradient, step);
        }
        let (rows, worth) = game.entries(1000);
        let errors = Self::errors(&net, &rows, &worth, &mut pass);
        errors.iter().map(|error| error * error).sum::<f32>() / errors.len() as f32
    }
}

#[test]
fn attention_learns_to_look_at_the_one_that_matters() {
    for seed in [1, 2, 3] {
        let [attention, mean] = [Others::Attention, Others::Mean].map(|others| Colours::error_after(others, 800, seed));
        println!("seed {seed}: {attention} {mean}");
        assert!(attention < 0.02, "seed {seed}: {attention}");
        assert!(attention < 0.5 * mean, "seed {seed}: {attention} with attention, {mean} without");
    }
}
