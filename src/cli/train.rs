//! `agon train`: a run from the beginning, from a policy, or from where an earlier one stopped.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    args::{Assignment, TrainArgs},
    next, on_threads, output,
};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    learn::{demand, hyperparameters::PpoParams},
    metrics::{Console, Goal, Point, Progress, Sink},
    places,
    policy::{card, network::Team},
    session::{Control, Ending, News, Observer, Plan, Session, recommended},
    sim::{
        params::{Params, names_of},
        scenario::DomainConfig,
    },
};

/// Minutes of training when neither steps nor minutes are given.
const DEFAULT_MINUTES: f64 = 5.0;

/// Metrics shown beside the progress bar, as far as the domain has them.
const HEADLINE: [&str; 3] = ["charts/episodic_return", "env/reduction", "charts/SPS"];

/// Iterations of the critic alone when a run starts from a policy, so that a fresh critic does not spoil it.
const WARMUP_ITERATIONS: usize = 10;

/// Trains and says what to do next.
pub(super) fn run(args: TrainArgs) -> Result<()> {
    on_threads(args.threads, || {
        let mut session = match &args.resume {
            Some(path) => Session::resume(path, goal(&args))?,
            None => start(&args)?,
        };
        let ending = watch(&mut session)?;
        let (folder, stages) = (session.folder().path(), &session.plan().stages);
        let last = stages.last().ok_or_else(|| Error::input("a run needs a scenario"))?;
        output::note(match ending {
            Ending::Done => format!("done; evaluate it with `{}`", next::evaluate(folder, stages.len() - 1, last)),
            Ending::Stopped => format!("saved; continue it with `{}`", next::resume(folder, &[])),
        });
        output::print(folder.display())
    })
}

fn start(args: &TrainArgs) -> Result<Session> {
    let names: Vec<String> = match &args.scenario {
        Some(scenario) => vec![scenario.clone()],
        None => {
            args.curriculum.iter().flat_map(|list| places::listed(list, |name| Path::new(name).is_file())).collect()
        }
    };
    let mut stages = names.iter().map(|name| places::load_scenario(name)).collect::<Result<Vec<_>>>()?;
    let first = stages.first().zip(names.first());
    let mut params = match first {
        Some((scenario, name)) => recommended(scenario, &places::find_scenario(name)?)?,
        None => PpoParams::default(),
    };
    if args.init.is_some() {
        params.critic_warmup = WARMUP_ITERATIONS;
        // What it has been taught already would be taught over what it has found since.
        params.imitation = 0.0;
    }
    for assignment in &args.set {
        assign(assignment, &mut stages, &mut params)?;
    }
    args.envs.inspect(|envs| params.num_envs = *envs as usize);
    args.algo.inspect(|algo| params.algo = *algo);
    args.backend.inspect(|backend| params.backend = *backend);
    stages.iter().try_for_each(Scenario::check)?;
    let policy = args.init.as_deref().map(card::load).transpose()?;
    if let Some(policy) = &policy {
        let asked = params.clone();
        params.hidden = policy.network.shape().hidden;
        params.action_bins = policy.card.actions.bins;
        params.parameter_sharing = policy.card.team == Team::Any;
        let is_lost = |set: &&Assignment| asked.get(&set.name) != params.get(&set.name);
        if let Some(Assignment { name, value }) = args.set.iter().find(is_lost) {
            let own = params.get(name).unwrap_or_default();
            return Err(Error::input(format!("`{name}` cannot be {value}: the policy to start from has {own}"))
                .hint(format!("leave out `--set {name}=…`")));
        }
    }
    let plan = Plan {
        seed: args.seed.unwrap_or_else(|| stages.first().map_or(0, |scenario| scenario.seed)),
        goal: goal(args).unwrap_or(Goal::Seconds(60.0 * DEFAULT_MINUTES)),
        stages,
        params,
    };
    warn_of(&plan)?;
    Session::start(plan, args.out.as_deref(), policy.as_ref().map(|policy| &policy.network))
}

