//! What holds the swarm's radio graph together: its connected components, its bridges, and its articulation points.
//!
//! A bridge is a link that alone joins two parts of the swarm; an articulation point is a drone that does (R. Tarjan,
//! Depth-first search and linear graph algorithms, SIAM J. Comput. 1 (1972)). `petgraph` finds both. Nothing here is part
//! of a tick: it is worked out when somebody looks at a drone, colours by it or exports the graph.

use petgraph::{
    algo::{articulation_points::articulation_points, bridges::bridges},
    graph::{NodeIndex, UnGraph},
    visit::EdgeRef,
};

/// The live links of one swarm, as bit rows `[drones, words]` with `words = drones.div_ceil(64)`.
#[derive(Clone, Copy)]
pub(super) struct Links<'a> {
    num_drones: usize,
    rows: &'a [u64],
}

impl<'a> Links<'a> {
    pub(super) fn new(num_drones: usize, rows: &'a [u64]) -> Self {
        Self { num_drones, rows }
    }

    /// Drones that `drone` has a live link with, ascending.
    pub(super) fn of(self, drone: usize) -> impl Iterator<Item = usize> + 'a {
        (0..self.num_drones).filter(move |other| self.has(drone, *other))
    }

    /// How many live links `drone` has.
    pub(super) fn degree(self, drone: usize) -> usize {
        self.of(drone).count()
    }

    /// Whether two drones have a live link.
    pub(super) fn has(self, one: usize, other: usize) -> bool {
        let words = self.num_drones.div_ceil(64);
        self.rows.get(one * words + other / 64).is_some_and(|word| word >> (other % 64) & 1 == 1)
    }

    /// All live links, the lower drone first, in ascending order.
    pub(super) fn all(self) -> impl Iterator<Item = [usize; 2]> + 'a {
        let links = move |one| self.of(one).filter(move |other| one < *other).map(move |other| [one, other]);
        (0..self.num_drones).flat_map(links)
    }

    /// Number of the connected component of each drone: 0 is the largest, of equal ones that of the first drone.
    pub(super) fn components(self) -> Vec<usize> {
        let mut seen = vec![false; self.num_drones];
        let mut found: Vec<Vec<usize>> =
            (0..self.num_drones).map(|start| self.reached(start, &mut seen, |_, _| true)).collect();
        found.sort_by_key(|members| std::cmp::Reverse(members.len()));
        let mut numbers = vec![0; self.num_drones];
        for (number, members) in found.iter().enumerate() {
            members.iter().for_each(|member| numbers[*member] = number);
        }
        numbers
    }

    /// Whether each drone is an articulation point: without it, those that reach each other through it no longer do.
    pub(super) fn articulation_points(self) -> Vec<bool> {
        let found = articulation_points(&self.graph());
        (0..self.num_drones).map(|drone| found.contains(&NodeIndex::new(drone))).collect()
    }

    /// The links that are bridges, the lower drone first, in ascending order.
    pub(super) fn bridges(self) -> Vec<[usize; 2]> {
        let graph = self.graph();
        let ends = |link: petgraph::graph::EdgeReference<'_, ()>| [link.source().index(), link.target().index()];
        let mut found: Vec<[usize; 2]> = bridges(&graph).map(ends).collect();
        found.sort_unstable();
        found
    }

    fn graph(self) -> UnGraph<(), ()> {
        let mut graph = UnGraph::default();
        (0..self.num_drones).for_each(|_| {
            graph.add_node(());
        });
        for [one, other] in self.all() {
            graph.add_edge(NodeIndex::new(one), NodeIndex::new(other), ());
        }
        graph
    }

    /// What the component of `drone` falls into without it, largest piece first.
    pub(super) fn without_drone(self, drone: usize) -> Vec<Piece> {
        let mut seen = vec![false; self.num_drones];
        let mut pieces: Vec<Piece> = self
            .of(drone)
            .map(|start| self.reached(start, &mut seen, |from, to| from != drone && to != drone))
            .filter(|members| !members.is_empty())
            .map(|members| Piece {
                drones: members.len(),
                links: members.iter().filter(|member| self.has(drone, **member)).count(),
            })
            .collect();
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.drones));
        pieces
    }

    /// How many drones are on either side of a live link once it is cut, the lower number first; none if they still reach
    /// each other.
    pub(super) fn without_link(self, [one, other]: [usize; 2]) -> Option<[usize; 2]> {
        let is_cut = |from, to| (from, to) == (one, other) || (from, to) == (other, one);
        let mut seen = vec![false; self.num_drones];
        let side = self.reached(one, &mut seen, |from, to| !is_cut(from, to)).len();
        if seen.get(other).copied().unwrap_or(true) {
            return None;
        }
        let across = self.reached(other, &mut seen, |from, to| !is_cut(from, to)).len();
        Some([side.min(across), side.max(across)])
    }

    /// Everything that is reached from `start` over links that `may_pass` and was not `seen` before; nothing if `start`
    /// itself was.
    fn reached(self, start: usize, seen: &mut [bool], may_pass: impl Fn(usize, usize) -> bool) -> Vec<usize> {
        if std::mem::replace(&mut seen[start], true) {
            return Vec::new();
        }
        let mut members = vec![start];
        let mut next = 0;
        while let Some(from) = members.get(next).copied() {
            next += 1;
            for to in self.of(from) {
                if may_pass(from, to) && !std::mem::replace(&mut seen[to], true) {
                    members.push(to);
                }
            }
        }
        members
    }
}

/// A part that is left of a component when one of its drones is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Drones in it.
    pub drones: usize,
    /// Links that the lost drone had with it; a single one was a bridge.
    pub links: usize,
}
