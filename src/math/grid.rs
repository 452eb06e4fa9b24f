//! A uniform grid over points in the plane: who is within r of whom, without looking at everyone.
//!
//! Two points are neighbours when `dx * dx + dy * dy <= r * r` in f32, each operation rounded once: the same test as a
//! double loop makes, so a grid never changes a result, only the time it takes. Cells only choose the candidates, and
//! they are chosen with room for the rounding of that test.

/// Points sorted into square cells. Rebuilding reuses all storage.
///
/// Points with a coordinate that is not finite are left out: they are nobody's neighbour. At most `u32::MAX` points.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    low: [f64; 2],
    cells_per_metre: f64,
    columns: usize,
    rows: usize,
    /// Slots of cell c are `starts[c]..starts[c + 1]`; cells in row-major order.
    starts: Vec<u32>,
    /// Point index of each slot; increasing inside a cell.
    items: Vec<u32>,
    /// Coordinates of each slot, beside each other for the search.
    places: Vec<[f32; 2]>,
    /// Slot of each point; [`LEFT_OUT`] when it has none.
    slots: Vec<u32>,
    cell_of_point: Vec<u32>,
}

const LEFT_OUT: u32 = u32::MAX;

impl Grid {
    /// An empty grid.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sorts `points` into cells with edges of `cell` metres; a cell edge near the radius of the queries to come is best.
    ///
    /// Where that would take many more cells than points, or `cell` is not a positive number, edges are made as long as
    /// keeps the grid in proportion to the number of points.
    pub fn rebuild(&mut self, points: &[[f32; 2]], cell: f32) {
        let points = &points[..points.len().min(LEFT_OUT as usize)];
        self.lay_out(points, cell);
        self.cell_of_point.clear();
        self.starts.clear();
        self.starts.resize(self.columns * self.rows + 1, 0);
        for &point in points {
            let cell = if is_finite(point) {
                let cell = self.row_of(point[1].into()) * self.columns + self.column_of(point[0].into());
                self.starts[cell + 1] += 1;
                cell as u32
            } else {
                LEFT_OUT
            };
            self.cell_of_point.push(cell);
        }
        for cell in 1..self.starts.len() {
            self.starts[cell] += self.starts[cell - 1];
        }
        self.fill(points);
    }

    /// Number of points in the grid, those left out not counted.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether no point is in the grid.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Puts the indices of all points within `radius` of `center` into `neighbors`, in increasing order; a point at
    /// the centre itself is among them. None when the radius is negative or a number is NaN.
    pub fn neighbors(&self, center: [f32; 2], radius: f32, neighbors: &mut Vec<u32>) {
        neighbors.clear();
        self.for_each_within(center, radius, |index| neighbors.push(index));
        neighbors.sort_unstable();
    }

    /// Calls `visit` with the index of every point within `radius` of `center`. The order is fixed by the points, but
    /// it is that of the cells, not of the indices.
    pub fn for_each_within(&self, center: [f32; 2], radius: f32, mut visit: impl FnMut(u32)) {
        if self.is_empty() || !is_finite(center) || radius.is_nan() || radius < 0.0 {
            return;
        }
        let squared = radius * radius;
        let reach = reach(radius);
        let (x, y) = (f64::from(center[0]), f64::from(center[1]));
        let columns = self.column_of(x - reach)..=self.column_of(x + reach);
        for row in self.row_of(y - reach)..=self.row_of(y + reach) {
            let first = self.starts[row * self.columns + columns.start()] as usize;
            let end = self.starts[row * self.columns + columns.end() + 1] as usize;
            for (&index, &place) in self.items[first..end].iter().zip(&self.places[first..end]) {
                if is_within(center, place, squared) {
                    visit(index);
                }
            }
        }
    }

    /// Puts every pair `[i, j]`, i < j, of points within `radius` of each other into `pairs`, ordered by i, then j.
    pub fn pairs(&self, radius: f32, pairs: &mut Vec<[u32; 2]>) {
        pairs.clear();
        for (i, &slot) in self.slots.iter().enumerate().filter(|(_, slot)| **slot != LEFT_OUT) {
            let (i, first) = (i as u32, pairs.len());
            self.for_each_within(self.places[slot as usize], radius, |j| {
                if i < j {
                    pairs.push([i, j]);
                }
            });
            pairs[first..].sort_unstable();
        }
    }

