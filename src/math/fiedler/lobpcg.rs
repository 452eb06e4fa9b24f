//! Algebraic connectivity of large sparse graphs, warm-started from tick to tick.
//!
//! LOBPCG (Knyazev, SIAM J. Sci. Comput. 23(2), 2001): the smallest eigenvalues are sought in the space of the current
//! vectors, their preconditioned residuals and the last step, with multigrid as the preconditioner.

use super::{CsrGraph, jacobi::{Small, symmetric_eigen}, multigrid::Multigrid};

/// Vectors iterated together. Only the first must converge; the second keeps a close third eigenvalue away from it.
const BLOCK: usize = 2;
/// Vectors of a search space: current, last step, preconditioned residual.
const SPACE: usize = 3 * BLOCK;
const MAX_ITERATIONS: usize = 500;

type Vectors = Vec<[f64; BLOCK]>;

/// sparse
pub struct SparseSolver {
    tolerance: f64,
    multigrid: Option<Multigrid<BLOCK>>,
    x: Vectors,
    lx: Vectors,
    p: Vectors,
    lp: Vectors,
    w: Vectors,
    lw: Vectors,
    residual: Vec<[f32; BLOCK]>,
    correction: Vec<[f32; BLOCK]>,
    order: Vec<u32>,
    seen: Vec<bool>,
    vector: Vec<f64>,
    pub iterations: usize,
    pub times: [f64; 6],
    pub verbose: bool,
}

impl SparseSolver {
    /// new
    pub fn new(tolerance: f64) -> Self {
        Self { tolerance, multigrid: None, x: vec![], lx: vec![], p: vec![], lp: vec![], w: vec![], lw: vec![], residual: vec![], correction: vec![], order: vec![], seen: vec![], vector: vec![], iterations: 0, times: [0.0; 6], verbose: false }
    }

