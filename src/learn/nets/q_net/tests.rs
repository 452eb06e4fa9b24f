//! Values and their gradients, against finite differences, and who may know whom.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const ROW: usize = 4;
const AGENTS: usize = 3;
const ENTRIES: usize = 5;

fn net(joint: Option<usize>) -> QNet {
    QNet::new(QShape { row: ROW, joint, hidden: 9, activation: Activation::Tanh }, 3, 1).unwrap()
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + 13) % 2003) as f32 / 1000.0 - 1.0).collect()
}

fn company<'a>(net: &QNet, own: &'a [f32], others: &'a [f32], agents: usize) -> Company<'a> {
    let width = if net.shape.joint.is_some() { agents * ROW } else { ROW };
    let entries = own.len() / (agents * ROW);
    Company { own: View { data: own, stride: width }, others: View { data: others, stride: ROW }, entries, agents }
}

fn values(net: &QNet, own: &[f32], others: &[f32], agents: usize) -> Vec<f32> {
    let company = company(net, own, others, agents);
    let mut pass = QPass::default();
    net.forward(company, &mut pass);
    pass.values().take(company.entries * net.values_per_entry(agents)).collect()
}

/// Sum of the values, each times its place.
fn loss(net: &QNet, own: &[f32], others: &[f32]) -> f64 {
    values(net, own, others, AGENTS).iter().zip(1..).map(|(q, place)| f64::from(*q) * f64::from(place)).sum()
}

fn slope(mut loss: impl FnMut(f32) -> f64) -> f64 {
    (loss(1e-2) - loss(-1e-2)) / 2e-2
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for joint in [Some(AGENTS), None] {
        let net = net(joint);
        let rows = numbers(ENTRIES * AGENTS * ROW);
        let company = company(&net, &rows, &rows, AGENTS);
        let (mut pass, mut gradient) = (QPass::default(), vec![0.0; net.len()]);
        net.forward(company, &mut pass);
        let valued = ENTRIES * net.values_per_entry(AGENTS);
        pass.value_gradient(valued).zip(1..).for_each(|(by, place)| *by = place as f32);
        net.backward(company, &mut pass, Some(&mut gradient));
        for at in (0..net.len()).filter(|at| gradient[*at] != 0.0) {
            let expected = slope(|by| {
                let mut net = net.clone();
                let embed = net.embed.as_ref().map_or(0, Mlp::len);
                match (&mut net.embed, at.checked_sub(embed)) {
                    (_, Some(at)) => net.head.parameters_mut()[at] += by,
                    (Some(embed), None) => embed.parameters_mut()[at] += by,
                    (None, None) => unreachable!(),
                }
                loss(&net, &rows, &rows)
            });
            let close = (f64::from(gradient[at]) - expected).abs() < 1e-2 * expected.abs().max(1.0);
            assert!(close, "{joint:?}, {at}: {} {expected}", gradient[at]);
        }
        let (columns, to_stride) = (1..3, input_stride(2));
        let mut by_own = vec![0.0; valued * to_stride];
        net.backward_own(valued, columns, &pass, &mut by_own);
        let width = company.own.stride;
        for (row, column) in (0..valued).flat_map(|row| [(row, 1), (row, 2)]) {
            let expected = slope(|by| {
                let mut own = rows.clone();
                own[row * width + column] += by;
                loss(&net, &own, &rows)
            });
            let found = f64::from(by_own[row * to_stride + column - 1]);
            assert!((found - expected).abs() < 1e-2 * expected.abs().max(1.0), "{joint:?}: {found} {expected}");
        }
    }
}

#[test]
fn a_pooled_critic_does_not_care_who_is_who_among_the_others() {
    let net = net(None);
    let rows = numbers(4 * ROW);
    let swapped = [&rows[..ROW], &rows[2 * ROW..3 * ROW], &rows[ROW..2 * ROW], &rows[3 * ROW..]].concat();
    let (q, of_swapped) = (values(&net, &rows, &rows, 4), values(&net, &swapped, &swapped, 4));
    for (one, other) in [(0, 0), (1, 2), (2, 1), (3, 3)] {
        assert!((q[one] - of_swapped[other]).abs() < 1e-5);
    }
    assert_eq!(values(&net, &rows[..ROW], &rows[..ROW], 1).len(), 1, "alone it values itself");
    assert_eq!(values(&net, &rows, &rows, 2).len(), 4, "any number of agents will do");
}

#[test]
fn what_is_saved_is_what_was() {
    for joint in [Some(AGENTS), None] {
        let rows = numbers(ENTRIES * AGENTS * ROW);
        let one = net(joint);
        let mut other = QNet::new(one.shape, 4, 9).unwrap();
        assert_ne!(values(&one, &rows, &rows, AGENTS), values(&other, &rows, &rows, AGENTS));
        other.load(&one.tensors("q."), "q.").unwrap();
        assert_eq!(values(&one, &rows, &rows, AGENTS), values(&other, &rows, &rows, AGENTS));
    }
}
