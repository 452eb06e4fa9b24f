//! Curves for live plots: what a run has measured so far, ready to be drawn at any zoom however long it is.
//!
//! A [`Series`] keeps every point and, above them, a pyramid of blocks: one block for every 4 points, one for every 4 of
//! those, and so on, each with the lowest and the highest point beneath it. A plot of so many pixels asks for as many
//! columns and gets the two extremes of each, so a spike of one point among millions stays on the screen. [`Smoothed`]
//! follows a series with a moving average, [`RunCurves`] follows the file of a run.

use std::ops::{Range, RangeInclusive};

mod run;
mod smoothed;
#[cfg(test)]
mod tests;

pub use self::{
    run::{MAX_BYTES, MAX_CURVES, MAX_LINE_BYTES, RunCurves},
    smoothed::Smoothed,
};

/// Four leave two to eight blocks to a column, in as much memory as the points take; eight would leave up to sixteen.
const FANOUT: usize = 1 << FANOUT_BITS;
const FANOUT_BITS: usize = 2;

/// One named curve: points in order of x, appended at its end.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// x increases; y is NaN where there is a gap.
    points: Vec<[f64; 2]>,
    /// Level l holds a block for every whole `FANOUT^(l + 1)` points; none is empty.
    levels: Vec<Vec<Block>>,
    /// How often points were dropped: what was derived from them has to begin anew.
    cuts: u64,
}

/// Neighbouring points and the first lowest and first highest among them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Block {
    first_x: f64,
    last_x: f64,
    /// At +∞ where all is gap, as `high` is at -∞.
    low: [f64; 2],
    high: [f64; 2],
}

impl Series {
    /// A curve without points.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a point, in constant time on average.
    ///
    /// A `y` that is not finite is kept as a gap. Points at `x` or beyond are dropped first: a run that was resumed
    /// goes on from an earlier step than the last one seen. An `x` that is not finite has no place and is ignored.
    pub fn push(&mut self, x: f64, y: f64) {
        if !x.is_finite() {
            return;
        }
        if self.last().is_some_and(|(last_x, _)| x <= last_x) {
            self.cut(self.points.partition_point(|point| point[0] < x));
        }
        self.points.push([x, if y.is_finite() { y } else { f64::NAN }]);
        self.complete_blocks();
    }

    /// Drops all points.
    pub fn clear(&mut self) {
        self.cut(0);
    }

    /// Draws the part with x in `x` for a plot that is `columns` pixels wide: `out` is overwritten with points in order
    /// of x that hold the extremes of every column, the nearest point on either side of the range with them, so that
    /// lines run to the edge.
    ///
    /// All points of the range where they are at most 2 `columns`; otherwise two for each column and at most
    /// 2 `columns` + 6 in total. NaN as y says that the line is broken there; gaps narrower than a column do not show.
    /// Takes O(`columns` + log n) where points are spread evenly and O(`columns` log n) at worst. Columns lie on
    /// multiples of their width, so points do not flicker while the range moves.
    pub fn visible(&self, x: RangeInclusive<f64>, columns: usize, out: &mut Vec<[f64; 2]>) {
        out.clear();
        if x.is_empty() {
            return;
        }
        let (from, to) = x.into_inner();
        let columns = columns.max(1);
        let first = self.points.partition_point(|point| point[0] < from);
        let end = self.points.partition_point(|point| point[0] <= to);
        out.extend(first.checked_sub(1).map(|before| self.points[before]));
        if end - first <= columns.saturating_mul(2) {
            out.extend_from_slice(&self.points[first..end]);
        } else {
            let shown =
                if (to - from).is_finite() { to - from } else { self.points[end - 1][0] - self.points[first][0] };
            self.draw_columns(first..end, shown / columns as f64, out);
        }
        out.extend(self.points.get(end));
    }

    /// The point whose x is nearest, the earlier of two; its y is NaN in a gap. None in an empty series.
    pub fn nearest(&self, x: f64) -> Option<(f64, f64)> {
        let after = self.points.partition_point(|point| point[0] < x);
        let around = self.points[after.saturating_sub(1)..].iter().take(2);
        let nearest = around.min_by(|a, b| (a[0] - x).abs().total_cmp(&(b[0] - x).abs()));
        nearest.map(|&[x, y]| (x, y))
    }

    /// All points, gaps included.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    /// Points, gaps included.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The point at the end; its y is NaN in a gap.
    pub fn last(&self) -> Option<(f64, f64)> {
        self.points.last().map(|&[x, y]| (x, y))
    }

    /// First and last x.
    pub fn x_range(&self) -> Option<RangeInclusive<f64>> {
        Some(self.points.first()?[0]..=self.points.last()?[0])
    }

    /// Lowest and highest y; none where all is gap.
    pub fn y_range(&self) -> Option<RangeInclusive<f64>> {
        let whole = self.blocks(0..self.points.len(), f64::INFINITY).reduce(Block::join)?;
        (!whole.is_gap()).then(|| whole.low[1]..=whole.high[1])
    }

