//! Seeded random geometric graphs for benchmarks and tests: what a radio network looks like.

use super::CsrGraph;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Points in the plane, linked where they are at most `radius` apart.
#[derive(Clone, Debug)]
pub struct Geometric {
    /// Positions, in units of the caller's choice.
    pub points: Vec<[f64; 2]>,
    /// Range of a link, same unit.
    pub radius: f64,
    rng: ChaCha8Rng,
}

impl Geometric {
    /// 1.6 times the radius at which `n` points of the unit square start to be connected, sqrt(ln n / (pi n)): most,
    /// not all, of the graphs are then connected, with mean degree 3 to 12 for n from 10 to 100.
    pub fn connecting_radius(n: usize) -> f64 {
        1.6 * (libm::log(n as f64) / (std::f64::consts::PI * n as f64)).sqrt()
    }

    /// `n` points spread evenly over the unit square.
    pub fn uniform(n: usize, radius: f64, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let points = (0..n).map(|_| [rng.random(), rng.random()]).collect();
        Self { points, radius, rng }
    }

    /// `side * side` points on a grid of spacing 1, each moved by up to 0.35 along both axes, in random order, with
    /// radius 1.6: connected, mean degree 7.4 for large sides.
    pub fn jittered_grid(side: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut jitter = || 0.7 * rng.random::<f64>() - 0.35;
        let mut points: Vec<[f64; 2]> =
            (0..side * side).map(|i| [(i % side) as f64 + jitter(), (i / side) as f64 + jitter()]).collect();
        for last in (1..points.len()).rev() {
            points.swap(last, rng.random_range(0..=last));
        }
        Self { points, radius: 1.6, rng }
    }

    /// One tick later: every point moved by up to `distance` along both axes.
    pub fn tick(&mut self, distance: f64) {
        for point in &mut self.points {
            for x in point {
                *x += distance * (2.0 * self.rng.random::<f64>() - 1.0);
            }
        }
    }

    /// Links as pairs (i, j), i < j, in ascending order.
    pub fn edges(&self) -> Vec<(u32, u32)> {
        let low = |axis: usize| self.points.iter().map(|p| p[axis]).fold(f64::INFINITY, f64::min);
        let (low_x, low_y) = (low(0), low(1));
        let cell = |p: &[f64; 2]| (((p[0] - low_x) / self.radius) as u32, ((p[1] - low_y) / self.radius) as u32);
        let mut cells: Vec<((u32, u32), u32)> = (0u32..).zip(&self.points).map(|(i, p)| (cell(p), i)).collect();
        cells.sort_unstable();
        let mut edges = Vec::new();
        for (i, p) in (0u32..).zip(&self.points) {
            let (x, y) = cell(p);
            for x in x.saturating_sub(1)..=x.saturating_add(1) {
                // Cells of one column are neighbours in the sorted list, so three of them are one range.
                let from = cells.partition_point(|(c, _)| *c < (x, y.saturating_sub(1)));
                let near = cells[from..].iter().take_while(|(c, _)| *c <= (x, y.saturating_add(1)));
                edges.extend(near.filter(|(_, j)| i < *j && self.in_range(p, *j)).map(|(_, j)| (i, *j)));
            }
        }
        edges.sort_unstable();
        edges
    }

    fn in_range(&self, p: &[f64; 2], j: u32) -> bool {
        let q = &self.points[j as usize];
        let (dx, dy) = (p[0] - q[0], p[1] - q[1]);
        dx * dx + dy * dy <= self.radius * self.radius
    }

    /// The graph as bit rows, `n.div_ceil(64)` words to a row.
    pub fn bit_rows(&self) -> Vec<u64> {
        self.csr().bit_rows()
    }

    /// The graph in compressed rows.
    pub fn csr(&self) -> CsrGraph {
        CsrGraph::from_edges(self.points.len(), &self.edges()).expect("edges join two different points of this graph")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_exactly_the_pairs_in_range() {
        for (n, radius) in [(1, 0.3), (50, 0.0), (50, 0.01), (80, 0.2), (60, 2.0)] {
            let sample = Geometric::uniform(n, radius, 11);
            let mut expected = Vec::new();
            for i in 0..n as u32 {
                expected.extend(
                    (i + 1..n as u32).filter(|&j| sample.in_range(&sample.points[i as usize], j)).map(|j| (i, j)),
                );
            }
            assert_eq!(sample.edges(), expected, "{n} points, radius {radius}");
        }
    }

    #[test]
    fn a_jittered_grid_is_connected_and_a_tick_changes_few_links() {
        let mut sample = Geometric::jittered_grid(60, 2);
        let before = sample.edges();
        sample.tick(0.01);
        let after = sample.edges();
        let kept = after.iter().filter(|edge| before.binary_search(edge).is_ok()).count();
        assert!(kept < before.len() && kept as f64 > 0.98 * before.len() as f64);
        let degree = 2.0 * before.len() as f64 / sample.points.len() as f64;
        assert!((6.5..8.0).contains(&degree), "mean degree {degree}");
        let mut sets = petgraph::unionfind::UnionFind::<u32>::new(sample.points.len());
        assert_eq!(before.iter().filter(|(i, j)| sets.union(*i, *j)).count(), sample.points.len() - 1);
    }
}
