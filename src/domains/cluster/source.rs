//! What arrives, drawn or replayed.
//!
//! What arrives in a tick follows from the env's [`Arrivals`] and the tick's address alone, so that the lookahead,
//! which may know the future, can ask for it.

use bevy_ecs::resource::Resource;

use super::{
    components::{Arrivals, Demand, NUM_PRIORITIES, NUM_RESOURCES},
    model::Model,
    scenario::{MAX_ROWS, TraceStart},
};
use crate::sim::{Address, Purpose, Seeds, Stream};

const ARRIVALS: Purpose = Purpose::new("cluster.arrivals");
const SPIKES: Purpose = Purpose::new("cluster.spikes");

/// Time after which an arrival counts 1/e in what came recently, in s; longer where arrivals are rare, so that some are
/// always recent.
const MEMORY_S: f64 = 1.0;
const SOME: f64 = 5.0;
/// Standard deviations above the mean at which a normal distribution has its 95th percentile.
const Q95: f64 = 1.645;
/// No running time is longer than so many times the mean.
const LONGEST: f32 = 20.0;
/// Priority of workloads of a trace that tells none.
const MIDDLE: u8 = 2;

/// The law by which workloads arrive.
#[derive(Resource, Clone, Debug)]
pub(super) struct Source {
    num_rows: usize,
    is_round: bool,
    /// Time in s after which a trace that goes round begins again.
    period_s: f64,
    forget: f64,
    /// What came recently is more than usual above this.
    crowd: f64,
    /// What usually came recently.
    pub usual: f64,
    /// Mean running time in s.
    pub mean_duration_s: f64,
}

/// A workload that arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arriving {
    pub demand: Demand,
    pub priority: u8,
    pub patience_s: f32,
    pub duration_s: f32,
    pub is_of_spike: bool,
}

impl Source {
    pub(super) fn new(model: &Model) -> Self {
        let (params, trace) = (&model.params, &model.params.trace);
        let num_rows = trace.num_arrivals();
        let span_s = trace.span_s() / trace.speed;
        let rate_hz = if num_rows > 0 { num_rows as f64 / span_s.max(params.dt_s) } else { params.arrival_rate_hz };
        let memory_s = MEMORY_S.max(SOME / rate_hz.max(f64::MIN_POSITIVE)).min(1e9);
        let forget = libm::exp(-params.dt_s / memory_s);
        let per_tick = rate_hz * params.dt_s;
        let usual = per_tick / (1.0 - forget);
        Self {
            num_rows,
            is_round: trace.start == TraceStart::Random,
            period_s: span_s * (1.0 + 1.0 / num_rows.max(1) as f64) + params.dt_s,
            forget,
            crowd: usual + Q95 * (per_tick / (1.0 - forget * forget)).sqrt(),
            usual,
            mean_duration_s: match num_rows {
                0 => params.duration_s,
                _ => trace.duration_s.iter().sum::<f64>() / num_rows as f64,
            },
        }
    }

    /// Where the arrivals of an episode begin.
    pub(super) fn begin(&self, model: &Model, stream: &mut Stream) -> Arrivals {
        let first_row = if self.is_round { stream.below(self.num_rows.max(1)) as u32 } else { 0 };
        let next_spike = until_next(model, stream, model.params.spike_interval_s);
        let day_phase = f64::from(stream.unit());
        Arrivals { first_row, next_row: first_row, next_spike, day_phase, recent: self.usual, ..Arrivals::default() }
    }

    /// What came recently, as it is shown: n/(n + usual).
    pub(super) fn crowding(&self, recent: f64) -> f32 {
        (recent / (recent + self.usual.max(f64::MIN_POSITIVE))) as f32
    }

    /// What came recently once `ticks` have passed in which nothing came.
    pub(super) fn faded(&self, recent: f64, ticks: f64) -> f64 {
        recent * libm::pow(self.forget, ticks)
    }

    /// Appends what arrives at `address`, whose tick 0 has what came in the second before the episode. No tick has more
    /// arrivals than a pool can have rows.
    pub(super) fn draw(
        &self,
        model: &Model,
        seeds: &Seeds,
        address: Address,
        arrivals: &mut Arrivals,
        into: &mut Vec<Arriving>,
    ) {
        let first = into.len();
        if self.num_rows > 0 {
            self.replay(model, seeds, address, arrivals, into);
        } else {
            let mean =
                rate_hz(model, seeds, address, arrivals) * if address.tick == 0 { 1.0 } else { model.params.dt_s };
            let mut stream = seeds.stream(ARRIVALS, address);
            for _ in 0..poisson(&mut stream, mean).min(MAX_ROWS) {
                into.push(drawn(model, &mut stream));
            }
        }
        arrivals.recent =
            arrivals.recent * self.forget + if address.tick == 0 { 0.0 } else { (into.len() - first) as f64 };
        let is_of_spike = arrivals.recent > self.crowd;
        into[first..].iter_mut().for_each(|workload| workload.is_of_spike = is_of_spike);
    }