    /// l2
    pub fn lambda2(&mut self, graph: &CsrGraph) -> f64 {
        let n = graph.num_nodes();
        let t0 = std::time::Instant::now();
        if !self.flood(graph) { return 0.0; }
        self.times[0] += t0.elapsed().as_secs_f64();
        let t0 = std::time::Instant::now();
        if self.multigrid.is_none() {
            self.multigrid = Some(Multigrid::new(graph, &self.order));
        }
        self.times[1] += t0.elapsed().as_secs_f64();
        if self.x.len() != n {
            let mut state = 1u64;
            self.x = (0..n).map(|_| std::array::from_fn(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
            })).collect();
        }
        let v = self.iterate(graph);
        v
    }

    /// Breadth-first order of the nodes reached from node 0; true if that is all.
    fn flood(&mut self, graph: &CsrGraph) -> bool {
        let n = graph.num_nodes();
        self.seen.clear();
        self.seen.resize(n, false);
        self.order.clear();
        self.order.push(0);
        self.seen[0] = true;
        let mut next = 0;
        while next < self.order.len() && self.order.len() < n {
            let i = self.order[next];
            next += 1;
            for &j in graph.row(i as usize) {
                let seen = &mut self.seen[j as usize];
                if !*seen {
                    *seen = true;
                    self.order.push(j);
                }
            }
        }
        self.order.len() == n
    }

    fn iterate(&mut self, graph: &CsrGraph) -> f64 {
        let n = graph.num_nodes();
        let t0 = std::time::Instant::now();
        for v in [&mut self.lx, &mut self.p, &mut self.lp, &mut self.w, &mut self.lw] {
            v.resize(n, [0.0; BLOCK]);
        }
        self.residual.resize(n, [0.0; BLOCK]);
        remove_mean(&mut self.x);
        let mut gram = Gram::default();
        // start: X only
        for (i, lx) in self.lx.iter_mut().enumerate() {
            *lx = laplacian_row(graph, i, &self.x);
            add_pair(&mut gram.g, 0, 0, &self.x[i], &self.x[i]);
            add_pair(&mut gram.a, 0, 0, &self.x[i], lx);
        }
        let mut ritz = gram.ritz(BLOCK, 0);
        self.update(&ritz);
        self.times[2] += t0.elapsed().as_secs_f64();
        let mut previous = (f64::INFINITY, 0.0f64);
        self.iterations = 0;
        for it in 0..MAX_ITERATIONS {
            let t0 = std::time::Instant::now();
            let multigrid = self.multigrid.as_mut().unwrap();
            multigrid.cycle(graph, &self.residual, &mut self.correction);
            let energy: f64 = self.residual.iter().zip(&self.correction).map(|(r, w)| f64::from(r[0]) * f64::from(w[0])).sum();
            let theta = ritz.values[0];
            self.times[3] += t0.elapsed().as_secs_f64();
            if self.verbose {
                println!("  it {it} theta {theta:.12e} {:.4e} est {:.3e} dec {:.3e}", ritz.values[1], energy / theta, previous.1 / theta);
            }
            let amp = ritz.values[1] / (ritz.values[1] - theta);
            if energy * amp.min(1e3) < 0.1 * self.tolerance * theta { break; }
            self.iterations += 1;
            let t0 = std::time::Instant::now();
            let mut mean = [0.0; BLOCK];
            for c in &self.correction { for b in 0..BLOCK { mean[b] += f64::from(c[b]); } }
            for m in &mut mean { *m /= n as f64; }
            for (w, c) in self.w.iter_mut().zip(&self.correction) { *w = std::array::from_fn(|b| f64::from(c[b]) - mean[b]); }
            let mut new = Gram::default();
            let (o, q) = (2 * BLOCK, BLOCK);
            for i in 0..n {
                let w = self.w[i];
                let lw = laplacian_row(graph, i, &self.w);
                self.lw[i] = lw;
                add_pair(&mut new.g, o, 0, &w, &self.x[i]);
                add_pair(&mut new.g, o, q, &w, &self.p[i]);
                add_pair(&mut new.g, o, o, &w, &w);
                add_pair(&mut new.a, o, 0, &w, &self.lx[i]);
                add_pair(&mut new.a, o, q, &w, &self.lp[i]);
                add_pair(&mut new.a, o, o, &w, &lw);
            }
            self.times[4] += t0.elapsed().as_secs_f64();
            let t0 = std::time::Instant::now();
            new.keep(&ritz);
            ritz = new.ritz(SPACE, 0);
            previous = (energy, theta - ritz.values[0]);
            self.update(&ritz);
            self.times[5] += t0.elapsed().as_secs_f64();
        }
        ritz.values[0]
    }

    fn update(&mut self, ritz: &Ritz) {
        let Ritz { values, coefficients: c, .. } = ritz;
        for i in 0..self.x.len() {
            let combine = |p: &[f64; BLOCK], w: &[f64; BLOCK]| -> [f64; BLOCK] {
                std::array::from_fn(|b| {
                    let mut s = 0.0;
                    for k in 0..BLOCK { s += p[k] * c[BLOCK + k][b]; }
                    for k in 0..BLOCK { s += w[k] * c[2 * BLOCK + k][b]; }
                    s
                })
            };
            let add = |x: &[f64; BLOCK], s: [f64; BLOCK]| -> [f64; BLOCK] {
                std::array::from_fn(|b| {
                    let mut s = s[b];
                    for k in 0..BLOCK { s += x[k] * c[k][b]; }
                    s
                })
            };
            let p = combine(&self.p[i], &self.w[i]);
            let lp = combine(&self.lp[i], &self.lw[i]);
            self.p[i] = p;
            self.lp[i] = lp;
            self.x[i] = add(&self.x[i], p);
            self.lx[i] = add(&self.lx[i], lp);
            self.residual[i] = std::array::from_fn(|b| (self.lx[i][b] - values[b] * self.x[i][b]) as f32);
        }
    }

    /// vector
    pub fn vector(&self) -> &[f64] { &self.vector }
    /// reset
    pub fn reset(&mut self) { self.x.clear(); self.multigrid = None; }
}

