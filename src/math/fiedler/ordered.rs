//! A sparse graph renumbered so that neighbours lie close together in memory.
//!
//! The numbering, a breadth-first order, is found once and then used for graphs that differ in some links, where it is
//! still nearly as good. It also makes the question whether the graph is connected almost free.

use super::CsrGraph;

/// Links of a row that are handled together; rows are padded to whole groups.
pub(super) const GROUP: usize = 4;

/// A renumbered graph. Node k here is node `nodes()[k]` of the original.
#[derive(Debug, Default)]
pub(super) struct OrderedGraph {
    nodes: Vec<u32>,
    /// Inverse of `nodes`.
    places: Vec<u32>,
    /// Where each row starts in `groups`.
    offsets: Vec<u32>,
    /// Neighbours. Padding names the row's own node, which adds nothing to a sum of differences.
    groups: Vec<[u32; GROUP]>,
    degrees: Vec<u32>,
    /// Nodes that have no neighbour with a smaller number.
    roots: Vec<u32>,
    flood: Flood,
}

impl OrderedGraph {
    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The original number of each node.
    pub(super) fn nodes(&self) -> &[u32] {
        &self.nodes
    }

    /// Number of neighbours of node `k`.
    #[inline(always)]
    pub(super) fn degree(&self, k: usize) -> u32 {
        self.degrees[k]
    }

    /// The largest number of neighbours, 0 without nodes.
    pub(super) fn max_degree(&self) -> u32 {
        self.degrees.iter().copied().max().unwrap_or(0)
    }

    /// Neighbours of node `k` in groups, padded with `k`.
    #[inline(always)]
    pub(super) fn row(&self, k: usize) -> &[[u32; GROUP]] {
        &self.groups[self.offsets[k] as usize..self.offsets[k + 1] as usize]
    }

    /// Neighbours of node `k`.
    pub(super) fn neighbors(&self, k: usize) -> &[u32] {
        &self.row(k).as_flattened()[..self.degrees[k] as usize]
    }

    /// Row `k` of L x for the Laplacian L and interleaved vectors x.
    #[inline(always)]
    pub(super) fn laplacian_row<const B: usize>(&self, k: usize, x: &[[f64; B]]) -> [f64; B] {
        let row = self.row(k);
        let count = (row.len() * GROUP) as f64;
        let mut sum = x[k].map(|x| count * x);
        for group in row {
            for &j in group {
                let x = &x[j as usize];
                for b in 0..B {
                    sum[b] -= x[b];
                }
            }
        }
        sum
    }

    /// Takes a new order from `graph`, breadth-first from a node on its rim, then from the next unseen node for as long
    /// as there are any, and takes over its links.
    pub(super) fn renumber(&mut self, graph: &CsrGraph) {
        let n = graph.num_nodes();
        if n > 0 {
            self.flood.clear(n);
            self.flood.run(0, |i| graph.row(i));
            let rim = self.flood.queue[self.flood.queue.len() - 1];
            self.flood.clear(n);
            for start in std::iter::once(rim).chain(0..n as u32) {
                if !self.flood.is_seen[start as usize] {
                    self.flood.run(start, |i| graph.row(i));
                }
            }
        }
        self.nodes.clone_from(&self.flood.queue);
        self.places.clear();
        self.places.resize(n, 0);
        for (k, &i) in (0..).zip(&self.nodes) {
            self.places[i as usize] = k;
        }
        self.load(graph);
    }

    /// Takes over the links of `graph`, which must have as many nodes as the order.
    pub(super) fn load(&mut self, graph: &CsrGraph) {
        self.offsets.clear();
        self.offsets.push(0);
        self.degrees.clear();
        self.roots.clear();
        self.groups.clear();
        self.groups.reserve(graph.neighbors().len() / GROUP + self.len());
        for (k, &i) in (0..).zip(&self.nodes) {
            let row = graph.row(i as usize);
            let mut lowest = k;
            for near in row.chunks(GROUP) {
                let mut group = [k; GROUP];
                for (place, &j) in group.iter_mut().zip(near) {
                    *place = self.places[j as usize];
                    lowest = lowest.min(*place);
                }
                self.groups.push(group);
            }
            if lowest == k {
                self.roots.push(k);
            }
            self.degrees.push(row.len() as u32);
            self.offsets.push(self.groups.len() as u32);
        }
    }

