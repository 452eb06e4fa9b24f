//! DBSCAN (Ester, Kriegel, Sander, Xu 1996): clusters as density-connected points, the rest is noise.
//!
//! The conventions are scikit-learn's: a point's neighbourhood is the closed ball of radius eps and counts the point
//! itself; a point with at least `min_samples` in it is a core point; a border point in reach of several clusters
//! belongs to the lowest-numbered. Clusters are numbered by their first core point, so labels depend on the order of
//! the points and on nothing else.
//!
//! Up to [`SMALL`] points the neighbourhoods are rows of bits and a cluster is a flood fill over words; beyond, a grid
//! answers. Both use the grid's distance test and give the same labels.

use super::grid::{Grid, is_finite};

/// Label of a point that belongs to no cluster.
pub const NOISE: i32 = -1;

/// Most points that are compared all with all.
pub const SMALL: usize = 128;

/// Reusable storage for clustering many point sets one after the other.
#[derive(Clone, Debug)]
pub struct Dbscan {
    xs: [f32; SMALL],
    ys: [f32; SMALL],
    /// Neighbourhoods of the small case, one or two words a point.
    words: [u64; 2 * SMALL],
    grid: Grid,
    core: Vec<bool>,
    frontier: Vec<u32>,
}

impl Default for Dbscan {
    fn default() -> Self {
        Self {
            xs: [f32::NAN; SMALL],
            ys: [f32::NAN; SMALL],
            words: [0; 2 * SMALL],
            grid: Grid::new(),
            core: Vec::new(),
            frontier: Vec::new(),
        }
    }
}

/// Clusters `points` once; see [`Dbscan::run`].
pub fn dbscan(points: &[[f32; 2]], eps: f32, min_samples: usize, labels: &mut Vec<i32>) -> usize {
    Dbscan::new().run(points, eps, min_samples, labels)
}

impl Dbscan {
    /// Empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// Labels each of `points` with its cluster, counted from 0, or with [`NOISE`]; returns the number of clusters.
    ///
    /// `eps` is in the unit of the points. `labels` gets one entry per point. A point with a coordinate that is not
    /// finite is noise and nobody's neighbour; with a negative or NaN `eps` all points are noise.
    pub fn run(&mut self, points: &[[f32; 2]], eps: f32, min_samples: usize, labels: &mut Vec<i32>) -> usize {
        labels.clear();
        labels.resize(points.len(), NOISE);
        if eps.is_nan() || eps < 0.0 {
            return 0;
        }
        match points.len() {
            0..=64 => self.run_small::<1>(points, eps, min_samples, labels),
            65..=SMALL => self.run_small::<2>(points, eps, min_samples, labels),
            _ => self.run_on_grid(points, eps, min_samples, labels),
        }
    }

    fn run_small<const W: usize>(
        &mut self,
        points: &[[f32; 2]],
        eps: f32,
        min_samples: usize,
        labels: &mut [i32],
    ) -> usize {
        for ((x, y), &point) in self.xs.iter_mut().zip(&mut self.ys).zip(points) {
            // NaN fails every comparison, also that with itself.
            [*x, *y] = if is_finite(point) { point } else { [f32::NAN; 2] };
        }
        let padded = points.len().next_multiple_of(LANES);
        self.xs[points.len()..padded].fill(f32::NAN);
        let (xs, ys) = (&self.xs[..padded], &self.ys[..padded]);
        let rows = &mut self.words.as_chunks_mut::<W>().0[..points.len()];
        let mut core = Bits::EMPTY;
        for (i, row) in rows.iter_mut().enumerate() {
            let near = neighborhood(xs, ys, i, eps * eps);
            if near.has_at_least(min_samples.max(1)) {
                core.insert(i);
            }
            *row = near.0;
        }
        flood(rows, core, labels)
    }

