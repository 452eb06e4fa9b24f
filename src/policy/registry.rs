//! From a name on the command line to something that acts: scripted baselines, shipped checkpoints, files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    acting::{Decision, NetworkPolicy},
    card::{self, Card, Shared},
};
use crate::{
    durable::files_in,
    error::{Error, Result},
    sim::{Baseline, Domain, GroupSpec, Policy},
};

/// Stands for every baseline and the shipped checkpoint of the scenario.
pub const ALL: &str = "all";

/// A policy ready to be evaluated.
pub struct Entry {
    /// Name in tables: as given on the command line.
    pub name: String,
    /// What it is, in a sentence.
    pub doc: String,
    /// Whether it reads more than the observations.
    pub privileged: bool,
    /// The observation layout that it has learned to read; none for a script, which reads the world itself.
    pub layout: Option<&'static str>,
    /// The policy itself.
    pub policy: Box<dyn Policy>,
}

/// What names were resolved to.
#[derive(Default)]
pub struct Resolved {
    /// The policies, in the order of their names, none twice.
    pub entries: Vec<Entry>,
    /// What the user should know: a checkpoint that `all` had to leave out, say.
    pub notes: Vec<String>,
}

/// Where names are looked up, for one scenario.
pub struct Registry<'a> {
    /// The domain, whose baselines have names.
    pub domain: &'a dyn Domain,
    /// Name of the scenario.
    pub scenario: &'a str,
    /// The group to act for.
    pub group: &'a GroupSpec,
    /// Folder of the shipped checkpoints, `<domain>/<name>/` below it.
    pub checkpoints: Option<&'a Path>,
    /// How networks decide.
    pub decision: Decision,
}

/// A checkpoint that comes with agon.
pub struct Shipped {
    /// Its domain.
    pub domain: String,
    /// Its name within the domain.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// What it is, or what is wrong with it.
    pub card: Result<Card>,
}

/// The checkpoints below the folder `checkpoints`, in the order of their names.
///
/// # Errors
/// What the file system reports.
pub fn shipped(checkpoints: &Path) -> Result<Vec<Shipped>> {
    let mut found = Vec::new();
    for domain in files_in(checkpoints)?.into_iter().filter(|path| path.is_dir()) {
        for path in files_in(&domain)?.into_iter().filter(|path| path.is_dir()) {
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Shipped { domain: name(&domain), name: name(&path), card: card::load_card(&path), path });
        }
    }
    Ok(found)
}

impl From<Baseline> for Entry {
    fn from(Baseline { name, doc, privileged, policy }: Baseline) -> Self {
        Self { name: name.to_owned(), doc: doc.to_owned(), privileged, layout: None, policy }
    }
}

