//! Random actions for any domain.

use crate::sim::{Address, GroupSpec, Lane, Purpose, Seeds, Spec};

const ACTIONS: Purpose = Purpose::new("test.actions");

/// Bounds and choices of a group's actions.
type Die = (Vec<(f32, f32)>, Vec<usize>);

/// Actions that depend on nothing but the env's address: uniform, somewhat beyond what is allowed.
pub struct Dice {
    seeds: Seeds,
    groups: Vec<Die>,
}

impl Dice {
    /// Dice for the groups of `spec`; other seeds roll other actions.
    pub fn new(spec: &Spec, seed: u64) -> Self {
        let of_group = |group: &GroupSpec| {
            let bounds = group.action.continuous.iter().map(|f| (1.1 * f.bounds.start(), 1.1 * f.bounds.end()));
            (bounds.collect(), group.action.discrete.iter().map(|d| d.choices.len()).collect())
        };
        Self { seeds: Seeds::new(seed), groups: spec.groups.iter().map(of_group).collect() }
    }

    /// Writes the next actions of every env of `lane`.
    pub fn roll(&self, lane: &mut Lane) {
        let addresses: Vec<Address> = lane.addresses().collect();
        for ((index, (bounds, choices)), port) in (0..).zip(&self.groups).zip(&mut lane.ports_mut().groups) {
            let teams = port.actions.chunks_exact_mut(port.agents * port.action_width);
            for (address, team) in addresses.iter().zip(teams) {
                let mut stream = self.seeds.stream(ACTIONS.of(index), *address);
                for action in team.chunks_exact_mut(port.action_width) {
                    let (continuous, discrete) = action.split_at_mut(bounds.len());
                    for (number, (low, high)) in continuous.iter_mut().zip(bounds) {
                        *number = stream.uniform(*low, *high);
                    }
                    for (number, choices) in discrete.iter_mut().zip(choices) {
                        *number = stream.below(*choices) as f32;
                    }
                }
            }
        }
    }
}
