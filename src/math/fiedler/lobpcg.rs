//! Algebraic connectivity of large sparse graphs, warm-started from tick to tick.
//!
//! LOBPCG (Knyazev, SIAM J. Sci. Comput. 23(2), 2001): the smallest eigenvalues are sought in the space of the current
//! vectors, the last step and the residuals, preconditioned by multigrid. The constant vector is taken out of everything.
//! Vectors, numbering and coarse levels are kept for the next graph; as long as that differs in few links, about four
//! iterations do. When they no longer fit, which shows in the number of iterations, numbering and levels are made anew.

use super::{
    CsrGraph, DenseSolver,
    fiedler_vector::{orient, write_complete_vector, write_kernel_vector},
    multigrid::Multigrid,
    ordered::{GROUP, OrderedGraph},
    rayleigh_ritz::{BLOCK, Gram, RESIDUAL, Ritz, SPACE, STEP},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Graphs with at most this many nodes go to the dense solver, which is exact and no slower there.
const SMALL: usize = 100;
/// Iterations after which kept levels count as outdated.
const PATIENCE: usize = 10;
/// Iterations after which the best value so far is returned.
const MAX_ITERATIONS: usize = 1000;
/// A start whose energy is more than this part of its value has little to do with the graph. Changing 1 % of the links of
/// a geometric graph gives 0.005.
const UNRELATED: f64 = 0.1;
/// How much more accurate such a solve must look, because an eigenvalue close to the first may still be hidden.
const UNRELATED_CAUTION: f64 = 30.0;
/// How much slower than the last iteration the next one is taken to be where its outcome is not measured, and how fast it
/// is taken to be at most: the first iterations, which mend what is wrong around changed links, are faster than the rest.
const RATE_CAUTION: f64 = 3.0;
const BEST_RATE: f64 = 0.1;

/// Interleaved vectors.
type Vectors = Vec<[f64; BLOCK]>;

/// Algebraic connectivity and Fiedler vector of sparse graphs that change little from call to call.
///
/// Results depend on the calls before, within the tolerance; the same calls give the same bits.
///
/// ```
/// use agon::math::fiedler::{CsrGraph, SparseSolver};
/// let path = CsrGraph::from_edges(4, &[(0, 1), (1, 2), (2, 3)])?;
/// let mut solver = SparseSolver::new(1e-6);
/// assert!((solver.lambda2(&path) - (2.0 - 2f64.sqrt())).abs() < 1e-6);
/// assert!(solver.vector()[0] > 0.0 && solver.vector()[3] < 0.0);
/// # Ok::<(), agon::error::Error>(())
/// ```
pub struct SparseSolver {
    tolerance: f64,
    dense: DenseSolver,
    graph: OrderedGraph,
    multigrid: Option<Multigrid<BLOCK>>,
    iterates: Iterates,
    num_iterations: usize,
    /// Unit Fiedler vector in the original order.
    vector: Vec<f64>,
}

/// What LOBPCG works on, in the order of the ordered graph.
#[derive(Default)]
struct Iterates {
    /// Current vectors; empty before the first solve.
    x: Vectors,
    /// The last step.
    p: Vectors,
    /// Products of the Laplacian with the vectors, the steps and the preconditioned residuals.
    lx: Vectors,
    lp: Vectors,
    lw: Vectors,
    residual: Vec<[f32; BLOCK]>,
    preconditioned: Vec<[f32; BLOCK]>,
    /// Mean of the preconditioned residuals, which must be taken out of them.
    mean: [f64; BLOCK],
}

impl SparseSolver {
    /// A solver whose values have relative error `tolerance`, which is kept between 1e-12 and 1e-2.
    pub fn new(tolerance: f64) -> Self {
        Self {
            tolerance: tolerance.clamp(1e-12, 1e-2),
            dense: DenseSolver::new(),
            graph: OrderedGraph::default(),
            multigrid: None,
            iterates: Iterates::default(),
            num_iterations: 0,
            vector: Vec::new(),
        }
    }

    /// Algebraic connectivity: the second smallest eigenvalue of the Laplacian D - A. Exactly 0 for a graph that is not
    /// connected or has fewer than two nodes, exactly n for a complete one. Starts from the last call's vector if that had
    /// as many nodes.
    pub fn lambda2(&mut self, graph: &CsrGraph) -> f64 {
        let n = graph.num_nodes();
        self.num_iterations = 0;
        self.vector.resize(n, 0.0);
        if n <= SMALL {
            return self.dense.fiedler_vector(n, &graph.bit_rows(), &mut self.vector);
        }
        if graph.num_edges() == n * (n - 1) / 2 {
            write_complete_vector(&mut self.vector);
            return n as f64;
        }
        if self.graph.len() == n {
            self.graph.load(graph);
        } else {
            self.reset();
            self.graph.renumber(graph);
        }
        if !self.graph.is_connected() {
            write_kernel_vector(self.graph.component_of_first().into_iter(), &mut self.vector);
            return 0.0;
        }
        self.solve(graph)
    }

    /// The unit Fiedler vector of the last call, as described at [`DenseSolver::fiedler_vector`]; its error is about the
    /// square root of the tolerance. Empty before the first call.
    pub fn vector(&self) -> &[f64] {
        &self.vector
    }

    /// How many iterations the last call took; 0 where none were needed.
    pub fn num_iterations(&self) -> usize {
        self.num_iterations
    }

    /// Forgets all earlier graphs: the next call starts cold.
    pub fn reset(&mut self) {
        self.multigrid = None;
        self.graph = OrderedGraph::default();
        self.iterates.x.clear();
    }

    /// The connected, loaded graph, with kept levels first if there are some.
    fn solve(&mut self, graph: &CsrGraph) -> f64 {
        if self.iterates.x.is_empty() {
            self.iterates.start(self.graph.len());
        }
        let mut result = None;
        if let Some(mut multigrid) = self.multigrid.take() {
            result = self.iterate(&mut multigrid, PATIENCE);
            if result.is_some() {
                self.multigrid = Some(multigrid);
            } else {
                self.renumber(graph);
            }
        }
        let value = result.unwrap_or_else(|| {
            let mut multigrid = Multigrid::new(&self.graph);
            let value = self.iterate(&mut multigrid, MAX_ITERATIONS);
            self.multigrid = Some(multigrid);
            value.unwrap_or_else(|| self.rayleigh_quotient())
        });
        for (&node, x) in self.graph.nodes().iter().zip(&self.iterates.x) {
            self.vector[node as usize] = x[0];
        }
        orient(&mut self.vector);
        // Rounding in L x is relative to the degrees; differences along links are not affected.
        let rounding = 4.0 * f64::EPSILON * f64::from(self.graph.max_degree());
        if rounding > 0.05 * self.tolerance * value { self.rayleigh_quotient() } else { value }
    }

    /// A new order of the nodes, to which the current vectors are carried over.
    fn renumber(&mut self, graph: &CsrGraph) {
        let mut original = vec![[0.0; BLOCK]; self.graph.len()];
        for (&node, x) in self.graph.nodes().iter().zip(&self.iterates.x) {
            original[node as usize] = *x;
        }
        self.graph.renumber(graph);
        for (&node, x) in self.graph.nodes().iter().zip(&mut self.iterates.x) {
            *x = original[node as usize];
        }
    }

    /// LOBPCG from the current vectors; none if `limit` iterations do not suffice.
    fn iterate(&mut self, multigrid: &mut Multigrid<BLOCK>, limit: usize) -> Option<f64> {
        let Self { graph, iterates, .. } = self;
        let mut gram = iterates.first_gram(graph);
        let mut ritz = gram.ritz(BLOCK);
        iterates.advance(&ritz);
        let mut last = None;
        let mut share = 0.25 * self.tolerance;
        for iteration in 0..limit {
            multigrid.cycle(graph, &iterates.residual, &mut iterates.preconditioned);
            let energy = iterates.take_mean_and_energy();
            let Estimate { missing, rate } = Estimate::new(&ritz, energy, last);
            if iteration == 0 && energy > UNRELATED * ritz.values[0] {
                share /= UNRELATED_CAUTION;
            }
            let allowed = share * ritz.values[0];
            if missing <= allowed {
                return Some(ritz.values[0]);
            }
            gram = gram.of_next(&ritz);
            iterates.extend_gram(graph, &mut gram);
            let next = gram.ritz(SPACE);
            last = Some(Iteration { energy, decrease: ritz.values[0] - next.values[0] });
            ritz = next;
            iterates.advance(&ritz);
            self.num_iterations += 1;
            if RATE_CAUTION * rate.max(BEST_RATE) * missing <= allowed {
                return Some(ritz.values[0]);
            }
        }
        None
    }

    /// The Rayleigh quotient of the first vector, by differences along the links.
    fn rayleigh_quotient(&self) -> f64 {
        let x = &self.iterates.x;
        let (mut energy, mut length2) = (0.0, 0.0);
        for k in 0..x.len() {
            length2 += x[k][0] * x[k][0];
            for &j in self.graph.neighbors(k) {
                let difference = x[k][0] - x[j as usize][0];
                energy += difference * difference;
            }
        }
        0.5 * energy / length2
    }
}

/// What an iteration showed.
#[derive(Clone, Copy)]
struct Iteration {
    /// Inner product of the first residual and its preconditioned form, before.
    energy: f64,
    /// How much smaller the value became.
    decrease: f64,
}

/// How far the first value is above the eigenvalue.
///
/// If the preconditioner were the inverse, the energy (r, M r) would be the sum over the eigenvectors still mixed in of
/// weight times (l - value)^2 / l, and the error that of weight times (l - value): larger by l / (l - value) at most, where l
/// is the first eigenvalue outside the block, of which the search space has an approximation. The last iteration shows how
/// far the preconditioner is from the inverse and how fast errors shrink.
struct Estimate {
    missing: f64,
    /// Factor by which an iteration reduces it, 1 if unknown.
    rate: f64,
}

impl Estimate {
    fn new(ritz: &Ritz, energy: f64, last: Option<Iteration>) -> Self {
        let (value, outside) = (ritz.values[0], ritz.values[BLOCK]);
        let gap = if outside.is_finite() { (outside / (outside - value)).clamp(1.0, 100.0) } else { 2.0 };
        match last {
            None => Self { missing: 10.0 * gap * energy, rate: 1.0 },
            Some(last) => {
                let rate = (energy / last.energy).clamp(0.0, 0.95);
                Self { missing: energy * gap.max(last.decrease / last.energy) / (1.0 - rate), rate }
            }
        }
    }
}

impl Iterates {
    /// Vectors that have nothing to do with any graph, and the same for every graph with `n` nodes.
    fn start(&mut self, n: usize) {
        let mut rng = ChaCha8Rng::seed_from_u64(n as u64);
        self.x = (0..n).map(|_| std::array::from_fn(|_| rng.random::<f64>() - 0.5)).collect();
    }

    /// Takes the mean out of the current vectors and multiplies them with the Laplacian; their inner products.
    fn first_gram(&mut self, graph: &OrderedGraph) -> Gram {
        let n = self.x.len();
        for vectors in [&mut self.p, &mut self.lx, &mut self.lp, &mut self.lw] {
            vectors.resize(n, [0.0; BLOCK]);
        }
        self.residual.resize(n, [0.0; BLOCK]);
        self.preconditioned.resize(n, [0.0; BLOCK]);
        let mut mean = [0.0; BLOCK];
        for x in &self.x {
            for b in 0..BLOCK {
                mean[b] += x[b] / n as f64;
            }
        }
        for x in &mut self.x {
            for b in 0..BLOCK {
                x[b] -= mean[b];
            }
        }
        let (mut mass, mut stiffness) = ([[0.0; BLOCK]; BLOCK], [[0.0; BLOCK]; BLOCK]);
        for (k, (x, lx)) in self.x.iter().zip(&mut self.lx).enumerate() {
            *lx = graph.laplacian_row(k, &self.x);
            add_outer(&mut mass, x, x);
            add_outer(&mut stiffness, x, lx);
        }
        let mut gram = Gram::default();
        gram.set(0, 0, &mass, &stiffness);
        gram
    }

    /// Mean of the preconditioned residuals, and the inner product of the first one with its residual.
    fn take_mean_and_energy(&mut self) -> f64 {
        let mut energy = 0.0;
        let mut sum = [0.0; BLOCK];
        for (residual, preconditioned) in self.residual.iter().zip(&self.preconditioned) {
            energy += f64::from(residual[0]) * f64::from(preconditioned[0]);
            for b in 0..BLOCK {
                sum[b] += f64::from(preconditioned[b]);
            }
        }
        self.mean = sum.map(|sum| sum / self.x.len() as f64);
        energy
    }

    /// Multiplies the preconditioned residuals with the Laplacian and adds their inner products to `gram`.
    fn extend_gram(&mut self, graph: &OrderedGraph, gram: &mut Gram) {
        let zero = [[0.0; BLOCK]; BLOCK];
        // Apart, not an array of them, so that they stay in registers.
        let (mut wx, mut wp, mut ww, mut wlx, mut wlp, mut wlw) = (zero, zero, zero, zero, zero, zero);
        let current = self.x.iter().zip(&self.lx).zip(self.p.iter().zip(&self.lp));
        for (k, (lw, ((x, lx), (p, lp)))) in self.lw.iter_mut().zip(current).enumerate() {
            let w: [f64; BLOCK] = std::array::from_fn(|b| f64::from(self.preconditioned[k][b]) - self.mean[b]);
            *lw = laplacian_row_f32(graph, k, &self.preconditioned);
            add_outer(&mut wx, &w, x);
            add_outer(&mut wp, &w, p);
            add_outer(&mut ww, &w, &w);
            add_outer(&mut wlx, &w, lx);
            add_outer(&mut wlp, &w, lp);
            add_outer(&mut wlw, &w, lw);
        }
        gram.set(RESIDUAL, 0, &wx, &wlx);
        gram.set(RESIDUAL, STEP, &wp, &wlp);
        gram.set(RESIDUAL, RESIDUAL, &ww, &wlw);
    }

    /// Goes to the best vectors of the search space and computes their residuals.
    fn advance(&mut self, ritz: &Ritz) {
        let coefficients =
            |from: usize| -> [[f64; BLOCK]; BLOCK] { std::array::from_fn(|k| ritz.coefficients[from + k]) };
        let (of_x, of_p, of_w) = (coefficients(0), coefficients(STEP), coefficients(RESIDUAL));
        let residuals = self.residual.iter_mut().zip(self.preconditioned.iter().zip(&self.lw));
        let vectors = self.x.iter_mut().zip(&mut self.lx).zip(self.p.iter_mut().zip(&mut self.lp));
        for (((x, lx), (p, lp)), (residual, (w, lw))) in vectors.zip(residuals) {
            let w = std::array::from_fn(|b| f64::from(w[b]) - self.mean[b]);
            *p = combine(combine([0.0; BLOCK], p, &of_p), &w, &of_w);
            *x = combine(*p, x, &of_x);
            *lp = combine(combine([0.0; BLOCK], lp, &of_p), lw, &of_w);
            *lx = combine(*lp, lx, &of_x);
            *residual = std::array::from_fn(|b| (lx[b] - ritz.values[b] * x[b]) as f32);
        }
    }
}

/// sum += a b'
#[inline(always)]
fn add_outer(sum: &mut [[f64; BLOCK]; BLOCK], a: &[f64; BLOCK], b: &[f64; BLOCK]) {
    for i in 0..BLOCK {
        for j in 0..BLOCK {
            sum[i][j] += a[i] * b[j];
        }
    }
}

/// sum + C' a
#[inline(always)]
fn combine(mut sum: [f64; BLOCK], a: &[f64; BLOCK], coefficients: &[[f64; BLOCK]; BLOCK]) -> [f64; BLOCK] {
    for k in 0..BLOCK {
        for b in 0..BLOCK {
            sum[b] += a[k] * coefficients[k][b];
        }
    }
    sum
}

/// Row `k` of L x, x in single precision.
#[inline(always)]
fn laplacian_row_f32(graph: &OrderedGraph, k: usize, x: &[[f32; BLOCK]]) -> [f64; BLOCK] {
    let row = graph.row(k);
    let count = (row.len() * GROUP) as f64;
    let mut sum = x[k].map(|x| count * f64::from(x));
    for group in row {
        for &j in group {
            let x = &x[j as usize];
            for b in 0..BLOCK {
                sum[b] -= f64::from(x[b]);
            }
        }
    }
    sum
}
