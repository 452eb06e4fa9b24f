//! Where things lie on the sheet: the queue in a column, the racks in a grid.

use glam::Vec2;

use crate::{
    domains::cluster::components::{Cause, NUM_RESOURCES},
    picture::Arena,
};

/// The sheet is as wide and as high as this.
const SIZE: Vec2 = Vec2::new(16.0, 10.0);
/// Width of the column on the left.
const COLUMN: f32 = 2.8;
/// Height of the part of it in which failures are shown.
const FAILURES: f32 = 2.4;
/// Height of what one cause has of it.
const FAILURE: f32 = FAILURES / Cause::ALL.len() as f32;
/// Workloads side by side in the column.
const ABREAST: usize = 6;
/// Distance between their centres.
const STEP: f32 = COLUMN / (ABREAST + 1) as f32;
/// Workloads side by side below the bars of a rack.
const SEATS: usize = 6;
/// Gap around a rack, as a part of its cell.
const GAP: f32 = 0.07;

/// The places of a cluster with so many racks.
pub(super) struct Sheet {
    columns: usize,
    cell: Vec2,
}

/// The place of one node.
pub(super) struct Rack {
    low: Vec2,
    size: Vec2,
    radius: f32,
}

impl Sheet {
    pub(super) fn new(num_nodes: usize) -> Self {
        let room = SIZE - Vec2::new(COLUMN, 0.0);
        let num_nodes = num_nodes.max(1);
        // Racks are about as wide as they are high.
        let wished = (num_nodes as f32 * room.x / room.y).sqrt();
        let columns = (wished.ceil() as usize).clamp(1, num_nodes);
        let rows = num_nodes.div_ceil(columns);
        Self { columns, cell: room / Vec2::new(columns as f32, rows as f32) }
    }

    pub(super) fn arena(&self) -> Arena {
        Arena { low: Vec2::ZERO, high: SIZE, is_to_scale: false }
    }

    pub(super) fn workload_radius(&self) -> f32 {
        (0.4 * (1.0 - 2.0 * GAP) * self.cell.x / SEATS as f32).min(0.16)
    }

    pub(super) fn font_px(&self) -> f32 {
        (5.5 * self.cell.x).clamp(6.0, 13.0)
    }

    /// The rack of a node; the first is at the upper left.
    pub(super) fn rack(&self, node: usize) -> Rack {
        let (column, row) = ((node % self.columns) as f32, (node / self.columns) as f32);
        let corner = Vec2::new(COLUMN + column * self.cell.x, SIZE.y - (row + 1.0) * self.cell.y);
        Rack { low: corner + GAP * self.cell, size: (1.0 - 2.0 * GAP) * self.cell, radius: self.workload_radius() }
    }

    /// Where a workload waits whose turn is in so many others; those at the very end share the last row.
    pub(super) fn seat_in_queue(&self, turn: usize) -> Vec2 {
        let down = SIZE.y - STEP * (1.0 + (turn / ABREAST) as f32);
        Vec2::new(STEP * (1.0 + (turn % ABREAST) as f32), down.max(FAILURES + STEP))
    }

    /// Where the failure with this number of those with this cause is shown; those that find no seat share the last one.
    pub(super) fn seat_of_failed(&self, cause: usize, number: usize) -> Vec2 {
        let along = STEP * (1 + number.min(ABREAST - 1)) as f32;
        Vec2::new(along, top_of_failed(cause) - 0.7 * FAILURE)
    }

    /// Where the name of a cause is written, above what failed by it.
    pub(super) fn name_of_failed(&self, cause: usize) -> Vec2 {
        Vec2::new(0.5 * COLUMN, top_of_failed(cause) - 0.2 * FAILURE)
    }
}

/// Top of the part of the column in which the failures with this cause are shown.
fn top_of_failed(cause: usize) -> f32 {
    FAILURES - cause as f32 * FAILURE
}

impl Rack {
    pub(super) fn width(&self) -> f32 {
        self.size.x
    }

    pub(super) fn middle(&self) -> Vec2 {
        self.low + 0.5 * self.size
    }

    /// Where its name is written.
    pub(super) fn name(&self) -> Vec2 {
        self.low + self.size * Vec2::new(0.5, 0.94)
    }

    /// Its corners, closed.
    pub(super) fn outline(&self) -> [Vec2; 5] {
        let at = |x: f32, y: f32| self.low + self.size * Vec2::new(x, y);
        [at(0.0, 0.0), at(1.0, 0.0), at(1.0, 1.0), at(0.0, 1.0), at(0.0, 0.0)]
    }

    pub(super) fn bar_width(&self) -> f32 {
        0.16 * self.size.x
    }

    /// Foot and top of the bar of resource `k` that is filled to this share.
    pub(super) fn bar(&self, k: usize, share: f32) -> [Vec2; 2] {
        let x = (0.5 + k as f32) / NUM_RESOURCES as f32;
        // Bars end in half discs, which need room too.
        let (foot, top) = (0.35, 0.78);
        [foot, foot + (top - foot) * share].map(|y| self.low + self.size * Vec2::new(0.06 + 0.88 * x, y))
    }

    /// Where the workload with this number sits; those that find no seat share the last one.
    pub(super) fn seat(&self, number: usize) -> Vec2 {
        let step = self.size.x / (SEATS + 1) as f32;
        let rows = ((0.26 * self.size.y / (2.2 * self.radius)) as usize).max(1);
        let number = number.min(rows * SEATS - 1);
        let up = (0.5 + (number / SEATS) as f32) * 2.2 * self.radius;
        self.low + Vec2::new(step * (1.0 + (number % SEATS) as f32), up)
    }
}