    fn run_on_grid(&mut self, points: &[[f32; 2]], eps: f32, min_samples: usize, labels: &mut [i32]) -> usize {
        let Self { grid, core, frontier, .. } = self;
        grid.rebuild(points, eps);
        core.clear();
        core.extend(points.iter().map(|&point| {
            let mut count = 0;
            grid.for_each_within(point, eps, |_| count += 1);
            count >= min_samples.max(1)
        }));
        let mut clusters = 0;
        for first in 0..points.len() {
            if !core[first] || labels[first] != NOISE {
                continue;
            }
            labels[first] = clusters;
            frontier.push(first as u32);
            while let Some(reached) = frontier.pop() {
                grid.for_each_within(points[reached as usize], eps, |near| {
                    if labels[near as usize] == NOISE {
                        labels[near as usize] = clusters;
                        if core[near as usize] {
                            frontier.push(near);
                        }
                    }
                });
            }
            clusters += 1;
        }
        clusters as usize
    }
}

/// Points compared at once: one SSE register, which every x86-64 has.
const LANES: usize = 4;

/// The points within reach of point `i`; `xs` and `ys` are whole blocks, padded with NaN.
#[inline]
fn neighborhood<const W: usize>(xs: &[f32], ys: &[f32], i: usize, eps_squared: f32) -> Bits<W> {
    let center = [xs[i], ys[i]];
    let mut row = Bits::EMPTY;
    for (block, (xs, ys)) in xs.as_chunks().0.iter().zip(ys.as_chunks().0).enumerate() {
        row.0[block * LANES / 64] |= within_mask(center, xs, ys, eps_squared) << (block * LANES % 64);
    }
    row
}

/// Bit k tells whether point k of a block is within reach of `center`: the grid's distance test for a whole block.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "calling intrinsics of a target feature, even one that the architecture implies")]
#[inline]
fn within_mask(center: [f32; 2], xs: &[f32; LANES], ys: &[f32; LANES], eps_squared: f32) -> u64 {
    use std::arch::x86_64::{
        __m128, _mm_add_ps, _mm_cmple_ps, _mm_movemask_ps, _mm_mul_ps, _mm_set1_ps, _mm_setr_ps, _mm_sub_ps,
    };
    #[inline]
    #[target_feature(enable = "sse")]
    fn load(lanes: &[f32; LANES]) -> __m128 {
        _mm_setr_ps(lanes[0], lanes[1], lanes[2], lanes[3])
    }
    // SAFETY: these instructions are in the base set of the architecture, and no pointer is involved.
    unsafe {
        let dx = _mm_sub_ps(load(xs), _mm_set1_ps(center[0]));
        let dy = _mm_sub_ps(load(ys), _mm_set1_ps(center[1]));
        let squared = _mm_add_ps(_mm_mul_ps(dx, dx), _mm_mul_ps(dy, dy));
        _mm_movemask_ps(_mm_cmple_ps(squared, _mm_set1_ps(eps_squared))) as u64
    }
}

/// Bit k tells whether point k of a block is within reach of `center`: the grid's distance test for a whole block.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn within_mask(center: [f32; 2], xs: &[f32; LANES], ys: &[f32; LANES], eps_squared: f32) -> u64 {
    let bit = |lane: usize| u64::from(super::grid::is_within(center, [xs[lane], ys[lane]], eps_squared)) << lane;
    bit(0) | bit(1) | bit(2) | bit(3)
}

/// Labels what the core points reach, cluster by cluster; returns how many there are.
fn flood<const W: usize>(rows: &[[u64; W]], core: Bits<W>, labels: &mut [i32]) -> usize {
    let mut unlabelled = Bits::ALL;
    let mut seeds = core;
    let mut clusters = 0;
    while let Some(first) = seeds.pop() {
        let mut reached = Bits(rows[first]);
        let mut frontier = reached.and(seeds);
        while let Some(next) = frontier.pop() {
            seeds.remove(next);
            reached = reached.or(Bits(rows[next]));
            frontier = frontier.or(Bits(rows[next]).and(seeds));
        }
        let mut members = reached.and(unlabelled);
        unlabelled = unlabelled.without(reached);
        while let Some(member) = members.pop() {
            labels[member] = clusters;
        }
        clusters += 1;
    }
    clusters as usize
}

/// A set of up to 64 W small numbers.
#[derive(Clone, Copy)]
struct Bits<const W: usize>([u64; W]);

