//! Link budgets, and the radio graph of the swarm under jamming.
//!
//! Free space (Friis): P_R = P_T (k/d)², k = c/(4 π f), so a budget of B dB carries as far as R = k 10^(B/20). A link lives
//! while it is in range and not jammed. Everything is compared as squared distances, so that no power is computed per pair.

use glam::Vec2;

use super::{
    components::Position,
    scenario::{Band, JamModel, JammingParams},
};
use crate::math::simd::{Kernel, Simd, dispatch};

/// Speed of light in m/s, rounded as the published system does.
const LIGHT_MPS: f64 = 3.0e8;

/// dBm to W.
pub fn dbm_to_watt(dbm: f64) -> f64 {
    libm::pow(10.0, (dbm - 30.0) / 10.0)
}

/// W to dBm.
pub fn watt_to_dbm(watt: f64) -> f64 {
    10.0 * libm::log10(watt) + 30.0
}

/// Free-space path loss in dB over `distance_m` at `frequency_hz`.
pub fn free_space_path_loss_db(distance_m: f64, frequency_hz: f64) -> f64 {
    20.0 * libm::log10(distance_m / wavelength_over_4pi_m(frequency_hz))
}

/// Distance in metres that a budget of `budget_db` carries at `frequency_hz`.
pub fn range_m(budget_db: f64, frequency_hz: f64) -> f64 {
    wavelength_over_4pi_m(frequency_hz) * libm::pow(10.0, budget_db / 20.0)
}

fn wavelength_over_4pi_m(frequency_hz: f64) -> f64 {
    LIGHT_MPS / (4.0 * std::f64::consts::PI * frequency_hz)
}

/// Everything about one band that does not change during an episode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BandBudget {
    /// Range of the swarm's links in m.
    pub link_range_m: f32,
    /// Distance in m at which a jammer still cuts a midpoint.
    pub jam_range_m: f32,
    /// Jamming power in W at one metre.
    pub jam_watt_at_1m: f32,
    /// Power of the swarm's signal in W at one metre.
    pub signal_watt_at_1m: f32,
}

/// Link budgets of a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkBudgets {
    bands: [BandBudget; Band::ALL.len()],
    model: JamModel,
    noise_watt: f32,
    sinr_threshold: f32,
}

impl LinkBudgets {
    /// Budgets of all bands under these parameters.
    pub fn new(params: &JammingParams) -> Self {
        let budget = |band: Band| {
            let (f, k) = (band.frequency_hz(), wavelength_over_4pi_m(band.frequency_hz()));
            BandBudget {
                link_range_m: range_m(params.enemy_power_dbm - params.sensitivity_dbm, f) as f32,
                jam_range_m: range_m(params.jam_power_dbm - params.jam_threshold_dbm, f) as f32,
                jam_watt_at_1m: (dbm_to_watt(params.jam_power_dbm) * k * k) as f32,
                signal_watt_at_1m: (dbm_to_watt(params.enemy_power_dbm) * k * k) as f32,
            }
        };
        Self {
            bands: std::array::from_fn(|i| budget(Band::ALL[i])),
            model: params.jam_model,
            noise_watt: dbm_to_watt(params.noise_floor_dbm) as f32,
            sinr_threshold: libm::pow(10.0, params.sinr_threshold_db / 10.0) as f32,
        }
    }

    /// Budget of the band with this index.
    pub fn band(&self, band: u8) -> &BandBudget {
        &self.bands[usize::from(band)]
    }
}

/// Lanes of the kernels below; a row of the graph is padded to a multiple of them.
const LANES: usize = 16;

/// Distances below this are taken as this, in m².
const FLOOR_M2: f32 = 1e-6;

/// Builds radio graphs; holds the positions of one swarm as padded columns, and how far each drone hears.
#[derive(Clone, Debug, Default)]
pub struct RadioKernel {
    x: Vec<f32>,
    y: Vec<f32>,
    /// Squared distance up to which a drone hears others, in m².
    limit: Vec<f32>,
}