    fn lay_out(&mut self, points: &[[f32; 2]], cell: f32) {
        let mut low = [f32::INFINITY; 2];
        let mut high = [f32::NEG_INFINITY; 2];
        for &point in points.iter().filter(|point| is_finite(**point)) {
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        if low[0] > high[0] {
            (low, high) = ([0.0; 2], [0.0; 2]);
        }
        let [width, height] = [0, 1].map(|axis| f64::from(high[axis]) - f64::from(low[axis]));
        // With b the budget, these edges allow at most b + b + b + 1 cells: area, two sides, corner.
        let budget = (points.len() + 4) as f64;
        let shortest = (width / budget).max(height / budget).max((width * height / budget).sqrt());
        let wanted = if cell > 0.0 && cell.is_finite() { f64::from(cell) } else { 0.0 };
        let edge = wanted.max(shortest);
        self.low = low.map(f64::from);
        self.cells_per_metre = if edge > 0.0 { 1.0 / edge } else { 1.0 };
        self.columns = (width * self.cells_per_metre) as usize + 1;
        self.rows = (height * self.cells_per_metre) as usize + 1;
    }

    /// Puts points into their cells. Each cell's start moves to its end on the way and is set back afterwards.
    fn fill(&mut self, points: &[[f32; 2]]) {
        let inside = self.starts.last().map_or(0, |&end| end as usize);
        self.items.clear();
        self.items.resize(inside, 0);
        self.places.clear();
        self.places.resize(inside, [0.0; 2]);
        self.slots.clear();
        for (index, (&cell, &point)) in self.cell_of_point.iter().zip(points).enumerate() {
            if cell == LEFT_OUT {
                self.slots.push(LEFT_OUT);
                continue;
            }
            let slot = self.starts[cell as usize];
            self.starts[cell as usize] += 1;
            self.items[slot as usize] = index as u32;
            self.places[slot as usize] = point;
            self.slots.push(slot);
        }
        self.starts.rotate_right(1);
        self.starts[0] = 0;
    }

    fn column_of(&self, x: f64) -> usize {
        // The cast saturates: left of the grid is the first column.
        (((x - self.low[0]) * self.cells_per_metre) as usize).min(self.columns - 1)
    }

    fn row_of(&self, y: f64) -> usize {
        (((y - self.low[1]) * self.cells_per_metre) as usize).min(self.rows - 1)
    }
}

/// Whether two points are neighbours: the one distance test of the grid and of everything that must agree with it.
#[inline]
pub(super) fn is_within(a: [f32; 2], b: [f32; 2], radius_squared: f32) -> bool {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    dx * dx + dy * dy <= radius_squared
}

#[inline]
pub(super) fn is_finite(point: [f32; 2]) -> bool {
    point[0].is_finite() && point[1].is_finite()
}

/// How far along one axis a neighbour can lie: the radius and what rounding (relative 2^-22) or underflow of the squares
/// (5e-23 m) can hide. Squares that overflow accept every point.
fn reach(radius: f32) -> f64 {
    if (radius * radius).is_infinite() { f64::INFINITY } else { f64::from(radius) * (1.0 + 1e-6) + 1e-22 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid(points: &[[f32; 2]], cell: f32) -> Grid {
        let mut grid = Grid::new();
        grid.rebuild(points, cell);
        grid
    }

    fn neighbors(grid: &Grid, center: [f32; 2], radius: f32) -> Vec<u32> {
        let mut found = vec![99];
        grid.neighbors(center, radius, &mut found);
        found
    }

    #[test]
    fn an_empty_grid_has_no_neighbors_and_no_pairs() {
        let grid = grid(&[], 1.0);
        let mut pairs = vec![[1, 2]];
        grid.pairs(1e9, &mut pairs);
        assert!(grid.is_empty() && pairs.is_empty() && neighbors(&grid, [0.0, 0.0], 1e9).is_empty());
    }

    #[test]
    fn a_ball_is_closed_and_its_centre_belongs_to_it() {
        let grid = grid(&[[5.0, 0.0], [0.0, 0.0], [3.0, 4.0], [3.0, 4.000_001]], 5.0);
        assert_eq!(neighbors(&grid, [0.0, 0.0], 5.0), [0, 1, 2]);
        assert_eq!(neighbors(&grid, [5.0, 0.0], 0.0), [0]);
        assert!(neighbors(&grid, [0.0, 0.0], -1.0).is_empty());
        assert!(neighbors(&grid, [0.0, f32::NAN], 5.0).is_empty());
        assert!(neighbors(&grid, [0.0, 0.0], f32::NAN).is_empty());
        assert_eq!(neighbors(&grid, [0.0, 0.0], f32::INFINITY), [0, 1, 2, 3]);
    }

    #[test]
    fn points_on_the_border_of_cells_are_found_from_both_sides() {
        let points: Vec<[f32; 2]> = (0..25).map(|i| [(i % 5) as f32 * 10.0, (i / 5) as f32 * 10.0]).collect();
        let grid = grid(&points, 10.0);
        assert_eq!(neighbors(&grid, [20.0, 20.0], 10.0), [7, 11, 12, 13, 17]);
        assert_eq!(neighbors(&grid, [0.0, 0.0], 10.0), [0, 1, 5]);
        assert_eq!(neighbors(&grid, [40.0, 40.0], 10.0), [19, 23, 24]);
    }

    #[test]
    fn a_neighbor_by_rounding_is_found_across_a_cell_border() {
        // 5 + 1e-9 is 5 in f32; the border between the cells lies at 5.
        let points = [[-1.0, 0.0], [-1e-9, 0.0], [5.0, 0.0]];
        assert_eq!(neighbors(&grid(&points, 3.0), points[1], 5.0), [0, 1, 2]);
        // The square of 1e-23 is 0 in f32.
        let points = [[0.0, 0.0], [1e-23, 0.0]];
        assert_eq!(neighbors(&grid(&points, 1e-30), points[0], 0.0), [0, 1]);
    }

    #[test]
    fn coincident_points_are_all_neighbors() {
        let grid = grid(&[[7.5, -2.0]; 40], 3.0);
        let mut pairs = Vec::new();
        grid.pairs(0.0, &mut pairs);
        assert_eq!(pairs.len(), 40 * 39 / 2);
        assert_eq!(neighbors(&grid, [7.5, -2.0], 0.0), (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn points_that_are_not_finite_are_left_out() {
        let points = [[0.0, 0.0], [f32::NAN, 0.0], [0.0, f32::INFINITY], [1.0, 0.0]];
        let grid = grid(&points, 1.0);
        let mut pairs = Vec::new();
        grid.pairs(f32::INFINITY, &mut pairs);
        assert_eq!((grid.len(), pairs), (2, vec![[0, 3]]));
    }

    #[test]
    fn memory_stays_in_proportion_whatever_the_cell() {
        let points = [[-3e38, -3e38], [3e38, 3e38], [0.0, 0.0]];
        for cell in [1e-45, 0.0, -1.0, f32::NAN, f32::INFINITY, f32::MAX] {
            let grid = grid(&points, cell);
            assert!(grid.starts.len() <= 3 * (points.len() + 4) + 2, "{} cells", grid.starts.len());
            assert_eq!(neighbors(&grid, [0.0, 0.0], 1.0), [2]);
        }
    }

    #[test]
    fn rebuilding_needs_no_new_memory() {
        let points: Vec<[f32; 2]> = (0..500).map(|i| [(i * 37 % 101) as f32, (i * 53 % 97) as f32]).collect();
        let mut grid = grid(&points, 5.0);
        let before = (grid.starts.as_ptr(), grid.items.as_ptr(), grid.places.as_ptr(), grid.slots.as_ptr());
        grid.rebuild(&points[..300], 9.0);
        assert_eq!(before, (grid.starts.as_ptr(), grid.items.as_ptr(), grid.places.as_ptr(), grid.slots.as_ptr()));
    }

    /// Coordinates that meet at distances exactly on the radius, at cell borders, far out, and nowhere.
    fn coordinate() -> impl Strategy<Value = f32> {
        prop_oneof![
            6 => (0i32..40).prop_map(|k| k as f32 * 0.25),
            3 => -5f32..15.0,
            1 => prop::sample::select(vec![f32::NAN, f32::INFINITY, -0.0, 1e-30, -1e-23, 1e19, -3e38, f32::MAX]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn a_grid_finds_what_a_double_loop_finds(
            points in prop::collection::vec([coordinate(), coordinate()], 0..60),
            radius in prop_oneof![0f32..8.0, (0i32..20).prop_map(|k| k as f32 * 0.25), Just(1e-30), Just(1e20)],
            cell in prop_oneof![0.1f32..20.0, Just(1.0), Just(f32::NAN)],
        ) {
            let grid = grid(&points, cell);
            let within = |a: [f32; 2], b: [f32; 2]| {
                is_finite(a) && is_finite(b) && is_within(a, b, radius * radius)
            };
            let mut expected = Vec::new();
            for i in 0..points.len() {
                let near: Vec<u32> = (0..points.len()).filter(|&j| within(points[i], points[j])).map(|j| j as u32).collect();
                expected.extend(near.iter().filter(|&&j| j > i as u32).map(|&j| [i as u32, j]));
                prop_assert_eq!(neighbors(&grid, points[i], radius), near);
            }
            let mut pairs = Vec::new();
            grid.pairs(radius, &mut pairs);
            prop_assert_eq!(pairs, expected);
        }
    }
}
