//! Who is near: the drones, jammers and links around a jammer.

use glam::Vec2;

use super::components::Position;

/// Neighbours that a jammer sees: drones, other jammers.
pub(super) const NEAREST_ENEMIES: usize = 8;
pub(super) const NEAREST_JAMMERS: usize = 3;

/// The drones that a jammer at `own` sees, nearest first.
pub(super) fn nearest_drones(drones: &[Position], own: Vec2, distances2: &mut Vec<f32>) -> Nearest<NEAREST_ENEMIES> {
    distances2.clear();
    distances2.extend(drones.iter().map(|drone| drone.0.distance_squared(own)));
    Nearest::among(distances2)
}

/// The drones that drone `own` has a live link to, nearest first; `links` as bit rows, `[drones, words]`.
pub(super) fn nearest_linked(drones: &[Position], own: usize, links: &[u64]) -> Nearest<NEAREST_ENEMIES> {
    let words = drones.len().div_ceil(64);
    let row = &links[own * words..(own + 1) * words];
    let distance2 = |(other, drone): (usize, &Position)| match row[other / 64] >> (other % 64) & 1 {
        1 => drone.0.distance_squared(drones[own].0),
        _ => f32::INFINITY,
    };
    Nearest::among(&drones.iter().enumerate().map(distance2).collect::<Vec<f32>>())
}

/// The other jammers that jammer `agent` sees, nearest first.
pub(super) fn nearest_mates(team: &[Position], agent: usize, distances2: &mut Vec<f32>) -> Nearest<NEAREST_JAMMERS> {
    let own = team[agent].0;
    distances2.clear();
    distances2.extend(team.iter().map(|other| other.0.distance_squared(own)));
    distances2[agent] = f32::INFINITY;
    Nearest::among(distances2)
}

/// The K smallest of a list of squared distances, nearest first; equal ones in the order of the list.
pub(super) struct Nearest<const K: usize> {
    found: [(f32, u32); K],
    /// How many there are.
    pub(super) len: usize,
}

/// So many distances are first compared, all at once, with the farthest one found so far; they are looked at one by one
/// only if one of them is smaller.
const CHUNK: usize = 16;

impl<const K: usize> Nearest<K> {
    pub(super) fn among(distances2: &[f32]) -> Self {
        let mut nearest = Self { found: [(f32::INFINITY, 0); K], len: 0 };
        let (chunks, rest) = distances2.as_chunks::<CHUNK>();
        for (c, chunk) in chunks.iter().enumerate() {
            let limit = nearest.found[K - 1].0;
            if chunk.iter().fold(false, |any, d2| any | (*d2 < limit)) {
                nearest.insert(c * CHUNK, chunk);
            }
        }
        nearest.insert(chunks.len() * CHUNK, rest);
        nearest
    }

    fn insert(&mut self, first: usize, distances2: &[f32]) {
        let found = &mut self.found;
        for (index, &d2) in distances2.iter().enumerate() {
            if d2 < found[K - 1].0 {
                let mut at = K - 1;
                while at > 0 && d2 < found[at - 1].0 {
                    found[at] = found[at - 1];
                    at -= 1;
                }
                found[at] = (d2, (first + index) as u32);
                self.len = (self.len + 1).min(K);
            }
        }
    }

    pub(super) fn indices(&self) -> impl Iterator<Item = usize> {
        self.found[..self.len].iter().map(|(_, index)| *index as usize)
    }
}

/// Midpoints of the live links, in the order of their pairs.
pub(super) fn live_midpoints(rows: &[u64], drones: &[Position], midpoints: &mut Vec<Vec2>) {
    midpoints.clear();
    for_each_link(rows, drones.len(), |i, j| midpoints.push(0.5 * (drones[i].0 + drones[j].0)));
}

/// Calls `visit` with each pair i < j of linked nodes of a graph given as bit rows.
pub(super) fn for_each_link(rows: &[u64], n: usize, mut visit: impl FnMut(usize, usize)) {
    let words = n.div_ceil(64);
    for (i, row) in rows.chunks_exact(words).enumerate() {
        for (w, word) in row.iter().enumerate().skip(i / 64) {
            let mut later = if w == i / 64 { word & (u64::MAX << (i % 64)) } else { *word };
            while later != 0 {
                visit(i, w * 64 + later.trailing_zeros() as usize);
                later &= later - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_infinity_never() {
        let nearest = Nearest::<3>::among(&[4.0, f32::INFINITY, 1.0, 4.0, 0.5]);
        assert_eq!(nearest.indices().collect::<Vec<_>>(), [4, 2, 0]);
        let few = Nearest::<3>::among(&[2.0, f32::INFINITY]);
        assert_eq!(few.indices().collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn the_nearest_of_many_are_those_of_a_sorted_list() {
        for n in [15, 16, 17, 100, 333] {
            let distances2: Vec<f32> = (0..n).map(|i| (i * 7919 % 101) as f32).collect();
            let mut sorted: Vec<usize> = (0..n).collect();
            sorted.sort_by(|a, b| distances2[*a].total_cmp(&distances2[*b]));
            assert_eq!(Nearest::<8>::among(&distances2).indices().collect::<Vec<_>>(), sorted[..8], "{n}");
        }
    }

    #[test]
    fn every_link_is_visited_once() {
        let n = 70;
        let mut rows = vec![0_u64; n * 2];
        let pairs = [(0, 69), (3, 64), (3, 5), (65, 69)];
        for (i, j) in pairs {
            rows[i * 2 + j / 64] |= 1 << (j % 64);
            rows[j * 2 + i / 64] |= 1 << (i % 64);
        }
        let mut seen = Vec::new();
        for_each_link(&rows, n, |i, j| seen.push((i, j)));
        seen.sort_unstable();
        assert_eq!(seen, [(0, 69), (3, 5), (3, 64), (65, 69)]);
    }
}