impl RadioKernel {
    /// The graph of live links of one swarm.
    ///
    /// `drones` are the swarm's positions and `jammers` those of the jammers on its band, in metres. `rows` receives the
    /// adjacency as bit rows, `[drones, words]` with `words = drones.div_ceil(64)`. Returns the jamming power in W that
    /// reaches links: for model `midpoint` the mean over all pairs of drones of the strongest jammer at the midpoint, for
    /// `sinr` the mean over drones of the summed interference.
    pub fn graph(
        &mut self,
        budgets: &LinkBudgets,
        band: u8,
        drones: &[Position],
        jammers: &[Vec2],
        rows: &mut [u64],
    ) -> f32 {
        let padded = drones.len().next_multiple_of(LANES);
        for column in [&mut self.x, &mut self.y, &mut self.limit] {
            column.clear();
        }
        // Padding is infinitely far away: never in range, no power.
        self.x.resize(padded, f32::INFINITY);
        self.y.resize(padded, f32::INFINITY);
        for ((x, y), drone) in self.x.iter_mut().zip(&mut self.y).zip(drones) {
            (*x, *y) = (drone.0.x, drone.0.y);
        }
        let budget = budgets.band(band);
        let in_range = budget.link_range_m * budget.link_range_m;
        match budgets.model {
            JamModel::Midpoint => {
                self.limit.resize(padded, in_range);
                let sum = self.link(drones.len(), jammers, budget.jam_range_m * budget.jam_range_m, rows);
                let pairs = drones.len() * (drones.len() - 1) / 2;
                budget.jam_watt_at_1m * sum / pairs as f32
            }
            JamModel::Sinr => {
                let mut total = 0.0;
                for drone in drones {
                    let inverse: f32 = jammers.iter().map(|j| 1.0 / j.distance_squared(drone.0).max(FLOOR_M2)).sum();
                    let interference = budget.jam_watt_at_1m * inverse;
                    let needed = budgets.sinr_threshold * (budgets.noise_watt + interference);
                    self.limit.push(in_range.min(budget.signal_watt_at_1m / needed));
                    total += interference;
                }
                self.limit.resize(padded, 0.0);
                self.link(drones.len(), &[], 0.0, rows);
                total / drones.len() as f32
            }
        }
    }

    fn link(&self, num_drones: usize, jammers: &[Vec2], jam_range2: f32, rows: &mut [u64]) -> f32 {
        dispatch(Linking { kernel: self, num_drones, jammers, jam_range2, rows })
    }
}

/// Links pairs within both their limits whose midpoint no jammer reaches; sums 1/d² of the nearest jammer over pairs.
struct Linking<'a> {
    kernel: &'a RadioKernel,
    num_drones: usize,
    jammers: &'a [Vec2],
    jam_range2: f32,
    rows: &'a mut [u64],
}

impl Kernel for Linking<'_> {
    type Output = f32;

    /// No operation here is fused or changes its order with the instruction set, which only says how many lanes share one.
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f32 {
        let Self { kernel: RadioKernel { x, y, limit }, num_drones: n, jammers, jam_range2, rows } = self;
        let words = n.div_ceil(64);
        rows.fill(0);
        // Up to two chunks, whole rows are cheaper than mirroring the upper triangle bit by bit.
        let whole = n <= 2 * LANES;
        let mut sums = [0.0_f32; LANES];
        for i in 0..n {
            let first_chunk = if whole { 0 } else { (i + 1) / LANES };
            for chunk in first_chunk..n.div_ceil(LANES) {
                let base = chunk * LANES;
                let lanes = base..base + LANES;
                let at = Chunk { x: &x[lanes.clone()], y: &y[lanes.clone()], limit: &limit[lanes], base };
                let mut mask = at.links(i, (x[i], y[i], limit[i]), jammers, jam_range2, &mut sums);
                if whole {
                    rows[i * words + base / 64] |= mask << (base % 64) & !(u64::from(i / 64 == base / 64) << (i % 64));
                } else {
                    mask &= u64::MAX.checked_shl((i + 1).saturating_sub(base) as u32).unwrap_or(0);
                    rows[i * words + base / 64] |= mask << (base % 64);
                    while mask != 0 {
                        let j = base + mask.trailing_zeros() as usize;
                        rows[j * words + i / 64] |= 1 << (i % 64);
                        mask &= mask - 1;
                    }
                }
            }
        }
        sums.iter().sum()
    }
}

/// Sixteen drones against which one other is tested.
struct Chunk<'a> {
    x: &'a [f32],
    y: &'a [f32],
    limit: &'a [f32],
    base: usize,
}

