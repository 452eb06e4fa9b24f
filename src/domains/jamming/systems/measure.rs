//! The radio graph under jamming, its connectivity, and everything else that is measured each tick.

use bevy_ecs::{
    query::With,
    resource::Resource,
    system::{Query, Res, ResMut},
};
use glam::Vec2;

use super::{Metrics, Model};
use crate::{
    domains::jamming::{
        components::{Assignment, Enemy, JamBand, Jammer, Position, Swarm, Velocity},
        radio::{RadioKernel, watt_to_dbm},
        scenario::Reference,
    },
    math::fiedler::DenseSolver,
    sim::{Clock, Due, Ports, column},
};

/// Jamming power shown when no jammer is on the swarm's band.
const NO_POWER_DBM: f64 = -80.0;

/// What the last tick of an env came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in super::super) struct Measure {
    /// 1 - lambda-2 / reference, within 0..=1.
    pub reduction: f64,
    /// What lambda-2 is compared with.
    pub reference: f64,
    pub lambda2: f64,
    pub num_components: usize,
    pub largest_component: f64,
    pub reachability: f64,
    pub band_match: f64,
    pub energy: f64,
    pub fragmentation_time_s: f64,
    pub is_fragmented: bool,
    pub tracking_error_m: f64,
    pub overlap: f64,
    pub jam_power_dbm: f64,
}

/// The last tick's measures of each env; derived, never state.
#[derive(Resource)]
pub(in super::super) struct Measures(pub Vec<Measure>);

impl Measures {
    pub(in super::super) fn new(envs: usize) -> Self {
        Self(vec![Measure::default(); envs])
    }
}

/// Radio graphs of the envs of a world; derived from positions and bands, never state.
#[derive(Resource)]
pub(in super::super) struct RadioGraphs {
    jammed: GraphSet,
    /// The same without jamming, kept only where the scenario compares with it.
    bare: GraphSet,
    /// The same without one jammer each, `[envs, jammers]`, kept only where contributions are paid for.
    without: GraphSet,
    jam_watt: Vec<f32>,
    kernel: RadioKernel,
    solver: DenseSolver,
    on_band: Vec<Vec2>,
    fresh: Vec<u64>,
}

/// One graph per env as bit rows, `[envs, drones, words]`, and its lambda-2.
struct GraphSet {
    num_drones: usize,
    rows: Vec<u64>,
    lambda2: Vec<f64>,
    changed: Vec<usize>,
    packed: Vec<u64>,
    solved: Vec<f64>,
}

impl GraphSet {
    fn new(envs: usize, num_drones: usize) -> Self {
        // Graphs start without links, for which lambda-2 is 0.
        Self {
            num_drones,
            rows: vec![0; envs * num_drones * num_drones.div_ceil(64)],
            lambda2: vec![0.0; envs],
            changed: Vec::new(),
            packed: Vec::new(),
            solved: Vec::new(),
        }
    }

    fn rows(&self, slot: usize) -> &[u64] {
        let size = self.num_drones * self.num_drones.div_ceil(64);
        &self.rows[slot * size..(slot + 1) * size]
    }

    /// Takes the graph of env `slot`; it is solved later if it differs from the last one.
    fn put(&mut self, slot: usize, rows: &[u64]) {
        if self.rows(slot) != rows {
            self.rows[slot * rows.len()..(slot + 1) * rows.len()].copy_from_slice(rows);
            self.packed.extend_from_slice(rows);
            self.changed.push(slot);
        }
    }

    /// Solves all graphs that changed, as one batch.
    fn solve(&mut self, solver: &mut DenseSolver) {
        self.solved.resize(self.changed.len(), 0.0);
        solver.lambda2_batch(self.num_drones, &self.packed, &mut self.solved);
        for (slot, lambda2) in self.changed.drain(..).zip(&self.solved) {
            self.lambda2[slot] = *lambda2;
        }
        self.packed.clear();
    }
}

impl RadioGraphs {
    pub(in super::super) fn new(model: &Model, envs: usize) -> Self {
        Self {
            jammed: GraphSet::new(envs, model.num_enemies),
            bare: GraphSet::new(envs, model.num_enemies),
            without: GraphSet::new(envs * model.num_jammers, model.num_enemies),
            jam_watt: vec![0.0; envs],
            kernel: RadioKernel::default(),
            solver: DenseSolver::new(),
            on_band: Vec::new(),
            fresh: vec![0; model.num_enemies * model.num_enemies.div_ceil(64)],
        }
    }

    /// Live links of the env at `slot` as bit rows, `[drones, words]`.
    pub(in super::super) fn links(&self, slot: usize) -> &[u64] {
        self.jammed.rows(slot)
    }

    /// Lambda-2 of the graph of [`links`](Self::links).
    pub(in super::super) fn lambda2(&self, slot: usize) -> f64 {
        self.jammed.lambda2[slot]
    }

