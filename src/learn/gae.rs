//! Advantages by generalised estimation (Schulman et al. 2016), with the two ends of an episode told apart.
//!
//! Step t ends in one of three ways. The episode goes on: the value of the next observation bootstraps. It *terminated*:
//! nothing follows, the bootstrap is 0. It was *truncated* by a time limit: the task would have gone on, so the value of
//! the final observation bootstraps, which is not the next one stored, since that belongs to the next episode. In both of
//! the latter cases the recursion starts afresh. An agent that leaves for good has terminated, whatever the others do.
//!
//! Agents may decide more rarely than the clock ticks. Rewards are discounted by gamma per tick, and lambda counts decisions:
//! between two of them nothing was chosen, so nothing is gained by trusting the value function instead of what happened. A
//! reward that follows a decision 20 ticks later is thus credited to it as if it were the next one.

use crate::error::{Error, Result};

/// A rollout of several envs side by side. Every array is ordered by step, then env, then value column.
#[derive(Clone, Copy, Debug)]
pub struct Trajectories<'a> {
    /// Number of envs.
    pub envs: usize,
    /// `[steps, envs, columns]`, one column per agent, or one for the group.
    pub rewards: &'a [f32],
    /// Values of the observations acted on, `[steps, envs, columns]`, in the reward's unit.
    pub values: &'a [f32],
    /// Values of the observations after the last step, `[envs, columns]`.
    pub last_values: &'a [f32],
    /// Values of the final observations, `[steps, envs, columns]`; read only where a step was truncated.
    pub final_values: &'a [f32],
    /// Did this step end the episode for good? `[steps, envs]`. It counts before `truncated` where both are set.
    pub terminated: &'a [bool],
    /// Did the time limit end the episode at this step? `[steps, envs]`.
    pub truncated: &'a [bool],
    /// Was something decided at this step? `[steps, envs, columns]`.
    pub decided: &'a [bool],
    /// Did whoever the column is of leave for good after this step? `[steps, envs, columns]`.
    pub left: &'a [bool],
}

/// Writes advantages and returns (advantage + value), both `[steps, envs, columns]`.
///
/// # Errors
/// Arrays whose sizes do not fit together.
pub fn gae(
    trajectories: &Trajectories<'_>,
    gamma: f32,
    gae_lambda: f32,
    advantages: &mut [f32],
    returns: &mut [f32],
) -> Result<()> {
    let Trajectories { rewards, values, last_values, final_values, terminated, truncated, decided, left, .. } =
        *trajectories;
    let columns = check(trajectories, advantages.len(), returns.len())?;
    let row = last_values.len();
    for (env_step, at) in (0..terminated.len()).zip((0..rewards.len()).step_by(columns)).rev() {
        for i in at..at + columns {
            let ends = terminated[env_step] || truncated[env_step] || left[i];
            let next_value = match (terminated[env_step] || left[i], truncated[env_step]) {
                (true, _) => 0.0,
                (false, true) => final_values[i],
                (false, false) => values.get(i + row).copied().unwrap_or_else(|| last_values[i % row]),
            };
            let delta = rewards[i] + gamma * next_value - values[i];
            let next_advantage = if ends { 0.0 } else { advantages.get(i + row).copied().unwrap_or(0.0) };
            let is_decision_next = decided.get(i + row).copied().unwrap_or(true);
            let lambda = if is_decision_next { gae_lambda } else { 1.0 };
            advantages[i] = delta + gamma * lambda * next_advantage;
            returns[i] = advantages[i] + values[i];
        }
    }
    Ok(())
}

