//! The vectors that LOBPCG works on, and the passes over them that make up an iteration.

use super::{
    multigrid::{Cycle, Multigrid},
    ordered::{GROUP, OrderedGraph},
    rayleigh_ritz::{Gram, Part, Ritz},
};
use rand::Rng;

/// What is assumed of an iteration whose outcome is not measured: that it shrinks the error by a rate this many times
/// worse than that of the last one, which counts as `BEST_RATE` if it was better. The first iterations repair what is
/// wrong around changed links and are faster than those that follow.
const RATE_CAUTION: f64 = 3.0;
const BEST_RATE: f64 = 0.1;
/// Smallest energy, as a part of the value, whose effect on the value can be told from rounding.
const VISIBLE: f64 = 1e-7;
/// A start whose energy is more than this part of its value has little to do with the graph. Changing 1 % of the links
/// of a geometric graph gives 0.005.
const UNRELATED: f64 = 0.03;
/// How much more accurate such a solve must look, because an eigenvalue close to the first may still be hidden.
const UNRELATED_CAUTION: f64 = 30.0;

/// `B` vectors that are iterated together, interleaved, in the order of the ordered graph. Only the first must
/// converge; the others keep close eigenvalues away from it.
pub(super) struct Iterates<const B: usize> {
    /// Current vectors; empty before the first solve.
    pub(super) x: Vec<[f64; B]>,
    /// The last steps.
    p: Vec<[f64; B]>,
    /// Products of the Laplacian with the vectors, the steps and the preconditioned residuals.
    lx: Vec<[f64; B]>,
    lp: Vec<[f64; B]>,
    lw: Vec<[f64; B]>,
    residual: Vec<[f32; B]>,
    preconditioned: Vec<[f32; B]>,
    /// Mean of the preconditioned residuals, which must be taken out of them.
    mean: [f64; B],
    cycle: Cycle<B>,
}

impl<const B: usize> Default for Iterates<B> {
    fn default() -> Self {
        Self {
            x: Vec::new(),
            p: Vec::new(),
            lx: Vec::new(),
            lp: Vec::new(),
            lw: Vec::new(),
            residual: Vec::new(),
            preconditioned: Vec::new(),
            mean: [0.0; B],
            cycle: Cycle::default(),
        }
    }
}

/// How a solve ended.
pub(super) struct Outcome {
    /// The smallest value in the last search space.
    pub(super) value: f64,
    /// Approximation of the third eigenvalue above zero.
    pub(super) third: f64,
    /// Whether the tolerance was reached.
    pub(super) has_converged: bool,
    /// Iterations made.
    pub(super) num_iterations: usize,
}

impl<const B: usize> Iterates<B> {
    /// LOBPCG from the current vectors, until the relative error of the first value is `tolerance` or for `limit`
    /// iterations. `is_related` says that the vectors are thought to be near those of `graph`.
    pub(super) fn iterate(
        &mut self,
        graph: &OrderedGraph,
        multigrid: &Multigrid,
        rng: &mut impl Rng,
        tolerance: f64,
        is_related: bool,
        limit: usize,
    ) -> Outcome {
        let mut gram = self.first_gram(graph);
        let mut ritz = gram.ritz(Part::Current);
        self.advance(&ritz);
        self.probe(rng);
        let mut last = None;
        // The estimate is good to a factor of two or so; a quarter leaves room for that.
        let mut share = 0.25 * tolerance;
        for iteration in 0..limit {
            self.cycle.run(multigrid, graph, &self.residual, &mut self.preconditioned);
            let [energy, second_energy] = self.take_mean_and_energies();
            let Estimate { missing, rate } = Estimate::new(ritz.values[0], ritz.values[B], energy, last);
            if iteration == 0 && (!is_related || energy > UNRELATED * ritz.values[0]) {
                share /= UNRELATED_CAUTION;
            }
            let allowed = share * ritz.values[0];
            // However good the first vector looks: the second one might still turn out to be smaller. That has to be
            // ruled out, and cannot be before the probe has had its turn.
            let distance = ritz.values[1] - ritz.values[0];
            let is_first = iteration > 0
                && gap(ritz.values[1], ritz.values[B]) * second_energy <= (0.5 * distance).max(4.0 * allowed);
            if is_first && missing <= allowed {
                return Outcome::converged(&ritz, iteration);
            }
            gram = gram.of_next(&ritz);
            self.extend_gram(graph, &mut gram);
            let next = gram.ritz(Part::Residual);
            let decrease = ritz.values[0] - next.values[0];
            last = Some(Iteration::new(ritz.values[0], energy, decrease, last));
            ritz = next;
            self.advance(&ritz);
            if is_first && decrease <= missing && RATE_CAUTION * rate.max(BEST_RATE) * missing <= allowed {
                return Outcome::converged(&ritz, iteration + 1);
            }
        }
        Outcome { has_converged: false, ..Outcome::converged(&ritz, limit) }
    }

