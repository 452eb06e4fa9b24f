//! Every policy that could act in the scenario on show: baselines, shipped checkpoints, runs, and runs under way.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    seat::Seat,
    training::{Training, TrainingId},
};
use crate::{
    domains::Scenario,
    durable::files_in,
    error::{Error, Result},
    places,
    policy::{
        acting::{Decision, NetworkPolicy},
        card::{CARD_FILE, Card, Shared, load_card},
        registry::{Entry, Registry, shipped},
    },
    sim::GroupSpec,
};

/// Folder of the runs.
pub(super) const RUNS: &str = "runs";

/// A policy that can be chosen.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What to call it in a command: a name or a path.
    pub name: String,
    /// What kind of policy it is.
    pub kind: OfferKind,
    /// What it is, in a sentence.
    pub doc: String,
    /// Its card, if it was learned.
    pub card: Option<Card>,
    /// Why it cannot act, for each group of the scenario; nothing where it can.
    pub misfits: Vec<Option<String>>,
}

impl Offer {
    /// Why it cannot act for group `group`; nothing if it can.
    pub fn misfit(&self, group: usize) -> Option<&str> {
        self.misfits.get(group)?.as_deref()
    }

    /// Whether it can act for every group.
    pub fn fits(&self) -> bool {
        self.misfits.iter().all(Option::is_none)
    }
}

/// Kinds of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OfferKind {
    /// The newest policy of a run under way.
    Newest(TrainingId),
    /// The last policy of a run of this window that is over.
    Finished(TrainingId),
    /// A scripted policy of the domain.
    Baseline {
        /// Whether it reads more than the observations.
        is_privileged: bool,
    },
    /// A checkpoint that comes with agon.
    Shipped,
    /// What a run has left.
    Run,
}

impl OfferKind {
    /// What it is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Newest(_) => "in training",
            Self::Finished(_) => "trained here",
            Self::Baseline { is_privileged: false } => "baseline",
            Self::Baseline { is_privileged: true } => "baseline, privileged",
            Self::Shipped => "shipped",
            Self::Run => "run",
        }
    }
}

/// Prefix of the name of the newest policy of a run under way.
const NEWEST: &str = "newest:";

/// The policies for the groups of `scenario`, those under way first.
///
/// # Errors
/// What the file system reports.
pub(super) fn offers(scenario: &Scenario, trainings: &[Training]) -> Result<Vec<Offer>> {
    let domain = scenario.domain.domain();
    let groups = domain.spec(scenario.max_steps).groups;
    let mut offers = Vec::new();
    for training in trainings {
        let card = training.policy().card.clone();
        let (id, run) = (training.id(), training.name());
        let (kind, doc) = match training.is_alive() {
            true => (OfferKind::Newest(id), format!("newest policy of {run}")),
            false => (OfferKind::Finished(id), format!("last policy of {run}")),
        };
        offers.push(learned(newest_name(id), kind, doc, card, domain.id(), &groups));
    }
    offers.extend(domain.baselines().into_iter().map(|baseline| Offer {
        name: baseline.name.to_owned(),
        kind: OfferKind::Baseline { is_privileged: baseline.privileged },
        doc: baseline.doc.to_owned(),
        card: None,
        misfits: vec![None; groups.len()],
    }));
    if let Some(checkpoints) = places::checkpoints() {
        for found in shipped(&checkpoints)? {
            if found.domain == domain.id() {
                offers.push(of_card(found.name, OfferKind::Shipped, found.card, domain.id(), &groups));
            }
        }
    }
    for path in run_folders()? {
        let name = path.display().to_string();
        offers.push(of_card(name, OfferKind::Run, load_card(&path), domain.id(), &groups));
    }
    Ok(offers)
}

/// Folders below [`RUNS`] that hold a policy, newest name first.
///
/// # Errors
/// What the file system reports.
pub(super) fn run_folders() -> Result<Vec<PathBuf>> {
    let mut folders = files_in(Path::new(RUNS))?;
    folders.retain(|path| path.join(CARD_FILE).is_file());
    folders.reverse();
    Ok(folders)
}

