//! Looking names up for one scenario.

use std::path::{Path, PathBuf};

use super::{ALL, Cast, Casts, Player};
use crate::{
    error::{Error, Result},
    policy::{
        acting::Decision,
        card::{self, CARD_FILE, Card, Shared},
        shipped::shipped,
    },
    sim::{Domain, GroupSpec, Spec},
};

/// Where names are looked up, for one scenario.
pub struct Casting<'a> {
    domain: &'a dyn Domain,
    /// Name of the scenario.
    scenario: &'a str,
    /// The groups as the scenario has them, then as they are on other observation layouts that could be shown instead.
    specs: Vec<Spec>,
    /// Folder of the shipped checkpoints, `<domain>/<name>/` below it.
    checkpoints: Option<PathBuf>,
    /// How networks decide.
    decision: Decision,
}

impl<'a> Casting<'a> {
    /// For the scenario called `scenario`, whose domain is `domain`.
    pub fn new(domain: &'a dyn Domain, scenario: &'a str, spec: Spec) -> Self {
        Self { domain, scenario, specs: vec![spec], checkpoints: None, decision: Decision::Mode }
    }

    /// With shipped checkpoints in the folder `checkpoints`.
    pub fn with_checkpoints(self, checkpoints: Option<PathBuf>) -> Self {
        Self { checkpoints, ..self }
    }

    /// For whoever can show each policy its own observation layout: a policy has to fit its group in one of `specs`.
    pub fn with_layouts(mut self, specs: impl IntoIterator<Item = Spec>) -> Self {
        self.specs.extend(specs);
        self
    }

    /// With networks that decide in this way.
    pub fn deciding(self, decision: Decision) -> Self {
        Self { decision, ..self }
    }

    /// The casts called `names`, and what [`ALL`] stands for.
    ///
    /// # Errors
    /// An unknown name (with the nearest known one), files that cannot be used, or a policy that does not fit its group.
    pub fn casts<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<Casts> {
        let mut found = Casts::default();
        for name in names {
            if name == ALL {
                self.add_all(&mut found)?;
            } else if !found.casts.iter().any(|cast| cast.name == name) {
                found.casts.push(self.cast(name)?);
            }
        }
        if found.casts.is_empty() {
            return Err(Error::input("no policy was named").hint(format!("`--policy {ALL}` takes all there are")));
        }
        Ok(found)
    }

    /// The one cast called `name`.
    ///
    /// # Errors
    /// [`ALL`], and those of [`casts`](Self::casts).
    pub fn cast(&self, name: &str) -> Result<Cast> {
        if name == ALL {
            return Err(Error::input(format!("`{ALL}` is many policies, and here one is wanted"))
                .hint("name one of them; `agon list` tells"));
        }
        let mut players: Vec<Option<Player>> = self.groups().iter().map(|_| None).collect();
        match self.parts(name) {
            Some(parts) => {
                for (group, policy) in parts {
                    if players[group].replace(self.player(group, policy)?).is_some() {
                        let group = self.groups()[group].name;
                        return Err(Error::input(format!(
                            "`{}` names two policies for `{group}`",
                            name.escape_debug()
                        )));
                    }
                }
            }
            None => players = self.wherever_it_fits(name)?,
        }
        self.filled(name.to_owned(), players)
    }

    /// The policy called `name`, for the group at `group`.
    ///
    /// # Errors
    /// As [`casts`](Self::casts), and a policy of other groups alone.
    pub fn player(&self, group: usize, name: &str) -> Result<Player> {
        let spec = self.groups().get(group).ok_or_else(|| Error::input(format!("there is no group {group}")))?;
        let mut baselines = self.domain.baselines();
        if let Some(own) = baselines.iter().position(|baseline| baseline.name == name && baseline.group == spec.name) {
            return Ok(baselines.swap_remove(own).into());
        }
        if let Some(other) = baselines.iter().find(|baseline| baseline.name == name) {
            return Err(Error::input(format!(
                "baseline `{name}` acts for group `{}`, not for `{}`",
                other.group, spec.name
            )));
        }
        let (shared, layout) = self.learned(group, name)?;
        Player::learned(name.to_owned(), shared, self.decision, layout)
    }

