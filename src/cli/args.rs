//! Every command and flag, declared once: help, errors and completions are made from these.

use std::path::PathBuf;

use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
    value_parser,
};
use clap_complete::Shell;

use crate::{
    apps::{self, cluster::traces::Format},
    domains::cluster::scenario::MAX_ROWS,
    learn::hyperparameters::{Algo, Backend},
    sim::params::Choice,
};

/// A live laboratory for multi-agent learning.
#[derive(Clone, Debug, Parser)]
#[command(name = "agon", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do; without it, the window opens with all scenarios, or where there is none, a few commands to begin with are printed.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Open a scenario in a window: watch, train, swap policies, compare, record
    Run(RunArgs),
    /// Open a recording in a window: seek, step back, go on from any tick under another policy
    Replay(ReplayArgs),
    /// Train a policy and leave a run folder that can be resumed, evaluated and shared
    Train(TrainArgs),
    /// Let policies play the same unseen episodes and compare them
    Eval(EvalArgs),
    /// Evaluate a trained policy and write it with its card into a folder to pass on
    Share(ShareArgs),
    /// Let policies play one env and record it in a file
    Record(RecordArgs),
    /// Simulate a recording again and compare it with what was recorded
    #[command(after_help = super::verify::EXIT_CODES)]
    Verify(VerifyArgs),
    /// Measure how fast agon is on this machine
    Bench(BenchArgs),
    /// List scenarios, baselines, checkpoints and hyperparameters
    List(ListArgs),
    /// Explain a scenario: what agents see, do and are paid for, and every parameter
    Explain(ExplainArgs),
    /// Make a clip, a picture, a table or a graph of a policy at play or of a recording
    Export(ExportArgs),
    /// Turn a trace of a real cluster into a scenario, or generate one
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Measure what the published system of a domain claims, and print both side by side
    Report(ReportArgs),
    /// Place workloads of a real cluster: requests on stdin, answers on stdout, one JSON object a line
    #[command(after_long_help = super::decide::PROTOCOL)]
    Decide(DecideArgs),
    /// Check this machine, this binary and this checkout: kernels, features, files
    Doctor,
    /// Print shell completions, e.g. `agon completions bash > ~/.local/share/bash-completion/completions/agon`
    Completions {
        /// For which shell.
        shell: Shell,
    },
    /// Train the first scenario for a minute, compare the result with every baseline, say what to try next
    Quickstart(QuickstartArgs),
    /// Go through every scenario in a window by itself and save a picture of each state
    #[command(hide = true)]
    Smoke(SmokeArgs),
}

/// A scenario and what is changed in it.
#[derive(Args, Clone, Debug)]
pub struct ScenarioArgs {
    /// A scenario file, or the name of one below `scenarios/`: `skirmish`, `jamming/skirmish`
    pub scenario: String,
    /// Set a parameter of the scenario; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<Assignment>,
}

/// `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// What is set.
    pub name: String,
    /// To what, as RON text.
    pub value: String,
}

/// Arguments of `train`.
#[derive(Args, Clone, Debug)]
pub struct TrainArgs {
    /// A scenario file, or the name of one below `scenarios/`; a resumed run has its own
    #[arg(required_unless_present_any = ["resume", "curriculum"])]
    pub scenario: Option<String>,
    /// Scenarios to train in one after the other, in equal shares, instead of one
    #[arg(long, value_name = "SCENARIO,…", conflicts_with = "scenario")]
    pub curriculum: Vec<String>,
    /// Stop after so many env-steps, all envs together; counts from the run's beginning, also with `--resume`
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..), conflicts_with = "minutes")]
    pub steps: Option<u64>,
    /// Stop after so many minutes of training; counts from the run's beginning, also with `--resume`
    #[arg(long, value_name = "M", value_parser = positive)]
    pub minutes: Option<f64>,
    /// Seed of everything random in the run; without it, the scenario's
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Envs that are stepped side by side
    #[arg(long, value_name = "E", value_parser = value_parser!(u32).range(1..=65_536))]
    pub envs: Option<u32>,
    /// How to learn: by proximal policy optimisation (mappo, ippo) or by deterministic policy gradients (maddpg, matd3, ddpg)
    #[arg(long, value_parser = choice::<Algo>())]
    pub algo: Option<Algo>,
    /// Run folder to write; without it, a new one below `runs/`
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub out: Option<PathBuf>,
    /// Run folder to continue exactly where it stopped
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scenario", "curriculum", "seed", "envs", "algo", "init", "set"])]
    pub resume: Option<PathBuf>,
    /// Go on although `run.ron` or `scenario.ron` were changed by hand since the last checkpoint
    #[arg(long, requires = "resume")]
    pub accept_changes: bool,
    /// What computes the networks
    #[arg(long, value_parser = choice::<Backend>())]
    pub backend: Option<Backend>,
    /// Start from a shared policy instead of from random weights
    #[arg(long, value_name = "PATH")]
    pub init: Option<PathBuf>,
    /// Groups that learn; without it, all that are paid and that no opponent plays
    #[arg(long, value_name = "GROUP,…", value_delimiter = ',', conflicts_with = "resume")]
    pub learn: Vec<String>,
    /// Who acts for a group that does not learn: a baseline, a checkpoint, a run folder or a file of weights; or, for one that learns,
    /// `pool`, which is what it was earlier in the run
    #[arg(long, value_name = "GROUP=NAME|PATH|pool", value_parser = assignment, conflicts_with = "resume")]
    pub opponents: Vec<Assignment>,
    /// Set a parameter of the scenario or a hyperparameter; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<Assignment>,
    /// Threads; without it, one per core
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
}