/// Columns per env, once all sizes agree.
fn check(trajectories: &Trajectories<'_>, advantages: usize, returns: usize) -> Result<usize> {
    let Trajectories { envs, rewards, values, last_values, final_values, terminated, truncated, decided, left } =
        *trajectories;
    let columns = last_values.len().checked_div(envs).unwrap_or(0);
    let steps = terminated.len().checked_div(envs).unwrap_or(0);
    let fits = columns > 0
        && last_values.len() == envs * columns
        && terminated.len() == steps * envs
        && truncated.len() == steps * envs
        && [rewards.len(), values.len(), final_values.len(), decided.len(), left.len(), advantages, returns]
            .iter()
            .all(|&len| len == steps * envs * columns);
    if !fits {
        return Err(Error::input(format!(
            "the arrays of a rollout do not fit together: {envs} envs, {} rewards, {} values, {} last values, \
             {} final values, {} and {} episode ends, room for {advantages} advantages and {returns} returns",
            rewards.len(),
            values.len(),
            last_values.len(),
            final_values.len(),
            terminated.len(),
            truncated.len(),
        )));
    }
    Ok(columns)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Owned arrays of a random rollout.
    #[derive(Debug)]
    struct Rollout {
        envs: usize,
        columns: usize,
        rewards: Vec<f32>,
        values: Vec<f32>,
        last_values: Vec<f32>,
        final_values: Vec<f32>,
        terminated: Vec<bool>,
        truncated: Vec<bool>,
        decided: Vec<bool>,
        left: Vec<bool>,
    }

    impl Rollout {
        fn trajectories(&self) -> Trajectories<'_> {
            Trajectories {
                envs: self.envs,
                rewards: &self.rewards,
                values: &self.values,
                last_values: &self.last_values,
                final_values: &self.final_values,
                terminated: &self.terminated,
                truncated: &self.truncated,
                decided: &self.decided,
                left: &self.left,
            }
        }

        fn gae(&self, gamma: f32, gae_lambda: f32) -> (Vec<f32>, Vec<f32>) {
            let (mut advantages, mut returns) = (vec![f32::NAN; self.values.len()], vec![f32::NAN; self.values.len()]);
            gae(&self.trajectories(), gamma, gae_lambda, &mut advantages, &mut returns).unwrap();
            (advantages, returns)
        }

        /// The advantage of one entry as its defining sum of discounted temporal differences, in f64.
        fn sum(&self, step: usize, env: usize, column: usize, gamma: f64, gae_lambda: f64) -> f64 {
            let (steps, at) = (self.terminated.len() / self.envs, |step: usize, env: usize| step * self.envs + env);
            let (mut sum, mut weight) = (0.0, 1.0);
            for step in step..steps {
                let i = at(step, env) * self.columns + column;
                let next = if self.terminated[at(step, env)] || self.left[i] {
                    0.0
                } else if self.truncated[at(step, env)] {
                    self.final_values[i]
                } else if step + 1 == steps {
                    self.last_values[env * self.columns + column]
                } else {
                    self.values[i + self.envs * self.columns]
                };
                sum += weight * (f64::from(self.rewards[i]) + gamma * f64::from(next) - f64::from(self.values[i]));
                if self.terminated[at(step, env)] || self.truncated[at(step, env)] || self.left[i] {
                    break;
                }
                let is_decision_next = self.decided.get(i + self.envs * self.columns).is_none_or(|decided| *decided);
                weight *= gamma * if is_decision_next { gae_lambda } else { 1.0 };
            }
            sum
        }
    }

    fn constant(terminated: [bool; 4], truncated: [bool; 4], final_value: f32) -> Rollout {
        Rollout {
            envs: 1,
            columns: 1,
            rewards: vec![1.0; 4],
            values: vec![0.5; 4],
            last_values: vec![0.5],
            final_values: vec![final_value; 4],
            terminated: terminated.to_vec(),
            truncated: truncated.to_vec(),
            decided: vec![true; 4],
            left: vec![false; 4],
        }
    }

    fn assert_near(found: &[f32], expected: &[f32]) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{found:?}, not {expected:?}");
    }

    /// Shifting the episode ends by one step, an easy slip, would give 1.0, 2.626, 2.134, 1.45.
    #[test]
    fn an_episode_end_belongs_to_the_step_that_caused_it() {
        let (_, returns) = constant([false, true, false, false], [false; 4], 9.0).gae(0.9, 0.8);
        assert_near(&returns, &[1.81, 1.0, 2.134, 1.45]);
    }

    #[test]
    fn a_truncated_step_bootstraps_with_the_final_observation() {
        let (_, returns) = constant([false; 4], [false, true, false, false], 2.0).gae(0.9, 0.8);
        // 1 + 0.9 * 2 at the cut; before it 1 + 0.9 * (0.5 + 0.8 * (2.8 - 0.5)).
        assert_near(&returns, &[3.106, 2.8, 2.134, 1.45]);
    }

    #[test]
    fn termination_counts_before_truncation() {
        let both = [false, true, false, false];
        assert_eq!(constant(both, both, 7.0).gae(0.9, 0.8), constant(both, [false; 4], 7.0).gae(0.9, 0.8));
    }

    /// Who leaves has no future, whatever the episode still holds, and takes no part in what follows.
    #[test]
    fn a_return_ends_where_its_agent_leaves() {
        let left = Rollout { left: vec![false, true, false, false], ..constant([false; 4], [false; 4], 9.0) };
        assert_eq!(left.gae(0.9, 0.8), constant([false, true, false, false], [false; 4], 9.0).gae(0.9, 0.8));
    }

    /// Ten decisions, each of them followed by 20 ticks, are what ten ticks are under the discount of 20.
    #[test]
    fn decisions_that_are_rare_are_credited_like_frequent_ones() {
        const TICKS: usize = 20;
        let (gamma, decisions) = (0.98f32, 10);
        let value = |decision: usize| 0.1 * decision as f32;
        let rare = Rollout {
            envs: 1,
            columns: 1,
            // Paid at the last tick before the next decision.
            rewards: (0..decisions * TICKS).map(|tick| if tick % TICKS == TICKS - 1 { 1.0 } else { 0.0 }).collect(),
            // What the critic says in between has no part in it.
            values: (0..decisions * TICKS)
                .map(|tick| if tick % TICKS == 0 { value(tick / TICKS) } else { 77.0 })
                .collect(),
            last_values: vec![0.5],
            final_values: vec![0.0; decisions * TICKS],
            terminated: vec![false; decisions * TICKS],
            truncated: vec![false; decisions * TICKS],
            decided: (0..decisions * TICKS).map(|tick| tick % TICKS == 0).collect(),
            left: vec![false; decisions * TICKS],
        };
        let late: f32 = std::iter::repeat_n(gamma, TICKS - 1).product();
        let frequent = Rollout {
            rewards: vec![late; decisions],
            values: (0..decisions).map(value).collect(),
            last_values: vec![0.5],
            final_values: vec![0.0; decisions],
            terminated: vec![false; decisions],
            truncated: vec![false; decisions],
            decided: vec![true; decisions],
            left: vec![false; decisions],
            envs: 1,
            columns: 1,
        };
        let (found, _) = rare.gae(gamma, 0.9);
        let (expected, _) = frequent.gae(late * gamma, 0.9);
        let found: Vec<f32> = found.into_iter().step_by(TICKS).collect();
        assert_near(&found, &expected);
    }

    #[test]
    fn lambda_one_gives_discounted_returns_and_lambda_zero_one_step_targets() {
        let rollout = constant([false, false, false, true], [false; 4], 0.0);
        assert_near(&rollout.gae(0.5, 1.0).1, &[1.875, 1.75, 1.5, 1.0]);
        assert_near(&rollout.gae(0.5, 0.0).1, &[1.25, 1.25, 1.25, 1.0]);
    }

    #[test]
    fn arrays_that_do_not_fit_are_refused() {
        let rollout = constant([false; 4], [false; 4], 0.0);
        let (mut advantages, mut returns) = (vec![0.0; 4], vec![0.0; 3]);
        let error = gae(&rollout.trajectories(), 0.9, 0.8, &mut advantages, &mut returns).unwrap_err();
        assert!(error.to_string().contains("3 returns"), "{error}");
        for broken in [
            Trajectories { envs: 0, ..rollout.trajectories() },
            Trajectories { envs: 3, ..rollout.trajectories() },
            Trajectories { last_values: &[], ..rollout.trajectories() },
            Trajectories { truncated: &[false; 3], ..rollout.trajectories() },
        ] {
            assert!(gae(&broken, 0.9, 0.8, &mut [0.0; 4], &mut [0.0; 4]).is_err());
        }
    }

    fn rollouts() -> impl Strategy<Value = Rollout> {
        (1..12usize, 1..4usize, 1..4usize).prop_flat_map(|(steps, envs, columns)| {
            let numbers = |count: usize| prop::collection::vec(-2.0..2.0f32, count);
            let ends = prop::collection::vec(prop::bool::weighted(0.2), steps * envs);
            let all = steps * envs * columns;
            let flags = |share| prop::collection::vec(prop::bool::weighted(share), all);
            (
                numbers(all),
                numbers(all),
                numbers(all),
                numbers(envs * columns),
                (ends.clone(), ends),
                (flags(0.5), flags(0.1)),
            )
                .prop_map(
                    move |(rewards, values, final_values, last_values, (terminated, truncated), (decided, left))| {
                        Rollout {
                            envs,
                            columns,
                            rewards,
                            values,
                            last_values,
                            final_values,
                            terminated,
                            truncated,
                            decided,
                            left,
                        }
                    },
                )
        })
    }

    proptest! {
        #[test]
        fn the_recursion_equals_the_sum_it_stands_for(rollout in rollouts()) {
            let (advantages, returns) = rollout.gae(0.97, 0.9);
            for (i, (advantage, value)) in advantages.iter().zip(&rollout.values).enumerate() {
                let (env_step, column) = (i / rollout.columns, i % rollout.columns);
                let sum = rollout.sum(env_step / rollout.envs, env_step % rollout.envs, column, 0.97, 0.9);
                prop_assert!((f64::from(*advantage) - sum).abs() < 1e-4);
                prop_assert_eq!(returns[i], advantage + value);
            }
        }
    }
}
