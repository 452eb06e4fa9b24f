//! How long a policy takes to decide for all nodes of one env in a tick.

use crate::{
    apps::report::cast,
    error::Result,
    math::statistics::median,
    places,
    session::cpu_time,
    sim::{EVALUATION_ENVS, Lane, Seeds},
};

/// Ticks before anything is timed: the cluster fills up.
const WARM_UP: usize = 300;
/// Repetitions that the median is taken of, and ticks of each.
const REPETITIONS: usize = 9;
const TICKS: usize = 60;

/// CPU time of a decision in µs, what the policy looks at included.
///
/// # Errors
/// A policy that there is not, or that cannot act in this scenario.
pub(super) fn time_us(scenario: &str, policy: &str) -> Result<f64> {
    let scenario = places::load_scenario(scenario)?;
    let mut cast = cast(&scenario, policy)?;
    let scenario = scenario.observed_on(&cast.layouts())?;
    let numbers = EVALUATION_ENVS..EVALUATION_ENVS + 1;
    let mut lane = Lane::new(scenario.domain.domain(), scenario.max_steps, Seeds::new(scenario.seed), numbers);
    let mut decide = |ticks: usize| -> Result<f64> {
        let mut seconds = 0.0;
        for _ in 0..ticks {
            let begun = cpu_time();
            cast.act(&mut lane)?;
            seconds += (cpu_time() - begun).as_secs_f64();
            lane.step();
        }
        Ok(seconds / ticks as f64)
    };
    decide(WARM_UP)?;
    let times: Vec<f64> = (0..REPETITIONS).map(|_| decide(TICKS)).collect::<Result<_>>()?;
    Ok(1e6 * median(&times))
}