/// Arguments of `run`.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// A scenario file, or the name of one below `scenarios/`; without it, all of them are shown
    pub scenario: Option<String>,
    /// Who acts: a baseline, a shipped checkpoint, a run folder or a file of weights; or one for each group, as in `a=NAME+b=NAME`
    #[arg(long = "policy", value_name = "NAME|PATH", requires = "scenario")]
    pub policies: Vec<String>,
    /// Show the same episodes under this policy beside it
    #[arg(long, value_name = "NAME|PATH", requires = "scenario")]
    pub policy_b: Option<String>,
    /// Record what is played into this file, which must not exist
    #[arg(long, value_name = "FILE", requires = "scenario")]
    pub record: Option<PathBuf>,
    /// Take the steps of this script, then close
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
}

/// Arguments of `replay`.
#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// The recording
    pub file: PathBuf,
}

/// Arguments of `smoke`.
#[derive(Args, Clone, Debug)]
pub struct SmokeArgs {
    /// Scenarios; without any, all of them
    pub scenarios: Vec<String>,
    /// Folder for pictures and recordings, which is emptied first
    #[arg(long, value_name = "DIR", default_value = "target/smoke")]
    pub out: PathBuf,
}

/// Arguments of `eval`.
#[derive(Args, Clone, Debug)]
pub struct EvalArgs {
    /// Where the policies play.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Baselines, shipped checkpoints, run folders or files of weights, each for the groups that it fits, or for one group each as in
    /// `a=NAME+b=NAME`; `all` is every baseline and the scenario's checkpoint
    #[arg(long = "policy", value_name = "NAME|PATH,…", default_value = "all")]
    pub policies: Vec<String>,
    /// Let each policy of `--policy` play against each of these, which are of another group, and print what both sides earn
    #[arg(long, value_name = "GROUP=NAME|PATH,…")]
    pub against: Vec<String>,
    /// Episodes of each policy
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u64).range(crate::eval::EPISODES))]
    pub episodes: u64,
    /// Seed of the episodes, which no training ever sees; without it, the scenario's
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Play test episodes, which nothing may be chosen by, instead of development episodes; a run's `tests.jsonl` notes each time
    #[arg(long)]
    pub test: bool,
    /// Metric to compare policies by; without it, the domain's own
    #[arg(long, value_name = "METRIC")]
    pub score: Option<String>,
    /// Let networks draw their actions as in training instead of taking the most likely one
    #[arg(long)]
    pub stochastic: bool,
    /// Do not play the baseline that results are quoted against unless it is named
    #[arg(long, alias = "no-planner")]
    pub no_reference: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Threads; without it, one per core. Results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
}

/// Arguments of `share`.
#[derive(Args, Clone, Debug)]
pub struct ShareArgs {
    /// A run folder, a policy's folder or its file of weights
    pub policy: PathBuf,
    /// Folder to write; its name becomes the policy's name
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Where to evaluate it; without it, in the scenario it was trained in
    #[arg(long, value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// Episodes to evaluate it on
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = value_parser!(u64).range(crate::eval::EPISODES))]
    pub episodes: u64,
    /// Replace a policy that is there already
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `record`.
#[derive(Args, Clone, Debug)]
pub struct RecordArgs {
    /// What is played.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// A baseline, a shipped checkpoint, a run folder or a file of weights; or one for each group, as in `a=NAME+b=NAME`
    #[arg(long = "policy", value_name = "NAME|PATH", required = true)]
    pub policies: Vec<String>,
    /// File to write, which must not exist; without it, a new one below `recordings/`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Record so many ticks
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=u64::from(u32::MAX)), conflicts_with = "episodes")]
    pub ticks: Option<u64>,
    /// Record so many episodes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u64).range(crate::eval::EPISODES))]
    pub episodes: u64,
    /// Seed of everything random; without it, the scenario's
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Which env to play: its first episode is number N of those that `agon eval` plays, from 0
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = value_parser!(u64).range(..*crate::eval::EPISODES.end()))]
    pub env: u64,
    /// Ticks between saved states; seeking is quicker with fewer, the file smaller with more
    #[arg(long, value_name = "K", default_value_t = crate::record::KEYFRAME_TICKS, value_parser = value_parser!(u32).range(1..))]
    pub keyframes: u32,
}

