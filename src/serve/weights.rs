//! Who decides: a rule, or a network whose files are watched, with a rule for when the network cannot.
//!
//! | the files | what happens |
//! |---|---|
//! | change | they are read again; until that succeeds, the fallback decides |
//! | are not there | the fallback decides, whatever was read before: what was taken away shall not act |
//! | are damaged, do not belong together or do not fit the scenario | the fallback decides, and they are tried again |
//! | are older than they may be | the fallback decides |
//!
//! They are looked at before a decision, at most every 200 ms, so that no decision pays for the one before.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    domains::cluster::{
        ClusterParams,
        placer::{FALLBACK, FALLBACK_NAME, Placer, Scripted},
    },
    error::{Error, Result},
    policy::{
        acting::{Decision, NetworkPolicy},
        card::{CARD_FILE, Shared, WEIGHTS_FILE},
        registry::Registry,
    },
    sim::{Domain, GroupSpec},
};

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_millis(200);

/// Why the fallback decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The files are not there.
    Missing,
    /// The files cannot be used.
    Unreadable,
    /// The files are older than they may be.
    Stale,
    /// What the network puts out is not a number.
    NotANumber,
}

impl Reason {
    pub(super) const ALL: [Self; 4] = [Self::Missing, Self::Unreadable, Self::Stale, Self::NotANumber];

    pub(super) fn label(self) -> &'static str {
        ["missing", "unreadable", "stale", "not_a_number"][self as usize]
    }
}

/// Who decides.
pub struct Decider {
    name: String,
    kind: Kind,
}

enum Kind {
    Rule(Scripted),
    Network(Box<Weights>),
}

/// A network, where it comes from, and how it is.
struct Weights {
    place: Option<Place>,
    acting: Option<NetworkPolicy>,
    /// What keeps it from deciding.
    trouble: Option<(Reason, String)>,
    loads: u64,
}

/// Where weights are watched.
struct Place {
    params: ClusterParams,
    group: GroupSpec,
    path: PathBuf,
    max_age: Option<Duration>,
    stamp: Option<Stamp>,
    looked: Option<Instant>,
}

/// When the weights and their card were written last, their lengths, and which files they are.
type Stamp = [Option<(SystemTime, u64, u64)>; 2];

impl Decider {
    /// The policy called `name`: a baseline, a shipped checkpoint, a folder or a file of weights. Weights need not be there
    /// yet; `max_age` is the age from which on they count as stale.
    ///
    /// # Errors
    /// A name that nothing has, or a baseline that knows the future.
    pub fn find(
        params: &ClusterParams,
        name: &str,
        checkpoints: Option<&Path>,
        max_age: Option<Duration>,
    ) -> Result<Self> {
        if let Some(rule) = Scripted::named(name)? {
            return Ok(Self { name: name.to_owned(), kind: Kind::Rule(rule) });
        }
        let group = group(params);
        let path = registry(params, &group, checkpoints).locate(name)?;
        let place = Place { params: params.clone(), group, path, max_age, stamp: None, looked: None };
        let weights = Weights { place: Some(place), acting: None, trouble: None, loads: 0 };
        Ok(Self { name: name.to_owned(), kind: Kind::Network(Box::new(weights)) })
    }

    /// A network that is there already.
    ///
    /// # Errors
    /// A network that does not fit the scenario.
    pub fn network(params: &ClusterParams, shared: Shared) -> Result<Self> {
        shared.card.check_fit(&group(params))?;
        let name = shared.card.name.clone();
        let acting = Some(acting(shared)?);
        let weights = Weights { place: None, acting, trouble: None, loads: 1 };
        Ok(Self { name, kind: Kind::Network(Box::new(weights)) })
    }