/// Says what a person would otherwise wonder about, or learn too late.
///
/// # Errors
/// A plan that does not fit into memory, or hyperparameters that would not be used as they are.
fn warn_of(plan: &Plan) -> Result<()> {
    plan.params.consistent()?;
    plan.stages.iter().try_for_each(|stage| demand::check(stage.domain.domain(), stage.max_steps, &plan.params))?;
    let slow = |stage: &Scenario| demand::is_slow(stage.domain.domain(), stage.max_steps, &plan.params);
    if plan.stages.iter().any(slow) {
        output::note(
            "so many envs, steps or hidden units make a long iteration: the first figures may take minutes to come",
        );
    }
    if let Goal::Steps(steps) = plan.goal
        && plan.params.algo.is_off_policy()
        && steps <= plan.params.learning_starts as u64
    {
        let (name, starts) = (plan.params.algo.name(), plan.params.learning_starts);
        output::note(format!(
            "`{name}` begins to learn after {starts} env-steps (`learning_starts`), and this run ends at {steps}"
        ));
    }
    Ok(())
}

fn goal(args: &TrainArgs) -> Option<Goal> {
    args.steps.map(Goal::Steps).or(args.minutes.map(|minutes| Goal::Seconds(60.0 * minutes)))
}

/// Sets a hyperparameter if there is one of that name, otherwise a parameter of every stage.
fn assign(assignment: &Assignment, stages: &mut [Scenario], params: &mut PpoParams) -> Result<()> {
    let Assignment { name, value } = assignment;
    let hyperparameters = names_of(PpoParams::declarations());
    if hyperparameters.contains(name) {
        return params.set(name, value);
    }
    let mut valid = hyperparameters;
    for scenario in stages {
        valid.extend(names_of(scenario.domain.params().declared()));
        if scenario.domain.params().get(name).is_none() && !["seed", "max_steps"].contains(&name.as_str()) {
            return Err(Error::input(format!("there is no parameter `{name}`"))
                .did_you_mean(name, valid.iter().map(String::as_str)));
        }
        scenario.set(name, value)?;
    }
    Ok(())
}

/// Runs a session to its end with a progress bar; an interrupt lets it finish the iteration, save and stop.
pub(super) fn watch(session: &mut Session) -> Result<Ending> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    // Only the first of several sessions of a process can set the handler; it is the same one then.
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    });
    let (folder, scenario) = (session.folder().path().to_owned(), session.plan().stages[0].title.clone());
    let progress = Progress::new(session.plan().goal, session.counters().env_steps, session.wall_s());
    let mut console = Watcher { console: Console::new(progress, &HEADLINE), interrupted };
    console.console.note(&format!("{scenario}: {}", folder.display()))?;
    let ending = session.run(&mut console);
    console.console.finish()?;
    ending
}

/// Shows a run on the terminal.
struct Watcher {
    console: Console,
    interrupted: Arc<AtomicBool>,
}

impl Observer for Watcher {
    fn iterated(&mut self, news: &News<'_>) -> Result<Control> {
        for warning in news.warnings {
            self.console.note(&format!("warning: {warning}"))?;
        }
        let step = news.report.counters.env_steps;
        let scalars: Vec<(&str, f64)> =
            news.report.scalars.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.console.write(&Point { step, wall_s: news.wall_s, scalars: &scalars })?;
        Ok(if self.interrupted.load(Ordering::SeqCst) { Control::Stop } else { Control::Continue })
    }
}

/// A run of its own for `agon quickstart`.
pub(super) fn start_plain(scenario: &str, minutes: f64) -> Result<(Session, PathBuf)> {
    let file = places::find_scenario(scenario)?;
    let stages = vec![places::load_scenario(scenario)?];
    let params = recommended(&stages[0], &file)?;
    let plan = Plan { seed: stages[0].seed, goal: Goal::Seconds(60.0 * minutes), stages, params };
    let session = Session::start(plan, None, None)?;
    let folder = session.folder().path().to_owned();
    Ok((session, folder))
}