    /// Lambda-2 of a swarm that nobody jams.
    pub(in super::super) fn unjammed_lambda2(&mut self, model: &Model, band: u8, drones: &[Position]) -> f64 {
        self.kernel.graph(&model.budgets, band, drones, &[], &mut self.fresh);
        let mut l = [0.0];
        self.solver.lambda2_batch(model.num_enemies, &self.fresh, &mut l);
        l[0]
    }

    fn draw(
        &mut self,
        model: &Model,
        slot: usize,
        band: u8,
        drones: &[Position],
        team: &[Position],
        bands: &[JamBand],
    ) {
        self.on_band.clear();
        self.on_band.extend(team.iter().zip(bands).filter(|(_, b)| b.0 == band).map(|(p, _)| p.0));
        self.jam_watt[slot] = self.kernel.graph(&model.budgets, band, drones, &self.on_band, &mut self.fresh);
        self.jammed.put(slot, &self.fresh);
        if model.params.reference == Reference::Unjammed {
            self.kernel.graph(&model.budgets, band, drones, &[], &mut self.fresh);
            self.bare.put(slot, &self.fresh);
        }
        if model.params.w_contribution != 0.0 {
            self.draw_without_each(model, slot, band, drones, bands);
        }
    }

    /// Draws the graphs that the swarm would have if one jammer were not there, for each of them.
    fn draw_without_each(&mut self, model: &Model, slot: usize, band: u8, drones: &[Position], bands: &[JamBand]) {
        let mut next_on_band = 0;
        for (jammer, own) in bands.iter().enumerate() {
            let at = slot * model.num_jammers + jammer;
            if own.0 == band {
                let left_out = self.on_band.remove(next_on_band);
                self.kernel.graph(&model.budgets, band, drones, &self.on_band, &mut self.fresh);
                self.on_band.insert(next_on_band, left_out);
                self.without.put(at, &self.fresh);
                next_on_band += 1;
            } else {
                self.without.put(at, self.jammed.rows(slot));
            }
        }
    }

    /// By how much more lambda-2 would be without the jammer in this row of the team's tables.
    pub(in super::super) fn contribution(&self, slot: usize, row: usize) -> f64 {
        self.without.lambda2[row] - self.lambda2(slot)
    }

    fn solve(&mut self) {
        self.jammed.solve(&mut self.solver);
        self.bare.solve(&mut self.solver);
        self.without.solve(&mut self.solver);
    }
}

/// Draws the graphs of the envs that are due, finds their lambda-2, and tells which stratum their episodes belong to.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(in super::super) fn draw_graphs(
    model: Res<Model>,
    due: Res<Due>,
    mut ports: ResMut<Ports>,
    mut graphs: ResMut<RadioGraphs>,
    swarms: Query<&Swarm>,
    drones: Query<&Position, With<Enemy>>,
    team: Query<&Position, With<Jammer>>,
    bands: Query<&JamBand>,
) {
    let (drones, team, bands) = (column(&drones), column(&team), column(&bands));
    for (slot, swarm) in swarms.iter().enumerate().filter(|(slot, _)| due.0[*slot]) {
        let (d, j) = (model.drones(slot), model.jammers(slot));
        graphs.draw(&model, slot, swarm.band, &drones[d], &team[j.clone()], &bands[j]);
        ports.stratum[slot] = swarm.first_band;
    }
    graphs.solve();
}

/// Measures every env and writes its metrics.
#[allow(clippy::too_many_arguments, reason = "a system asks for what it touches")]
pub(in super::super) fn measure(
    model: Res<Model>,
    graphs: Res<RadioGraphs>,
    mut measures: ResMut<Measures>,
    mut ports: ResMut<Ports>,
    mut envs: Query<(&Clock, &mut Swarm)>,
    positions: Query<&Position, With<Jammer>>,
    velocities: Query<&Velocity, With<Jammer>>,
    bands: Query<&JamBand>,
    assignments: Query<&Assignment>,
) {
    let (positions, velocities) = (column(&positions), column(&velocities));
    let (bands, assignments) = (column(&bands), column(&assignments));
    let rows = measures.0.iter_mut().zip(ports.metrics.chunks_exact_mut(Metrics::SPECS.len()));
    for (slot, ((clock, mut swarm), (measure, metrics))) in envs.iter_mut().zip(rows).enumerate() {
        let team = model.jammers(slot);
        measure.take_connectivity(&model, &graphs, slot, &swarm);
        swarm.jammed_ticks =
            if measure.reduction >= model.params.response_reduction { swarm.jammed_ticks.saturating_add(1) } else { 0 };
        if measure.lambda2 == 0.0 && swarm.fragmented_at.is_none() {
            swarm.fragmented_at = Some(clock.tick);
        }
        measure.is_fragmented = swarm.fragmented_at.is_some();
        measure.fragmentation_time_s = f64::from(swarm.fragmented_at.unwrap_or(clock.tick)) * model.params.dt_s;
        measure.take_team(
            &model,
            swarm.band,
            &positions[team.clone()],
            &velocities[team.clone()],
            &bands[team.clone()],
            &assignments[team],
        );
        let is_on_band = measure.band_match > 0.0;
        let watt = f64::from(graphs.jam_watt[slot]);
        measure.jam_power_dbm = if is_on_band { watt_to_dbm(watt) } else { NO_POWER_DBM };
        metrics.copy_from_slice(&Metrics::of(measure).numbers());
    }
}