    /// What it was called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Name of the rule that decides where this cannot.
    pub(super) fn fallback(&self) -> &'static str {
        FALLBACK_NAME
    }

    /// Looks at the files if it is time to.
    pub(super) fn look(&mut self, now: Instant) {
        if let Kind::Network(weights) = &mut self.kind {
            weights.look(now);
        }
    }

    /// What keeps the policy from deciding, and how often it was read.
    pub(super) fn state(&self) -> (Option<(Reason, &str)>, u64) {
        match &self.kind {
            Kind::Rule(_) => (None, 0),
            Kind::Network(weights) => {
                (weights.trouble.as_ref().map(|(reason, detail)| (*reason, detail.as_str())), weights.loads)
            }
        }
    }

    /// The node for the request that the placer has in hand, which some node can take, and why the fallback chose it, if it
    /// did.
    pub(super) fn decide(&mut self, placer: &mut Placer, now: Instant) -> (Option<usize>, Option<Reason>) {
        self.look(now);
        let weights = match &mut self.kind {
            Kind::Rule(rule) => return (placer.choose_by(*rule), None),
            Kind::Network(weights) => weights,
        };
        let reason = match (&weights.trouble, &mut weights.acting) {
            (Some((reason, _)), _) => *reason,
            (None, None) => Reason::Missing,
            (None, Some(acting)) => {
                let (observations, actions) = placer.see();
                match acting.decide(observations, actions) {
                    Ok(()) => return (placer.choose(), None),
                    Err(_) => Reason::NotANumber,
                }
            }
        };
        (placer.choose_by(FALLBACK), Some(reason))
    }
}

impl Weights {
    fn look(&mut self, now: Instant) {
        let Some(place) = &mut self.place else { return };
        if place.looked.is_some_and(|looked| now.saturating_duration_since(looked) < LOOK) {
            return;
        }
        place.looked = Some(now);
        let stamp = stamp(&place.path);
        let [weights, _] = stamp;
        let Some((written, ..)) = weights else {
            let told = format!("{}: there are no weights", place.path.display());
            self.trouble = Some((Reason::Missing, told));
            (self.acting, place.stamp) = (None, None);
            return;
        };
        if place.stamp != Some(stamp) || self.acting.is_none() {
            self.acting = None;
            let shared = registry(&place.params, &place.group, None).load(&place.path);
            match shared.and_then(acting) {
                Ok(acting) => {
                    self.acting = Some(acting);
                    self.loads += 1;
                    place.stamp = Some(stamp);
                }
                Err(error) => {
                    self.trouble = Some((Reason::Unreadable, error.to_string()));
                    return;
                }
            }
        }
        // A file from the future is new.
        let age = written.elapsed().unwrap_or_default();
        let is_stale = place.max_age.is_some_and(|max_age| age > max_age);
        self.trouble = is_stale.then(|| {
            let told = format!("{}: written {} s ago", place.path.display(), age.as_secs());
            (Reason::Stale, told)
        });
    }
}

/// The network at work.
///
/// # Errors
/// A network of a fixed team: nodes of a real cluster come and go.
fn acting(shared: Shared) -> Result<NetworkPolicy> {
    if let Some(agents) = shared.card.team.agents() {
        let what =
            format!("`{}` acts for exactly {agents} nodes, and those of a cluster come and go", shared.card.name);
        return Err(Error::input(what).hint("use a policy that was trained with `parameter_sharing`"));
    }
    NetworkPolicy::new(Arc::new(shared), Decision::Mode)
}

fn group(params: &ClusterParams) -> GroupSpec {
    params.spec(1).groups.remove(0)
}

fn registry<'a>(params: &'a ClusterParams, group: &'a GroupSpec, checkpoints: Option<&'a Path>) -> Registry<'a> {
    Registry { domain: params, scenario: "", group, checkpoints, decision: Decision::Mode }
}

/// Looks at a folder's weights and card, or at a file of weights and the card beside it.
fn stamp(path: &Path) -> Stamp {
    let folder = if path.is_dir() {
        Some(path)
    } else if path.file_name().is_some_and(|name| name == CARD_FILE) {
        path.parent()
    } else {
        None
    };
    let [weights, card] = match folder {
        Some(folder) => [folder.join(WEIGHTS_FILE), folder.join(CARD_FILE)],
        None => [path.to_owned(), path.with_file_name(CARD_FILE)],
    };
    [weights, card].map(|file| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
    })
}
