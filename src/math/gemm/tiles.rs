//! Matrix products, tile by tile.
//!
//! One element of a product is one chain of fused multiply-adds over the inner dimension, first to last (four
//! interleaved chains for products at most sixteen columns wide, whose few chains would otherwise wait for the adder).
//! How many elements a tile works on at once is a matter of registers and never of results.
#![allow(unsafe_code, unsafe_op_in_unsafe_fn, reason = "raw loads in inner loops; bounds checked by the parent module")]
#![allow(clippy::needless_range_loop, reason = "tiles are indexed as in the formulas, and unroll so")]

use super::{
    kernels::{RawFinish, RawStart, Task},
    lanes::{LANES, Lanes},
    sweeps::finish_row,
};

#[inline(always)]
pub(super) unsafe fn multiply<L: Lanes>(task: Task) {
    if task.vectors == 1 {
        let row = if L::REGISTERS >= 32 { narrow_band::<L, 4>(&task, 0) } else { 0 };
        narrow_band::<L, 1>(&task, row);
    } else if L::REGISTERS >= 32 {
        let row = band::<L, 8, 3>(&task, 0);
        let row = band::<L, 4, 4>(&task, row);
        let row = band::<L, 2, 8>(&task, row);
        band::<L, 1, 8>(&task, row);
    } else {
        let row = band::<L, 4, 1>(&task, 0);
        let row = band::<L, 2, 2>(&task, row);
        band::<L, 1, 4>(&task, row);
    }
}

/// As many blocks of `M` rows as there are from `row` on, in panels of at most `N` vectors; returns the first row left.
#[inline(always)]
unsafe fn band<L: Lanes, const M: usize, const N: usize>(task: &Task, row: usize) -> usize {
    let end = row + (task.rows - row) / M * M;
    if row == end {
        return row;
    }
    let panels = task.vectors.div_ceil(N);
    let mut vector = 0;
    for panel in 0..panels {
        let width = (task.vectors - vector).div_ceil(panels - panel);
        let rows = (row, end);
        match width {
            1 => panel_of::<L, M, 1>(task, rows, vector),
            2 if N >= 2 => panel_of::<L, M, 2>(task, rows, vector),
            3 if N >= 3 => panel_of::<L, M, 3>(task, rows, vector),
            4 if N >= 4 => panel_of::<L, M, 4>(task, rows, vector),
            5 if N >= 8 => panel_of::<L, M, 5>(task, rows, vector),
            6 if N >= 8 => panel_of::<L, M, 6>(task, rows, vector),
            7 if N >= 8 => panel_of::<L, M, 7>(task, rows, vector),
            8 if N >= 8 => panel_of::<L, M, 8>(task, rows, vector),
            _ => unreachable!("a panel is at most N wide"),
        }
        vector += width;
    }
    end
}

#[inline(always)]
unsafe fn panel_of<L: Lanes, const M: usize, const N: usize>(task: &Task, rows: (usize, usize), vector: usize) {
    let mut row = rows.0;
    while row < rows.1 {
        tile::<L, M, N>(task, row, vector * LANES);
        finish::<L>(task, row, M, vector * LANES, N);
        row += M;
    }
}

/// `M` rows by `N` vectors of the result, held in registers over the whole inner dimension.
#[inline(always)]
unsafe fn tile<L: Lanes, const M: usize, const N: usize>(task: &Task, row: usize, column: usize) {
    let target = task.target.add(row * task.target_stride + column);
    let mut sums = [[L::splat(0.0); N]; M];
    match task.start {
        RawStart::Zero => {}
        RawStart::Row(start) => {
            for n in 0..N {
                let x = L::load(start.add(column + n * LANES));
                for sums in &mut sums {
                    sums[n] = x;
                }
            }
        }
        RawStart::Target => {
            for m in 0..M {
                for n in 0..N {
                    sums[m][n] = L::load(target.add(m * task.target_stride + n * LANES));
                }
            }
        }
    }
    let mut left = task.left.add(row * task.left_row);
    let mut right = task.right.add(column);
    for _ in 0..task.inner {
        let mut b = [L::splat(0.0); N];
        for n in 0..N {
            b[n] = L::load(right.add(n * LANES));
        }
        for m in 0..M {
            let a = L::splat(*left.add(m * task.left_row));
            for n in 0..N {
                sums[m][n] = L::fma(a, b[n], sums[m][n]);
            }
        }
        left = left.wrapping_add(task.left_step);
        right = right.wrapping_add(task.right_stride);
    }
    for m in 0..M {
        for n in 0..N {
            L::store(target.add(m * task.target_stride + n * LANES), sums[m][n]);
        }
    }
}

#[inline(always)]
unsafe fn narrow_band<L: Lanes, const M: usize>(task: &Task, mut row: usize) -> usize {
    while row + M <= task.rows {
        narrow_tile::<L, M>(task, row);
        finish::<L>(task, row, M, 0, 1);
        row += M;
    }
    row
}

/// `M` rows of a product one vector wide: chain c takes every fourth step of the inner dimension from c on, and the
/// result is start + ((c0 + c1) + (c2 + c3)).
#[inline(always)]
unsafe fn narrow_tile<L: Lanes, const M: usize>(task: &Task, row: usize) {
    let mut chains = [[L::splat(0.0); 4]; M];
    let mut left = task.left.add(row * task.left_row);
    let mut right = task.right;
    for _ in 0..task.inner / 4 {
        for c in 0..4 {
            let b = L::load(right.add(c * task.right_stride));
            for m in 0..M {
                let a = L::splat(*left.add(m * task.left_row + c * task.left_step));
                chains[m][c] = L::fma(a, b, chains[m][c]);
            }
        }
        left = left.wrapping_add(4 * task.left_step);
        right = right.wrapping_add(4 * task.right_stride);
    }
    for c in 0..3 {
        if c < task.inner % 4 {
            let b = L::load(right.add(c * task.right_stride));
            for m in 0..M {
                let a = L::splat(*left.add(m * task.left_row + c * task.left_step));
                chains[m][c] = L::fma(a, b, chains[m][c]);
            }
        }
    }
    for m in 0..M {
        let target = task.target.add((row + m) * task.target_stride);
        let sum = L::add(L::add(chains[m][0], chains[m][1]), L::add(chains[m][2], chains[m][3]));
        let sum = match task.start {
            RawStart::Zero => sum,
            RawStart::Row(start) => L::add(L::load(start), sum),
            RawStart::Target => L::add(L::load(target), sum),
        };
        L::store(target, sum);
    }
}

/// Applies [`Task::finish`] to a tile that was just stored and is still in the nearest cache.
#[inline(always)]
unsafe fn finish<L: Lanes>(task: &Task, row: usize, rows: usize, column: usize, vectors: usize) {
    if let RawFinish::Keep = task.finish {
        return;
    }
    for m in row..row + rows {
        let target = task.target.add(m * task.target_stride + column);
        finish_row::<L>(task.finish, m, column, vectors, target, target);
    }
}
