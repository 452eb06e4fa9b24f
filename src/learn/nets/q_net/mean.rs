//! The others as the mean of their embeddings: all of them count alike.

use super::{Company, QNet, QPass, QShape};
use crate::{learn::nets::mlp::input_stride, math::gemm::stride};

impl QNet {
    /// Puts each row beside the mean of the others' embeddings; beside zeros where nobody else is.
    pub(super) fn pool(&self, company: Company<'_>, pass: &mut QPass) {
        let QShape { row, hidden, .. } = self.shape;
        let Company { rows, entries, agents, .. } = company;
        let width = row + hidden;
        pass.input.resize(entries * agents * width, 0.0);
        pass.sum.resize(hidden, 0.0);
        let share = 1.0 / (agents.max(2) - 1) as f32;
        let mut inputs = pass.input.chunks_exact_mut(width).zip(rows.chunks_exact(row));
        let mut embeddings = pass.embed.output(hidden);
        let mut team: Vec<&[f32]> = Vec::with_capacity(agents);
        for _ in 0..entries {
            team.clear();
            team.extend(embeddings.by_ref().take(agents));
            sum_rows(&team, &mut pass.sum);
            for (embedding, (input, own)) in team.iter().zip(&mut inputs) {
                input[..row].copy_from_slice(own);
                for ((mean, sum), e) in input[row..].iter_mut().zip(&pass.sum).zip(*embedding) {
                    *mean = if agents > 1 { (sum - e) * share } else { 0.0 };
                }
            }
        }
    }

    /// The way back through [`pool`](Self::pool): each embedding has been part of every other agent's mean.
    pub(super) fn spread(&self, company: Company<'_>, pass: &mut QPass) {
        let QShape { row, hidden, .. } = self.shape;
        let Company { entries, agents, .. } = company;
        let (rows, width) = (entries * agents, input_stride(hidden));
        pass.by_input.resize(rows * width, 0.0);
        self.head.backward_input(rows, row..row + hidden, &pass.head, &mut pass.by_input, width);
        let share = if agents > 1 { 1.0 / (agents - 1) as f32 } else { 0.0 };
        let (_, by_embedding) = pass.embed.output_gradient(hidden, rows);
        let teams = by_embedding.chunks_exact_mut(agents * stride(hidden));
        for (by_embedding, by_mean) in teams.zip(pass.by_input.chunks_exact(agents * width)) {
            let by_mean: Vec<&[f32]> = by_mean.chunks_exact(width).map(|row| &row[..hidden]).collect();
            sum_rows(&by_mean, &mut pass.sum);
            for (by_embedding, own) in by_embedding.chunks_exact_mut(stride(hidden)).zip(by_mean) {
                for ((to, sum), own) in by_embedding.iter_mut().zip(&pass.sum).zip(own) {
                    *to = (sum - own) * share;
                }
            }
        }
    }
}

fn sum_rows(rows: &[&[f32]], sum: &mut [f32]) {
    sum.fill(0.0);
    for row in rows {
        sum.iter_mut().zip(*row).for_each(|(sum, x)| *sum += x);
    }
}