impl Measure {
    fn take_connectivity(&mut self, model: &Model, graphs: &RadioGraphs, slot: usize, swarm: &Swarm) {
        self.lambda2 = graphs.jammed.lambda2[slot];
        let reference = match model.params.reference {
            Reference::EpisodeStart => swarm.lambda2_start,
            Reference::Unjammed => graphs.bare.lambda2[slot],
        };
        self.reference = reference;
        // A swarm that is in pieces without any jamming has no connectivity to lose.
        self.reduction = if reference > 0.0 { (1.0 - self.lambda2 / reference).clamp(0.0, 1.0) } else { 0.0 };
        if self.lambda2 > 0.0 {
            (self.num_components, self.largest_component, self.reachability) = (1, 1.0, 1.0);
        } else {
            self.take_components(graphs.links(slot), model.num_enemies);
        }
    }

    fn take_components(&mut self, rows: &[u64], n: usize) {
        let (mut largest, mut linked_pairs) = (0, 0);
        self.num_components = 0;
        for_each_component(rows, n, |size| {
            self.num_components += 1;
            largest = largest.max(size);
            linked_pairs += size * (size - 1);
        });
        self.largest_component = largest as f64 / n as f64;
        self.reachability = linked_pairs as f64 / (n * (n - 1)) as f64;
    }

    fn take_team(
        &mut self,
        model: &Model,
        band: u8,
        positions: &[Position],
        velocities: &[Velocity],
        bands: &[JamBand],
        assignments: &[Assignment],
    ) {
        let m = positions.len() as f64;
        self.band_match = bands.iter().filter(|b| b.0 == band).count() as f64 / m;
        let speed2: f32 = velocities.iter().map(|v| v.0.length_squared()).sum();
        self.energy = f64::from(speed2) * model.params.dt_s / m;
        let errors: f32 = positions.iter().zip(assignments).map(|(p, a)| p.0.distance(a.target)).sum();
        self.tracking_error_m = f64::from(errors) / m;
        self.overlap = overlap(positions, model.budgets.band(band).jam_range_m);
    }
}

/// Share of the pairs of jammers closer than twice the jam range; 0 for a single jammer.
pub(in super::super) fn overlap(team: &[Position], jam_range_m: f32) -> f64 {
    let near2 = 4.0 * jam_range_m * jam_range_m;
    let overlapping: usize = (1..team.len())
        .map(|i| team[..i].iter().filter(|other| other.0.distance_squared(team[i].0) < near2).count())
        .sum();
    let pairs = team.len() * (team.len() - 1) / 2;
    overlapping as f64 / pairs.max(1) as f64
}

/// Calls `visit` with the size of each connected component of a graph given as bit rows.
fn for_each_component(rows: &[u64], n: usize, mut visit: impl FnMut(usize)) {
    let words = n.div_ceil(64);
    let mut unseen: Vec<u64> = (0..words).map(|w| u64::MAX >> (64 * (w + 1)).saturating_sub(n)).collect();
    let mut frontier = Vec::new();
    while let Some(word) = unseen.iter().position(|w| *w != 0) {
        let start = word * 64 + unseen[word].trailing_zeros() as usize;
        unseen[word] &= unseen[word] - 1;
        frontier.push(start);
        let mut size = 0;
        while let Some(node) = frontier.pop() {
            size += 1;
            for (w, row) in rows[node * words..(node + 1) * words].iter().enumerate() {
                let mut new = row & unseen[w];
                unseen[w] &= !new;
                while new != 0 {
                    frontier.push(w * 64 + new.trailing_zeros() as usize);
                    new &= new - 1;
                }
            }
        }
        visit(size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_counted_across_words() {
        // 0-1-2, 64-69, everything else alone.
        let n = 70;
        let mut rows = vec![0_u64; n * 2];
        for (i, j) in [(0, 1), (1, 2), (64, 69)] {
            rows[i * 2 + j / 64] |= 1 << (j % 64);
            rows[j * 2 + i / 64] |= 1 << (i % 64);
        }
        let mut sizes = Vec::new();
        for_each_component(&rows, n, |size| sizes.push(size));
        sizes.sort_unstable();
        assert_eq!(sizes.len(), 70 - 3);
        assert_eq!(sizes[sizes.len() - 2..], [2, 3]);
    }
}
