//! Names and casts, in a sky with birds and in one with birds and bats.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use bevy_app::App;
use bevy_ecs::world::World;

use super::*;
use crate::{
    policy::{
        card::{
            self,
            tests::{group, shared},
        },
        shipped::shipped,
    },
    sim::{Domain, GroupSpec, Spec},
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

/// Birds, and maybe bats, on an observation layout.
struct Sky {
    layout: &'static str,
    has_bats: bool,
}

const DAY: Sky = Sky { layout: "local", has_bats: false };
const DUSK: Sky = Sky { layout: "local", has_bats: true };

fn birds(layout: &'static str) -> GroupSpec {
    GroupSpec { default: "hover", ..group(layout, 4, 2.0) }
}

fn bats() -> GroupSpec {
    GroupSpec { name: "bats", default: "hang", ..group("echo", 3, 2.0) }
}

impl Domain for Sky {
    fn id(&self) -> &'static str {
        "sky"
    }

    fn spec(&self, max_steps: u32) -> Spec {
        let groups = [birds(self.layout)].into_iter().chain(self.has_bats.then(bats)).collect();
        Spec { groups, metrics: vec![], stratum: None, state: vec![], max_steps }
    }

    fn dt_s(&self) -> f64 {
        1.0
    }

    fn install(&self, _app: &mut App, _envs: usize) {}

    fn baselines(&self) -> Vec<Baseline> {
        let idle =
            |name, group, privileged| Baseline { name, doc: "does nothing", group, privileged, policy: Box::new(Idle) };
        let of_birds = [idle("hover", "birds", false), idle("drift", "birds", false), idle("oracle", "birds", true)];
        let of_bats = [idle("hang", "bats", false), idle("drift", "bats", false)];
        of_birds.into_iter().chain(of_bats.into_iter().filter(|_| self.has_bats)).collect()
    }
}

/// A house with checkpoints for birds, for birds and bats, and, beside them, runs: of birds that see something else, and of
/// bats.
fn house() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, group) in [
        ("checkpoints/sky/day", birds("local")),
        ("checkpoints/sky/dusk/birds", birds("local")),
        ("checkpoints/sky/dusk/bats", bats()),
        ("runs/far", birds("distant")),
        ("runs/bats", bats()),
        ("runs/lr=0.1,seed=2", birds("local")),
    ] {
        let shared = shared(&group, 1);
        card::save(&dir.path().join(path), &shared.network, &shared.card).unwrap().is_promised();
    }
    dir
}

fn casting<'a>(dir: &Path, sky: &'a Sky) -> Casting<'a> {
    let name = if sky.has_bats { "dusk" } else { "day" };
    Casting::new(sky, name, sky.spec(10)).with_checkpoints(Some(dir.join("checkpoints")))
}

fn names(casts: &Casts) -> Vec<&str> {
    casts.casts.iter().map(|cast| cast.name.as_str()).collect()
}

fn players(cast: &Cast) -> Vec<&str> {
    cast.players.iter().map(|player| player.name.as_str()).collect()
}

fn text(path: PathBuf) -> String {
    path.to_str().unwrap().to_owned()
}

