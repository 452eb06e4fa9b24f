//! How a session comes to be: a new run, or one that goes on.
//!
//! A start locks its folder, saves its first checkpoint, and writes the plan only then, so that a folder with a plan can be
//! resumed. One that fails takes away what it wrote. One that is killed leaves what the next start takes over.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Plan, RunFolder, Session, SessionState,
    binding::{self, Binding, Change},
    generation::{self, Loaded},
    goal::{self, Behind},
    learner_of,
    logs::{self, Logs},
    settings::{check_settings, settings},
    unix_s,
};
use crate::{
    durable::RunLock,
    error::{Error, ErrorKind, Result},
    learn::learner::{Learned, Learner},
    metrics::Goal,
    policy::card::Shared,
};

/// What a session is made of.
struct Parts {
    folder: RunFolder,
    plan: Plan,
    learner: Box<dyn Learner>,
    stage: usize,
    logs: Logs,
    /// Wall time of earlier sessions of this run, in seconds.
    earlier_s: f64,
    lock: Arc<RunLock>,
}

impl Session {
    /// A new run in a new folder, `out` or one below `runs`. It starts from `policy` if there is one.
    ///
    /// # Errors
    /// A plan that cannot be trained, or a folder that holds a run or a policy already; nothing is overwritten, and no new
    /// folder stays.
    pub fn start(plan: Plan, out: Option<&Path>, policy: Option<&Shared>) -> Result<Self> {
        Self::start_against(plan, out, policy, &BTreeMap::new())
    }

    /// The same where learned policies act for some groups, by the names of these. The run keeps copies of them.
    ///
    /// # Errors
    /// As [`start`](Self::start), and a policy that does not fit its group.
    pub fn start_against(
        plan: Plan,
        out: Option<&Path>,
        policy: Option<&Shared>,
        opponents: &BTreeMap<String, Shared>,
    ) -> Result<Self> {
        let mut learner = learner_of(&plan, 0, |group| Ok(opponents.get(group).cloned()))?;
        if let Some(Shared { card, network }) = policy {
            let group = learner.spec().group(&card.group);
            let group = group.ok_or_else(|| Error::input(format!("no group is called `{}`", card.group)))?;
            learner.start_from(&Learned { group, network: network.clone() })?;
        }
        let folder = RunFolder::create(out, &plan)?;
        let lock = match RunLock::acquire(folder.folder()) {
            Ok(lock) => Arc::new(lock),
            Err(error) => {
                // A bad input is somebody else's lock, and the folder theirs.
                if error.kind() == ErrorKind::System {
                    folder.abandon("", &[]);
                }
                return Err(error);
            }
        };
        // Somebody may have come first. What is in the folder from here on is of this start.
        folder.check_free()?;
        let events_file = logs::free_events_file(folder.folder())?;
        let groups: Vec<&str> = learner.spec().groups.iter().map(|group| group.name).collect();
        let kept = opponents.iter().try_for_each(|(group, policy)| folder.keep_opponent(group, policy));
        let begun = kept.and_then(|()| Self::begin(folder.clone(), plan, learner, Arc::clone(&lock), &events_file));
        begun.inspect_err(|_| folder.abandon(&events_file, &groups))
    }

    /// Goes on with the run in `path` from its newest good checkpoint, to `goal` if it is given. A run that died before its
    /// first checkpoint starts from its beginning.
    ///
    /// # Errors
    /// No run or no usable checkpoint there, another process writing it, a plan that was changed since the checkpoint, a
    /// goal that is reached already, or settings under which the run would not continue bit for bit.
    pub fn resume(path: &Path, goal: Option<Goal>) -> Result<Self> {
        Self::go_on(path, goal, false)
    }

    /// The same with a plan that may have been changed by hand. What was changed is written into the log of the run.
    ///
    /// # Errors
    /// As [`resume`](Self::resume), changes aside; a plan that does not go with the checkpoint at all.
    pub fn resume_with_changes(path: &Path, goal: Option<Goal>) -> Result<Self> {
        Self::go_on(path, goal, true)
    }

    /// Everything up to the first checkpoint.
    fn begin(
        folder: RunFolder,
        plan: Plan,
        learner: Box<dyn Learner>,
        lock: Arc<RunLock>,
        events_file: &str,
    ) -> Result<Self> {
        let start_unix_s = unix_s();
        folder.clear_log()?;
        let logs = Logs::create(folder.folder(), events_file, start_unix_s, &plan)?;
        let mut session = Self::assemble(Parts { folder, plan, learner, stage: 0, logs, earlier_s: 0.0, lock });
        session.save(start_unix_s)?;
        session.folder.write_plan(&session.plan)?;
        session.share_policies()?;
        Ok(session)
    }

