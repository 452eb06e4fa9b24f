//! A grid of jammers around the arena's centre.

use glam::Vec2;

use super::{Order, Rule, Situation, scripted};
use crate::{domains::jamming::lookahead::Surroundings, sim::Policy};

/// Each jammer flies to its own place in the grid and stays there. Where all drones hear each other, links between the two
/// halves of a swarm cross the middle of the arena, and drones in the middle have links to all sides: jammers that stand
/// there apart from each other reach links of every drone.
pub(super) fn formation() -> Box<dyn Policy> {
    scripted(|| Formation)
}

/// Distance between neighbours, in jam ranges.
const SPACING: f32 = 1.7;

struct Formation;

impl Rule for Formation {
    fn command(&mut self, _slot: usize, situation: &Situation<'_>, orders: &mut Vec<Order>) {
        orders.extend(situation.around.team.iter().enumerate().map(|(jammer, own)| Order {
            velocity_mps: situation.towards(own.0, place(situation.around, jammer)),
            band: situation.swarm.band,
        }));
    }
}

/// The place of a jammer: rows of nearly equal length, filled by the jammers' numbers. The grid never reaches beyond the
/// inner half of the arena's sides, where all midpoints of links with a drone in the centre are.
pub(super) fn place(around: Surroundings<'_>, jammer: usize) -> Vec2 {
    let team = around.team.len();
    let rows = ((team as f32).sqrt().round() as usize).max(1);
    // The first `longer` rows have one jammer more than the others.
    let (length, longer) = (team / rows, team % rows);
    let in_longer = longer * (length + 1);
    let (row, column, columns) = if jammer < in_longer {
        (jammer / (length + 1), jammer % (length + 1), length + 1)
    } else {
        (longer + (jammer - in_longer) / length, (jammer - in_longer) % length, length)
    };
    let widest = team.div_ceil(rows).max(rows) - 1;
    let range = around.model.budgets.band(around.band).jam_range_m;
    let spacing = (SPACING * range).min(0.5 * around.model.arena_m / widest.max(1) as f32);
    let from_middle = |at: usize, of: usize| at as f32 - 0.5 * (of - 1) as f32;
    Vec2::splat(0.5 * around.model.arena_m) + spacing * Vec2::new(from_middle(column, columns), from_middle(row, rows))
}