fn remove_mean(x: &mut Vectors) {
    let mut mean = [0.0; BLOCK];
    for x in x.iter() { for b in 0..BLOCK { mean[b] += x[b]; } }
    let n = x.len() as f64;
    for x in x.iter_mut() { for b in 0..BLOCK { x[b] -= mean[b] / n; } }
}

#[inline(always)]
fn laplacian_row(graph: &CsrGraph, i: usize, x: &[[f64; BLOCK]]) -> [f64; BLOCK] {
    let row = graph.row(i);
    let d = row.len() as f64;
    let mut y = x[i].map(|x| d * x);
    for &j in row {
        let x = &x[j as usize];
        for b in 0..BLOCK { y[b] -= x[b]; }
    }
    y
}

#[inline(always)]
fn add_pair(m: &mut Small<SPACE>, r: usize, c: usize, a: &[f64; BLOCK], b: &[f64; BLOCK]) {
    for i in 0..BLOCK { for j in 0..BLOCK { m[r + i][c + j] += a[i] * b[j]; } }
}

#[derive(Default)]
struct Gram { g: Small<SPACE>, a: Small<SPACE> }

struct Ritz { values: [f64; SPACE], coefficients: Small<SPACE>, g: Small<SPACE>, a: Small<SPACE> }

impl Gram {
    /// leading 2B x 2B from the last ritz
    fn keep(&mut self, ritz: &Ritz) {
        let c = &ritz.coefficients;
        // columns: X' (b), P' (BLOCK + b)
        let column = |k: usize, j: usize| if j < BLOCK { c[k][j] } else if k >= BLOCK { c[k][j - BLOCK] } else { 0.0 };
        for (m, old) in [(&mut self.g, &ritz.g), (&mut self.a, &ritz.a)] {
            for i in 0..2 * BLOCK { for j in 0..2 * BLOCK {
                let mut s = 0.0;
                for k in 0..SPACE { for l in 0..SPACE { s += column(k, i) * old[k][l] * column(l, j); } }
                m[i][j] = s;
            } }
            for i in 2 * BLOCK..SPACE { for j in 0..2 * BLOCK { m[j][i] = m[i][j]; } }
        }
    }

    fn ritz(self, len: usize, _x: usize) -> Ritz {
        let Gram { g, a } = self;
        let mut scaled = [[0.0; SPACE]; SPACE];
        let d: [f64; SPACE] = std::array::from_fn(|i| if g[i][i] > 1e-200 { 1.0 / g[i][i].sqrt() } else { 0.0 });
        for i in 0..len { for j in 0..len { scaled[i][j] = d[i] * g[i][j] * d[j]; } }
        let (mu, q) = symmetric_eigen(scaled, len);
        let mut basis = [[0.0; SPACE]; SPACE];
        let mut kept = 0;
        for k in 0..len {
            if mu[k] > 1e-9 {
                for i in 0..len { basis[i][kept] = d[i] * q[i][k] / mu[k].sqrt(); }
                kept += 1;
            }
        }
        let mut reduced = [[0.0; SPACE]; SPACE];
        for i in 0..kept { for j in 0..kept {
            let mut s = 0.0;
            for k in 0..len { for l in 0..len { s += basis[k][i] * a[k][l] * basis[l][j]; } }
            reduced[i][j] = s;
        } }
        let (values, y) = symmetric_eigen(reduced, kept);
        let mut coefficients = [[0.0; SPACE]; SPACE];
        for i in 0..len { for b in 0..BLOCK.min(kept) { for k in 0..kept { coefficients[i][b] += basis[i][k] * y[k][b]; } } }
        Ritz { values, coefficients, g, a }
    }
}
