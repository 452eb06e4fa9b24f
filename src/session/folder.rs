//! The folder a run writes: what it is made of, and making one that overwrites nothing.
//!
//! `run.ron` (the plan), `scenario.ron` and, for a curriculum, `scenario.2.ron` and so on (resolved), `metrics.jsonl`,
//! `events.out.tfevents.*`, `checkpoints/`, the policy for sharing: `policy.safetensors` with `card.ron`, and `tests.jsonl`, which
//! says how often that policy has played test episodes.

#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{generation, roles::Roles};
use crate::{
    domains::Scenario,
    durable::{self, Durability, Folder, Kind, LOCK, failed, read_capped},
    error::{Error, Result},
    learn::hyperparameters::Hyperparameters,
    metrics::Goal,
    policy::card::{self, CARD_FILE, Shared, WEIGHTS_FILE},
    sim::{
        params::{Params, When},
        scenario::{MAX_BYTES, place_of},
    },
};

/// Version of `run.ron`.
const VERSION: u32 = 2;

/// Name of the plan.
pub(super) const PLAN_FILE: &str = "run.ron";
/// Name of the measurements.
pub(super) const METRICS_FILE: &str = "metrics.jsonl";
/// Name of the folder of the policies that groups are played by.
const OPPONENTS: &str = "opponents";
/// Name of the folder of checkpoints.
const CHECKPOINTS: &str = "checkpoints";

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
    pub params: Hyperparameters,
    /// Who learns, and against whom.
    pub roles: Roles,
}

