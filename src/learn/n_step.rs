//! Returns over several steps (Watkins 1989; Hessel et al. 2018): some rewards that were seen, then the critic's value
//! for the rest.
//!
//! Worked out from the steps as they lie in memory when a batch is drawn, so nothing is kept per env: an episode's end or the newest
//! step only makes a return shorter, and what an episode's last steps were worth is learned like any other.

/// Where an n-step return ends and what it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NStep {
    /// Steps taken, at least one.
    pub steps: usize,
    /// Weight of the value after the last of them: gamma^steps, or 0 after a terminated episode. A truncated episode
    /// counts as going on.
    pub discount: f32,
}

/// How far the return from one step reaches: at most `longest` steps, of which `until_newest` have been stored;
/// `ends(k)` says whether the episode was (terminated, truncated) `k` steps after it.
pub fn n_step(longest: usize, until_newest: usize, gamma: f32, ends: impl Fn(usize) -> (bool, bool)) -> NStep {
    let mut discount = 1.0;
    let mut steps = 0;
    loop {
        let (terminated, truncated) = ends(steps);
        steps += 1;
        discount *= gamma;
        if terminated {
            return NStep { steps, discount: 0.0 };
        }
        if truncated || steps >= longest.min(until_newest) {
            return NStep { steps, discount };
        }
    }
}

/// Sum of `rewards`, each discounted once more than the one before.
pub fn discounted(rewards: impl DoubleEndedIterator<Item = f32>, gamma: f32) -> f32 {
    rewards.rev().fold(0.0, |sum, reward| reward + gamma * sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_takes_as_many_steps_as_there_are() {
        let never = |_| (false, false);
        assert_eq!(n_step(3, 10, 0.5, never), NStep { steps: 3, discount: 0.125 });
        assert_eq!(n_step(3, 2, 0.5, never), NStep { steps: 2, discount: 0.25 });
        assert_eq!(n_step(1, 10, 0.5, never), NStep { steps: 1, discount: 0.5 });
    }

    #[test]
    fn a_terminated_episode_has_no_rest_and_a_truncated_one_goes_on_unseen() {
        assert_eq!(n_step(5, 10, 0.5, |step| (step == 1, false)), NStep { steps: 2, discount: 0.0 });
        assert_eq!(n_step(5, 10, 0.5, |step| (false, step == 1)), NStep { steps: 2, discount: 0.25 });
        assert_eq!(n_step(5, 10, 0.5, |step| (step == 0, step == 0)), NStep { steps: 1, discount: 0.0 });
    }

    #[test]
    fn rewards_are_discounted_by_their_delay() {
        assert_eq!(discounted([1.0, 2.0, 4.0].into_iter(), 0.5), 1.0 + 1.0 + 1.0);
        assert_eq!(discounted([].into_iter(), 0.5), 0.0);
    }
}
