//! Values and their gradients, against finite differences, and who may know whom.

#![allow(clippy::unwrap_used, reason = "tests")]

mod attentive;

use super::*;

const ROW: usize = 4;
const HIDDEN: usize = 9;
const AGENTS: usize = 3;
const ENTRIES: usize = 5;

/// A critic of which every parameter counts: attention has left its beginning, where it looks at all alike.
fn net(others: Others) -> QNet {
    let mut net = QNet::new(QShape { row: ROW, others, hidden: HIDDEN, activation: Activation::Tanh }, 3, 1).unwrap();
    let mut tensors = net.tensors("");
    for tensor in tensors.iter_mut().filter(|tensor| tensor.name.starts_with("query.")) {
        tensor.data = numbers(tensor.data.len());
    }
    net.load(&tensors, "").unwrap();
    net
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + 13) % 2003) as f32 / 1000.0 - 1.0).collect()
}

fn company(rows: &[f32], agents: usize, valued: Option<usize>) -> Company<'_> {
    Company { rows, entries: rows.len() / (agents * ROW), agents, valued }
}

fn values(net: &QNet, company: Company<'_>) -> Vec<f32> {
    let mut pass = QPass::default();
    net.forward(company, &mut pass);
    pass.values().take(net.num_values(company)).collect()
}

/// Sum of the values, each times its place.
fn loss(net: &QNet, company: Company<'_>) -> f64 {
    values(net, company).iter().zip(1..).map(|(q, place)| f64::from(*q) * f64::from(place)).sum()
}

/// The gradient of [`loss`], and that of each of its terms by some columns of the row that it values.
fn gradients(net: &QNet, company: Company<'_>, columns: Range<usize>) -> (Vec<f32>, Vec<Vec<f32>>) {
    let (mut pass, mut gradient) = (QPass::default(), vec![0.0; net.len()]);
    net.forward(company, &mut pass);
    let (valued, width) = (net.num_values(company), columns.len());
    pass.value_gradient(valued).zip(1..).for_each(|(by, place)| *by = place as f32);
    net.backward(company, &mut pass, &mut gradient);
    let mut by_own = vec![0.0; valued * input_stride(width)];
    net.backward_own(company, columns, &mut pass, &mut by_own);
    (gradient, by_own.chunks(input_stride(width)).map(|row| row[..width].to_vec()).collect())
}

fn slope(mut loss: impl FnMut(f32) -> f64) -> f64 {
    (loss(1e-2) - loss(-1e-2)) / 2e-2
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (others, valued) in [(Others::Joint(AGENTS), Some(1)), (Others::Mean, None)] {
        let net = net(others);
        let rows = numbers(ENTRIES * AGENTS * ROW);
        let seen = company(&rows, AGENTS, valued);
        let (gradient, by_own) = gradients(&net, seen, 1..3);
        for at in (0..net.len()).filter(|at| gradient[*at] != 0.0) {
            let expected = slope(|by| {
                let mut net = net.clone();
                let embed = net.embed.as_ref().map_or(0, Mlp::len);
                match (&mut net.embed, at.checked_sub(embed)) {
                    (_, Some(at)) => net.head.parameters_mut()[at] += by,
                    (Some(embed), None) => embed.parameters_mut()[at] += by,
                    (None, None) => unreachable!(),
                }
                loss(&net, seen)
            });
            let close = (f64::from(gradient[at]) - expected).abs() < 1e-2 * expected.abs().max(1.0);
            assert!(close, "{others:?}, {at}: {} {expected}", gradient[at]);
        }
        for (value, column) in (0..by_own.len()).flat_map(|value| [(value, 1), (value, 2)]) {
            let row = seen.first_valued() + value * seen.valued_step();
            let expected = slope(|by| {
                let mut moved = rows.clone();
                moved[row * ROW + column] += by;
                (value + 1) as f64 * f64::from(values(&net, Company { rows: &moved, ..seen })[value])
            });
            let found = f64::from(by_own[value][column - 1]);
            assert!((found - expected).abs() < 1e-2 * expected.abs().max(1.0), "{others:?}: {found} {expected}");
        }
    }
}

#[test]
fn who_is_who_among_the_others_makes_no_difference() {
    for others in [Others::Mean, Others::Attention] {
        let net = net(others);
        let rows = numbers(4 * ROW);
        let swapped = [&rows[..ROW], &rows[2 * ROW..3 * ROW], &rows[ROW..2 * ROW], &rows[3 * ROW..]].concat();
        let of = |rows, agents| values(&net, company(rows, agents, None));
        let (q, of_swapped) = (of(&rows, 4), of(&swapped, 4));
        for (one, other) in [(0, 0), (1, 2), (2, 1), (3, 3)] {
            assert!((q[one] - of_swapped[other]).abs() < 1e-5, "{others:?}");
        }
        assert_eq!(of(&rows[..ROW], 1).len(), 1, "alone it values itself");
        assert_eq!(of(&rows, 2).len(), 4, "any number of agents will do");
    }
}

#[test]
fn what_is_saved_is_what_was() {
    for others in [Others::Joint(AGENTS), Others::Mean, Others::Attention] {
        let rows = numbers(ENTRIES * AGENTS * ROW);
        let of = |net: &QNet| values(net, company(&rows, AGENTS, None));
        let one = net(others);
        let mut other = QNet::new(one.shape, 4, 9).unwrap();
        assert_ne!(of(&one), of(&other));
        other.load(&one.tensors("q."), "q.").unwrap();
        assert_eq!(of(&one), of(&other));
    }
}
