//! dense
use super::{bits::{self, Reach, Shape}, batch_kernel, single_kernel};
use crate::math::simd::{Level, dispatch_at};

/// dense
#[derive(Default)]
pub struct DenseSolver {
    work: batch_kernel::Workspace,
    work1: single_kernel::Workspace,
 pub cut: usize,
    reach: Reach,
}

impl DenseSolver {
    /// new
    pub fn new() -> Self {
        Self::default()
    }

    /// batch
    pub fn lambda2_batch(&mut self, n: usize, bits: &[u64], out: &mut [f64]) {
        self.lambda2_batch_at(Level::Avx512, n, bits, out);
    }

    /// at
    pub fn lambda2_batch_at(&mut self, highest: Level, n: usize, bits: &[u64], out: &mut [f64]) {
        let len = n * n.div_ceil(64);
        let mut lanes = [0; 8];
        let mut filled = 0;
        for graph in 0..out.len() {
            match bits::shape(n, &bits[graph * len..][..len], &mut self.reach) {
                Shape::Disconnected => out[graph] = 0.0,
                Shape::Complete => out[graph] = if n < 2 { 0.0 } else { n as f64 },
                Shape::Connected => {
                    lanes[filled] = graph;
                    filled += 1;
                    if filled == 8 {
                        self.solve(highest, n, bits, lanes, filled, out);
                        filled = 0;
                    }
                }
            }
        }
        if filled > 0 {
            let first = lanes[0];
            lanes[filled..].fill(first);
            self.solve(highest, n, bits, lanes, filled, out);
        }
    }

    fn solve(&mut self, highest: Level, n: usize, bits: &[u64], lanes: [usize; 8], filled: usize, out: &mut [f64]) {
        let values = if n <= self.cut { dispatch_at(highest, batch_kernel::Lambda2 { n, bits, graphs: lanes, work: &mut self.work }) } else {
 dispatch_at(highest, single_kernel::Lambda2 { n, bits, graphs: &lanes[..filled], work: &mut self.work1 }) };
        for (&graph, value) in lanes[..filled].iter().zip(values) {
            out[graph] = value;
        }
    }
}
