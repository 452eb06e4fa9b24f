//! Holds "Who may know whom": reads every file under `src/` and reports each name that its module must not know.
//!
//! ```text
//! cli, window -> session, eval, record -> learn -> policy, metrics -> sim <- domains
//! ```
//! Everything may use `math` and `error`, and whatever writes files, `durable`. What only tests compile (`#[cfg(test)]`,
//! files called `tests.rs`) is not held to the rules: it does not ship.

#![allow(clippy::unwrap_used, reason = "a test that cannot read the sources has to stop")]

mod scan;

use scan::{Named, named_paths};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

/// What each module of `src/` may name of the others, `error` and `math` aside. A new module gets a line here.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("math", &[]),
    ("picture", &[]),
    ("text", &[]),
    ("raster", &["picture"]),
    ("sim", &["picture", "text"]),
    ("domains", &["picture", "sim"]),
    ("durable", &[]),
    ("places", &["domains", "durable", "policy", "sim"]),
    ("memory", &[]),
    ("metrics", &["durable", "sim"]),
    ("policy", &["durable", "sim"]),
    ("priority", &[]),
    ("shell", &[]),
    ("learn", &["durable", "memory", "metrics", "policy", "priority", "sim"]),
    // Peers may use each other as long as no two of them do so both ways; see `circles`.
    ("session", &["domains", "durable", "eval", "learn", "metrics", "policy", "priority", "record", "shell", "sim"]),
    ("eval", &["domains", "durable", "learn", "metrics", "policy", "record", "session", "sim"]),
    ("record", &["domains", "durable", "eval", "learn", "metrics", "policy", "session", "sim"]),
    ("traces", &["domains", "sim", "text"]),
    ("serve", &["domains", "policy", "sim", "text"]),
    ("export", &["domains", "durable", "picture", "policy", "raster", "record", "sim"]),
    (
        "cli",
        &[
            "domains", "durable", "eval", "export", "learn", "metrics", "picture", "places", "policy", "priority",
            "raster", "record", "serve", "session", "shell", "sim", "text", "traces", "window",
        ],
    ),
    (
        "window",
        &[
            "domains", "durable", "eval", "export", "learn", "metrics", "picture", "places", "policy", "priority",
            "raster", "record", "session", "shell", "sim",
        ],
    ),
];

struct Source {
    /// Relative to `src/`, with `/`.
    path: String,
    text: String,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Violation {
    path: String,
    line: usize,
    named: String,
    rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: `{}`: {}", self.path, self.line, self.named, self.rule)
    }
}

#[test]
fn every_module_knows_only_whom_it_may() {
    let mut sources = vec![];
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    assert!(sources.iter().any(|source| source.path == "lib.rs"), "no sources were read");
    let report: Vec<String> = violations(&sources).iter().map(ToString::to_string).collect();
    assert!(report.is_empty(), "the house rules of ARCHITECTURE.md are broken:\n{}", report.join("\n"));
}

fn collect(folder: &Path, relative: &str, sources: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap().to_str().unwrap();
        let path = if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
        if entry.is_dir() {
            collect(&entry, &path, sources);
        } else if path.ends_with(".rs") {
            sources.push(Source { text: std::fs::read_to_string(&entry).unwrap(), path });
        }
    }
}

/// Every broken rule, in the order of files and lines.
fn violations(sources: &[Source]) -> Vec<Violation> {
    let domains: BTreeSet<&str> = sources
        .iter()
        .filter_map(|source| source.path.strip_prefix("domains/"))
        .map(|path| path.split(['/', '.']).next().unwrap_or_default())
        .filter(|name| *name != "mod")
        .collect();
    let mut found = BTreeSet::new();
    let mut edges = vec![];
    for source in sources.iter().filter(|source| !is_test_file(&source.path)) {
        let module = module_of(&source.path);
        let from = module.first().copied().unwrap_or_default();
        let mut report = |line: usize, named: &[String], rule: String| {
            found.insert(Violation { path: source.path.clone(), line, named: named.join("::"), rule });
        };
        if !from.is_empty() && row_of(from).is_none() {
            report(1, &[from.to_owned()], "is a module that MAY_KNOW in tests/architecture does not list".into());
        }
        for Named { path, line } in named_paths(&source.text, &module) {
            for rule in broken_by_name(&source.path, &path) {
                report(line, &path, rule);
            }
            let Some(to) = known_module(&path) else { continue };
            if from.is_empty() || from == to {
                if let Some(rule) = broken_between_domains(&module, &path, &domains) {
                    report(line, &path, rule);
                }
                continue;
            }
            if may_know(from, to) {
                edges.push((from.to_owned(), to.to_owned(), source.path.clone(), line, path));
            } else {
                report(line, &path, format!("`{from}` must not know `{to}`"));
            }
        }
    }
    found.extend(circles(&edges));
    found.into_iter().collect()
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// `sim/batch.rs` is `["sim", "batch"]`, `sim/mod.rs` is `["sim"]`, `lib.rs` and `main.rs` are the root.
fn module_of(path: &str) -> Vec<&str> {
    let mut module: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    if module.last() == Some(&"mod") || matches!(module[..], ["lib" | "main"]) {
        module.pop();
    }
    module
}

fn row_of(module: &str) -> Option<&'static [&'static str]> {
    MAY_KNOW.iter().find(|(name, _)| *name == module).map(|(_, known)| *known)
}