    /// Takes the mean out of the current vectors and multiplies them with the Laplacian; their inner products.
    fn first_gram(&mut self, graph: &OrderedGraph) -> Gram {
        let n = self.x.len();
        for vectors in [&mut self.p, &mut self.lx, &mut self.lp, &mut self.lw] {
            vectors.resize(n, [0.0; B]);
        }
        self.residual.resize(n, [0.0; B]);
        self.preconditioned.resize(n, [0.0; B]);
        let mut mean = [0.0; B];
        for x in &self.x {
            for b in 0..B {
                mean[b] += x[b] / n as f64;
            }
        }
        for x in &mut self.x {
            for b in 0..B {
                x[b] -= mean[b];
            }
        }
        let (mut mass, mut stiffness) = ([[0.0; B]; B], [[0.0; B]; B]);
        for (k, (x, lx)) in self.x.iter().zip(&mut self.lx).enumerate() {
            *lx = graph.laplacian_row(k, &self.x);
            add_outer(&mut mass, x, x);
            add_outer(&mut stiffness, x, lx);
        }
        let mut gram = Gram::new(B);
        gram.set(Part::Current, Part::Current, &mass, &stiffness);
        gram
    }

    /// Puts random signs in the place of the last residual. Preconditioned, they have a part of every small eigenvalue,
    /// also of one that has just become the smallest and that no current vector knows of.
    fn probe(&mut self, rng: &mut impl Rng) {
        for residuals in self.residual.chunks_mut(64) {
            let signs = rng.next_u64();
            for (bit, residual) in residuals.iter_mut().enumerate() {
                residual[B - 1] = if signs >> bit & 1 == 1 { 1.0 } else { -1.0 };
            }
        }
    }

    /// Mean of the preconditioned residuals, and the inner products of the first two with their residuals.
    fn take_mean_and_energies(&mut self) -> [f64; 2] {
        let mut energies = [0.0; 2];
        let mut sum = [0.0; B];
        for (residual, preconditioned) in self.residual.iter().zip(&self.preconditioned) {
            for b in 0..2 {
                energies[b] += f64::from(residual[b]) * f64::from(preconditioned[b]);
            }
            for b in 0..B {
                sum[b] += f64::from(preconditioned[b]);
            }
        }
        self.mean = sum.map(|sum| sum / self.x.len() as f64);
        energies
    }

    /// Multiplies the preconditioned residuals with the Laplacian and adds their inner products to `gram`.
    fn extend_gram(&mut self, graph: &OrderedGraph, gram: &mut Gram) {
        let zero = [[0.0; B]; B];
        // Apart, not an array of them, so that they stay in registers.
        let (mut wx, mut wp, mut ww, mut wlx, mut wlp, mut wlw) = (zero, zero, zero, zero, zero, zero);
        let current = self.x.iter().zip(&self.lx).zip(self.p.iter().zip(&self.lp));
        for (k, (lw, ((x, lx), (p, lp)))) in self.lw.iter_mut().zip(current).enumerate() {
            let w: [f64; B] = std::array::from_fn(|b| f64::from(self.preconditioned[k][b]) - self.mean[b]);
            *lw = laplacian_row_f32(graph, k, &self.preconditioned);
            add_outer(&mut wx, &w, x);
            add_outer(&mut wp, &w, p);
            add_outer(&mut ww, &w, &w);
            add_outer(&mut wlx, &w, lx);
            add_outer(&mut wlp, &w, lp);
            add_outer(&mut wlw, &w, lw);
        }
        gram.set(Part::Residual, Part::Current, &wx, &wlx);
        gram.set(Part::Residual, Part::Step, &wp, &wlp);
        gram.set(Part::Residual, Part::Residual, &ww, &wlw);
    }