/// Arguments of `verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// The recording
    pub file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bench`.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// Only the figures whose name begins like this
    #[arg(long, value_name = "PREFIX")]
    pub only: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Measure how smooth the window is instead, without and with training beside it
    #[arg(long, conflicts_with = "only")]
    pub window: bool,
    /// Seconds of each measurement of the window
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = positive, requires = "window")]
    pub seconds: f64,
}

/// Arguments of `list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// What to explain.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
}

/// Arguments of `export`.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// A recording, a run folder (its policy plays in its scenario), or a scenario with `--policy`
    pub source: String,
    /// File to write; its name says the format: .gif, .mp4, .png, .csv, .parquet or .dot (a graph)
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Who plays: a baseline, a shipped checkpoint, a run folder or a file of weights
    #[arg(long, value_name = "NAME|PATH")]
    pub policy: Option<String>,
    /// Seed of what is played; without it, the scenario's
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Which of the episodes that evaluations play
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = value_parser!(u64).range(..*crate::eval::EPISODES.end()))]
    pub episode: u64,
    /// First tick; for a picture or a graph, the one that is shown
    #[arg(long, visible_alias = "at", value_name = "TICK")]
    pub from: Option<u64>,
    /// Last tick; for a picture or a graph, the one that is shown
    #[arg(long, value_name = "TICK")]
    pub until: Option<u64>,
    /// Size in pixels; 800x600 without it
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<(u32, u32)>,
    /// Pictures per second of a clip, 20 without it; viewers show at most 50 of a GIF
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=100))]
    pub fps: Option<u32>,
    /// Seconds of the scenario per second of the clip; without it, every tick is a picture
    #[arg(long, value_name = "X", value_parser = positive)]
    pub speed: Option<f64>,
    /// A theme (dark, light, contrast) or a theme file; dark without it
    #[arg(long, value_name = "NAME|FILE")]
    pub theme: Option<String>,
    /// What agents are coloured by; `agon explain SCENARIO` lists the choices
    #[arg(long, value_name = "FIELD")]
    pub colour_by: Option<String>,
    /// Layers not to show; `agon explain SCENARIO` lists them
    #[arg(long, value_name = "LAYER,…", value_delimiter = ',')]
    pub hide: Vec<String>,
    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,
}

/// What can be done with traces.
#[derive(Clone, Debug, Subcommand)]
pub enum TraceCommand {
    /// Write the scenario in which a trace is replayed
    Import(ImportArgs),
    /// Write a made-up trace of any size
    Generate(GenerateArgs),
}

/// Arguments of `trace import`.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// How the trace is written
    #[arg(value_parser = choice::<Format>())]
    pub format: Format,
    /// The trace; it may be packed with gzip
    pub file: PathBuf,
    /// The nodes; without them, up to ten stand-ins that the trace loads to three quarters
    #[arg(long, value_name = "FILE")]
    pub nodes: Option<PathBuf>,
    /// Take the first N workloads only; without it, all are taken
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=MAX_ROWS as u64))]
    pub rows: Option<u64>,
    /// Scenario to write; it is called by the file's name, in lower case
    #[arg(long, value_name = "FILE.ron")]
    pub to: PathBuf,
    /// Change a parameter of the scenario, such as `dt_s=60`
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<Assignment>,
    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `trace generate`.
#[derive(Args, Clone, Debug)]
pub struct GenerateArgs {
    /// How the trace is written
    #[arg(value_parser = choice::<Format>())]
    pub format: Format,
    /// Workloads
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub rows: u64,
    /// Seed of everything random
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// The domain
    #[arg(value_parser = PossibleValuesParser::new(apps::REPORTS.map(|(domain, _)| domain)))]
    pub domain: String,
    /// Episodes of each policy
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u64).range(crate::eval::EPISODES))]
    pub episodes: u64,
    /// Play test episodes, as for a table, instead of development episodes
    #[arg(long)]
    pub test: bool,
    /// Learned policies that are measured as well: run folders or files. `cluster` takes one; `jamming` measures each in the scenario
    /// it was trained in
    #[arg(long = "policy", value_name = "PATH,…")]
    pub policies: Vec<String>,
}

