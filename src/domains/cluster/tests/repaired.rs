//! The published modes against a plain restatement of their rules.

use super::*;

/// The published environment with its two crashing defects repaired, written down as it was described.
struct Restated {
    capacity: Vec<[f64; 4]>,
    used: Vec<[f64; 4]>,
    done: u32,
    failed: u32,
}

impl Restated {
    /// A tick: allocation, reward, drain; the reward of each node.
    fn step(&mut self, queue: &[(Demand, u8)], bids: &[f32]) -> Vec<f64> {
        let n = self.capacity.len();
        let mut rewards = vec![0.0; n];
        for (demand, priority) in queue {
            let mut best: Option<(f64, usize)> = None;
            for node in 0..n {
                let mut waste = 0.0;
                let mut fits = true;
                for k in 0..4 {
                    let free = (self.capacity[node][k] - self.used[node][k]).max(0.0);
                    let offer = f64::from(bids[4 * node + k].clamp(0.0, 1.0)) * free;
                    fits &= offer >= f64::from(demand.0[k]);
                    waste += (offer - f64::from(demand.0[k])) / self.capacity[node][k] / 4.0;
                }
                if fits && best.is_none_or(|(least, _)| waste < least) {
                    best = Some((waste, node));
                }
            }
            let priority = f64::from(*priority);
            match best {
                Some((waste, node)) => {
                    (0..4).for_each(|k| self.used[node][k] += f64::from(demand.0[k]));
                    rewards[node] += 10.0 * priority + 5.0 * (1.0 - waste);
                    self.done += 1;
                }
                None => {
                    rewards.iter_mut().for_each(|reward| *reward -= 5.0 * priority / n as f64);
                    self.failed += 1;
                }
            }
        }
        let shares: Vec<f64> = (0..n).map(|node| self.used[node][0] / self.capacity[node][0]).collect();
        let mean = shares.iter().sum::<f64>() / n as f64;
        let variance = shares.iter().map(|share| (share - mean) * (share - mean)).sum::<f64>() / n as f64;
        rewards.iter_mut().for_each(|reward| *reward -= 2.0 * variance);
        for (used, capacity) in self.used.iter_mut().zip(&self.capacity) {
            (0..4).for_each(|k| used[k] = (used[k] - 0.001 * capacity[k]).max(0.0));
        }
        rewards
    }
}

#[test]
fn repaired_is_what_was_described() {
    let params = ClusterParams {
        mode: Mode::Repaired,
        dt_s: 0.01,
        arrival_rate_hz: 40.0,
        action: ActionKind::Bids,
        ..ClusterParams::default()
    };
    for seed in 0..5 {
        let (mut stage, mut unit) = (Stage::seeded(&params, seed), noise(seed));
        let machines = stage.all::<Machine, ()>();
        let factors: Vec<f32> = machines.iter().map(|machine| machine.capacity[0] / 100.0).collect();
        assert!(factors.iter().all(|factor| (0.5..=1.5).contains(factor)), "{factors:?}");
        let mut restated = Restated {
            capacity: machines.iter().map(|machine| machine.capacity.map(f64::from)).collect(),
            used: vec![[0.0; 4]; machines.len()],
            done: 0,
            failed: 0,
        };
        for tick in 0..600 {
            let waiting =
                stage.all::<Phase, ()>().into_iter().zip(stage.all::<Demand, ()>()).zip(stage.all::<Job, ()>());
            let mut queue: Vec<(u32, (Demand, u8))> = waiting
                .filter(|((phase, _), _)| *phase == Phase::Queued)
                .map(|((_, demand), job)| (job.number, (demand, job.priority)))
                .collect();
            queue.sort_by_key(|(number, _)| *number);
            let queue: Vec<(Demand, u8)> = queue.into_iter().map(|(_, workload)| workload).collect();
            let generous = if tick % 3 == 0 { 1.0 } else { 0.5 };
            let bids: Vec<f32> = (0..40).map(|_| generous + (1.2 - generous) * unit()).collect();
            stage.step(&bids);
            let expected = restated.step(&queue, &bids);
            for (node, (found, expected)) in stage.lane.ports().groups[0].rewards.iter().zip(expected).enumerate() {
                let is_close = (f64::from(*found) - expected).abs() < 1e-4 * expected.abs().max(1.0);
                assert!(is_close, "seed {seed}, tick {tick}, node {node}: {found}, not {expected}");
            }
        }
        let counts = stage.counts();
        assert_eq!(counts.completed.iter().sum::<u32>(), restated.done);
        assert_eq!(counts.failed.iter().sum::<u32>(), restated.failed);
        assert!(restated.done > 100 && restated.failed > 20, "{} and {}", restated.done, restated.failed);
    }
}

#[test]
fn the_published_queue_is_never_emptied() {
    let params = ClusterParams {
        mode: Mode::Published,
        dt_s: 0.01,
        arrival_rate_hz: 5.0,
        action: ActionKind::Bids,
        ..ClusterParams::default()
    };
    let mut stage = Stage::new(&params);
    for _ in 0..1000 {
        let waiting = stage.all::<Phase, ()>().iter().filter(|phase| **phase == Phase::Queued).count() as u32;
        let before = stage.counts().resolved();
        stage.step(&[1.0; 40]);
        assert_eq!(stage.counts().resolved(), before + waiting, "all of them are tried again");
    }
    assert!(stage.metric("sla_violations") > 98.0, "{} %", stage.metric("sla_violations"));
    assert!((40.0..50.0).contains(&stage.metric("utilisation")), "half of the nodes stand idle");
    // The variance over both halves, by definition.
    let mut shares: Vec<f64> = stage
        .all::<Usage, ()>()
        .iter()
        .zip(stage.all::<Machine, ()>())
        .map(|(usage, machine)| usage.0[0] / f64::from(machine.capacity[0]) + 0.001)
        .collect();
    shares.resize(20, 0.0);
    let mean = shares.iter().sum::<f64>() / 20.0;
    let variance = shares.iter().map(|share| (share - mean) * (share - mean)).sum::<f64>() / 20.0;
    assert!((stage.metric("load_variance") - variance).abs() < 1e-9);
}