    /// Goes to the best vectors of the search space and computes their residuals.
    fn advance(&mut self, ritz: &Ritz) {
        let of_x: [[f64; B]; B] = ritz.coefficients(Part::Current);
        let of_p: [[f64; B]; B] = ritz.coefficients(Part::Step);
        let of_w: [[f64; B]; B] = ritz.coefficients(Part::Residual);
        let residuals = self.residual.iter_mut().zip(self.preconditioned.iter().zip(&self.lw));
        let vectors = self.x.iter_mut().zip(&mut self.lx).zip(self.p.iter_mut().zip(&mut self.lp));
        for (((x, lx), (p, lp)), (residual, (w, lw))) in vectors.zip(residuals) {
            let w = std::array::from_fn(|b| f64::from(w[b]) - self.mean[b]);
            *p = combine(combine([0.0; B], p, &of_p), &w, &of_w);
            *x = combine(*p, x, &of_x);
            *lp = combine(combine([0.0; B], lp, &of_p), lw, &of_w);
            *lx = combine(*lp, lx, &of_x);
            *residual = std::array::from_fn(|b| (lx[b] - ritz.values[b] * x[b]) as f32);
        }
    }
}

impl Outcome {
    fn converged(ritz: &Ritz, num_iterations: usize) -> Self {
        Self { value: ritz.values[0], third: ritz.values[2], has_converged: true, num_iterations }
    }
}

/// What an iteration showed.
#[derive(Clone, Copy)]
struct Iteration {
    /// Inner product of the first residual and its preconditioned form, before.
    energy: f64,
    /// By how much the value became smaller, divided by the energy; from the last iteration in which that could be
    /// measured.
    effect: f64,
}

impl Iteration {
    fn new(value: f64, energy: f64, decrease: f64, last: Option<Self>) -> Self {
        let is_visible = energy > VISIBLE * value;
        Self { energy, effect: if is_visible { decrease / energy } else { last.map_or(1.0, |last| last.effect) } }
    }
}

/// How far the first value is above the eigenvalue.
///
/// If the preconditioner were the inverse, the energy (r, M r) would be the sum over the eigenvectors still mixed in of
/// weight times (l - value)^2 / l, and the error that of weight times (l - value): larger by l / (l - value) at most,
/// where l is the first eigenvalue outside the block, of which the search space has an approximation. The last
/// iterations show how far the preconditioner is from the inverse and how fast errors shrink.
struct Estimate {
    missing: f64,
    /// Factor by which an iteration reduces it, 1 if unknown.
    rate: f64,
}

impl Estimate {
    fn new(value: f64, outside: f64, energy: f64, last: Option<Iteration>) -> Self {
        let gap = gap(value, outside);
        match last {
            None => Self { missing: 10.0 * gap * energy, rate: 1.0 },
            Some(last) => {
                let rate = (energy / last.energy).clamp(0.0, 0.95);
                Self { missing: energy * gap.max(last.effect) / (1.0 - rate), rate }
            }
        }
    }
}

/// l / (l - value) for l = `outside`, within reason; infinity stands for not known yet.
fn gap(value: f64, outside: f64) -> f64 {
    if outside.is_finite() { (outside / (outside - value)).clamp(1.0, 100.0) } else { 2.0 }
}

/// sum += a b'
#[inline(always)]
fn add_outer<const B: usize>(sum: &mut [[f64; B]; B], a: &[f64; B], b: &[f64; B]) {
    for i in 0..B {
        for j in 0..B {
            sum[i][j] += a[i] * b[j];
        }
    }
}

/// sum + C' a
#[inline(always)]
fn combine<const B: usize>(mut sum: [f64; B], a: &[f64; B], coefficients: &[[f64; B]; B]) -> [f64; B] {
    for k in 0..B {
        for b in 0..B {
            sum[b] += a[k] * coefficients[k][b];
        }
    }
    sum
}

/// Row `k` of L x, x in single precision.
#[inline(always)]
fn laplacian_row_f32<const B: usize>(graph: &OrderedGraph, k: usize, x: &[[f32; B]]) -> [f64; B] {
    let row = graph.row(k);
    let count = (row.len() * GROUP) as f64;
    let mut sum = x[k].map(|x| count * f64::from(x));
    for group in row {
        for &j in group {
            let x = &x[j as usize];
            for b in 0..B {
                sum[b] -= f64::from(x[b]);
            }
        }
    }
    sum
}
