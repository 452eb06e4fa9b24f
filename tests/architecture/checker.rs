//! Each rule must be able to fail, and must not fail for what only looks like it.

use super::*;

fn report(files: &[(&str, &str)]) -> Vec<String> {
    let source = |(path, text): &(&str, &str)| Source { path: (*path).to_owned(), text: (*text).to_owned() };
    let sources: Vec<Source> = files.iter().map(source).collect();
    violations(&sources).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn breaks(path: &str, text: &str, expected: &str) {
    let found = report(&[(path, text)]);
    assert!(found.len() == 1 && found[0].contains(expected), "expected one `{expected}` in {text:?}, got {found:#?}");
}

#[track_caller]
fn holds(path: &str, text: &str) {
    assert_eq!(report(&[(path, text)]), Vec::<String>::new(), "{text:?}");
}

#[test]
fn lower_layers_do_not_know_upper_ones() {
    breaks("error.rs", "use crate::math::grid;", "src/error.rs:1: `crate::math::grid`: `error` must not know `math`");
    breaks("math/grid.rs", "use crate::sim::Batch;", "`math` must not know `sim`");
    breaks("sim/snapshot.rs", "use crate::durable;", "`sim` must not know `durable`");
    breaks("sim/batch.rs", "\nuse crate::domains::TABLE;", "src/sim/batch.rs:2");
    breaks("policy/mod.rs", "fn f(x: crate::learn::Learner) {}", "`policy` must not know `learn`");
    breaks("policy/mod.rs", "use crate::metrics::Point;", "`policy` must not know `metrics`");
    breaks("learn/mod.rs", "use crate::domains::AnyDomain;", "`learn` must not know `domains`");
    breaks("domains/jamming/mod.rs", "use crate::learn::Gae;", "`domains` must not know `learn`");
    breaks("picture/mod.rs", "use crate::sim::Lane;", "`picture` must not know `sim`");
    breaks("raster/mod.rs", "use crate::domains::Scenario;", "`raster` must not know `domains`");
    breaks("sim/view.rs", "use crate::raster::Frame;", "`sim` must not know `raster`");
    breaks("domains/jamming/view.rs", "use crate::window::Theme;", "`domains` must not know `window`");
    breaks("domains/jamming/view.rs", "use crate::apps::REPORTS;", "`domains` must not know `apps`");
    breaks("domains/mod.rs", "use crate::window::Theme;", "`domains` must not know `window`");
    breaks("session/mod.rs", "use crate::window::Theme;", "`session` must not know `window`");
    breaks("eval/mod.rs", "use crate::cli::Args;", "`eval` must not know `cli`");
    breaks("window/mod.rs", "use crate::cli::Args;", "`window` must not know `cli`");
    breaks("window/mod.rs", "use crate::apps::REPORTS;", "`window` must not know `apps`");
    breaks("domains/mod.rs", "use crate::apps::REPORTS;", "`domains` must not know `apps`");
    breaks("apps/report.rs", "use crate::cli::output;", "`apps` must not know `cli`");
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
    let (ask, answer) = (("session/mod.rs", "use crate::eval::run;"), ("eval/mod.rs", "use crate::session::folder;"));
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

/// What is found in a file beside two domains and an application of one.
fn beside_domains(path: &str, text: &str) -> Vec<String> {
    report(&[("domains/cluster/mod.rs", ""), ("domains/jamming/mod.rs", ""), ("apps/jamming/mod.rs", ""), (path, text)])
}

#[test]
fn besides_the_table_only_the_command_line_and_its_application_name_a_domain() {
    let names = [
        "use crate::domains::cluster::ClusterParams;",
        "use crate::{error::Result, domains::{AnyDomain, cluster}};",
        "use crate::domains::AnyDomain::Cluster;",
        "fn f(domain: &AnyDomain) -> bool { matches!(domain, AnyDomain::Cluster(_)) }",
    ];
    for text in names {
        for path in
            ["window/mod.rs", "places.rs", "session/mod.rs", "eval/mod.rs", "apps/report.rs", "apps/jamming/report.rs"]
        {
            let found = beside_domains(path, text);
            let expected = "only `cli` and `apps/cluster` name domain `cluster`";
            assert!(
                !found.is_empty() && found.iter().all(|line| line.contains(expected)),
                "{path}: {text}: {found:#?}"
            );
        }
        for path in ["cli/decide.rs", "apps/cluster/mod.rs", "apps/cluster/serve/state.rs", "domains/mod.rs"] {
            assert_eq!(beside_domains(path, text), Vec::<String>::new(), "{text}");
        }
    }
}

#[test]
fn no_word_of_the_window_is_a_domain() {
    for text in [
        r#"const FIRST: &str = "jamming/skirmish";"#,
        "fn jamming() {}",
        "struct JammingPanel;",
        "fn f(is_jamming: bool) {}",
        r##"const A: &str = r#"scenarios "Jamming""#;"##,
    ] {
        let found = beside_domains("window/panels/mod.rs", text);
        assert!(found.len() == 1 && found[0].contains("name domain `jamming`"), "{text}: {found:#?}");
    }
    for text in
        ["// jamming\nfn f() {}", "#[cfg(test)]\nmod tests { use crate::domains::jamming; }", "struct Unjamming;"]
    {
        assert_eq!(beside_domains("window/panels/mod.rs", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn applications_do_not_know_each_other() {
    let text = "use crate::apps::jamming::report;";
    for path in ["apps/cluster/mod.rs", "apps/report.rs"] {
        let found = beside_domains(path, text);
        assert!(found.len() == 1 && found[0].contains("must not know `apps/jamming`"), "{path}: {found:#?}");
    }
    assert_eq!(beside_domains("apps/cluster/mod.rs", "use super::jamming::report;").len(), 1);
    assert_eq!(beside_domains("apps/mod.rs", text), Vec::<String>::new());
    assert_eq!(beside_domains("apps/jamming/mod.rs", text), Vec::<String>::new());
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
    holds("sim/mod.rs", "#[cfg(test)]\n#[allow(x)]\nmod tests { use std::fs; fn f() { let a = [1; 2]; } } fn g() {}");
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

#[test]
fn parts_of_a_domain_do_not_know_each_other_in_circles() {
    let model = ("domains/jamming/model.rs", "use super::scenario::JammingParams;");
    let systems = ("domains/jamming/systems/mod.rs", "use super::super::model::Model; mod act;");
    let act = ("domains/jamming/systems/act.rs", "use super::Sensing; use crate::domains::jamming::reward::pay;");
    let reward = ("domains/jamming/reward.rs", "use super::model::Model;");
    let root = ("domains/jamming/mod.rs", "use self::{model::Model, systems::act}; fn f() { reward::pay(); }");
    assert_eq!(report(&[model, systems, act, reward, root]), Vec::<String>::new());
    let found = report(&[model, systems, act, ("domains/jamming/reward.rs", "use super::systems::Sensing;"), root]);
    assert!(found.len() == 2 && found[0].contains("`jamming::reward` and `jamming::systems`"), "{found:#?}");
}
