//! `agon train`: a run from the beginning, from a policy, or from where an earlier one stopped.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    args::{Assignment, TrainArgs},
    interrupts::{Outcome, Watch},
    next, on_threads, output,
};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    learn::{demand, hyperparameters::Hyperparameters, learner::group_path},
    metrics::{Console, Goal, Point, Progress, Sink},
    places,
    policy::card::{self, Card, Shared},
    session::{Control, Ending, News, Observer, POOL, Plan, Roles, Session, recommended},
    sim::{
        params::{Kind, Params, names_of},
        scenario::DomainConfig,
    },
};

/// Minutes of training when neither steps nor minutes are given.
const DEFAULT_MINUTES: f64 = 5.0;

/// Metrics shown beside the progress bar after the returns.
const SPEED: &str = "charts/SPS";

/// Iterations of the critic alone when a run starts from a policy, so that a fresh critic does not spoil it.
const WARMUP_ITERATIONS: usize = 10;

/// Trains and says what to do next.
pub(super) fn run(args: TrainArgs) -> Result<Outcome> {
    on_threads(args.threads, || {
        let mut session = match &args.resume {
            Some(path) if args.accept_changes => Session::resume_with_changes(path, goal(&args))?,
            Some(path) => Session::resume(path, goal(&args))?,
            None => start(&args)?,
        };
        session.take_notes().iter().for_each(output::note);
        let was_done = session.progress() >= 1.0;
        let outcome = watch(&mut session)?;
        let (folder, stages) = (session.folder().path(), &session.plan().stages);
        let last = stages.last().ok_or_else(|| Error::input("a run needs a scenario"))?;
        let evaluate = next::evaluate(folder, stages.len() - 1, last);
        output::note(match outcome {
            Outcome::Done if was_done => format!(
                "this run had reached its goal before, so nothing was trained; `--minutes` and `--steps` count from its \
                 beginning; evaluate it with `{evaluate}`"
            ),
            Outcome::Done => format!("done; evaluate it with `{evaluate}`"),
            Outcome::Interrupted(_) => {
                format!("interrupted and saved; continue it with `{}`", next::resume(folder, &[]))
            }
        });
        output::print(folder.display())?;
        Ok(outcome)
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
        None => Hyperparameters::default(),
    };
    if args.init.is_some() {
        params.ppo.critic_warmup = WARMUP_ITERATIONS;
        // What it has been taught already would be taught over what it has found since.
        params.ppo.imitation = 0.0;
    }
    for assignment in &args.set {
        assign(assignment, &mut stages, &mut params)?;
    }
    args.envs.inspect(|envs| params.run.num_envs = *envs as usize);
    args.algo.inspect(|algo| params.run.algo = *algo);
    args.backend.inspect(|backend| params.run.backend = *backend);
    stages.iter().try_for_each(Scenario::check)?;
    let policy = args.init.as_deref().map(card::load).transpose()?;
    if let Some((policy, path)) = policy.as_ref().zip(args.init.as_ref()) {
        let first = stages.first().ok_or_else(|| Error::input("a run needs a scenario"))?;
        check_start(&policy.card, first).map_err(|error| error.in_file(path))?;
        take_over(policy, &args.set, &mut params)?;
    }
    let plan = Plan {
        seed: args.seed.unwrap_or_else(|| stages.first().map_or(0, |scenario| scenario.seed)),
        goal: goal(args).unwrap_or(Goal::Seconds(60.0 * DEFAULT_MINUTES)),
        stages,
        params,
        roles: Roles {
            learn: args.learn.clone(),
            opponents: args.opponents.iter().map(|seat| (seat.name.clone(), seat.value.clone())).collect(),
        },
    };
    plan.params.consistent()?;
    args.set.iter().try_for_each(|set| plan.params.check_read(&set.name))?;
    let opponents = learned_opponents(&plan)?;
    warn_of(&plan, &opponents)?;
    Session::start_against(plan, args.out.as_deref(), policy.as_ref(), &opponents)
}

/// The opponents that are neither baselines nor the run's own past, by the groups that they play.
fn learned_opponents(plan: &Plan) -> Result<BTreeMap<String, Shared>> {
    let scenario = plan.stages.first().ok_or_else(|| Error::input("a run needs a scenario"))?;
    let (domain, casting) = (scenario.domain.domain(), places::casting(scenario));
    let groups = domain.spec(scenario.max_steps).groups;
    let mut learned = BTreeMap::new();
    for (group, name) in plan.roles.opponents.iter().filter(|(_, name)| *name != POOL) {
        // A group that there is not is told when the run is made.
        let Some(index) = groups.iter().position(|own| own.name == group) else { continue };
        let is_script = casting.player(index, name)?.layout.is_none();
        if !is_script {
            learned.insert(group.clone(), casting.learned(index, name)?.0);
        }
    }
    Ok(learned)
}

/// Takes over what a policy to start from decides.
///
/// # Errors
/// One of these was set to something else.
fn take_over(policy: &Shared, set: &[Assignment], params: &mut Hyperparameters) -> Result<()> {
    let asked = params.clone();
    params.start_from(policy);
    let is_lost = |set: &&Assignment| asked.get(&set.name) != params.get(&set.name);
    let Some(Assignment { name, value }) = set.iter().find(is_lost) else { return Ok(()) };
    let own = params.get(name).unwrap_or_default();
    Err(Error::input(format!("`{name}` cannot be {value}: the policy to start from has {own}"))
        .hint(format!("leave out `--set {name}=…`")))
}

/// Says what a person would otherwise wonder about, or learn too late.
///
/// # Errors
/// A plan that does not fit into memory.
fn warn_of(plan: &Plan, opponents: &BTreeMap<String, Shared>) -> Result<()> {
    let mut is_slow = false;
    for stage in &plan.stages {
        let lineup = plan.roles.lineup(stage, |group| Ok(opponents.get(group).cloned()))?;
        demand::check(stage.domain.domain(), stage.max_steps, &plan.params, &lineup)?;
        is_slow |= demand::is_slow(stage.domain.domain(), stage.max_steps, &plan.params, &lineup);
    }
    if is_slow {
        output::note(
            "so many envs, steps or hidden units make a long iteration: the first figures may take minutes to come",
        );
    }
    if let Goal::Steps(steps) = plan.goal
        && plan.params.run.algo.is_off_policy()
        && steps <= plan.params.ddpg.learning_starts as u64
    {
        let (name, starts) = (plan.params.run.algo.name(), plan.params.ddpg.learning_starts);
        output::note(format!(
            "`{name}` begins to learn after {starts} env-steps (`learning_starts`), and this run ends at {steps}"
        ));
    }
    Ok(())
}

/// Says in words what keeps a run in `scenario` from starting with this policy, and what to type instead.
fn check_start(card: &Card, scenario: &Scenario) -> Result<()> {
    let domain = scenario.domain.domain().id();
    if card.domain != domain {
        return Err(Error::input(format!(
            "policy `{}` acts in domain `{}`, not in `{domain}`",
            card.name, card.domain
        ))
        .hint(format!("start from a policy of domain `{domain}`, or leave out `--init`")));
    }
    let own = |scenario: &Scenario| {
        let groups = scenario.domain.domain().spec(scenario.max_steps).groups;
        let own = groups.iter().position(|group| group.name == card.group).unwrap_or(0);
        groups.into_iter().nth(own)
    };
    let sees = |scenario: &Scenario| {
        own(scenario).is_some_and(|group| group.layout == card.layout && group.observation.len() == card.observation)
    };
    if sees(scenario) {
        return Ok(());
    }
    let fit = own(scenario).map_or(Ok(()), |group| card.check_fit(&group));
    // A setting by which the scenario shows what the policy knows, if one does.
    let choices = scenario.domain.params().declared().iter().filter_map(|param| match &param.kind {
        Kind::Choice { names, .. } => Some(names.iter().map(|value| (param.name, *value))),
        _ => None,
    });
    let setting = choices.flatten().find(|(name, value)| {
        let mut other = scenario.clone();
        other.set(name, value).is_ok() && other.check().is_ok() && sees(&other)
    });
    fit.map_err(|error| match setting {
        Some((name, value)) => error
            .hint(format!("add `--set {name}={value}` to show what that policy was trained on, or leave out `--init`")),
        None => error,
    })
}

fn goal(args: &TrainArgs) -> Option<Goal> {
    args.steps.map(Goal::Steps).or(args.minutes.map(|minutes| Goal::Seconds(60.0 * minutes)))
}

/// Sets a hyperparameter if there is one of that name, otherwise a parameter of every stage.
fn assign(assignment: &Assignment, stages: &mut [Scenario], params: &mut Hyperparameters) -> Result<()> {
    let Assignment { name, value } = assignment;
    let hyperparameters = names_of(Hyperparameters::declarations());
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
pub(super) fn watch(session: &mut Session) -> Result<Outcome> {
    let interrupts = Watch::begin("stopping after this iteration, then saving");
    let (folder, scenario) = (session.folder().path().to_owned(), session.plan().stages[0].title.clone());
    let progress = Progress::new(session.plan().goal, session.counters().env_steps, session.wall_s());
    let headline = headline(&session.plan().stages[0]);
    let headline: Vec<&str> = headline.iter().map(String::as_str).collect();
    let mut console = Watcher { console: Console::new(progress, &headline), interrupts };
    console.console.note(&format!("{scenario}: {}", folder.display()))?;
    let ending = session.run(&mut console);
    console.warn(&session.take_warnings())?;
    console.console.finish()?;
    Ok(match (ending?, console.interrupts.signal()) {
        (Ending::Stopped, Some(signal)) => Outcome::Interrupted(signal),
        _ => Outcome::Done,
    })
}

/// What is shown beside the progress bar: the return of each group, what the domain's results are compared by, and the speed.
fn headline(scenario: &Scenario) -> Vec<String> {
    let spec = scenario.domain.domain().spec(scenario.max_steps);
    let returns = (0..spec.groups.len()).map(|group| format!("charts/episodic_return{}", group_path(&spec, group)));
    let score = spec.metrics.first().map(|metric| format!("env/{}", metric.name));
    returns.chain(score).chain([SPEED.to_owned()]).collect()
}

/// Shows a run on the terminal.
struct Watcher {
    console: Console,
    interrupts: Watch,
}

impl Watcher {
    fn warn(&mut self, warnings: &[String]) -> Result<()> {
        warnings.iter().try_for_each(|warning| self.console.note(&format!("warning: {warning}")))
    }
}

impl Observer for Watcher {
    fn iterated(&mut self, news: &News<'_>) -> Result<Control> {
        self.warn(news.warnings)?;
        let step = news.report.counters.env_steps;
        let scalars: Vec<(&str, f64)> =
            news.report.scalars.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.console.write(&Point { step, wall_s: news.wall_s, scalars: &scalars })?;
        Ok(if self.interrupts.signal().is_some() { Control::Stop } else { Control::Continue })
    }
}

/// A run of its own for `agon quickstart`.
pub(super) fn start_plain(scenario: &str, minutes: f64) -> Result<(Session, PathBuf)> {
    let file = places::find_scenario(scenario)?;
    let stages = vec![places::load_scenario(scenario)?];
    let params = recommended(&stages[0], &file)?;
    let plan =
        Plan { seed: stages[0].seed, goal: Goal::Seconds(60.0 * minutes), stages, params, roles: Roles::default() };
    let session = Session::start(plan, None, None)?;
    let folder = session.folder().path().to_owned();
    Ok((session, folder))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use super::*;

    fn shipped(name: &str) -> Scenario {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.ron"));
        Scenario::parse_bytes(&std::fs::read(&path).unwrap(), &path).unwrap()
    }

    #[test]
    fn a_policy_of_another_layout_is_told_in_words_with_what_to_type() {
        let card =
            card::load_card(&Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints/jamming/skirmish")).unwrap();
        let mut scenario = shipped("jamming/skirmish");
        check_start(&card, &scenario).unwrap();
        let own = scenario.domain.params().get("observation").unwrap();
        let other = if own == "seed5" { "local" } else { "seed5" };
        scenario.set("observation", other).unwrap();
        let error = check_start(&card, &scenario).unwrap_err();
        let told = error.to_string();
        assert!(told.contains(&format!("layout `{}`", card.layout)) && told.contains("`--set observation="), "{told}");
        assert!(!told.contains('{') && error.exit_code() == 2, "{told}");
        let told = check_start(&card, &shipped("cluster/default")).unwrap_err().to_string();
        assert!(told.contains("acts in domain `jamming`, not in `cluster`"), "{told}");
    }
}