/// The module of this crate that a path leads into; none for other crates and for macros at the root.
fn known_module(path: &[String]) -> Option<&str> {
    let [root, module, ..] = path else { return None };
    (matches!(root.as_str(), "crate" | "agon") && row_of(module).is_some()).then_some(module)
}

fn may_know(from: &str, to: &str) -> bool {
    let universal = to == "error" || (to == "math" && from != "error");
    universal || row_of(from).is_some_and(|known| known.contains(&to))
}

/// Rules about names of other crates.
fn broken_by_name(file: &str, path: &[String]) -> Vec<String> {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    let names = |word: &str| words.contains(&word);
    let mut broken = vec![];
    if matches!(words[..], ["tch" | "torch_sys", ..]) {
        broken.push("only the plugin in torch/ knows libtorch".to_owned());
    }
    if words.first() == Some(&"libloading") && file != "learn/nets/torch/border.rs" {
        broken.push("only learn/nets/torch/border.rs opens shared objects".to_owned());
    }
    // The benchmark of scenes draws what the window draws.
    let is_window_file = file.starts_with("window/") || file == "cli/bench/scene.rs";
    if words.first() == Some(&"bevy") && !is_window_file {
        broken.push("only the window knows the whole of Bevy; elsewhere bevy_ecs and bevy_app do".to_owned());
    }
    if !file.starts_with("sim/") && !file.starts_with("domains/") {
        return broken;
    }
    let mut pure = |is_named: bool, because: &str| {
        if is_named {
            broken.push(format!("sim and domains {because}"));
        }
    };
    let is_window =
        |word: &&str| matches!(*word, "egui" | "bevy_egui" | "winit" | "bevy_winit") || word.starts_with("egui_");
    pure(words.iter().any(is_window), "run without a window");
    let is_clock = matches!(words[..], ["std" | "core", "time", ..]) || names("Instant") || names("SystemTime");
    pure(is_clock, "know no time but the tick");
    pure(matches!(words[..], ["std", "fs", ..]), "read and write no files");
    let is_ambient = names("thread_rng") || names("ThreadRng") || matches!(words[..], ["rand", "rng" | "random", ..]);
    pure(is_ambient, "draw only from addressed streams");
    pure(names("HashMap") || names("HashSet"), "keep no container without an order");
    broken
}

fn broken_between_domains(module: &[&str], path: &[String], domains: &BTreeSet<&str>) -> Option<String> {
    let (["domains", own, ..], [_, parent, other, ..]) = (module, path) else { return None };
    (parent == "domains" && other != own && domains.contains(other.as_str()))
        .then(|| format!("domain `{own}` must not know domain `{other}`"))
}

type Edge = (String, String, String, usize, Vec<String>);

/// Reports every edge that closes a circle among modules that may each know the other.
fn circles(edges: &[Edge]) -> Vec<Violation> {
    let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to, ..) in edges {
        known.entry(from).or_default().insert(to);
    }
    let reaches = |start: &str, goal: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(module) = open.pop() {
            if seen.insert(module) {
                open.extend(known.get(module).into_iter().flatten());
            }
        }
        seen.contains(goal)
    };
    let closing = edges.iter().filter(|(from, to, ..)| reaches(to, from));
    closing
        .map(|(from, to, path, line, named)| Violation {
            path: path.clone(),
            line: *line,
            named: named.join("::"),
            rule: format!("`{from}` and `{to}` know each other"),
        })
        .collect()
}