/// Arguments of `decide`.
#[derive(Args, Clone, Debug)]
pub struct DecideArgs {
    /// A scenario of domain `cluster`: resources, mean node, rules
    #[arg(long, value_name = "SCENARIO", default_value = "cluster/default")]
    pub scenario: String,
    /// Set a parameter of the scenario; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<Assignment>,
    /// Who decides: a baseline, a shipped checkpoint, a run folder or a file of weights
    #[arg(long, value_name = "NAME|PATH", default_value = "least_loaded")]
    pub policy: String,
    /// Weights written longer ago than so many seconds are stale, and the fallback decides
    #[arg(long, value_name = "S", value_parser = positive)]
    pub max_age: Option<f64>,
    /// Wait for a slow reader instead of dropping answers
    #[arg(long)]
    pub wait: bool,
}

impl DecideArgs {
    /// The scenario with its changes.
    pub fn scenario(&self) -> ScenarioArgs {
        ScenarioArgs { scenario: self.scenario.clone(), set: self.set.clone() }
    }
}

/// Arguments of `quickstart`.
#[derive(Args, Clone, Debug)]
pub struct QuickstartArgs {
    /// Scenario to train in
    #[arg(default_value = "jamming/skirmish")]
    pub scenario: String,
    /// Minutes of training
    #[arg(long, value_name = "M", default_value_t = 1.0, value_parser = positive)]
    pub minutes: f64,
}

/// One of the names that a choice has in files.
fn choice<T: Choice + Send + Sync>() -> impl TypedValueParser<Value = T> {
    let values = T::NAMES.iter().zip(T::DOCS).map(|(name, doc)| PossibleValue::new(*name).help(*doc));
    let found = |name: String| T::ALL.iter().copied().find(|choice| choice.name() == name);
    PossibleValuesParser::new(values).try_map(move |name| found(name).ok_or("no such choice"))
}

fn assignment(text: &str) -> Result<Assignment, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as `num_jammers=6`")?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || value.is_empty() {
        return Err("expected NAME=VALUE with a name and a value".to_owned());
    }
    Ok(Assignment { name: name.to_owned(), value: value.to_owned() })
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number <= 1e6 => Ok(number),
        _ => Err("expected a number above 0, at most a million".to_owned()),
    }
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once(['x', '×']).map(|(width, height)| (width.trim().parse(), height.trim().parse()));
    match sides {
        Some((Ok(width), Ok(height))) => Ok((width, height)),
        _ => Err("expected WIDTHxHEIGHT in pixels, such as 800x600".to_owned()),
    }
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=1024) => Ok(number),
        _ => Err("expected a whole number from 1 to 1024".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        let cli = Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        cli.command.ok_or_else(|| "no command".to_owned())
    }

    #[test]
    fn the_declarations_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_training_needs_exactly_one_place_to_start_from() {
        for line in ["train skirmish", "train --resume runs/a", "train --curriculum a,b --steps 10"] {
            assert!(parse(&format!("agon {line}")).is_ok(), "{line}");
        }
        for line in [
            "train",
            "train skirmish --resume runs/a",
            "train skirmish --curriculum a,b",
            "train skirmish --steps 5 --minutes 1",
            "train --resume runs/a --seed 2",
            "train skirmish --minutes -1",
            "train skirmish --minutes NaN",
            "train skirmish --steps 0",
            "train skirmish --envs 0",
            "train skirmish --algo ppo",
        ] {
            assert!(parse(&format!("agon {line}")).is_err(), "{line}");
        }
    }

    #[test]
    fn a_size_is_two_whole_numbers() {
        assert_eq!(size("640x480"), Ok((640, 480)));
        for wrong in ["", "640", "640x", "640x-1", "640*480", "640x480x3", "1e3x5"] {
            assert!(size(wrong).unwrap_err().contains("WIDTHxHEIGHT"), "{wrong}");
        }
    }

    #[test]
    fn assignments_are_split_at_the_first_equals_sign() {
        let Command::Eval(args) = parse("agon eval skirmish --set a.b=(c=1) --set d=2").unwrap() else { panic!() };
        let set: Vec<_> = args.scenario.set.iter().map(|a| (a.name.as_str(), a.value.as_str())).collect();
        assert_eq!(set, [("a.b", "(c=1)"), ("d", "2")]);
        assert_eq!(args.policies, ["all"]);
        assert!(parse("agon eval skirmish --set num_jammers").unwrap_err().contains("NAME=VALUE"));
        assert!(parse("agon eval skirmish --set =3").is_err());
    }
}
