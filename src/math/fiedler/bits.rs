//! Questions about a dense graph that its bit rows answer without arithmetic.

/// What the rows say before any eigenvalue is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Some node cannot be reached from node 0.
    Disconnected,
    /// Every pair of nodes is linked.
    Complete,
    /// Connected, and at least one link is missing.
    Connected,
}

/// The nodes that a flood from node 0 has reached, as a bit row.
#[derive(Default)]
pub(super) struct Reach {
    reached: Vec<u64>,
    waiting: Vec<u64>,
}

impl Reach {
    /// Shape of the graph with `n` nodes and `n.div_ceil(64)` words to a row. `n = 0` and `n = 1` count as complete.
    pub(super) fn shape(&mut self, n: usize, rows: &[u64]) -> Shape {
        let words = n.div_ceil(64);
        let is_full = |row: &[u64]| row.iter().map(|word| word.count_ones() as usize).sum::<usize>() == n - 1;
        if n < 2 || rows.chunks_exact(words).all(is_full) {
            return Shape::Complete;
        }
        let reaches_all = if words == 1 { reaches_all_of_one_word(n, rows) } else { self.flood(n, rows) };
        if reaches_all { Shape::Connected } else { Shape::Disconnected }
    }

    /// Floods from node 0; true if it reaches all `n > 0` nodes, and then it may stop early.
    pub(super) fn flood(&mut self, n: usize, rows: &[u64]) -> bool {
        let words = n.div_ceil(64);
        self.reached.clear();
        self.reached.resize(words, 0);
        self.reached[0] = 1;
        self.waiting.clone_from(&self.reached);
        let mut count = 1;
        while count < n {
            let Some(word) = self.waiting.iter().position(|&word| word != 0) else { return false };
            let bit = self.waiting[word].trailing_zeros() as usize;
            self.waiting[word] &= self.waiting[word] - 1;
            let row = &rows[(word * 64 + bit) * words..][..words];
            for ((reached, waiting), &linked) in self.reached.iter_mut().zip(&mut self.waiting).zip(row) {
                let new = linked & !*reached;
                *waiting |= new;
                *reached |= new;
                count += new.count_ones() as usize;
            }
        }
        true
    }

    /// Whether the last flood, if it did not reach all, reached `node`.
    pub(super) fn contains(&self, node: usize) -> bool {
        self.reached[node / 64] >> (node % 64) & 1 == 1
    }
}

/// [`Reach::flood`] for `1 < n <= 64`.
fn reaches_all_of_one_word(n: usize, rows: &[u64]) -> bool {
    let all = u64::MAX >> (64 - n);
    let mut reached = 1 | rows[0];
    let mut waiting = rows[0];
    while reached != all && waiting != 0 {
        let new = rows[waiting.trailing_zeros() as usize] & !reached;
        waiting = (waiting & (waiting - 1)) | new;
        reached |= new;
    }
    reached == all
}