impl Chunk<'_> {
    /// Bits of the drones of this chunk that drone `i` has a live link with (and itself).
    #[inline(always)]
    fn links(
        &self,
        i: usize,
        (xi, yi, limit): (f32, f32, f32),
        jammers: &[Vec2],
        jam_range2: f32,
        sums: &mut [f32; LANES],
    ) -> u64 {
        let mut nearest = [f32::INFINITY; LANES];
        let (mut mx, mut my) = ([0.0; LANES], [0.0; LANES]);
        for l in 0..LANES {
            mx[l] = 0.5 * (xi + self.x[l]);
            my[l] = 0.5 * (yi + self.y[l]);
        }
        for jammer in jammers {
            for l in 0..LANES {
                let (dx, dy) = (mx[l] - jammer.x, my[l] - jammer.y);
                let d2 = dx * dx + dy * dy;
                nearest[l] = if d2 < nearest[l] { d2 } else { nearest[l] };
            }
        }
        if !jammers.is_empty() {
            for (l, (sum, d2)) in sums.iter_mut().zip(nearest).enumerate() {
                let counts = self.base + l > i;
                *sum += if counts { 1.0 / d2.max(FLOOR_M2) } else { 0.0 };
            }
        }
        let mut mask = 0;
        for (l, to_jammer) in nearest.into_iter().enumerate() {
            let (dx, dy) = (xi - self.x[l], yi - self.y[l]);
            let d2 = dx * dx + dy * dy;
            let live = (d2 <= limit) & (d2 <= self.limit[l]) & (to_jammer > jam_range2);
            mask |= u64::from(live) << l;
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// The graph as the definition has it: one power per pair and jammer.
    fn by_definition(params: &JammingParams, band: Band, drones: &[Vec2], jammers: &[Vec2]) -> Vec<Vec<bool>> {
        let k = wavelength_over_4pi_m(band.frequency_hz());
        let received = |dbm: f64, a: Vec2, b: Vec2| {
            let d = f64::from(a.distance(b)).max(1e-10);
            watt_to_dbm(dbm_to_watt(dbm) * (k / d) * (k / d))
        };
        let n = drones.len();
        let mut links = vec![vec![false; n]; n];
        for i in 0..n {
            for j in (0..n).filter(|j| *j != i) {
                let midpoint = 0.5 * (drones[i] + drones[j]);
                let jammed =
                    jammers.iter().any(|p| received(params.jam_power_dbm, *p, midpoint) >= params.jam_threshold_dbm);
                let heard = received(params.enemy_power_dbm, drones[i], drones[j]) >= params.sensitivity_dbm;
                links[i][j] = heard && !jammed;
            }
        }
        links
    }

    fn rows_of(params: &JammingParams, band: Band, drones: &[Vec2], jammers: &[Vec2]) -> Vec<Vec<bool>> {
        let words = drones.len().div_ceil(64);
        let mut rows = vec![0; drones.len() * words];
        let drones: Vec<Position> = drones.iter().copied().map(Position).collect();
        let index = Band::ALL.iter().position(|b| *b == band).unwrap() as u8;
        RadioKernel::default().graph(&LinkBudgets::new(params), index, &drones, jammers, &mut rows);
        let bit = |i: usize, j: usize| rows[i * words + j / 64] >> (j % 64) & 1 == 1;
        (0..drones.len()).map(|i| (0..drones.len()).map(|j| bit(i, j)).collect()).collect()
    }

    fn scattered(n: usize, side: f32, seed: u64) -> Vec<Vec2> {
        use crate::sim::{Address, Purpose, Seeds};
        let mut stream = Seeds::new(seed).stream(Purpose::new("radio test"), Address { env: 0, episode: 0, tick: 0 });
        (0..n).map(|_| Vec2::new(stream.uniform(0.0, side), stream.uniform(0.0, side))).collect()
    }

    #[test]
    fn ranges_are_those_of_free_space() {
        let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-3;
        assert!(close(range_m(110.0, 2.4e9), 3146.0), "{}", range_m(110.0, 2.4e9));
        assert!(close(range_m(60.0, 433e6), 55.1), "{}", range_m(60.0, 433e6));
        assert!(close(range_m(65.0, 5.8e9), 7.32), "{}", range_m(65.0, 5.8e9));
        assert!(close(range_m(20.0 + 58.74, 2.4e9), 86.0), "{}", range_m(78.74, 2.4e9));
        assert!(close(free_space_path_loss_db(3146.0, 2.4e9), 110.0));
        assert!(close(watt_to_dbm(dbm_to_watt(17.0)), 17.0));
    }

    #[test]
    fn the_graph_is_the_one_of_the_definition() {
        for (n, side) in [(2, 50.0), (10, 100.0), (33, 150.0), (70, 200.0), (130, 300.0)] {
            for (seed, band) in Band::ALL.iter().copied().enumerate() {
                let drones = scattered(n, side, seed as u64);
                let jammers = scattered(seed + 1, side, 99);
                let params = JammingParams::default();
                assert_eq!(
                    rows_of(&params, band, &drones, &jammers),
                    by_definition(&params, band, &drones, &jammers),
                    "{n} drones, {band:?}"
                );
            }
        }
    }

    #[test]
    fn coincident_drones_are_linked_and_a_jammer_on_the_midpoint_cuts() {
        let params = JammingParams::default();
        let here = Vec2::splat(5.0);
        assert!(rows_of(&params, Band::Ghz5_8, &[here, here], &[])[0][1]);
        assert!(!rows_of(&params, Band::Ghz5_8, &[here, here], &[here])[0][1]);
    }

    #[test]
    fn interference_adds_up_at_the_receivers() {
        let params = JammingParams { jam_model: JamModel::Sinr, ..JammingParams::default() };
        let drones = [Vec2::new(0.0, 0.0), Vec2::new(30.0, 0.0)];
        let far = |count: usize| vec![Vec2::new(0.0, 400.0); count];
        assert!(rows_of(&params, Band::Ghz2_4, &drones, &[])[0][1], "noise alone leaves the link alive");
        let cut = (1..=64).find(|count| !rows_of(&params, Band::Ghz2_4, &drones, &far(*count))[0][1]).unwrap();
        // S/I = P_e/P_j (d_j/d)² / count must fall below 10 dB: 0.1 (400/30)² / count < 10.
        assert_eq!(cut, 2);
    }
}