impl Registry<'_> {
    /// The policies called `names`: each a baseline, a shipped checkpoint, a folder or file of weights, or [`ALL`].
    ///
    /// # Errors
    /// An unknown name (with the nearest known one), files that cannot be used, or a policy that does not fit the
    /// group.
    pub fn resolve<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<Resolved> {
        self.resolve_among(names, &[])
    }

    /// The same for whoever can show each policy its own observation layout: a policy has to fit the group or one of `others`,
    /// the group as it would be on other layouts.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn resolve_among<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
        others: &[GroupSpec],
    ) -> Result<Resolved> {
        let mut resolved = Resolved::default();
        for name in names {
            if name == ALL {
                self.add_all(&mut resolved, others)?;
            } else if !resolved.entries.iter().any(|entry| entry.name == name) {
                resolved.entries.push(self.entry(name, others)?);
            }
        }
        if resolved.entries.is_empty() {
            return Err(Error::input("no policy was named").hint(format!("`--policy {ALL}` takes all there are")));
        }
        Ok(resolved)
    }

    fn add_all(&self, resolved: &mut Resolved, others: &[GroupSpec]) -> Result<()> {
        for baseline in self.domain.baselines() {
            if !resolved.entries.iter().any(|entry| entry.name == baseline.name) {
                resolved.entries.push(baseline.into());
            }
        }
        let is_here = |entry: &Entry| entry.name == self.scenario;
        let Some(path) = self.shipped_path(self.scenario).filter(|_| !resolved.entries.iter().any(is_here)) else {
            return Ok(());
        };
        let shared = card::load(&path)?;
        // With parameters changed by hand the checkpoint may no longer fit; the baselines still do.
        match self.check_fit(&shared.card, others) {
            Ok(layout) => resolved.entries.push(learned(self.scenario, shared, self.decision, layout)?),
            Err(error) => resolved.notes.push(format!("the shipped checkpoint is left out: {error}")),
        }
        Ok(())
    }

    fn entry(&self, name: &str, others: &[GroupSpec]) -> Result<Entry> {
        if let Some(baseline) = self.domain.baselines().into_iter().find(|baseline| baseline.name == name) {
            return Ok(baseline.into());
        }
        let path = self.locate(name)?;
        if !path.exists() {
            return Err(Error::input("there is no such file or folder").in_file(path).hint(format!(
                "name a baseline ({}), a run folder or a `.safetensors` file",
                self.baseline_names().join(", ")
            )));
        }
        let shared = card::load(&path)?;
        let layout = self.check_fit(&shared.card, others).map_err(|error| error.in_file(path))?;
        learned(name, shared, self.decision, layout)
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

    /// Reads a learned policy.
    ///
    /// # Errors
    /// Files that cannot be used, or a policy that does not fit the group.
    pub fn load(&self, path: &Path) -> Result<Shared> {
        let shared = card::load(path)?;
        self.check_fit(&shared.card, &[]).map_err(|error| error.in_file(path))?;
        Ok(shared)
    }

    /// Checks that the policy of this card can act for the group, on its own layout or on one of `others`; gives the layout.
    fn check_fit(&self, card: &Card, others: &[GroupSpec]) -> Result<&'static str> {
        let domain = self.domain.id();
        if card.domain != domain {
            return Err(Error::input(format!(
                "policy `{}` acts in domain `{}`, not in `{domain}`",
                card.name, card.domain
            )));
        }
        let group = others.iter().find(|other| other.layout == card.layout).unwrap_or(self.group);
        card.check_fit(group)?;
        Ok(group.layout)
    }

    /// Folder of the shipped checkpoint called `name` or `domain/name`.
    fn shipped_path(&self, name: &str) -> Option<PathBuf> {
        let checkpoints = self.checkpoints?;
        let domain = self.domain.id();
        let own = name.strip_prefix(domain).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
        let is_name = !own.is_empty() && !own.contains(['/', '\\']) && own != "." && own != "..";
        let path = checkpoints.join(domain).join(own);
        (is_name && path.is_dir()).then_some(path)
    }

    fn baseline_names(&self) -> Vec<&'static str> {
        self.domain.baselines().iter().map(|baseline| baseline.name).collect()
    }

    fn unknown(&self, name: &str) -> Error {
        let mut valid: Vec<String> = self.baseline_names().into_iter().map(str::to_owned).collect();
        // A folder that cannot be listed suggests no names. The error to report is the unknown name, not the folder.
        let shipped = self.checkpoints.and_then(|checkpoints| shipped(checkpoints).ok()).unwrap_or_default();
        valid.extend(shipped.into_iter().filter(|found| found.domain == self.domain.id()).map(|found| found.name));
        valid.push(ALL.to_owned());
        Error::input(format!("unknown policy `{}`", name.escape_debug()))
            .did_you_mean(name, valid.iter().map(String::as_str))
    }
}

fn learned(name: &str, shared: Shared, decision: Decision, layout: &'static str) -> Result<Entry> {
    let Card { algorithm, scenario, env_steps, .. } = &shared.card;
    Ok(Entry {
        name: name.to_owned(),
        doc: format!("learned by {algorithm} in {scenario}, {env_steps} env-steps"),
        privileged: false,
        layout: Some(layout),
        policy: Box::new(NetworkPolicy::new(Arc::new(shared), decision)?),
    })
}

