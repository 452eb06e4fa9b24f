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
        acting::Decision,
        card::{CARD_FILE, Card, Shared, folders as folders_of, load_card},
        cast::{Cast, Casting, Player},
        shipped::shipped,
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
    /// Its cards, one for each group that it has learned for.
    pub cards: Vec<Card>,
    /// Why it cannot act, for each group of the scenario; nothing where it can.
    pub misfits: Vec<Option<String>>,
}

impl Offer {
    /// Why it cannot act for group `group`; nothing if it can.
    pub fn misfit(&self, group: usize) -> Option<&str> {
        self.misfits.get(group)?.as_deref()
    }

    /// The groups that it can act for.
    pub fn groups(&self) -> impl Iterator<Item = usize> {
        self.misfits.iter().enumerate().filter(|(_, misfit)| misfit.is_none()).map(|(group, _)| group)
    }

    /// Whether it can act for some group.
    pub fn fits(&self) -> bool {
        self.groups().next().is_some()
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
    let (domain, casting) = (scenario.domain.domain(), places::casting(scenario));
    let groups = domain.spec(scenario.max_steps).groups;
    let mut offers = Vec::new();
    for training in trainings {
        let (id, run) = (training.id(), training.name());
        let (kind, doc) = match training.is_alive() {
            true => (OfferKind::Newest(id), format!("newest policy of {run}")),
            false => (OfferKind::Finished(id), format!("last policy of {run}")),
        };
        let cards = training.policies().iter().map(|policy| policy.card.clone()).collect();
        offers.push(Offer { doc, ..of_cards(newest_name(id), kind, Ok(cards), &casting, groups.len()) });
    }
    offers.extend(domain.baselines().into_iter().map(|baseline| {
        let misfit = |group: &str| (group != baseline.group).then(|| format!("it acts for `{}`", baseline.group));
        Offer {
            name: baseline.name.to_owned(),
            kind: OfferKind::Baseline { is_privileged: baseline.privileged },
            doc: baseline.doc.to_owned(),
            cards: Vec::new(),
            misfits: groups.iter().map(|group| misfit(group.name)).collect(),
        }
    }));
    if let Some(checkpoints) = places::checkpoints() {
        for found in shipped(&checkpoints)?.into_iter().filter(|found| found.domain == domain.id()) {
            offers.push(of_cards(found.name, OfferKind::Shipped, found.cards, &casting, groups.len()));
        }
    }
    for path in run_folders()? {
        let cards = folders_of(&path).and_then(|own| own.iter().map(|path| load_card(path)).collect());
        offers.push(of_cards(path.display().to_string(), OfferKind::Run, cards, &casting, groups.len()));
    }
    Ok(offers)
}

/// Folders below [`RUNS`] that hold a policy, newest name first.
///
/// # Errors
/// What the file system reports.
pub(super) fn run_folders() -> Result<Vec<PathBuf>> {
    let mut folders = files_in(Path::new(RUNS))?;
    folders.retain(|path| folders_of(path).is_ok_and(|own| own.iter().any(|path| path.join(CARD_FILE).is_file())));
    folders.reverse();
    Ok(folders)
}

/// The seats that a command fills by calling a cast `name`, one for each group of `scenario`; none for a group that it does not
/// name.
///
/// # Errors
/// A name that nothing has, files that cannot be used, or a policy that does not fit, with the reason.
pub(super) fn named_seats(scenario: &Scenario, name: &str, trainings: &[Training]) -> Result<Vec<Option<Seat>>> {
    if let Some(training) = newest(name, trainings)? {
        let groups = scenario.domain.domain().spec(scenario.max_steps).groups;
        let own = |(index, group): (usize, &GroupSpec)| {
            training.policy_for(group.name).map(|policy| follow(scenario, index, training, policy)).transpose()
        };
        return groups.iter().enumerate().map(own).collect();
    }
    let Cast { players, is_named, .. } = places::casting(scenario).cast(name)?;
    Ok(players.into_iter().zip(is_named).map(|(player, is_named)| is_named.then(|| Seat::from(player))).collect())
}

/// The seats of a cast called `name`, or, without a name, those that `scenario` opens with.
///
/// # Errors
/// As [`named_seats`].
pub(super) fn seats(scenario: &Scenario, name: Option<&str>, trainings: &[Training]) -> Result<Vec<Seat>> {
    let casting = places::casting(scenario);
    let Some(name) = name else { return Ok(casting.opening()?.players.into_iter().map(Seat::from).collect()) };
    let named = named_seats(scenario, name, trainings)?.into_iter().enumerate();
    named.map(|(group, seat)| seat.map_or_else(|| casting.default_player(group).map(Seat::from), Ok)).collect()
}

/// The policy that a command calls `name`, ready to act for group `group` of `scenario`.
///
/// # Errors
/// As [`named_seats`].
pub(super) fn seat(scenario: &Scenario, group: usize, name: &str, trainings: &[Training]) -> Result<Seat> {
    match newest(name, trainings)? {
        Some(training) => {
            let groups = scenario.domain.domain().spec(scenario.max_steps).groups;
            let policy = groups.get(group).and_then(|group| training.policy_for(group.name));
            let policy = policy.ok_or_else(|| Error::input("this run does not learn for that group"))?;
            follow(scenario, group, training, policy)
        }
        None => places::casting(scenario).player(group, name).map(Seat::from),
    }
}

/// What a run had learned by some checkpoint, ready to act in `scenario`, and for which group.
///
/// # Errors
/// A policy that does not fit, with the reason.
pub(super) fn seat_of(scenario: &Scenario, run: &Path, shared: Shared) -> Result<(usize, Seat)> {
    let group = scenario.domain.domain().spec(scenario.max_steps).group(&shared.card.group).unwrap_or(0);
    let layout = places::casting(scenario).check_fit(group, &shared.card)?;
    let name = format!("{} at {}", run.display(), shared.card.env_steps);
    Ok((group, Seat::from(Player::learned(name, shared, Decision::Mode, layout)?)))
}

/// The run whose newest policy is called `name`, if that is the kind of name it is.
fn newest<'t>(name: &str, trainings: &'t [Training]) -> Result<Option<&'t Training>> {
    let Some(id) = name.strip_prefix(NEWEST) else { return Ok(None) };
    let training = trainings.iter().find(|training| training.id().0.to_string() == id);
    training.map(Some).ok_or_else(|| Error::input(format!("no training run of this window is number {id}")))
}

fn follow(scenario: &Scenario, group: usize, training: &Training, policy: Arc<Shared>) -> Result<Seat> {
    places::casting(scenario).check_fit(group, &policy.card)?;
    Seat::following(training, policy)
}

/// What a command calls the newest policy of a run.
pub fn newest_name(id: TrainingId) -> String {
    format!("{NEWEST}{}", id.0)
}

fn of_cards(name: String, kind: OfferKind, cards: Result<Vec<Card>>, casting: &Casting<'_>, groups: usize) -> Offer {
    let cards = match cards {
        Ok(cards) => cards,
        Err(error) => {
            let misfits = vec![Some(error.to_string()); groups];
            return Offer { name, kind, doc: "cannot be read".to_owned(), cards: Vec::new(), misfits };
        }
    };
    let misfit = |group: usize| {
        let mut refusals = cards.iter().map(|card| casting.check_fit(group, card).err());
        let first = refusals.next().flatten();
        first.filter(|_| refusals.all(|refusal| refusal.is_some())).map(|error| error.to_string())
    };
    let misfits = (0..groups).map(misfit).collect();
    let doc = cards.first().map(Card::origin).unwrap_or_default();
    Offer { name, kind, doc, cards, misfits }
}
