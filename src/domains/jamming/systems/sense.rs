//! Clusters of the swarm, and which jammer goes for which.

use bevy_ecs::{
    query::With,
    resource::Resource,
    system::{Query, Res, ResMut},
};
use glam::Vec2;

use super::Model;
use crate::{
    domains::jamming::components::{Assignment, Centroid, Clusters, Enemy, Position},
    math::dbscan::{Dbscan, NOISE},
    sim::{Clock, column, column_mut},
};

/// Label of the only centroid of a swarm without any cluster.
const NO_CLUSTER: i32 = -1;

/// Clusters swarms; scratch only.
#[derive(Resource, Default)]
pub(in super::super) struct Sensing {
    dbscan: Dbscan,
    points: Vec<[f32; 2]>,
    labels: Vec<i32>,
    found: Vec<Centroid>,
}

/// Every so many ticks the swarm is clustered anew, and jammers are assigned anew where the picture has changed.
pub(in super::super) fn recluster(
    model: Res<Model>,
    mut sensing: ResMut<Sensing>,
    positions: Query<&Position, With<Enemy>>,
    mut envs: Query<(&Clock, &mut Clusters)>,
    mut assignments: Query<&mut Assignment>,
) {
    let (positions, assignments) = (column(&positions), column_mut(&mut assignments));
    let interval = model.params.cluster_interval as u32;
    for (slot, (_, mut clusters)) in envs.iter_mut().enumerate().filter(|(_, (clock, _))| clock.tick % interval == 0) {
        let mut found = std::mem::take(&mut sensing.found);
        sensing.cluster(&model, &positions[model.drones(slot)], &mut found);
        let team = &mut assignments[model.jammers(slot)];
        if has_changed(&clusters.0, &found, model.params.reassign_distance_m as f32) {
            sensing.assign(&found, team);
        } else {
            follow(&found, team);
        }
        sensing.found = std::mem::replace(&mut clusters.0, found);
    }
}

impl Sensing {
    /// Centroids of the swarm at `drones`, clusters in the order of their labels, then one for all drones outside.
    pub(in super::super) fn cluster(&mut self, model: &Model, drones: &[Position], centroids: &mut Vec<Centroid>) {
        self.points.clear();
        self.points.extend(drones.iter().map(|drone| drone.0.to_array()));
        let (eps, min_samples) = (model.params.cluster_eps_m as f32, model.params.cluster_min_samples);
        let clusters = self.dbscan.run(&self.points, eps, min_samples, &mut self.labels);
        centroids.clear();
        centroids.resize(clusters + 1, Centroid::default());
        for (label, drone) in self.labels.iter().zip(drones) {
            let index = if *label == NOISE { clusters } else { *label as usize };
            centroids[index].position += drone.0;
            centroids[index].size += 1;
        }
        for (label, centroid) in centroids.iter_mut().enumerate() {
            centroid.label = if label == clusters { NO_CLUSTER } else { label as i32 };
            centroid.position /= centroid.size.max(1) as f32;
        }
        centroids.retain(|centroid| centroid.size > 0);
    }

    /// Hands jammers to clusters in proportion to their size: at least one each while there are any, the rest to the last.
    ///
    /// Drones outside all clusters get none unless there is no cluster.
    pub(in super::super) fn assign(&mut self, centroids: &[Centroid], team: &mut [Assignment]) {
        let clusters = centroids.iter().filter(|centroid| centroid.label != NO_CLUSTER).count();
        let targets = &centroids[..if clusters == 0 { centroids.len() } else { clusters }];
        let total: u32 = targets.iter().map(|centroid| centroid.size).sum();
        let num_jammers = team.len();
        let mut rest = &mut team[..];
        for (i, centroid) in targets.iter().enumerate() {
            let proportional = (num_jammers * centroid.size as usize / total.max(1) as usize).max(1);
            let share = if i + 1 == targets.len() { rest.len() } else { proportional.min(rest.len()) };
            let (mine, others) = rest.split_at_mut(share);
            mine.fill(Assignment { label: centroid.label, target: centroid.position });
            rest = others;
        }
    }
}

/// Whether a centroid is new, gone, or has moved farther than `distance_m`.
fn has_changed(before: &[Centroid], now: &[Centroid], distance_m: f32) -> bool {
    before.len() != now.len()
        || before.iter().zip(now).any(|(b, n)| b.label != n.label || b.position.distance(n.position) > distance_m)
}

/// Jammers keep their clusters and learn where these are now.
fn follow(centroids: &[Centroid], team: &mut [Assignment]) {
    for assignment in team {
        let nearest = |c: &&Centroid| c.label == assignment.label;
        assignment.target = centroids.iter().find(nearest).map_or(Vec2::ZERO, |c| c.position);
    }
}