    /// Goes on with what is in the folder. Plan and policy are written only once all of it is found good.
    fn go_on(path: &Path, new_goal: Option<Goal>, accepts_changes: bool) -> Result<Self> {
        let folder = RunFolder::open(path)?;
        let lock = Arc::new(RunLock::acquire(folder.folder())?);
        folder.folder().clean_stale()?;
        let mut plan = folder.read_plan()?;
        if folder.is_untrained()? {
            plan.goal = new_goal.unwrap_or(plan.goal);
            return Self::begin_again(folder, plan, lock);
        }
        let checkpoints = folder.checkpoints()?;
        checkpoints.clean_stale()?;
        let mut loaded = generation::load_latest(&checkpoints)?;
        let state = SessionState::of(&loaded)?;
        let mut warnings = std::mem::take(&mut loaded.warnings);
        let ours = settings(plan.params.run.backend)?;
        check_settings(&ours, &state, &mut warnings).map_err(|error| error.in_file(&loaded.path))?;
        let bound = bind(&mut plan, &loaded, accepts_changes, &mut warnings)?;
        let behind = Behind { env_steps: loaded.step, wall_s: state.wall_s };
        let mut notes = Vec::new();
        if let Some(goal) = new_goal {
            goal::check_reachable(&plan, goal, behind).map_err(|error| error.in_file(path))?;
            notes.extend(goal::schedules(&plan, goal, behind));
            plan.goal = goal;
        }
        let stage = state.stage.min(plan.stages.len() - 1);
        let mut learner = learner_of(&plan, stage, |group| folder.opponent(group))?;
        learner.load(&loaded.generation.sections).map_err(|error| error.in_file(&loaded.path))?;
        warnings.extend(generation::rewind(&checkpoints, loaded.step)?);
        let (logs, lost) = Logs::go_on(folder.folder(), &state, loaded.step)?;
        // The checkpoint that is there knows of other logs, or of another plan.
        let is_outdated = !lost.is_empty() || !bound.changes.is_empty();
        warnings.extend(lost);
        if new_goal.is_some() || bound.is_repaired {
            folder.write_plan(&plan)?;
        }
        let mut session = Self::assemble(Parts { folder, plan, learner, stage, logs, earlier_s: state.wall_s, lock });
        session.warnings.extend(warnings);
        session.notes = notes;
        if !bound.changes.is_empty() {
            let changes: Vec<_> = bound.changes.iter().map(Change::to_json).collect();
            session.logs.jsonl.event(loaded.step, state.wall_s, "changes accepted", &changes.into())?;
            session.warnings.extend(bound.changes.iter().map(|change| format!("accepted: {change}")));
        }
        if is_outdated {
            session.checkpoint(unix_s() - state.wall_s)?;
        }
        Ok(session)
    }

    /// Starts the run that is planned in a folder where nothing was trained yet.
    fn begin_again(folder: RunFolder, plan: Plan, lock: Arc<RunLock>) -> Result<Self> {
        let learner = learner_of(&plan, 0, |group| folder.opponent(group))?;
        let events_file = logs::free_events_file(folder.folder())?;
        let path = folder.path().display().to_string();
        let mut session = Self::begin(folder, plan, learner, lock, &events_file)?;
        session.warnings.push(format!(
            "{path}: this run was ended before its first checkpoint, so it starts from its beginning, with new weights"
        ));
        Ok(session)
    }

    fn assemble(parts: Parts) -> Self {
        let Parts { folder, plan, learner, stage, logs, earlier_s, lock } = parts;
        Self {
            folder,
            plan,
            learner,
            stage,
            logs,
            earlier_s,
            started: Instant::now(),
            waited: Duration::ZERO,
            saved_s: earlier_s,
            warnings: lock.warning().map(str::to_owned).into_iter().collect(),
            notes: Vec::new(),
            changing: None,
            _lock: lock,
        }
    }
}

/// What comparing a plan with a checkpoint led to.
struct Bound {
    /// What was changed by hand, and accepted.
    changes: Vec<Change>,
    /// Whether the plan was given a value that a crash had kept from it.
    is_repaired: bool,
}

/// Compares the plan in a folder with the one that its checkpoint was trained under.
fn bind(plan: &mut Plan, loaded: &Loaded, accepts_changes: bool, warnings: &mut Vec<String>) -> Result<Bound> {
    let in_file = |error: Error| error.in_file(&loaded.path);
    let Some(binding) = Binding::read(&loaded.generation).map_err(in_file)? else {
        warnings.push(format!(
            "{}: an older agon wrote this checkpoint without its plan, so changes of `run.ron` or `scenario.ron` since then \
             cannot be noticed",
            loaded.path.display()
        ));
        return Ok(Bound { changes: Vec::new(), is_repaired: false });
    };
    let is_repaired = binding.finish_change(plan).map_err(in_file)?;
    let changes = binding.changes(plan);
    match binding::refusal(&changes).filter(|_| !accepts_changes) {
        Some(error) => Err(in_file(error)),
        None => Ok(Bound { changes, is_repaired }),
    }
}
