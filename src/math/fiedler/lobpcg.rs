//! Algebraic connectivity of large sparse graphs, warm-started from tick to tick.
//!
//! LOBPCG (Knyazev, SIAM J. Sci. Comput. 23(2), 2001): the smallest eigenvalues are sought in the space of the current
//! vectors, the last step and the residuals, preconditioned by multigrid. The constant vector is taken out of
//! everything. Vectors, numbering and coarse levels are kept for the next graph; as long as that differs in few links,
//! about four iterations do. When they no longer fit, which shows in the number of iterations, numbering and levels are
//! made anew.
//!
//! A solve starts with four vectors, and goes on with two once the third eigenvalue is seen to be far above the first.

use super::{
    CsrGraph, DenseSolver,
    fiedler_vector::{orient, write_complete_vector, write_kernel_vector},
    iterates::{Iterates, Outcome},
    multigrid::Multigrid,
    ordered::OrderedGraph,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Graphs with at most this many nodes go to the dense solver, which is exact and no slower there.
const SMALL: usize = 100;
/// Iterations after which kept levels count as outdated.
const PATIENCE: usize = 10;
/// Iterations after which the best value so far is returned.
const MAX_ITERATIONS: usize = 1000;
/// Two vectors are enough once the third value is `SEPARATE` times the first. Four are taken again when it is less than
/// `CROWDED` times the first.
const SEPARATE: f64 = 1.6;
const CROWDED: f64 = 1.3;

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
    multigrid: Option<Multigrid>,
    /// Current vectors when few eigenvalues are close, else empty.
    narrow: Iterates<2>,
    /// Current vectors in all other cases; empty before the first solve.
    wide: Iterates<4>,
    rng: ChaCha8Rng,
    num_iterations: usize,
    /// Unit Fiedler vector in the original order.
    vector: Vec<f64>,
}

impl SparseSolver {
    /// A solver whose values have relative error `tolerance`, which is kept between 1e-12 and 1e-2.
    pub fn new(tolerance: f64) -> Self {
        Self {
            tolerance: tolerance.clamp(1e-12, 1e-2),
            dense: DenseSolver::new(),
            graph: OrderedGraph::default(),
            multigrid: None,
            narrow: Iterates::default(),
            wide: Iterates::default(),
            rng: ChaCha8Rng::seed_from_u64(0),
            num_iterations: 0,
            vector: Vec::new(),
        }
    }

    /// Algebraic connectivity: the second smallest eigenvalue of the Laplacian D - A. Exactly 0 for a graph that is not
    /// connected or has fewer than two nodes, exactly n for a complete one. Starts from the last call's vector if that
    /// had as many nodes.
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
        let value = self.solve(graph);
        self.write_vector();
        // Rounding in the iteration is relative to the degrees and adds up, generously bounded; differences along links
        // are not affected.
        let rounding = 1e4 * f64::EPSILON * self.num_iterations as f64 * f64::from(self.graph.max_degree());
        if rounding > self.tolerance * value { self.rayleigh_quotient() } else { value }
    }

    /// The unit Fiedler vector of the last call, as described at [`DenseSolver::fiedler_vector`]; its error is about
    /// the square root of the tolerance. Empty before the first call.
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
        self.narrow.x.clear();
        self.wide.x.clear();
        self.rng = ChaCha8Rng::seed_from_u64(0);
    }

    /// The connected, loaded graph: with what was kept first, then with new levels, then from the beginning.
    fn solve(&mut self, graph: &CsrGraph) -> f64 {
        if self.narrow.x.is_empty() && self.wide.x.is_empty() {
            self.start();
        }
        let mut multigrid = self.multigrid.take();
        loop {
            let are_kept = multigrid.is_some();
            let levels = multigrid.take().unwrap_or_else(|| Multigrid::new(&self.graph));
            let outcome = self.iterate(&levels, are_kept);
            self.num_iterations += outcome.num_iterations;
            if !outcome.has_converged && are_kept {
                self.renumber(graph);
                continue;
            }
            let is_narrow = !self.narrow.x.is_empty();
            if is_narrow && outcome.third < CROWDED * outcome.value {
                self.start();
                multigrid = Some(levels);
                continue;
            }
            if !is_narrow && outcome.third > SEPARATE * outcome.value {
                self.narrow.x = self.wide.x.iter().map(|x| [x[0], x[1]]).collect();
                self.wide.x.clear();
            }
            self.multigrid = Some(levels);
            return outcome.value;
        }
    }

    /// Four random vectors.
    fn start(&mut self) {
        let rng = &mut self.rng;
        self.narrow.x.clear();
        self.wide.x = (0..self.graph.len()).map(|_| std::array::from_fn(|_| rng.random::<f64>() - 0.5)).collect();
    }

    fn iterate(&mut self, levels: &Multigrid, are_kept: bool) -> Outcome {
        let Self { graph, narrow, wide, rng, tolerance, .. } = self;
        let limit = if are_kept { PATIENCE } else { MAX_ITERATIONS };
        if narrow.x.is_empty() {
            wide.iterate(graph, levels, rng, *tolerance, are_kept, limit)
        } else {
            narrow.iterate(graph, levels, rng, *tolerance, are_kept, limit)
        }
    }

    /// A new order of the nodes, to which the current vectors are carried over.
    fn renumber(&mut self, graph: &CsrGraph) {
        let old = self.graph.nodes().to_vec();
        self.graph.renumber(graph);
        reorder(&mut self.narrow.x, &old, self.graph.nodes());
        reorder(&mut self.wide.x, &old, self.graph.nodes());
    }

    /// Current first vector, in the solver's order.
    fn first(&self, k: usize) -> f64 {
        if self.narrow.x.is_empty() { self.wide.x[k][0] } else { self.narrow.x[k][0] }
    }

    fn write_vector(&mut self) {
        for (k, &node) in self.graph.nodes().iter().enumerate() {
            self.vector[node as usize] = self.first(k);
        }
        orient(&mut self.vector);
    }

    /// The Rayleigh quotient of the first vector, by differences along the links.
    fn rayleigh_quotient(&self) -> f64 {
        let (mut energy, mut length2) = (0.0, 0.0);
        for k in 0..self.graph.len() {
            let x = self.first(k);
            length2 += x * x;
            for &j in self.graph.neighbors(k) {
                let difference = x - self.first(j as usize);
                energy += difference * difference;
            }
        }
        0.5 * energy / length2
    }
}

/// Carries vectors from one order of the nodes to another.
fn reorder<const B: usize>(x: &mut [[f64; B]], old: &[u32], new: &[u32]) {
    let mut original = vec![[0.0; B]; old.len()];
    for (&node, x) in old.iter().zip(&*x) {
        original[node as usize] = *x;
    }
    for (&node, x) in new.iter().zip(x) {
        *x = original[node as usize];
    }
}