    /// Builds the block that the last point made whole, and those above it.
    fn complete_blocks(&mut self) {
        let mut count = self.points.len();
        for level in 0.. {
            if !count.is_multiple_of(FANOUT) {
                break;
            }
            let beneath = (count - FANOUT..count).map(|index| self.block(level, index));
            let block = beneath.reduce(Block::join);
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            self.levels[level].extend(block);
            count = self.levels[level].len();
        }
    }

    /// Keeps the first `len` points.
    fn cut(&mut self, mut len: usize) {
        self.points.truncate(len);
        for level in &mut self.levels {
            len /= FANOUT;
            level.truncate(len);
        }
        self.levels.retain(|level| !level.is_empty());
        self.cuts += 1;
    }

    /// Appends the extremes of each column. A block stays whole when it is at most half a column wide and goes to the
    /// column it begins in: cutting it exactly would cost a descent at every border, for less than a pixel.
    fn draw_columns(&self, range: Range<usize>, width: f64, out: &mut Vec<[f64; 2]>) {
        let mut current: Option<(f64, Block)> = None;
        for block in self.blocks(range, width / 2.0) {
            let column = (block.first_x / width).floor();
            match &mut current {
                Some((of, drawn)) if *of == column => *drawn = drawn.join(block),
                _ => {
                    if let Some((_, drawn)) = current.replace((column, block)) {
                        drawn.draw(out);
                    }
                }
            }
        }
        if let Some((_, drawn)) = current {
            drawn.draw(out);
        }
    }

    fn blocks(&self, range: Range<usize>, width: f64) -> Blocks<'_> {
        Blocks { series: self, range, width, level: 0 }
    }

    /// A block of a level counted from the points, which are level 0.
    fn block(&self, level: usize, index: usize) -> Block {
        match level.checked_sub(1) {
            None => Block::of(self.points[index]),
            Some(level) => self.levels[level][index],
        }
    }
}

impl Extend<(f64, f64)> for Series {
    fn extend<I: IntoIterator<Item = (f64, f64)>>(&mut self, points: I) {
        points.into_iter().for_each(|(x, y)| self.push(x, y));
    }
}

impl FromIterator<(f64, f64)> for Series {
    fn from_iter<I: IntoIterator<Item = (f64, f64)>>(points: I) -> Self {
        let mut series = Self::new();
        series.extend(points);
        series
    }
}

impl Block {
    fn of([x, y]: [f64; 2]) -> Self {
        let (low, high) = if y.is_nan() { (f64::INFINITY, f64::NEG_INFINITY) } else { (y, y) };
        Self { first_x: x, last_x: x, low: [x, low], high: [x, high] }
    }

    fn join(self, next: Self) -> Self {
        Self {
            first_x: self.first_x,
            last_x: next.last_x,
            low: if next.low[1] < self.low[1] { next.low } else { self.low },
            high: if next.high[1] > self.high[1] { next.high } else { self.high },
        }
    }

    fn is_gap(&self) -> bool {
        self.low[1] > self.high[1]
    }

    /// Appends the extremes in order of x, or what stands for a gap.
    fn draw(&self, out: &mut Vec<[f64; 2]>) {
        if self.is_gap() {
            out.push([self.first_x, f64::NAN]);
        } else if self.low[0] < self.high[0] {
            out.extend([self.low, self.high]);
        } else {
            out.push(self.high);
            out.extend((self.high[0] < self.low[0]).then_some(self.low));
        }
    }
}

/// Walks a range of points in blocks as large as the pyramid has and `width` allows.
struct Blocks<'a> {
    series: &'a Series,
    range: Range<usize>,
    width: f64,
    /// Of the last block: where points are spread evenly, the next one is seldom far from it.
    level: usize,
}

impl Blocks<'_> {
    /// Whether a block of this level starts here, ends within the range and is narrow enough.
    fn fits(&self, level: usize) -> bool {
        let Some(blocks) = level.checked_sub(1).map(|level| self.series.levels.get(level)) else { return true };
        let (start, bits) = (self.range.start, FANOUT_BITS * level);
        let is_whole = start.trailing_zeros() as usize >= bits && self.range.len() >> bits > 0;
        let block = blocks.filter(|_| is_whole).map(|blocks| &blocks[start >> bits]);
        block.is_some_and(|block| block.last_x - block.first_x <= self.width)
    }
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        if self.range.is_empty() {
            return None;
        }
        while self.fits(self.level + 1) {
            self.level += 1;
        }
        while !self.fits(self.level) {
            self.level -= 1;
        }
        let bits = FANOUT_BITS * self.level;
        let block = self.series.block(self.level, self.range.start >> bits);
        self.range.start += 1 << bits;
        Some(block)
    }
}