/// Whether a name that no policy has looks like a file or folder.
fn is_path(name: &str) -> bool {
    let path = Path::new(name);
    name.contains('/') || path.extension().is_some_and(|end| end == "safetensors" || end == "ron") || path.exists()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use bevy_app::App;
    use bevy_ecs::world::World;

    use super::*;
    use crate::{
        policy::card::tests::{group, shared},
        sim::Spec,
    };

    struct Idle;

    impl Policy for Idle {
        fn act(&mut self, _world: &mut World, _group: usize) -> Result<()> {
            Ok(())
        }

        fn fork(&self) -> Box<dyn Policy> {
            Box::new(Self)
        }
    }

    struct Sky;

    impl Domain for Sky {
        fn id(&self) -> &'static str {
            "sky"
        }

        fn spec(&self, max_steps: u32) -> Spec {
            Spec { groups: vec![group("local", 4, 2.0)], metrics: vec![], stratum: None, reward_clip: None, max_steps }
        }

        fn dt_s(&self) -> f64 {
            1.0
        }

        fn install(&self, _app: &mut App, _envs: usize) {}

        fn baselines(&self) -> Vec<Baseline> {
            let idle = |name, privileged| Baseline { name, doc: "does nothing", privileged, policy: Box::new(Idle) };
            vec![idle("hover", false), idle("oracle", true)]
        }
    }

    /// A house with the checkpoint `dusk` and, beside it, a run folder whose policy has another layout.
    fn house() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, layout) in [("checkpoints/sky/dusk", "local"), ("runs/far", "distant")] {
            let shared = shared(&group(layout, 4, 2.0), 1);
            card::save(&dir.path().join(path), &shared.network, &shared.card).unwrap().is_promised();
        }
        dir
    }

    fn resolve(dir: &Path, layout: &'static str, names: &[&str]) -> Result<Resolved> {
        let checkpoints = dir.join("checkpoints");
        let registry = Registry {
            domain: &Sky,
            scenario: "dusk",
            group: &group(layout, 4, 2.0),
            checkpoints: Some(&checkpoints),
            decision: Decision::Mode,
        };
        registry.resolve(names.iter().copied())
    }

    fn names(resolved: &Resolved) -> Vec<&str> {
        resolved.entries.iter().map(|entry| entry.name.as_str()).collect()
    }

    #[track_caller]
    fn refused(dir: &Path, name: &str, because: &str) {
        let error = resolve(dir, "local", &[name]).err().unwrap();
        assert!(error.to_string().contains(because), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_name_is_a_baseline_a_checkpoint_or_a_path() {
        let dir = house();
        let path = dir.path().join("checkpoints/sky/dusk");
        let path = path.to_str().unwrap();
        let resolved = resolve(dir.path(), "local", &["oracle", "dusk", "sky/dusk", path]).unwrap();
        assert_eq!(names(&resolved), ["oracle", "dusk", "sky/dusk", path]);
        assert!(resolved.entries[0].privileged && !resolved.entries[1].privileged);
    }

    #[test]
    fn all_is_every_baseline_and_the_checkpoint_and_nothing_twice() {
        let dir = house();
        let resolved = resolve(dir.path(), "local", &["oracle", "all", "dusk", "oracle"]).unwrap();
        assert_eq!(names(&resolved), ["oracle", "hover", "dusk"]);
        assert!(resolved.notes.is_empty());
    }

    #[test]
    fn all_leaves_out_a_checkpoint_that_does_not_fit_and_says_so() {
        let dir = house();
        let resolved = resolve(dir.path(), "distant", &["all"]).unwrap();
        assert_eq!(names(&resolved), ["hover", "oracle"]);
        assert!(resolved.notes[0].contains("left out") && resolved.notes[0].contains("`distant`"));
    }

    #[test]
    fn a_policy_of_another_layout_fits_where_it_can_be_shown_its_own() {
        let dir = house();
        let (far, own) = (dir.path().join("runs/far"), group("local", 4, 2.0));
        let registry =
            Registry { domain: &Sky, scenario: "dusk", group: &own, checkpoints: None, decision: Decision::Mode };
        let resolve = |others: &[GroupSpec]| registry.resolve_among([far.to_str().unwrap(), "hover"], others);
        let resolved = resolve(&[group("distant", 4, 2.0)]).unwrap();
        let layouts: Vec<_> = resolved.entries.iter().map(|entry| entry.layout).collect();
        assert_eq!(layouts, [Some("distant"), None]);
        assert!(resolve(&[group("nearby", 4, 2.0)]).is_err());
    }

    #[test]
    fn what_cannot_act_is_refused_with_the_way_out() {
        let dir = house();
        let far = dir.path().join("runs/far");
        refused(dir.path(), "hoover", "did you mean `hover`?");
        refused(dir.path(), "dusc", "did you mean `dusk`?");
        refused(dir.path(), "../no/such/place", "no such file or folder");
        refused(dir.path(), "runs/missing", "hover, oracle");
        refused(dir.path(), far.to_str().unwrap(), "observe layout `local`");
        refused(dir.path(), far.join("policy.safetensors").to_str().unwrap(), "observe layout `local`");
        assert!(resolve(dir.path(), "local", &[]).is_err());
    }

    #[test]
    fn shipped_checkpoints_are_listed_with_what_is_wrong_with_them() {
        let dir = house();
        std::fs::create_dir(dir.path().join("checkpoints/sky/empty")).unwrap();
        let found = shipped(&dir.path().join("checkpoints")).unwrap();
        let list: Vec<_> = found.iter().map(|s| (s.domain.as_str(), s.name.as_str(), s.card.is_ok())).collect();
        assert_eq!(list, [("sky", "dusk", true), ("sky", "empty", false)]);
        assert!(shipped(&dir.path().join("nowhere")).unwrap().is_empty());
    }
}