impl<const W: usize> Bits<W> {
    const EMPTY: Self = Self([0; W]);
    const ALL: Self = Self([u64::MAX; W]);

    fn insert(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    fn remove(&mut self, number: usize) {
        self.0[number / 64] &= !(1 << (number % 64));
    }

    /// Takes the smallest number out.
    fn pop(&mut self) -> Option<usize> {
        for (at, word) in self.0.iter_mut().enumerate() {
            if *word != 0 {
                let bit = word.trailing_zeros() as usize;
                *word &= *word - 1;
                return Some(at * 64 + bit);
            }
        }
        None
    }

    fn has_at_least(&self, count: usize) -> bool {
        self.0.iter().map(|word| word.count_ones() as usize).sum::<usize>() >= count
    }

    fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] & other.0[at]))
    }

    fn or(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] | other.0[at]))
    }

    fn without(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] & !other.0[at]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use ndarray::Array2;
    use petal_clustering::{Dbscan as Petal, Fit};
    use proptest::prelude::*;

    use super::*;
    use crate::math::grid::is_within;

    fn labels(points: &[[f32; 2]], eps: f32, min_samples: usize) -> Vec<i32> {
        let mut labels = vec![7; 3];
        let clusters = dbscan(points, eps, min_samples, &mut labels);
        assert_eq!(clusters as i32, labels.iter().max().map_or(0, |top| top + 1));
        labels
    }

    fn on_grid(points: &[[f32; 2]], eps: f32, min_samples: usize) -> Vec<i32> {
        let mut labels = vec![NOISE; points.len()];
        Dbscan::new().run_on_grid(points, eps, min_samples, &mut labels);
        labels
    }

    /// The definition, word by word, over all pairs.
    fn by_definition(points: &[[f32; 2]], eps: f32, min_samples: usize) -> Vec<i32> {
        let near = |i: usize, j: usize| {
            is_finite(points[i]) && is_finite(points[j]) && is_within(points[i], points[j], eps * eps)
        };
        let all = 0..points.len();
        let core: Vec<bool> =
            all.clone().map(|i| all.clone().filter(|&j| near(i, j)).count() >= min_samples.max(1)).collect();
        let mut labels = vec![NOISE; points.len()];
        let mut clusters = 0;
        for first in all.clone().filter(|&i| core[i]) {
            if labels[first] == NOISE {
                labels[first] = clusters;
                for _ in all.clone() {
                    for (i, j) in all.clone().flat_map(|i| all.clone().map(move |j| (i, j))) {
                        if core[i] && core[j] && near(i, j) && labels[i] == clusters {
                            labels[j] = clusters;
                        }
                    }
                }
                clusters += 1;
            }
        }
        for border in all.clone().filter(|&i| !core[i]) {
            let reach = all.clone().filter(|&j| core[j] && near(border, j)).map(|j| labels[j]);
            labels[border] = reach.min().unwrap_or(NOISE);
        }
        labels
    }

    #[test]
    fn no_points_make_no_cluster() {
        assert!(labels(&[], 1.0, 1).is_empty());
    }

    #[test]
    fn the_ball_is_closed_and_counts_its_centre() {
        let pair = [[0.0, 0.0], [3.0, 4.0]];
        assert_eq!(labels(&pair, 5.0, 2), [0, 0]);
        assert_eq!(labels(&pair, 4.999_999, 2), [NOISE, NOISE]);
        assert_eq!(labels(&pair, 5.0, 3), [NOISE, NOISE]);
        assert_eq!(labels(&pair, 0.0, 1), [0, 1]);
        assert_eq!(labels(&pair, 0.0, 0), [0, 1]);
    }

    #[test]
    fn clusters_are_numbered_by_their_first_core_point() {
        let points = [[50.0, 0.0], [100.0, 0.0], [0.0, 0.0], [101.0, 0.0], [1.0, 0.0]];
        assert_eq!(labels(&points, 2.0, 2), [NOISE, 0, 1, 0, 1]);
    }

    #[test]
    fn a_border_point_of_two_clusters_belongs_to_the_first() {
        // Point 0 is near points 1 and 4 but has too few neighbours to join their clusters into one.
        let points = [[0.0, 0.0], [1.0, 0.0], [1.5, 0.5], [1.5, -0.5], [-1.0, 0.0], [-1.5, 0.5], [-1.5, -0.5]];
        assert_eq!(labels(&points, 1.0, 4), [0, 0, 0, 0, 1, 1, 1]);
        let turned: Vec<[f32; 2]> = points.iter().map(|[x, y]| [-x, *y]).collect();
        assert_eq!(labels(&turned, 1.0, 4), [0, 0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_number_that_is_not_finite_makes_noise_and_no_panic() {
        let points = [[0.0, 0.0], [f32::NAN, 0.0], [f32::INFINITY, 0.0], [f32::INFINITY, 0.0], [1.0, 0.0]];
        assert_eq!(labels(&points, f32::INFINITY, 2), [0, NOISE, NOISE, NOISE, 0]);
        assert_eq!(on_grid(&points, f32::INFINITY, 1), [0, NOISE, NOISE, NOISE, 0]);
        assert_eq!(labels(&points, f32::NAN, 1), [NOISE; 5]);
        assert_eq!(labels(&points, -1.0, 1), [NOISE; 5]);
    }

    #[test]
    fn storage_that_held_other_points_gives_the_same_labels() {
        let mut used = Dbscan::new();
        let mut found = Vec::new();
        let points: Vec<[f32; 2]> = (0..300).map(|i| [(i * 37 % 101) as f32, (i * 53 % 97) as f32]).collect();
        for n in [300, 9, 128, 1, 64, 0, 65, 10, 129, 63] {
            let clusters = used.run(&points[..n], 5.0, 3, &mut found);
            assert_eq!(found, labels(&points[..n], 5.0, 3), "n = {n}");
            assert_eq!(clusters as i32, found.iter().max().map_or(0, |top| top + 1));
        }
    }

    /// Points that often lie exactly eps apart, in sizes on both sides of every change of method.
    fn points() -> impl Strategy<Value = Vec<[f32; 2]>> {
        let coordinate = || prop_oneof![4 => (0i32..48).prop_map(|k| k as f32 * 0.5), 1 => 0f32..24.0];
        prop_oneof![4 => 0usize..20, 2 => 60usize..70, 2 => 120usize..140]
            .prop_flat_map(move |n| prop::collection::vec([coordinate(), coordinate()], n))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn labels_follow_the_definition(points in points(), eps in (0i32..12).prop_map(|k| k as f32 * 0.5), min_samples in 0usize..8) {
            let found = labels(&points, eps, min_samples);
            prop_assert_eq!(&found, &on_grid(&points, eps, min_samples));
            if points.len() <= 70 {
                prop_assert_eq!(found, by_definition(&points, eps, min_samples));
            }
        }

        #[test]
        fn labels_agree_with_petal_clustering(
            points in points(),
            // Between the distances of the lattice: the oracle's tree loses some points that lie exactly eps away.
            eps in (1i32..12).prop_map(|k| k as f32 * 0.5 + 0.1),
            min_samples in 1usize..8,
        ) {
            let found = labels(&points, eps, min_samples);
            let flat = points.iter().flatten().map(|&x| f64::from(x)).collect();
            let table = Array2::from_shape_vec((points.len(), 2), flat).unwrap();
            let mut oracle = Petal { eps: f64::from(eps), min_samples, ..Petal::default() };
            let (clusters, noise) = oracle.fit(&table, None);
            // The oracle drops a cluster when its border points went to earlier ones and too few are left, and does not
            // count it: the others keep their members and their order.
            let mut last = NOISE;
            for members in clusters.into_iter().collect::<BTreeMap<_, _>>().into_values() {
                prop_assert!(found[members[0]] > last && members.iter().all(|&member| found[member] == found[members[0]]));
                last = found[members[0]];
            }
            for point in noise {
                let left = found.iter().filter(|label| **label == found[point]).count();
                prop_assert!(found[point] == NOISE || left < min_samples);
            }
        }
    }
}