    /// The learned policy called `name`, for the group at `group`, with the layout on which it fits.
    ///
    /// # Errors
    /// As [`player`](Self::player); also where it is the name of a baseline alone.
    pub fn learned(&self, group: usize, name: &str) -> Result<(Shared, &'static str)> {
        let path = self.existing(name)?;
        let own = path.join(self.groups()[group].name);
        let path = if own.join(CARD_FILE).is_file() { own } else { path };
        let shared = card::load(&path)?;
        let layout = self.check_fit(group, &shared.card).map_err(|error| error.in_file(path))?;
        Ok((shared, layout))
    }

    /// The baseline that plays for the group at `group` where nobody is named.
    ///
    /// # Errors
    /// The domain has no such baseline.
    pub fn default_player(&self, group: usize) -> Result<Player> {
        self.player(group, self.groups()[group].default)
    }

    /// What a scenario opens with: its shipped checkpoint wherever it fits, and defaults elsewhere.
    ///
    /// # Errors
    /// A group without a default.
    pub fn opening(&self) -> Result<Cast> {
        let shipped = self.shipped_path(self.scenario).and_then(|_| self.cast(self.scenario).ok());
        let nobody = || self.groups().iter().map(|_| None).collect();
        shipped.map_or_else(|| self.filled(self.scenario.to_owned(), nobody()), Ok)
    }

    /// Whether `text`, commas included, is one name: that of something that exists, or of a cast of such.
    pub fn is_one_name(&self, text: &str) -> bool {
        let exists = |name: &str| {
            let is_baseline = self.domain.baselines().iter().any(|baseline| baseline.name == name);
            is_baseline || Path::new(name).exists() || self.shipped_path(name).is_some()
        };
        exists(text) || self.parts(text).is_some_and(|parts| parts.iter().all(|(_, policy)| exists(policy)))
    }

    /// The path of the policy called `name`, which is not a baseline: that of a shipped checkpoint, or `name` itself if
    /// it looks like a path, whether or not there is a file.
    ///
    /// # Errors
    /// A name that is neither that of a checkpoint nor a path.
    pub fn locate(&self, name: &str) -> Result<PathBuf> {
        match self.shipped_path(name) {
            Some(path) => Ok(path),
            None if is_path(name) => Ok(PathBuf::from(name)),
            None => Err(self.unknown(name)),
        }
    }

    /// Reads a learned policy for the group at `group`.
    ///
    /// # Errors
    /// Files that cannot be used, or a policy that does not fit the group.
    pub fn load(&self, group: usize, path: &Path) -> Result<Shared> {
        let shared = card::load(path)?;
        self.check_fit(group, &shared.card).map_err(|error| error.in_file(path))?;
        Ok(shared)
    }

