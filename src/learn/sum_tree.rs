//! A tree of sums over priorities: an entry is drawn with probability proportional to its priority, and a priority changed,
//! both in the time of the tree's height (Schaul et al. 2016, appendix B.2.1).
//!
//! Sums are f64 and each is the sum of its two children: whatever the order in which priorities were set, the same priorities
//! make the same tree.

/// Priorities of a fixed number of entries, all zero at first.
#[derive(Clone, Debug, PartialEq)]
pub struct SumTree {
    leaves: usize,
    /// Node i has the children 2i and 2i + 1; the root is 1, the leaves are the last half.
    nodes: Vec<f64>,
}

impl SumTree {
    /// A tree for `entries` entries.
    pub fn new(entries: usize) -> Self {
        let leaves = entries.next_power_of_two();
        Self { leaves, nodes: vec![0.0; 2 * leaves] }
    }

    /// Sum of all priorities.
    pub fn total(&self) -> f64 {
        self.nodes[1]
    }

    /// Priority of an entry.
    pub fn get(&self, entry: usize) -> f64 {
        self.nodes[self.leaves + entry]
    }

    /// Gives an entry another priority, which must be finite and at least 0.
    pub fn set(&mut self, entry: usize, priority: f64) {
        let mut node = self.leaves + entry;
        self.nodes[node] = priority;
        while node > 1 {
            node /= 2;
            self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
        }
    }

    /// The entry in which the sum over the entries from the first on exceeds `at`, which lies in `0.0..total`. Never one with
    /// priority 0, unless all are.
    pub fn find(&self, mut at: f64) -> usize {
        let mut node = 1;
        while node < self.leaves {
            let (left, right) = (self.nodes[2 * node], self.nodes[2 * node + 1]);
            // Rounding can leave `at` at the very end of the sums: the last entry with a priority takes it.
            if at < left || right <= 0.0 {
                node *= 2;
            } else {
                at -= left;
                node = 2 * node + 1;
            }
        }
        node - self.leaves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_as_often_as_its_priority_says() {
        let priorities = [3.0, 0.0, 1.0, 0.5, 0.0, 2.5];
        let mut tree = SumTree::new(priorities.len());
        priorities.iter().enumerate().for_each(|(entry, priority)| tree.set(entry, *priority));
        assert_eq!(tree.total(), 7.0);
        let mut counts = [0.0; 6];
        for step in 0..7000 {
            counts[tree.find(tree.total() * (f64::from(step) + 0.5) / 7000.0)] += 1e-3;
        }
        for (count, priority) in counts.iter().zip(priorities) {
            assert!((count - priority).abs() < 1e-9, "{counts:?}");
        }
    }

    #[test]
    fn the_end_of_the_sums_belongs_to_the_last_entry_that_has_a_priority() {
        let mut tree = SumTree::new(8);
        tree.set(2, 1.0);
        tree.set(5, 0.25);
        assert_eq!([tree.find(0.0), tree.find(1.0), tree.find(1.25), tree.find(9.0)], [2, 5, 5, 5]);
    }

    #[test]
    fn the_order_of_changes_leaves_no_trace() {
        let (mut one, mut other) = (SumTree::new(37), SumTree::new(37));
        let priority = |entry: usize| 1.0 / (1.0 + (entry * 17 % 29) as f64);
        (0..37).for_each(|entry| one.set(entry, priority(entry)));
        (0..37).rev().for_each(|entry| other.set(entry, 5.0));
        (0..37).rev().for_each(|entry| other.set(entry, priority(entry)));
        assert_eq!(one, other);
        assert_eq!(one.get(12), priority(12));
    }
}
