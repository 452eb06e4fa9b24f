//! How smooth the window is, without and with training beside it.

use super::BenchArgs;
use crate::error::Result;

/// Scenarios that the README quotes.
#[cfg(feature = "window")]
const SCENARIOS: [&str; 2] = ["jamming/skirmish", "jamming/swarm-40-100"];

/// Measures and prints.
#[cfg(feature = "window")]
pub(super) fn run(args: &BenchArgs) -> Result<()> {
    use crate::cli::{output, run};
    let report = run::measure(&SCENARIOS, args.seconds)?;
    if !args.json {
        let first = report.first_frame_s;
        return output::print(format!(
            "{}First frame handed to what draws after {first:.2} s.",
            output::fitted(&run::table(&report.measured))
        ));
    }
    let entry = |found: &crate::window::script::Measured| {
        let (smooth, cores) = (found.smoothness(), found.cores());
        serde_json::json!({
            "name": found.name,
            "frames": smooth.frames,
            "frames_per_s": smooth.rate,
            "p50_ms": smooth.p50_ms,
            "p99_ms": smooth.p99_ms,
            "ticks_per_s": found.ticks_per_s(),
            "other_cores": cores.map(|cores| cores[0]),
            "training_cores": cores.map(|cores| cores[1]),
            "env_steps_trained_per_s": found.training.steps_per_s(),
            "cpu_us_per_env_step": found.training.cpu_us_per_step(),
        })
    };
    let measured: Vec<_> = report.measured.iter().map(entry).collect();
    output::print_json(&serde_json::json!({ "first_frame_s": report.first_frame_s, "measured": measured }))
}

/// Says what is missing.
#[cfg(not(feature = "window"))]
pub(super) fn run(_args: &BenchArgs) -> Result<()> {
    use crate::error::Error;
    Err(Error::input("this agon was built without the feature `window`").hint("build it with `--features window`"))
}