impl Plan {
    /// Gives a hyperparameter another value in the middle of the run.
    ///
    /// # Errors
    /// An unknown name, a value it cannot have, or one that is fixed when a run starts; nothing is changed then.
    pub fn change(&mut self, name: &str, value: &str) -> Result<()> {
        let mut params = self.params.clone();
        params.set(name, value)?;
        let declared = Hyperparameters::declarations().iter().find(|param| param.name == name);
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
pub fn recommended(scenario: &Scenario, file: &Path) -> Result<Hyperparameters> {
    let mut params = Hyperparameters::default();
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
    hyperparameters: Hyperparameters,
    /// Absent in version 1, in which one group learned.
    #[serde(default)]
    roles: Roles,
}

#[derive(Serialize, Deserialize)]
enum Until {
    Steps(u64),
    Seconds(f64),
}

/// A run's folder, held open.
#[derive(Clone, Debug)]
pub struct RunFolder {
    folder: Folder,
    /// Whether this process has made it.
    is_new: bool,
}

impl RunFolder {
    /// Makes the folder for a new run: `path` itself, which must not hold a run yet, or a new one below `runs`.
    ///
    /// What a start leaves that was killed before it had written its plan is in nobody's way.
    ///
    /// # Errors
    /// The folder holds a run or a policy already, or cannot be made.
    pub fn create(path: Option<&Path>, plan: &Plan) -> Result<Self> {
        let (path, is_new) = match path {
            Some(path) => {
                let is_new = !path.exists();
                let _ = durable::create_dir(path)?;
                (path.to_owned(), is_new)
            }
            None => (new_below(Path::new("runs"), &default_name(plan))?, true),
        };
        let folder = Self { folder: Folder::open(&path)?, is_new };
        folder.check_free()?;
        Ok(folder)
    }

    /// The folder of an existing run.
    ///
    /// # Errors
    /// There is no run.
    pub fn open(path: &Path) -> Result<Self> {
        let none = || {
            Error::input(format!("this folder holds no run (it has no `{PLAN_FILE}`)"))
                .in_file(path)
                .hint("name the folder that `agon train` printed")
        };
        if !path.is_dir() {
            return Err(none());
        }
        let folder = Folder::open(path)?;
        match folder.kind(PLAN_FILE)? {
            // A link is told when it is read.
            Some(Kind::File | Kind::Link) => Ok(Self { folder, is_new: false }),
            _ => Err(none()),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder itself.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Where a file of the folder is, for messages.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path_of(name)
    }

    /// The folder of the checkpoints.
    ///
    /// # Errors
    /// There is none, or a link in its place.
    pub fn checkpoints(&self) -> Result<Folder> {
        self.folder.folder(CHECKPOINTS)?.ok_or_else(|| {
            Error::input("this folder holds no checkpoint")
                .in_file(self.file(CHECKPOINTS))
                .hint("name the folder of another run, or start a new run")
        })
    }

    /// The folder of the policy of the group called `group`, made if it is missing.
    ///
    /// # Errors
    /// A link or a file in its place, or what the file system reports.
    pub(super) fn make_group(&self, group: &str) -> Result<Folder> {
        self.folder.make_folder(group).map(|(folder, _)| folder)
    }

    /// Keeps a policy that a group is played by, so that the run can go on without the files it was read from.
    ///
    /// # Errors
    /// What the file system reports.
    pub(super) fn keep_opponent(&self, group: &str, policy: &Shared) -> Result<()> {
        let (opponents, _) = self.folder.make_folder(OPPONENTS)?;
        let _ = card::save_in(&opponents.make_folder(group)?.0, &policy.network, &policy.card)?;
        Ok(())
    }

    /// Reads it back; none for a group that no learned policy plays.
    ///
    /// # Errors
    /// Files that cannot be used.
    pub(super) fn opponent(&self, group: &str) -> Result<Option<Shared>> {
        let Some(opponents) = self.folder.folder(OPPONENTS)? else { return Ok(None) };
        opponents.folder(group)?.map(|folder| card::load_in(&folder)).transpose()
    }

    /// The same, made if it is missing.
    ///
    /// # Errors
    /// A link or a file in its place, or what the file system reports.
    pub(super) fn make_checkpoints(&self) -> Result<(Folder, Durability)> {
        self.folder.make_folder(CHECKPOINTS)
    }

    /// Whether nothing has been trained here: no checkpoint, no measurement, no policy.
    ///
    /// # Errors
    /// What the file system reports.
    pub(super) fn is_untrained(&self) -> Result<bool> {
        for name in [CARD_FILE, WEIGHTS_FILE] {
            if self.folder.kind(name)?.is_some() {
                return Ok(false);
            }
        }
        let steps = self.folder.folder(CHECKPOINTS)?.map_or_else(|| Ok(Vec::new()), |dir| generation::steps(&dir))?;
        Ok(steps.is_empty() && self.has_no_measurements()?)
    }

    fn has_no_measurements(&self) -> Result<bool> {
        match self.folder.kind(METRICS_FILE)? {
            None => Ok(true),
            Some(Kind::File) => Ok(self.folder.open_file(METRICS_FILE)?.1 == 0),
            Some(_) => Ok(false),
        }
    }

    /// Refuses to write a run where one would replace something.
    ///
    /// # Errors
    /// A run, a policy, or any file that a run writes, unless it is what a start leaves that was killed half way.
    pub(super) fn check_free(&self) -> Result<()> {
        let taken = |what: String, hint: &str| Err(Error::input(what).in_file(self.path()).hint(hint));
        if self.folder.kind(PLAN_FILE)?.is_some() {
            return taken(
                "this folder already holds a run".to_owned(),
                "continue it with `--resume`, or name another folder with `--out`; nothing was changed",
            );
        }
        let another = "name another folder with `--out`; nothing was changed";
        for name in [CARD_FILE, WEIGHTS_FILE] {
            if self.folder.kind(name)?.is_some() {
                return taken(format!("this folder holds a policy (`{name}`), which a run would replace"), another);
            }
        }
        for name in self.folder.names()?.iter().filter_map(|name| name.to_str()) {
            let is_folder = self.folder.kind(name)? == Some(Kind::Folder);
            if is_folder
                && self.folder.folder(name)?.is_some_and(|own| own.kind(CARD_FILE).is_ok_and(|kind| kind.is_some()))
            {
                return taken(format!("this folder holds a policy (`{name}`), which a run would replace"), another);
            }
        }
        // A start locks before it writes anything, and its plan comes last.
        let was_begun = self.folder.kind(LOCK)? == Some(Kind::File) && self.has_no_measurements()? && {
            let checkpoints = self.folder.folder(CHECKPOINTS)?;
            checkpoints.map_or_else(|| Ok(Vec::new()), |dir| generation::steps(&dir))?.iter().all(|step| *step == 0)
        };
        for name in self.folder.names()? {
            let name = name.to_string_lossy();
            let is_written = matches!(&*name, METRICS_FILE | CHECKPOINTS) || is_stage_file(&name);
            if is_written && !was_begun {
                return taken(format!("this folder holds `{name}`, which a run would replace"), another);
            }
        }
        Ok(())
    }

    /// Removes the empty log of a start that was killed half way.
    ///
    /// # Errors
    /// What the file system reports.
    pub(super) fn clear_log(&self) -> Result<()> {
        match self.folder.kind(METRICS_FILE)? {
            Some(Kind::File) if self.has_no_measurements()? => self.folder.remove(METRICS_FILE),
            _ => Ok(()),
        }
    }

    /// Takes away what a start that failed has written, as far as that is possible: `events_file` and the files that
    /// [`check_free`](Self::check_free) has found free, the folders of `groups` among them. The folder goes with them if it was
    /// made for this run.
    pub(super) fn abandon(&self, events_file: &str, groups: &[&str]) {
        let remove_all = |folder: &Folder, is_written: &dyn Fn(&str) -> bool| {
            for name in folder.names().unwrap_or_default() {
                if name.to_str().is_some_and(is_written) {
                    // What cannot be removed stays; the error that led here is the one to tell.
                    let _ = folder.remove(&name);
                }
            }
        };
        if let Ok(Some(checkpoints)) = self.folder.folder(CHECKPOINTS) {
            remove_all(&checkpoints, &|name| generation::is_name(name));
            let _ = self.folder.remove_folder(CHECKPOINTS);
        }
        let remove_policies = |parent: &Folder| {
            for group in groups {
                if let Ok(Some(own)) = parent.folder(group) {
                    remove_all(&own, &|name| matches!(name, CARD_FILE | WEIGHTS_FILE));
                    let _ = parent.remove_folder(group);
                }
            }
        };
        if let Ok(Some(opponents)) = self.folder.folder(OPPONENTS) {
            remove_policies(&opponents);
            let _ = self.folder.remove_folder(OPPONENTS);
        }
        remove_policies(&self.folder);
        remove_all(&self.folder, &|name| {
            let is_ours = matches!(name, PLAN_FILE | METRICS_FILE | CARD_FILE | WEIGHTS_FILE | LOCK);
            is_ours || name == events_file || is_stage_file(name)
        });
        if self.is_new {
            let _ = fs::remove_dir(self.path());
        }
    }

    /// Writes the plan, scenarios first: a folder with `run.ron` is complete.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn write_plan(&self, plan: &Plan) -> Result<()> {
        for (stage, scenario) in plan.stages.iter().enumerate() {
            let _ = self.folder.replace(stage_file(stage), scenario.to_ron()?.as_bytes())?;
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
            roles: plan.roles.clone(),
        };
        let text = ron::ser::to_string_pretty(&file, ron::ser::PrettyConfig::new().new_line("\n"))
            .map_err(|error| Error::system(format!("the plan of the run cannot be written: {error}")))?;
        let _ = self.folder.replace(PLAN_FILE, (text + "\n").as_bytes())?;
        Ok(())
    }

    /// Reads the plan back.
    ///
    /// # Errors
    /// A file that is missing, damaged, a link or from a newer agon.
    pub fn read_plan(&self) -> Result<Plan> {
        let path = self.file(PLAN_FILE);
        let bytes = self.folder.read(PLAN_FILE, MAX_BYTES as u64)?;
        let file: PlanFile = ron::de::from_bytes(&bytes).map_err(|error| {
            let at = error.span.start;
            Error::input(error.code.to_string()).in_file(&path).at(at.line, at.col)
        })?;
        if file.version > VERSION {
            return Err(Error::input(format!("a run of version {}, this agon knows {VERSION}", file.version))
                .in_file(&path)
                .hint("use a newer agon"));
        }
        let goal = match file.until {
            Until::Steps(steps) => Goal::Steps(steps),
            Until::Seconds(seconds) if seconds > 0.0 && seconds.is_finite() => Goal::Seconds(seconds),
            Until::Seconds(seconds) => {
                return Err(Error::input(format!("`until` must be a time above 0 seconds, found {seconds}"))
                    .in_file(&path)
                    .hint("name a time with `--minutes` in a new run, or put the original file back"));
            }
        };
        let stages = (0..file.stages.max(1)).map(|stage| {
            let name = stage_file(stage);
            Scenario::parse_bytes(&self.folder.read(&name, MAX_BYTES as u64)?, self.file(&name))
        });
        let PlanFile { seed, hyperparameters: params, roles, .. } = file;
        Ok(Plan { stages: stages.collect::<Result<_>>()?, seed, goal, params, roles })
    }
}

/// What the scenario of a stage is called in a run's folder.
pub(crate) fn stage_file(stage: usize) -> String {
    if stage == 0 { "scenario.ron".to_owned() } else { format!("scenario.{}.ron", stage + 1) }
}

fn is_stage_file(name: &str) -> bool {
    let number = name.strip_prefix("scenario.").and_then(|rest| rest.strip_suffix(".ron"));
    name == "scenario.ron" || number.is_some_and(|number| number.parse::<usize>().is_ok())
}

/// `<date>-<scenario>-<algorithm>-<seed>`.
fn default_name(plan: &Plan) -> String {
    let date = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    let scenario = plan.stages.last().map_or("", |scenario| &scenario.name);
    format!("{date}-{scenario}-{}-s{}", plan.params.run.algo.name(), plan.seed)
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