/// Each rule must be able to fail, and must not fail for what only looks like it.
mod checker {
    use super::*;

    fn report(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source { path: (*path).to_owned(), text: (*text).to_owned() };
        let sources: Vec<Source> = files.iter().map(source).collect();
        violations(&sources).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn breaks(path: &str, text: &str, expected: &str) {
        let found = report(&[(path, text)]);
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "expected one `{expected}` in {text:?}, got {found:#?}"
        );
    }

    #[track_caller]
    fn holds(path: &str, text: &str) {
        assert_eq!(report(&[(path, text)]), Vec::<String>::new(), "{text:?}");
    }

    #[test]
    fn lower_layers_do_not_know_upper_ones() {
        breaks(
            "error.rs",
            "use crate::math::grid;",
            "src/error.rs:1: `crate::math::grid`: `error` must not know `math`",
        );
        breaks("math/grid.rs", "use crate::sim::Batch;", "`math` must not know `sim`");
        breaks("sim/snapshot.rs", "use crate::durable;", "`sim` must not know `durable`");
        breaks("sim/batch.rs", "\nuse crate::domains::TABLE;", "src/sim/batch.rs:2");
        breaks("policy/mod.rs", "fn f(x: crate::learn::Learner) {}", "`policy` must not know `learn`");
        breaks("policy/mod.rs", "use crate::metrics::Point;", "`policy` must not know `metrics`");
        breaks("learn/mod.rs", "use crate::domains::jamming;", "`learn` must not know `domains`");
        breaks("domains/jamming/mod.rs", "use crate::learn::Gae;", "`domains` must not know `learn`");
        breaks("picture/mod.rs", "use crate::sim::Lane;", "`picture` must not know `sim`");
        breaks("raster/mod.rs", "use crate::domains::Scenario;", "`raster` must not know `domains`");
        breaks("sim/view.rs", "use crate::raster::Frame;", "`sim` must not know `raster`");
        breaks("domains/jamming/view.rs", "use crate::window::Theme;", "`domains` must not know `window`");
        breaks("domains/mod.rs", "use crate::window::Theme;", "`domains` must not know `window`");
        breaks("session/mod.rs", "use crate::window::Theme;", "`session` must not know `window`");
        breaks("eval/mod.rs", "use crate::cli::Args;", "`eval` must not know `cli`");
        breaks("window/mod.rs", "use crate::cli::Args;", "`window` must not know `cli`");
    }

    #[test]
    fn upper_layers_know_lower_ones() {
        holds("cli/train.rs", "use crate::{session::Session, eval, domains::TABLE, error::Result};");
        holds("session/mod.rs", "use crate::{learn::Learner, domains, math::statistics};");
        holds("learn/mod.rs", "use crate::{policy::Policy, metrics::Point, sim::Batch};");
        holds("domains/jamming/view.rs", "use crate::picture::Mark;");
        holds("main.rs", "use agon::{cli, window};");
    }