#[track_caller]
fn refused(casting: &Casting<'_>, name: &str, because: &str) {
    let error = casting.cast(name).err().unwrap();
    assert!(error.to_string().contains(because), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn a_name_is_a_baseline_a_checkpoint_or_a_path() {
    let dir = house();
    let path = text(dir.path().join("checkpoints/sky/day"));
    let found = casting(dir.path(), &DAY).casts(["oracle", "day", "sky/day", &path]).unwrap();
    assert_eq!(names(&found), ["oracle", "day", "sky/day", &path]);
    assert!(found.casts[0].is_privileged() && !found.casts[1].is_privileged());
}

#[test]
fn all_is_every_baseline_and_the_checkpoint_and_nothing_twice() {
    let dir = house();
    let found = casting(dir.path(), &DAY).casts(["oracle", "all", "day", "oracle"]).unwrap();
    assert_eq!(names(&found), ["oracle", "hover", "drift", "day"]);
    assert!(found.notes.is_empty());
    let found = casting(dir.path(), &DUSK).casts(["all"]).unwrap();
    assert_eq!(names(&found), ["hover", "drift", "oracle", "dusk"], "`hang` alone is what `hover` alone is");
}

#[test]
fn all_leaves_out_a_checkpoint_that_does_not_fit_and_says_so() {
    let dir = house();
    let distant = Sky { layout: "distant", has_bats: false };
    let found = casting(dir.path(), &distant).casts(["all"]).unwrap();
    assert_eq!(names(&found), ["hover", "drift", "oracle"]);
    assert!(found.notes[0].contains("left out") && found.notes[0].contains("`distant`"));
}

#[test]
fn a_policy_of_another_layout_fits_where_it_can_be_shown_its_own() {
    let dir = house();
    let far = text(dir.path().join("runs/far"));
    let shown = |layout| Sky { layout, has_bats: false }.spec(10);
    let found = casting(dir.path(), &DAY).with_layouts([shown("distant")]).casts([far.as_str(), "hover"]).unwrap();
    let layouts: Vec<_> = found.casts.iter().map(Cast::layouts).collect();
    assert_eq!(layouts, [[Some("distant")], [None]]);
    assert!(casting(dir.path(), &DAY).with_layouts([shown("nearby")]).cast(&far).is_err());
}

#[test]
fn what_cannot_act_is_refused_with_the_way_out() {
    let dir = house();
    let (casting, far) = (casting(dir.path(), &DAY), dir.path().join("runs/far"));
    refused(&casting, "hoover", "did you mean `hover`?");
    refused(&casting, "dax", "did you mean `day`?");
    refused(&casting, "../no/such/place", "no such file or folder");
    refused(&casting, "runs/missing", "hover, drift, oracle");
    refused(&casting, &text(far.clone()), "observe layout `local`");
    refused(&casting, &text(far.join("policy.safetensors")), "observe layout `local`");
    refused(&casting, &text(dir.path().join("runs/bats")), "acts for group `bats`, not for `birds`");
    refused(&casting, "all", "one is wanted");
    assert!(casting.casts([]).is_err());
}

#[test]
fn a_name_is_seated_wherever_it_fits_and_defaults_elsewhere() {
    let dir = house();
    let casting = casting(dir.path(), &DUSK);
    let run = text(dir.path().join("runs/bats"));
    for (name, expected, is_named) in [
        ("oracle", ["oracle", "hang"], [true, false]),
        ("hang", ["hover", "hang"], [false, true]),
        ("drift", ["drift", "drift"], [true, true]),
        ("dusk", ["dusk", "dusk"], [true, true]),
        (&run, ["hover", &run], [false, true]),
    ] {
        let cast = casting.cast(name).unwrap();
        assert_eq!((players(&cast), &cast.is_named[..]), (expected.to_vec(), &is_named[..]), "{name}");
    }
    let layouts = casting.cast("dusk").unwrap().layouts();
    assert_eq!(layouts, [Some("local"), Some("echo")]);
}

#[test]
fn a_cast_names_policies_group_by_group() {
    let dir = house();
    let casting = casting(dir.path(), &DUSK);
    let run = text(dir.path().join("runs/lr=0.1,seed=2"));
    let both = format!("bats=drift+birds={run}");
    for (name, expected) in [
        ("birds=oracle", ["oracle", "hang"]),
        ("birds=drift+bats=hang", ["drift", "hang"]),
        ("bats=dusk", ["hover", "dusk"]),
        (&both, [&run, "drift"]),
    ] {
        assert_eq!(players(&casting.cast(name).unwrap()), expected, "{name}");
    }
    refused(&casting, "bats=oracle", "baseline `oracle` acts for group `birds`, not for `bats`");
    refused(&casting, &format!("bats={run}"), "acts for group `birds`, not for `bats`");
    refused(&casting, "birds=hover+birds=drift", "two policies for `birds`");
    refused(&casting, "owls=hover", "unknown policy `owls=hover`");
}

#[test]
fn what_exists_as_a_whole_is_no_cast_and_commas_within_it_separate_nothing() {
    let dir = house();
    let casting = casting(dir.path(), &DUSK);
    let strange = dir.path().join("checkpoints/sky/birds=hover");
    let bird = shared(&birds("local"), 1);
    card::save(&strange, &bird.network, &bird.card).unwrap().is_promised();
    assert_eq!(players(&casting.cast("birds=hover").unwrap()), ["birds=hover", "hang"]);
    let run = text(dir.path().join("runs/lr=0.1,seed=2"));
    for (name, is_one) in [
        (run.as_str(), true),
        (&format!("birds={run}"), true),
        (&format!("birds={run}+bats=hang"), true),
        ("birds=hover,birds=drift", false),
        ("hover,drift", false),
    ] {
        assert_eq!(casting.is_one_name(name), is_one, "{name}");
    }
}

#[test]
fn a_scenario_opens_with_its_checkpoint_or_with_defaults() {
    let dir = house();
    assert_eq!(players(&casting(dir.path(), &DUSK).opening().unwrap()), ["dusk", "dusk"]);
    let distant = Sky { layout: "distant", has_bats: true };
    assert_eq!(players(&casting(dir.path(), &distant).opening().unwrap()), ["hover", "hang"]);
}

#[test]
fn shipped_checkpoints_are_listed_with_what_is_wrong_with_them() {
    let dir = house();
    std::fs::create_dir(dir.path().join("checkpoints/sky/empty")).unwrap();
    let found = shipped(&dir.path().join("checkpoints")).unwrap();
    let list: Vec<_> =
        found.iter().map(|s| (s.domain.as_str(), s.name.as_str(), s.cards.as_ref().map_or(0, Vec::len))).collect();
    assert_eq!(list, [("sky", "day", 1), ("sky", "dusk", 2), ("sky", "empty", 0)]);
    assert!(shipped(&dir.path().join("nowhere")).unwrap().is_empty());
}
