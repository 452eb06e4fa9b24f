//! `agon doctor`: whether this machine, this binary and this checkout are in order.

pub(super) mod features;
mod kernels;

use std::fmt;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::{on_threads, output};
use crate::{
    domains::{AnyDomain, jamming::JammingParams},
    error::{Error, Result},
    eval::{Align, Table},
    learn::nets::torch,
    math::gemm::Isa,
    places,
    policy::{
        card,
        shipped::{Shipped, shipped},
    },
    sim::{Batch, Domain, Seeds},
};

/// Hash of [`trajectory`] on every machine. It changes when the simulation of jamming does, on purpose.
const TRAJECTORY: u64 = 0xc7f7_ad33_d824_abe2;

/// What a check found.
struct Finding {
    state: State,
    what: &'static str,
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    /// Works, but not as well as it could.
    Poor,
    Bad,
}

/// Looks at everything and prints what it found.
pub(super) fn run() -> Result<()> {
    let mut findings = vec![cpu(), threads()];
    findings.extend(features::findings());
    findings.push(torch());
    findings.extend(scenarios());
    findings.extend(checkpoints());
    findings.extend(kernels::findings());
    findings.push(determinism());
    let mut table = Table::new([(Align::Left, ""), (Align::Left, "check"), (Align::Left, "finding")]).wrapped();
    for Finding { state, what, detail } in &findings {
        table.row([&state.to_string(), *what, detail]);
    }
    output::print(output::fitted(&table))?;
    match findings.iter().filter(|finding| finding.state == State::Bad).count() {
        0 => Ok(()),
        1 => Err(Error::system("one check failed")),
        bad => Err(Error::system(format!("{bad} checks failed"))),
    }
}

impl Finding {
    fn good(what: &'static str, detail: impl Into<String>) -> Self {
        Self { state: State::Good, what, detail: detail.into() }
    }

    fn poor(what: &'static str, detail: impl Into<String>) -> Self {
        Self { state: State::Poor, ..Self::good(what, detail) }
    }

    fn bad(what: &'static str, detail: impl Into<String>) -> Self {
        Self { state: State::Bad, ..Self::good(what, detail) }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "ok",
            Self::Poor => "poor",
            Self::Bad => "FAILED",
        })
    }
}

fn cpu() -> Finding {
    let available: Vec<&str> = Isa::available().map(Isa::name).collect();
    let detail = format!("{}, kernels for {}", std::env::consts::ARCH, available.join(", "));
    if available.len() > 1 {
        Finding::good("cpu", detail)
    } else {
        Finding::poor("cpu", format!("{detail}: results are the same as elsewhere, but slow; AVX2 and FMA would help"))
    }
}

fn threads() -> Finding {
    let threads = rayon::current_num_threads();
    match std::thread::available_parallelism() {
        Ok(cores) => Finding::good("threads", format!("{threads} on {cores} cores")),
        Err(error) => Finding::poor("threads", format!("{threads}; the number of cores is unknown: {error}")),
    }
}

/// The plugin that `--backend torch` needs. agon works without.
fn torch() -> Finding {
    let purpose = "training through libtorch";
    let Some(path) = torch::place() else {
        let build = torch::how_to_build();
        return Finding::good("torch", format!("not beside this binary, for {purpose}: build it with `{build}`"));
    };
    match torch::settings() {
        Ok(settings) => Finding::good("torch", format!("in {}, for {purpose}: {settings}", path.display())),
        Err(error) => Finding::poor("torch", error.to_string()),
    }
}

fn scenarios() -> Vec<Finding> {
    let places = match places::scenarios() {
        Ok(places) if places.is_empty() => {
            return vec![Finding::poor(
                "scenarios",
                "none found: run agon inside its checkout, or name scenario files by path",
            )];
        }
        Ok(places) => places,
        Err(error) => return vec![Finding::bad("scenarios", error.to_string())],
    };
    let load = |place: &places::Place| places::read_scenario(&place.path).err();
    let mut findings: Vec<Finding> =
        places.iter().filter_map(load).map(|error| Finding::bad("scenario", error.to_string())).collect();
    findings
        .push(Finding::good("scenarios", format!("{} of {} can be used", places.len() - findings.len(), places.len())));
    findings
}

fn checkpoints() -> Vec<Finding> {
    let found = match places::checkpoints().map_or_else(|| Ok(Vec::new()), |folder| shipped(&folder)) {
        Ok(found) => found,
        Err(error) => return vec![Finding::bad("checkpoints", error.to_string())],
    };
    let load = |shipped: &Shipped| {
        let loaded =
            card::folders(&shipped.path).and_then(|own| own.iter().try_for_each(|path| card::load(path).map(drop)));
        loaded.err()
    };
    let mut findings: Vec<Finding> =
        found.iter().filter_map(load).map(|error| Finding::bad("checkpoint", error.to_string())).collect();
    findings
        .push(Finding::good("checkpoints", format!("{} of {} can be used", found.len() - findings.len(), found.len())));
    findings
}

/// Whether the simulation gives the bits it gives elsewhere, however its envs are spread.
fn determinism() -> Finding {
    let hashes: Result<Vec<u64>> =
        [(1, 8), (2, 3), (2, 1)].into_iter().map(|(threads, per_world)| trajectory(threads, per_world)).collect();
    match hashes {
        Err(error) => Finding::bad("determinism", error.to_string()),
        Ok(hashes) if hashes.iter().any(|hash| *hash != hashes[0]) => Finding::bad(
            "determinism",
            format!("the same envs give different bits on 1 and 2 threads: {hashes:x?}; please report this"),
        ),
        Ok(hashes) if hashes[0] != TRAJECTORY => Finding::bad(
            "determinism",
            format!("{:x} instead of {TRAJECTORY:x}: this machine computes other bits; please report this", hashes[0]),
        ),
        Ok(_) => Finding::good("determinism", "the same bits as everywhere, on 1 and 2 threads"),
    }
}

/// Hash over the states of eight envs after 60 ticks of random actions.
fn trajectory(threads: usize, envs_per_world: usize) -> Result<u64> {
    let domain = AnyDomain::Jamming(JammingParams::default());
    let domain: &dyn Domain = domain.domain();
    let mut baselines = domain.baselines();
    let random = baselines.iter_mut().find(|baseline| baseline.name == "random");
    let random = random.ok_or_else(|| Error::system("there is no baseline `random`"))?;
    on_threads(Some(threads), || {
        let mut batch = Batch::new(domain, 50, Seeds::new(1), 0..8, envs_per_world);
        let mut policies: Vec<_> = batch.lanes().iter().map(|_| random.policy.fork()).collect();
        for _ in 0..60 {
            let lanes = batch.lanes_mut().par_iter_mut().zip(&mut policies);
            lanes.try_for_each(|(lane, policy)| lane.act(&mut **policy, 0))?;
            batch.step();
        }
        let bytes: Vec<u8> = batch.hashes().into_iter().flat_map(u64::to_le_bytes).collect();
        Ok(xxh3_64(&bytes))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_simulation_gives_the_bits_that_doctor_expects() {
        for (threads, envs_per_world) in [(1, 8), (2, 3)] {
            assert_eq!(trajectory(threads, envs_per_world).unwrap(), TRAJECTORY, "{threads} threads");
        }
    }
}