    #[test]
    fn peers_do_not_know_each_other_both_ways() {
        let (ask, answer) =
            (("session/mod.rs", "use crate::eval::run;"), ("eval/mod.rs", "use crate::session::folder;"));
        assert_eq!(report(&[ask]), Vec::<String>::new());
        let found = report(&[ask, answer]);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found.iter().all(|line| line.contains("know each other")), "{found:#?}");
    }

    #[test]
    fn a_domain_does_not_know_another() {
        let other = ("domains/cluster/mod.rs", "");
        for text in ["use crate::domains::cluster::Node;", "use super::{super::cluster::Node, spawn};"] {
            let found = report(&[("domains/jamming/reward.rs", text), other]);
            assert!(found.len() == 1 && found[0].contains("`jamming` must not know domain `cluster`"), "{found:#?}");
        }
        let own = ("domains/jamming/reward.rs", "use crate::domains::jamming::spawn; use super::super::Table;");
        assert_eq!(report(&[own, other]), Vec::<String>::new());
    }

    #[test]
    fn only_the_plugin_knows_libtorch_and_only_one_file_opens_it() {
        breaks("learn/nets/torch.rs", "fn f() { tch::set_num_threads(1); }", "only the plugin in torch/");
        breaks("window/mod.rs", "use tch::Tensor;", "only the plugin in torch/");
        breaks("sim/mod.rs", "extern crate torch_sys;", "only the plugin in torch/");
        breaks("learn/nets/torch/plugin.rs", "use libloading::Library;", "only learn/nets/torch/border.rs");
        holds("learn/nets/torch/border.rs", "use libloading::os::unix::Library;");
    }

    #[test]
    fn only_the_window_knows_the_whole_of_bevy() {
        breaks("sim/mod.rs", "use bevy::app::App;", "only the window knows the whole of Bevy");
        breaks("cli/train.rs", "fn f(x: bevy::math::Vec2) {}", "only the window knows the whole of Bevy");
        holds("sim/mod.rs", "use bevy_ecs::world::World; use bevy_app::App;");
        holds("window/mod.rs", "use bevy::app::App;");
    }

    #[test]
    fn sim_and_domains_are_pure() {
        breaks("sim/mod.rs", "use std::{fmt, fs};", "read and write no files");
        breaks("sim/mod.rs", "fn f() { let t = ::std::time::Duration::ZERO; }", "know no time but the tick");
        breaks("domains/jamming/mod.rs", "use bevy_platform::time::Instant;", "know no time but the tick");
        breaks("sim/seeds.rs", "let x = rand::rng().next_u64();", "addressed streams");
        breaks("sim/seeds.rs", "let x: f32 = rand::random::<f32>();", "addressed streams");
        breaks("domains/jamming/mod.rs", "struct S { m: std::collections::HashMap<u8, u8> }", "without an order");
        breaks("sim/mod.rs", "use bevy_platform::collections::{HashSet};", "without an order");
        breaks("domains/jamming/systems/mod.rs", "use bevy_egui::egui::Ui;", "without a window");
        breaks("sim/mod.rs", "use bevy_winit::WinitPlugin;", "without a window");
        breaks("domains/jamming/view.rs", "use std::fs::File;", "read and write no files");
        breaks("domains/jamming/view.rs", "use bevy_egui::egui;", "without a window");
        holds("session/mod.rs", "use std::{collections::BTreeMap, fs, time::Instant};");
    }

    #[test]
    fn a_module_without_a_line_in_the_table_is_reported() {
        breaks("network/mod.rs", "", "does not list");
    }

    #[test]
    fn comments_literals_and_tests_are_not_names() {
        holds("sim/mod.rs", "//! `std::fs` /*\n/* std::fs /* std::fs */ std::time::Instant */ fn f() {}");
        holds(
            "sim/mod.rs",
            r##"const A: &str = "std::fs \" std::fs"; const B: &str = r#"" std::fs "#; const C: &[u8] = b"std::fs";"##,
        );
        holds("sim/mod.rs", "fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' || c == 'x' } // std::fs");
        holds(
            "sim/mod.rs",
            "#[cfg(test)]\n#[allow(x)]\nmod tests { use std::fs; fn f() { let a = [1; 2]; } } fn g() {}",
        );
        holds("domains/jamming/tests.rs", "use std::{fs, time::Instant};");
        holds("sim/mod.rs", "fn f(fs: Files) { self.std.fs(); time::advance(); }");
        holds("sim/mod.rs", "struct S { #[cfg(all(test, x))] a: std::fs::File } mod m { fn f() { super::g(); } }");
        breaks("sim/mod.rs", "#[cfg(test)] use std::fs; use std::time::Duration;", "know no time");
        breaks("sim/mod.rs", "const A: char = '\"'; use std::fs; const B: char = '\"';", "no files");
    }

    #[test]
    fn relative_and_nested_names_are_resolved() {
        breaks("sim/ports.rs", "use super::super::domains::TABLE;", "`crate::domains::TABLE`");
        breaks("sim/mod.rs", "mod inner { use super::super::learn::Gae; }", "`crate::learn::Gae`");
        breaks("sim/mod.rs", "mod inner { fn f() {} } use super::learn::Gae;", "`crate::learn::Gae`");
        breaks("math/grid.rs", "use crate::{\n    error::Result,\n    sim::{Batch as B},\n};", "src/math/grid.rs:3");
        breaks("math/grid.rs", "use crate::sim::{self as s};", "`crate::sim`");
        breaks("sim/mod.rs", "fn f() -> ::std::time::Duration { <T>::std::fs() }", "know no time");
        breaks("sim/params.rs", "macro_rules! m { () => { $crate::learn::x() } }", "`sim` must not know `learn`");
        holds("sim/ports.rs", "use super::domains::X; use self::learn::Y; mod a { use super::super::cli; }");
    }
}