    /// Whether every node can be reached from every other.
    pub(super) fn is_connected(&mut self) -> bool {
        // If from every root but node 0 some node of smaller number can be reached, then, by induction, so can node 0.
        // Soon after the order was made there are few roots, and the way is short.
        let n = self.len();
        let mut flood = std::mem::take(&mut self.flood);
        flood.clear(n);
        let mut work = 0;
        let mut connected = n > 0;
        for &root in self.roots.iter().skip(1) {
            let reached = flood.reaches_below(root, |k| self.neighbors(k));
            work += flood.queue.len();
            flood.forget();
            connected &= reached;
            if !connected || work > n {
                break;
            }
        }
        if connected && work > n {
            flood.run(0, |k| self.neighbors(k));
            connected = flood.queue.len() == n;
        }
        self.flood = flood;
        connected
    }

    /// Whether each original node can be reached from original node 0.
    pub(super) fn component_of_first(&mut self) -> Vec<bool> {
        let mut flood = std::mem::take(&mut self.flood);
        flood.clear(self.len());
        flood.run(self.places[0], |k| self.neighbors(k));
        let reached = self.places.iter().map(|&k| flood.is_seen[k as usize]).collect();
        self.flood = flood;
        reached
    }
}

/// Breadth-first search.
#[derive(Debug, Default)]
struct Flood {
    queue: Vec<u32>,
    is_seen: Vec<bool>,
}

impl Flood {
    fn clear(&mut self, n: usize) {
        self.queue.clear();
        self.is_seen.clear();
        self.is_seen.resize(n, false);
    }

    /// As `clear`, at the cost of what was reached only.
    fn forget(&mut self) {
        for i in self.queue.drain(..) {
            self.is_seen[i as usize] = false;
        }
    }

    /// Appends to the queue `start` and everything reached from it that was not seen before.
    fn run<'a>(&mut self, start: u32, neighbors: impl Fn(usize) -> &'a [u32]) {
        let mut next = self.queue.len();
        self.visit(start);
        while let Some(&i) = self.queue.get(next) {
            next += 1;
            neighbors(i as usize).iter().for_each(|&j| self.visit(j));
        }
    }

    /// Searches from `start`, with an empty queue, until a node of smaller number turns up; false if there is none.
    fn reaches_below<'a>(&mut self, start: u32, neighbors: impl Fn(usize) -> &'a [u32]) -> bool {
        self.visit(start);
        let mut next = 0;
        while let Some(&i) = self.queue.get(next) {
            next += 1;
            for &j in neighbors(i as usize) {
                if j < start {
                    return true;
                }
                self.visit(j);
            }
        }
        false
    }

    fn visit(&mut self, i: u32) {
        let is_seen = &mut self.is_seen[i as usize];
        if !*is_seen {
            *is_seen = true;
            self.queue.push(i);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn graph(n: usize, edges: &[(u32, u32)]) -> CsrGraph {
        CsrGraph::from_edges(n, edges).unwrap()
    }

    #[test]
    fn a_path_is_numbered_from_one_end_to_the_other() {
        let mut ordered = OrderedGraph::default();
        ordered.renumber(&graph(5, &[(3, 0), (0, 4), (4, 1), (1, 2)]));
        assert_eq!(ordered.nodes(), [2, 1, 4, 0, 3]);
        assert_eq!(ordered.neighbors(1), [0, 2]);
        assert!(ordered.is_connected());
    }

    proptest! {
        #[test]
        fn connectivity_under_an_order_made_for_another_graph_agrees_with_union_find(
            n in 1usize..40,
            old in prop::collection::vec((0u32..40, 0u32..40), 0..80),
            new in prop::collection::vec((0u32..40, 0u32..40), 0..80),
        ) {
            let valid = |edges: Vec<(u32, u32)>| -> Vec<(u32, u32)> {
                edges.into_iter().map(|(i, j)| (i % n as u32, j % n as u32)).filter(|(i, j)| i != j).collect()
            };
            let (old, new) = (valid(old), valid(new));
            let mut ordered = OrderedGraph::default();
            ordered.renumber(&graph(n, &old));
            ordered.load(&graph(n, &new));
            let mut sets = petgraph::unionfind::UnionFind::<u32>::new(n);
            let joined = new.iter().filter(|(i, j)| sets.union(*i, *j)).count();
            prop_assert_eq!(ordered.is_connected(), joined == n - 1);
            for (i, reached) in ordered.component_of_first().into_iter().enumerate() {
                prop_assert_eq!(reached, sets.equiv(0, i as u32));
            }
        }
    }
}
