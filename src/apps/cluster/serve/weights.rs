//! Who decides: a rule, or a network whose files are watched, with a rule for when the network cannot.
//!
//! | the files | what happens |
//! |---|---|
//! | change | they are read again; until that succeeds, the fallback decides |
//! | are not there | the fallback decides, whatever was read before: what was taken away shall not act |
//! | are damaged, do not belong together or do not fit the scenario | the fallback decides until they change |
//! | are longer than any that agon trains | they are not read: the fallback decides until they change |
//! | are older than they may be | the fallback decides |
//!
//! They are looked at before a decision, at most every 200 ms, so that no decision pays for the one before. A look asks the
//! file system about the files; it reads them only if its answer has changed.

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
    error::{Error, ErrorKind, Result},
    policy::{
        acting::{Decision, NetworkPolicy},
        card::{CARD_FILE, Shared, WEIGHTS_FILE},
        cast::Casting,
    },
    sim::Domain,
};

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_millis(200);

/// Longest file of weights that is read. The widest network that can be trained, 4,096 numbers in both hidden layers, has
/// 68 MB; a decision waits while the file is read.
const MAX_WEIGHTS_BYTES: u64 = 96 << 20;

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
    path: PathBuf,
    max_age: Option<Duration>,
    /// What the files were like when they were read last; none if they shall be read again in any case.
    read: Option<[Option<Stamp>; 2]>,
    looked: Option<Instant>,
    /// How often they were read, whatever came of it.
    #[cfg(test)]
    reads: u64,
}

/// What the file system says of a file. It differs once the file has been written, replaced or made readable.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    written: SystemTime,
    /// When it, its name or its permissions changed last, in s and ns of Unix time. Nobody can set this.
    changed: (i64, i64),
    bytes: u64,
    inode: u64,
}

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
        let path = casting(params).with_checkpoints(checkpoints.map(Path::to_owned)).locate(name)?;
        let place = Place {
            params: params.clone(),
            path,
            max_age,
            read: None,
            looked: None,
            #[cfg(test)]
            reads: 0,
        };
        let weights = Weights::new(Some(place), None);
        Ok(Self { name: name.to_owned(), kind: Kind::Network(Box::new(weights)) })
    }

    /// A network that is there already.
    ///
    /// # Errors
    /// A network that does not fit the scenario.
    pub fn network(params: &ClusterParams, shared: Shared) -> Result<Self> {
        casting(params).check_fit(0, &shared.card)?;
        let name = shared.card.name.clone();
        let weights = Weights::new(None, Some(acting(shared)?));
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

    /// How often files were read, whatever came of it.
    #[cfg(test)]
    pub(super) fn reads(&self) -> u64 {
        match &self.kind {
            Kind::Rule(_) => 0,
            Kind::Network(weights) => weights.place.as_ref().map_or(0, |place| place.reads),
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
    fn new(place: Option<Place>, acting: Option<NetworkPolicy>) -> Self {
        Self { place, loads: u64::from(acting.is_some()), acting, trouble: None }
    }

    fn look(&mut self, now: Instant) {
        let Some(place) = &mut self.place else { return };
        if place.looked.is_some_and(|looked| now.saturating_duration_since(looked) < LOOK) {
            return;
        }
        place.looked = Some(now);
        let stamps = stamps(&place.path);
        let [Some(weights), _] = stamps else {
            let told = format!("{}: there are no weights", place.path.display());
            self.trouble = Some((Reason::Missing, told));
            (self.acting, place.read) = (None, None);
            return;
        };
        if place.read != Some(stamps) {
            self.acting = None;
            match place.load(&weights) {
                Ok(acting) => {
                    self.acting = Some(acting);
                    self.loads += 1;
                    place.read = Some(stamps);
                }
                Err(error) => {
                    // What is wrong with a file stays so until it changes. A lack of memory passes, and whoever changed it a
                    // moment ago may not be done.
                    let may_pass = error.kind() == ErrorKind::System || stamps.iter().flatten().any(Stamp::is_fresh);
                    place.read = (!may_pass).then_some(stamps);
                    self.trouble = Some((Reason::Unreadable, error.to_string()));
                }
            }
        }
        if self.acting.is_none() {
            return;
        }
        // A file from the future is new.
        let age = weights.written.elapsed().unwrap_or_default();
        let is_stale = place.max_age.is_some_and(|max_age| age > max_age);
        self.trouble = is_stale.then(|| {
            let told = format!("{}: written {} s ago", place.path.display(), age.as_secs());
            (Reason::Stale, told)
        });
    }
}

impl Place {
    /// Reads the files, unless the length that their stamp tells is that of none that can be used.
    fn load(&mut self, weights: &Stamp) -> Result<NetworkPolicy> {
        if weights.bytes > MAX_WEIGHTS_BYTES {
            let what = format!("{} bytes of weights, and no more than {MAX_WEIGHTS_BYTES} are read", weights.bytes);
            return Err(Error::input(what).in_file(&self.path).hint("check that this is the policy you mean"));
        }
        #[cfg(test)]
        {
            self.reads += 1;
        }
        casting(&self.params).load(0, &self.path).and_then(acting)
    }
}

impl Stamp {
    fn of(file: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(file).ok()?;
        Some(Self {
            written: metadata.modified().ok()?,
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            bytes: metadata.len(),
            inode: metadata.ino(),
        })
    }

    /// Whether the file changed since a look ago.
    fn is_fresh(&self) -> bool {
        let (seconds, nanos) = self.changed;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let age_ns = now.as_nanos().cast_signed() - (i128::from(seconds) * 1_000_000_000 + i128::from(nanos));
        (0..LOOK.as_nanos().cast_signed()).contains(&age_ns)
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

/// Where names are looked up; a cluster outside of any simulation is no scenario.
fn casting(params: &ClusterParams) -> Casting<'_> {
    Casting::new(params, "", params.spec(1))
}

/// Looks at a folder's weights and card, or at a file of weights and the card beside it.
fn stamps(path: &Path) -> [Option<Stamp>; 2] {
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
    [weights, card].map(|file| Stamp::of(&file))
}
