//! An undirected graph in compressed sparse rows.

use crate::error::{Error, Result};

/// Neighbours of all nodes in one array: those of node i, ascending, are `neighbors[offsets[i]..offsets[i + 1]]`. Each
/// link appears in both rows, no node is its own neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrGraph {
    offsets: Vec<u32>,
    neighbors: Vec<u32>,
}

impl CsrGraph {
    /// Builds the graph with `n` nodes and the links `edges`, in any order and direction; a link given twice counts
    /// once.
    ///
    /// # Errors
    /// A node that does not exist, a link from a node to itself, more than `u32::MAX` nodes or entries.
    pub fn from_edges(n: usize, edges: &[(u32, u32)]) -> Result<Self> {
        if u32::try_from(n).is_err() || edges.len() > (u32::MAX / 2) as usize {
            return Err(Error::input(format!("a graph with {n} nodes and {} links is too large", edges.len()))
                .hint("nodes and twice the links must fit in 32 bits"));
        }
        let mut offsets = vec![0u32; n + 1];
        for (position, &(i, j)) in edges.iter().enumerate() {
            if i as usize >= n || j as usize >= n {
                return Err(Error::input(format!(
                    "link {position} joins nodes {i} and {j}, but there are only {n} nodes"
                ))
                .hint("nodes are counted from 0"));
            }
            if i == j {
                return Err(
                    Error::input(format!("link {position} joins node {i} with itself")).hint("leave such links out")
                );
            }
            offsets[i as usize + 1] += 1;
            offsets[j as usize + 1] += 1;
        }
        for i in 0..n {
            offsets[i + 1] += offsets[i];
        }
        let mut neighbors = vec![0; 2 * edges.len()];
        let mut next = offsets.clone();
        for &(i, j) in edges {
            for (from, to) in [(i, j), (j, i)] {
                let slot = &mut next[from as usize];
                neighbors[*slot as usize] = to;
                *slot += 1;
            }
        }
        let mut graph = Self { offsets, neighbors };
        graph.sort_rows();
        Ok(graph)
    }

    /// The graph of bit rows, `n.div_ceil(64)` words to a row.
    pub(super) fn from_bit_rows(n: usize, rows: &[u64]) -> Self {
        let mut graph = Self { offsets: vec![0], neighbors: Vec::new() };
        for row in rows.chunks_exact(n.div_ceil(64).max(1)) {
            for (first, &word) in (0..).step_by(64).zip(row) {
                let mut word = word;
                while word != 0 {
                    graph.neighbors.push(first + word.trailing_zeros());
                    word &= word - 1;
                }
            }
            graph.offsets.push(graph.neighbors.len() as u32);
        }
        graph
    }

    /// The graph as bit rows, `n.div_ceil(64)` words to a row.
    pub fn bit_rows(&self) -> Vec<u64> {
        let n = self.num_nodes();
        let words = n.div_ceil(64);
        let mut rows = vec![0; n * words];
        for i in 0..n {
            for &j in self.row(i) {
                rows[i * words + j as usize / 64] |= 1 << (j % 64);
            }
        }
        rows
    }

    /// Sorts every row and closes the gaps that repeated links leave.
    fn sort_rows(&mut self) {
        let mut end = 0;
        let mut start = 0;
        for i in 0..self.num_nodes() {
            let stop = self.offsets[i + 1] as usize;
            self.neighbors[start..stop].sort_unstable();
            let row_start = end;
            for at in start..stop {
                let j = self.neighbors[at];
                if end == row_start || self.neighbors[end - 1] != j {
                    self.neighbors[end] = j;
                    end += 1;
                }
            }
            start = stop;
            self.offsets[i + 1] = end as u32;
        }
        self.neighbors.truncate(end);
    }

    /// How many nodes there are.
    pub fn num_nodes(&self) -> usize {
        self.offsets.len() - 1
    }

    /// How many links there are, each counted once.
    pub fn num_edges(&self) -> usize {
        self.neighbors.len() / 2
    }

    /// Where each row starts in [`Self::neighbors`], and at the end where the last one stops.
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    /// The rows, one after the other.
    pub fn neighbors(&self) -> &[u32] {
        &self.neighbors
    }

    /// Neighbours of `node`, ascending.
    pub fn row(&self, node: usize) -> &[u32] {
        &self.neighbors[self.offsets[node] as usize..self.offsets[node + 1] as usize]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_symmetric_and_without_repetition() {
        let graph = CsrGraph::from_edges(4, &[(2, 0), (0, 1), (1, 0), (2, 0), (3, 0)]).unwrap();
        assert_eq!(graph.row(0), [1, 2, 3]);
        assert_eq!((graph.row(1), graph.row(2), graph.row(3)), (&[0][..], &[0][..], &[0][..]));
        assert_eq!((graph.num_nodes(), graph.num_edges()), (4, 3));
    }

    #[test]
    fn a_graph_without_nodes_or_links_is_fine() {
        assert_eq!(CsrGraph::from_edges(0, &[]).unwrap().num_nodes(), 0);
        assert_eq!(CsrGraph::from_edges(3, &[]).unwrap().row(2), [0_u32; 0]);
    }

    #[test]
    fn a_link_that_makes_no_sense_is_an_error() {
        assert!(CsrGraph::from_edges(2, &[(0, 2)]).unwrap_err().to_string().contains("link 0 joins nodes 0 and 2"));
        assert!(CsrGraph::from_edges(2, &[(0, 1), (1, 1)]).unwrap_err().to_string().contains("link 1 joins node 1"));
    }
}