    fn replay(
        &self,
        model: &Model,
        seeds: &Seeds,
        address: Address,
        arrivals: &mut Arrivals,
        into: &mut Vec<Arriving>,
    ) {
        let trace = &model.params.trace;
        let time_s = |row: u32| {
            let round = row as usize / self.num_rows;
            trace.arrival_s[row as usize % self.num_rows] / trace.speed + round as f64 * self.period_s
        };
        let until_s = time_s(arrivals.first_row) + f64::from(address.tick) * model.params.dt_s;
        let mut stream = None;
        let is_due = |row: u32| (self.is_round || (row as usize) < self.num_rows) && time_s(row) <= until_s;
        let first = into.len();
        while is_due(arrivals.next_row) && into.len() - first < MAX_ROWS {
            let row = arrivals.next_row as usize % self.num_rows;
            let stream = stream.get_or_insert_with(|| seeds.stream(ARRIVALS, address));
            into.push(Arriving {
                demand: Demand(trace.demand(row).map(|amount| amount as f32)),
                priority: trace.priority.get(row).map_or(MIDDLE, |priority| *priority as u8),
                patience_s: between(stream, &model.params.patience_s),
                duration_s: trace.duration_s[row] as f32,
                is_of_spike: false,
            });
            arrivals.next_row = arrivals.next_row.saturating_add(1);
        }
    }
}

/// A workload as the configuration has it.
fn drawn(model: &Model, stream: &mut Stream) -> Arriving {
    let params = &model.params;
    let demand: [f32; NUM_RESOURCES] =
        [&params.cpu_demand, &params.memory_demand, &params.third_demand, &params.storage_demand]
            .map(|range| between(stream, range));
    let priority = 1 + stream.below(NUM_PRIORITIES) as u8;
    let patience_s = between(stream, &params.patience_s);
    let (mean, sigma) = (params.duration_s as f32, params.duration_sigma as f32);
    // A log-normal distribution with this mean.
    let stretch = if sigma > 0.0 { libm::expf(sigma * stream.normal() - 0.5 * sigma * sigma) } else { 1.0 };
    Arriving {
        demand: Demand(demand),
        priority,
        patience_s,
        duration_s: mean * stretch.min(LONGEST),
        is_of_spike: false,
    }
}

/// Arrivals per second now; spikes begin and end here.
fn rate_hz(model: &Model, seeds: &Seeds, address: Address, arrivals: &mut Arrivals) -> f64 {
    let params = &model.params;
    let mut rate_hz = params.arrival_rate_hz;
    if params.diurnal_swing > 0.0 {
        let turns = arrivals.day_phase + f64::from(address.tick) * params.dt_s / params.day_s;
        rate_hz *= 1.0 + params.diurnal_swing * libm::sin(std::f64::consts::TAU * turns);
    }
    if params.spike_interval_s > 0.0 && address.tick >= arrivals.next_spike {
        arrivals.spike_until = address.tick.saturating_add(ticks(model, params.spike_s));
        let gap = until_next(model, &mut seeds.stream(SPIKES, address), params.spike_interval_s);
        arrivals.next_spike = arrivals.spike_until.saturating_add(gap);
    }
    if address.tick < arrivals.spike_until { rate_hz * params.spike_factor } else { rate_hz }
}

/// Ticks until something happens that happens every `mean_s` on average, at least 1; never if `mean_s` is 0.
pub(super) fn until_next(model: &Model, stream: &mut Stream, mean_s: f64) -> u32 {
    if mean_s <= 0.0 {
        return u32::MAX;
    }
    let wait_s = -mean_s * libm::log(1.0 - f64::from(stream.unit()));
    ticks(model, wait_s).max(1)
}

fn ticks(model: &Model, s: f64) -> u32 {
    libm::ceil(s / model.params.dt_s) as u32
}

/// Uniform between the two numbers of a range.
pub(super) fn between(stream: &mut Stream, range: &[f64]) -> f32 {
    let [low, high] = [0, 1].map(|end| range.get(end).copied().unwrap_or_default() as f32);
    stream.uniform(low, high).min(high)
}

/// A Poisson number: by inversion where that is quick, by its normal limit beyond.
fn poisson(stream: &mut Stream, mean: f64) -> usize {
    const SMALL: f64 = 30.0;
    if mean >= SMALL {
        return (mean + mean.sqrt() * f64::from(stream.normal())).round().max(0.0) as usize;
    }
    let u = f64::from(stream.unit());
    let mut term = libm::exp(-mean);
    let (mut count, mut sum) = (0, term);
    while u >= sum && count < 4 * SMALL as usize {
        count += 1;
        term *= mean / count as f64;
        sum += term;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_numbers_have_their_mean_and_variance() {
        let mut stream = Seeds::new(3).stream(ARRIVALS, Address { env: 0, episode: 0, tick: 0 });
        for mean in [0.05, 0.7, 5.0, 29.0, 31.0, 400.0] {
            let n = 40_000;
            let draws: Vec<f64> = (0..n).map(|_| poisson(&mut stream, mean) as f64).collect();
            let found = draws.iter().sum::<f64>() / f64::from(n);
            let variance = draws.iter().map(|x| (x - found) * (x - found)).sum::<f64>() / f64::from(n);
            assert!((found - mean).abs() < 5.0 * (mean / f64::from(n)).sqrt() + 1e-3, "mean {found}, not {mean}");
            assert!((variance / mean - 1.0).abs() < 0.06, "variance {variance}, not {mean}");
        }
        assert_eq!(poisson(&mut stream, 0.0), 0);
    }
}