    /// Checks that the policy of this card can act for the group at `group`; gives the layout on which it does.
    ///
    /// # Errors
    /// A policy of another domain, group, observation layout or action space, with both named.
    pub fn check_fit(&self, group: usize, card: &Card) -> Result<&'static str> {
        let domain = self.domain.id();
        if card.domain != domain {
            return Err(Error::input(format!(
                "policy `{}` acts in domain `{}`, not in `{domain}`",
                card.name, card.domain
            )));
        }
        let mut shown = self.specs.iter().map(|spec| &spec.groups[group]);
        let fitting = shown.find(|shown| shown.layout == card.layout).unwrap_or(&self.groups()[group]);
        card.check_fit(fitting)?;
        Ok(fitting.layout)
    }

    fn groups(&self) -> &[GroupSpec] {
        &self.specs[0].groups
    }

    /// The groups that a cast names, with their policies; none for a text that is no cast, or that exists as a whole.
    fn parts<'n>(&self, text: &'n str) -> Option<Vec<(usize, &'n str)>> {
        if Path::new(text).exists() || self.shipped_path(text).is_some() {
            return None;
        }
        let mut starts: Vec<(usize, usize, usize)> = Vec::new();
        for (group, spec) in self.groups().iter().enumerate() {
            for (at, _) in text.match_indices(&format!("{}=", spec.name)) {
                if at == 0 || text[..at].ends_with('+') {
                    starts.push((at, at + spec.name.len() + 1, group));
                }
            }
        }
        starts.sort_unstable();
        starts.first().filter(|(at, ..)| *at == 0)?;
        let ends = starts.iter().skip(1).map(|(at, ..)| at - 1).chain([text.len()]);
        Some(starts.iter().zip(ends).map(|((_, from, group), end)| (*group, &text[*from..end])).collect())
    }

    /// The policy called `name`, in the seat of every group that it acts for.
    fn wherever_it_fits(&self, name: &str) -> Result<Vec<Option<Player>>> {
        let mut players: Vec<Option<Player>> = self.groups().iter().map(|_| None).collect();
        for baseline in self.domain.baselines().into_iter().filter(|baseline| baseline.name == name) {
            if let Some(group) = self.specs[0].group(baseline.group) {
                players[group] = Some(baseline.into());
            }
        }
        if players.iter().any(Option::is_some) {
            return Ok(players);
        }
        for path in card::folders(&self.existing(name)?)? {
            let shared = card::load(&path)?;
            // A policy of a group that is not here is refused by the first one that is.
            let group = self.specs[0].group(&shared.card.group).unwrap_or(0);
            let layout = self.check_fit(group, &shared.card).map_err(|error| error.in_file(path))?;
            players[group] = Some(Player::learned(name.to_owned(), shared, self.decision, layout)?);
        }
        Ok(players)
    }

    /// A cast with defaults in its empty seats.
    fn filled(&self, name: String, players: Vec<Option<Player>>) -> Result<Cast> {
        let is_named = players.iter().map(Option::is_some).collect();
        let seated = players.into_iter().enumerate();
        let players = seated.map(|(group, player)| player.map_or_else(|| self.default_player(group), Ok));
        Ok(Cast { name, players: players.collect::<Result<_>>()?, is_named })
    }

    fn add_all(&self, found: &mut Casts) -> Result<()> {
        for baseline in self.domain.baselines() {
            let cast = self.cast(baseline.name)?;
            // Where there are several groups, each one's default is in every cast.
            if !found.casts.iter().any(|other| other.name == cast.name || other.is_like(&cast)) {
                found.casts.push(cast);
            }
        }
        let is_here = found.casts.iter().any(|cast| cast.name == self.scenario);
        let Some(path) = self.shipped_path(self.scenario).filter(|_| !is_here) else { return Ok(()) };
        for folder in card::folders(&path)? {
            let shared = card::load(&folder)?;
            // With parameters changed by hand the checkpoint may no longer fit; the baselines still do.
            if let Err(error) = self.check_fit(self.specs[0].group(&shared.card.group).unwrap_or(0), &shared.card) {
                found.notes.push(format!("the shipped checkpoint is left out: {error}"));
                return Ok(());
            }
        }
        found.casts.push(self.cast(self.scenario)?);
        Ok(())
    }

    /// The path of the policy called `name`, at which there is something.
    fn existing(&self, name: &str) -> Result<PathBuf> {
        let path = self.locate(name)?;
        if !path.exists() {
            return Err(Error::input("there is no such file or folder").in_file(path).hint(format!(
                "name a baseline ({}), a run folder or a `.safetensors` file",
                self.baseline_names().join(", ")
            )));
        }
        Ok(path)
    }

    /// Folder of the shipped checkpoint called `name` or `domain/name`.
    fn shipped_path(&self, name: &str) -> Option<PathBuf> {
        let checkpoints = self.checkpoints.as_ref()?;
        let domain = self.domain.id();
        let own = name.strip_prefix(domain).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
        let is_name = !own.is_empty() && !own.contains(['/', '\\']) && own != "." && own != "..";
        let path = checkpoints.join(domain).join(own);
        (is_name && path.is_dir()).then_some(path)
    }

    fn baseline_names(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = self.domain.baselines().iter().map(|baseline| baseline.name).collect();
        names.dedup();
        names
    }

    fn unknown(&self, name: &str) -> Error {
        let mut valid: Vec<String> = self.baseline_names().into_iter().map(str::to_owned).collect();
        // A folder that cannot be listed suggests no names. The error to report is the unknown name, not the folder.
        let shipped = self.checkpoints.as_ref().and_then(|checkpoints| shipped(checkpoints).ok()).unwrap_or_default();
        valid.extend(shipped.into_iter().filter(|found| found.domain == self.domain.id()).map(|found| found.name));
        valid.push(ALL.to_owned());
        Error::input(format!("unknown policy `{}`", name.escape_debug()))
            .did_you_mean(name, valid.iter().map(String::as_str))
    }
}

/// Whether a name that no policy has looks like a file or folder.
fn is_path(name: &str) -> bool {
    let path = Path::new(name);
    name.contains('/') || path.extension().is_some_and(|end| end == "safetensors" || end == "ron") || path.exists()
}
