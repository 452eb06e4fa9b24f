use agon::{domains::Scenario, learn::{hyperparameters::*, mappo::*}, sim::params::Params};
use std::time::Instant;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let path = format!("scenarios/jamming/{}.ron", args[1]);
    let mut s = Scenario::parse(&std::fs::read_to_string(&path).unwrap(), &path).unwrap();
    let mut p = PpoParams::default();
    let minutes: f64 = args[2].parse().unwrap();
    for a in &args[3..] { let (k, v) = a.split_once('=').unwrap(); if p.set(k, v).is_err() { s.set(k, v).unwrap(); } }
    let mut t = Trainer::new(s.domain.domain(), s.max_steps, 1, &p).unwrap();
    let start = Instant::now();
    let mut last = 0.0;
    loop {
        let el = start.elapsed().as_secs_f64() / 60.0;
        if el > minutes { break; }
        let r = t.iterate((el / minutes).min(1.0)).unwrap();
        let now = start.elapsed().as_secs_f64();
        if now - last > 15.0 {
            last = now;
            let g = |n: &str| r.scalars.iter().find(|s| s.0 == n).map_or(f64::NAN, |s| s.1);
            println!("{:.0}s it {} steps {:.2}M {:.0}/s ret {:.2} red {:.2} final {:.1} band {:.3} | ent {:.3} kl {:.4} clip {:.3} ev {:.3} vl {:.3} gn {:.2} {:.2} mb {}", now, r.counters.iterations, r.counters.env_steps as f64 / 1e6, r.counters.env_steps as f64 / now, g("charts/episodic_return"), g("env/reduction"), g("env/reduction_final"), g("env/band_match"), g("losses/entropy"), g("losses/approx_kl"), g("losses/clipfrac"), g("losses/explained_variance"), g("losses/value_loss"), g("losses/actor_grad_norm"), g("losses/critic_grad_norm"), g("charts/minibatches"));
        }
    }
    let net = t.policy().unwrap();
    let bytes = agon::policy::tensors::to_safetensors(&net.tensors(), &Default::default()).unwrap();
    std::fs::write(format!("/tmp/agon/{}.safetensors", args[1]), bytes).unwrap();
}
