use agon::{domains::Scenario, sim::*};
use std::time::Instant;
fn main() {
    for name in ["skirmish", "published", "ratio-10-25", "ratio-20-50", "swarm-40-100", "hopping", "formation"] {
        let path = format!("scenarios/jamming/{name}.ron");
        let s = Scenario::parse(&std::fs::read_to_string(&path).unwrap(), &path).unwrap();
        let domain = s.domain.domain();
        let envs = 64;
        let mut lane = Lane::new(domain, s.max_steps, Seeds::new(1), EVALUATION_ENVS..EVALUATION_ENVS + envs);
        let spec = lane.spec().clone();
        for b in domain.baselines() {
            if b.name == "planner" && name == "swarm-40-100" { continue; }
            let mut lane = Lane::new(domain, s.max_steps, Seeds::new(1), EVALUATION_ENVS..EVALUATION_ENVS + envs);
            let mut policy = b.policy;
            let t = Instant::now();
            let mut rec = vec![];
            let mut act = 0.0;
            for _ in 0..s.max_steps { let t = Instant::now(); lane.act(&mut *policy, 0).unwrap(); act += t.elapsed().as_secs_f64(); lane.step(); rec.extend(lane.ports().finished.iter().cloned()); }
            let m = |k: usize| rec.iter().map(|r| r.metrics[k]).sum::<f64>() / rec.len() as f64;
            let band = |b: u8| { let v: Vec<f64> = rec.iter().filter(|r| r.stratum == b).map(|r| r.metrics[0]).collect(); v.iter().sum::<f64>() / v.len() as f64 };
            let el = t.elapsed().as_secs_f64();
            println!("{name} {:8} red {:.1} [{:.0} {:.0} {:.0} {:.0}] final {:.1} band {:.2} frag {:.2} ret {:.1} | {:.2} us/step act {:.2}us", b.name, m(0), band(0), band(1), band(2), band(3), m(1), m(spec.metric("band_match").unwrap()), m(spec.metric("fragmented").unwrap()), rec.iter().map(|r| r.episode_return).sum::<f64>() / rec.len() as f64, (el-act) * 1e6 / (envs as f64 * s.max_steps as f64), act*1e6/(envs as f64 * s.max_steps as f64));
        }
    }
}