/// The policy that a command calls `name`, ready to act for group `group` of `scenario`.
///
/// # Errors
/// A name that nothing has, files that cannot be used, or a policy that does not fit, with the reason.
pub(super) fn seat(scenario: &Scenario, group: usize, name: &str, trainings: &[Training]) -> Result<Seat> {
    let domain = scenario.domain.domain();
    let spec = domain.spec(scenario.max_steps);
    let group = spec.groups.get(group).ok_or_else(|| Error::input(format!("there is no group {group}")))?;
    if let Some(id) = name.strip_prefix(NEWEST) {
        let training = trainings.iter().find(|training| training.id().0.to_string() == id);
        let training =
            training.ok_or_else(|| Error::input(format!("no training run of this window is number {id}")))?;
        check_fit(&training.policy().card, domain.id(), group)?;
        return Seat::following(training);
    }
    let checkpoints = places::checkpoints();
    let registry = Registry {
        domain,
        scenario: &scenario.name,
        group,
        checkpoints: checkpoints.as_deref(),
        decision: Decision::Mode,
    };
    let entry = registry.resolve([name])?.entries.into_iter().next();
    entry.map(Seat::from).ok_or_else(|| Error::input(format!("no policy is called `{name}`")))
}

/// What a run had learned by some checkpoint, ready to act for group `group` of `scenario`.
///
/// # Errors
/// A policy that does not fit, with the reason.
pub(super) fn seat_of(scenario: &Scenario, group: usize, run: &Path, shared: Shared) -> Result<Seat> {
    let domain = scenario.domain.domain();
    let spec = domain.spec(scenario.max_steps);
    let group = spec.groups.get(group).ok_or_else(|| Error::input(format!("there is no group {group}")))?;
    check_fit(&shared.card, domain.id(), group)?;
    Ok(Seat::from(Entry {
        name: format!("{} at {}", run.display(), shared.card.env_steps),
        doc: String::new(),
        privileged: false,
        layout: Some(group.layout),
        policy: Box::new(NetworkPolicy::new(Arc::new(shared), Decision::Mode)?),
    }))
}

/// What a command calls the newest policy of a run.
pub fn newest_name(id: TrainingId) -> String {
    format!("{NEWEST}{}", id.0)
}

/// The policy that a scenario opens with: its shipped checkpoint if there is one that fits, else the first baseline that a
/// person would call one.
pub(super) fn default_policy(scenario: &Scenario) -> String {
    let domain = scenario.domain.domain();
    let baselines = domain.baselines();
    let spec = domain.spec(scenario.max_steps);
    let fits = |card: &Card| spec.groups.first().is_some_and(|group| check_fit(card, domain.id(), group).is_ok());
    let shipped = places::checkpoints().and_then(|folder| shipped(&folder).ok()).unwrap_or_default();
    let mut fitting = shipped.into_iter().filter(|found| found.domain == domain.id());
    let own = fitting.find(|found| found.name == scenario.name && found.card.as_ref().is_ok_and(fits));
    let strongest_open = baselines.iter().rfind(|baseline| !baseline.privileged);
    own.map(|found| found.name)
        .or_else(|| strongest_open.or(baselines.first()).map(|baseline| baseline.name.to_owned()))
        .unwrap_or_default()
}

fn of_card(name: String, kind: OfferKind, card: Result<Card>, domain: &str, groups: &[GroupSpec]) -> Offer {
    match card {
        Ok(card) => {
            let doc = format!("learned by {} in {}, {} env-steps", card.algorithm, card.scenario, card.env_steps);
            learned(name, kind, doc, card, domain, groups)
        }
        Err(error) => {
            let misfits = vec![Some(error.to_string()); groups.len()];
            Offer { name, kind, doc: "cannot be read".to_owned(), card: None, misfits }
        }
    }
}

fn learned(name: String, kind: OfferKind, doc: String, card: Card, domain: &str, groups: &[GroupSpec]) -> Offer {
    let misfit = |group| check_fit(&card, domain, group).err().map(|error| error.to_string());
    let misfits = groups.iter().map(misfit).collect();
    Offer { name, kind, doc, card: Some(card), misfits }
}

fn check_fit(card: &Card, domain: &str, group: &GroupSpec) -> Result<()> {
    if card.domain != domain {
        return Err(Error::input(format!("it acts in domain `{}`, not in `{domain}`", card.domain)));
    }
    card.check_fit(group)
}
