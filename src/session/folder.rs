//! The folder a run writes: what it is made of, and making one that overwrites nothing.
//!
//! `run.ron` (the plan), `scenario.ron` and, for a curriculum, `scenario.2.ron` and so on (resolved), `metrics.jsonl`,
//! `events.out.tfevents.*`, `checkpoints/`, and the policy for sharing: `policy.safetensors` with `card.ron`.

#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    domains::Scenario,
    durable::{self, failed, read_capped, write_atomic},
    error::{Error, Result},
    learn::hyperparameters::PpoParams,
    metrics::Goal,
    sim::{
        params::{Params, When},
        scenario::{MAX_BYTES, place_of},
    },
};

/// Version of `run.ron`.
const VERSION: u32 = 1;

/// What a run is meant to do; with the checkpoint all that a resumed run needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Scenarios to learn, one after the other, each for an equal share of the run.
    pub stages: Vec<Scenario>,
    /// Seed of everything random.
    pub seed: u64,
    /// When the run is done.
    pub goal: Goal,
    /// Hyperparameters.
    pub params: PpoParams,
}

impl Plan {
    /// Gives a hyperparameter another value in the middle of the run.
    ///
    /// # Errors
    /// An unknown name, a value it cannot have, or one that is fixed when a run starts; nothing is changed then.
    pub fn change(&mut self, name: &str, value: &str) -> Result<()> {
        let mut params = self.params.clone();
        params.set(name, value)?;
        let declared = PpoParams::declarations().iter().find(|param| param.name == name);
        if declared.is_some_and(|param| param.when != When::Live) {
            return Err(Error::input(format!("`{name}` is fixed when a run starts"))
                .hint(format!("start another run with `--set {name}={value}`")));
        }
        params.check()?;
        self.params = params;
        Ok(())
    }
}

/// The hyperparameters that a scenario recommends; `file` is only named in errors.
///
/// # Errors
/// A hyperparameter that there is not, or a value it cannot have, with line and column.
pub fn recommended(scenario: &Scenario, file: &Path) -> Result<PpoParams> {
    let mut params = PpoParams::default();
    for (name, value) in &scenario.train {
        params.set(name, value).map_err(|error| {
            let text = read_capped(file, MAX_BYTES as u64).unwrap_or_default();
            match place_of(&String::from_utf8_lossy(&text), &["train", name]) {
                Some((line, column)) => error.at(line, column).in_file(file),
                None => error.in_file(file),
            }
        })?;
    }
    Ok(params)
}

/// `run.ron`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    version: u32,
    agon: String,
    seed: u64,
    until: Until,
    stages: usize,
    hyperparameters: PpoParams,
}

#[derive(Serialize, Deserialize)]
enum Until {
    Steps(u64),
    Seconds(f64),
}

/// A run's folder.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder for a new run: `path` itself, which must not hold a run yet, or a new one below `runs`.
    ///
    /// # Errors
    /// The folder holds a run already, or cannot be made.
    pub fn create(path: Option<&Path>, plan: &Plan) -> Result<Self> {
        let folder = match path {
            Some(path) => {
                let _ = durable::create_dir(path)?;
                Self { path: path.to_owned() }
            }
            None => Self { path: new_below(Path::new("runs"), &default_name(plan))? },
        };
        if folder.file("run.ron").exists() {
            return Err(Error::input("this folder already holds a run")
                .in_file(folder.path)
                .hint("continue it with `--resume`, or name another folder with `--out`; nothing was changed"));
        }
        Ok(folder)
    }

    /// The folder of an existing run.
    ///
    /// # Errors
    /// There is no run.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join("run.ron").is_file() {
            return Err(Error::input("this folder holds no run (it has no `run.ron`)")
                .in_file(path)
                .hint("name the folder that `agon train` printed"));
        }
        Ok(Self { path: path.to_owned() })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where the checkpoints are.
    pub fn checkpoints(&self) -> PathBuf {
        self.file("checkpoints")
    }

    /// Writes the plan, scenarios first: a folder with `run.ron` is complete.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn write_plan(&self, plan: &Plan) -> Result<()> {
        for (stage, scenario) in plan.stages.iter().enumerate() {
            let _ = write_atomic(&self.file(&stage_file(stage)), scenario.to_ron()?.as_bytes())?;
        }
        let file = PlanFile {
            version: VERSION,
            agon: env!("CARGO_PKG_VERSION").to_owned(),
            seed: plan.seed,
            until: match plan.goal {
                Goal::Steps(steps) => Until::Steps(steps),
                Goal::Seconds(seconds) => Until::Seconds(seconds),
            },
            stages: plan.stages.len(),
            hyperparameters: plan.params.clone(),
        };
        let text = ron::ser::to_string_pretty(&file, ron::ser::PrettyConfig::new().new_line("\n"))
            .map_err(|error| Error::system(format!("the plan of the run cannot be written: {error}")))?;
        let _ = write_atomic(&self.file("run.ron"), (text + "\n").as_bytes())?;
        Ok(())
    }

    /// Reads the plan back.
    ///
    /// # Errors
    /// A file that is missing, damaged or from a newer agon.
    pub fn read_plan(&self) -> Result<Plan> {
        let path = self.file("run.ron");
        let bytes = read_capped(&path, MAX_BYTES as u64)?;
        let file: PlanFile = ron::de::from_bytes(&bytes).map_err(|error| {
            let at = error.span.start;
            Error::input(error.code.to_string()).in_file(&path).at(at.line, at.col)
        })?;
        if file.version > VERSION {
            return Err(Error::input(format!("a run of version {}, this agon knows {VERSION}", file.version))
                .in_file(&path)
                .hint("use a newer agon"));
        }
        let stages = (0..file.stages.max(1)).map(|stage| {
            let path = self.file(&stage_file(stage));
            Scenario::parse_bytes(&read_capped(&path, MAX_BYTES as u64)?, &path)
        });
        Ok(Plan {
            stages: stages.collect::<Result<_>>()?,
            seed: file.seed,
            goal: match file.until {
                Until::Steps(steps) => Goal::Steps(steps),
                Until::Seconds(seconds) => Goal::Seconds(seconds),
            },
            params: file.hyperparameters,
        })
    }
}

/// What the scenario of a stage is called in a run's folder.
pub(crate) fn stage_file(stage: usize) -> String {
    if stage == 0 { "scenario.ron".to_owned() } else { format!("scenario.{}.ron", stage + 1) }
}

/// `<date>-<scenario>-<algorithm>-<seed>`.
fn default_name(plan: &Plan) -> String {
    let date = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    let scenario = plan.stages.last().map_or("", |scenario| &scenario.name);
    format!("{date}-{scenario}-{}-s{}", plan.params.algo.name(), plan.seed)
}

/// A folder below `parent` that did not exist before: `name`, or `name-2` and so on.
fn new_below(parent: &Path, name: &str) -> Result<PathBuf> {
    let _ = durable::create_dir(parent)?;
    for attempt in 1_u64.. {
        let path = parent.join(if attempt == 1 { name.to_owned() } else { format!("{name}-{attempt}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("cannot make the folder of the run", &path, &error)),
        }
    }
    Err(Error::system("no name is left for a new run").in_file(parent))
}
