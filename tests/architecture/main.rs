//! Holds "Who may know whom": reads every file under `src/` and reports each name that its module must not know.
//!
//! ```text
//! cli -> apps, window -> session, eval, record -> learn -> policy, metrics -> sim <- domains
//! ```
//! What is about one domain is in `domains/<id>` and, if it is no simulation of it, in `apps/<id>`; whatever is neither, nor the
//! command line, names no domain. Everything may use `math` and `error`, and whatever writes files, `durable`. What only tests compile (`#[cfg(test)]`,
//! files called `tests.rs`) is not held to the rules: it does not ship.

#![allow(clippy::unwrap_used, reason = "a test that cannot read the sources has to stop")]

mod checker;
mod scan;

use scan::{Named, named_paths, named_words};
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
    ("export", &["domains", "durable", "picture", "policy", "raster", "record", "sim"]),
    // Each folder of `apps` is about one domain; see `broken_by_an_app`.
    ("apps", &["domains", "durable", "eval", "metrics", "places", "policy", "session", "sim", "text"]),
    (
        "cli",
        &[
            "apps", "domains", "durable", "eval", "export", "learn", "metrics", "picture", "places", "policy",
            "priority", "raster", "record", "session", "shell", "sim", "text", "window",
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
    let parts: BTreeSet<(&str, &str)> = sources.iter().filter_map(|source| part_of(&module_of(&source.path))).collect();
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
        if !names_domains(from) {
            for (word, line) in named_words(&source.text) {
                if let Some(domain) = domains.iter().find(|domain| is_named_in(&word, domain)) {
                    report(line, &[word], only_two_name(domain));
                }
            }
        }
        for Named { path, line } in named_paths(&source.text, &module) {
            for rule in
                broken_by_name(&source.path, &path).into_iter().chain(broken_by_an_app(&module, &path, &domains))
            {
                report(line, &path, rule);
            }
            edges.extend(edge_within_domain(&parts, source, (line, &path)));
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

/// Whether files of a module may have words that are domains' names. `math` finds clusters, of points.
fn names_domains(module: &str) -> bool {
    matches!(module, "domains" | "apps" | "cli" | "math")
}

/// Whether a word is the name of a domain or has it as a part, as `ClusterParams` and `is_cluster` have `cluster`.
fn is_named_in(word: &str, domain: &str) -> bool {
    let mut parts = vec![String::new()];
    for c in word.chars() {
        let is_in_a_word = parts.last().is_some_and(|part| part.contains(|c: char| !c.is_uppercase()));
        if c == '_' || (c.is_uppercase() && is_in_a_word) {
            parts.push(String::new());
        }
        parts.last_mut().unwrap().extend((c != '_').then_some(c));
    }
    parts.iter().any(|part| part.eq_ignore_ascii_case(domain))
}

fn only_two_name(domain: &str) -> String {
    format!("besides the table of domains only `cli` and `apps/{domain}` name domain `{domain}`")
}

/// An application is about one domain, and what applications share is about none.
fn broken_by_an_app(module: &[&str], path: &[String], domains: &BTreeSet<&str>) -> Option<String> {
    let ["apps", own @ ..] = module else { return None };
    let own = own.first().copied().unwrap_or_default();
    let variant = path.iter().skip_while(|word| *word != "AnyDomain").nth(1).map(|name| name.to_lowercase());
    let inner = |parent: &str| match path {
        [_, first, second, ..] if first == parent => Some(second.as_str()),
        _ => None,
    };
    let is_other = |name: &&str| *name != own && domains.contains(name);
    if let Some(domain) = [inner("domains"), variant.as_deref()].into_iter().flatten().find(is_other) {
        return Some(only_two_name(domain));
    }
    // The table of applications lists them all.
    let app = inner("apps").filter(|_| !own.is_empty()).filter(is_other)?;
    Some(format!("`apps/{own}` must not know `apps/{app}`"))
}

/// A file or folder of a domain, and the domain.
fn part_of<'a>(module: &[&'a str]) -> Option<(&'a str, &'a str)> {
    let ["domains", domain, part, ..] = module else { return None };
    Some((domain, part))
}

/// The edge from one part of a domain to another. The domain's `mod.rs` knows all parts, and is known for what it hands on.
fn edge_within_domain(
    parts: &BTreeSet<(&str, &str)>,
    source: &Source,
    (line, named): (usize, &[String]),
) -> Option<Edge> {
    let module = module_of(&source.path);
    let words: Vec<&str> = named.iter().skip(1).map(String::as_str).collect();
    let ((domain, from), to) = (part_of(&module)?, part_of(&words)?);
    let is_edge = parts.contains(&to) && to.0 == domain && to.1 != from;
    let name = |part: &str| format!("{domain}::{part}");
    is_edge.then(|| (name(from), name(to.1), source.path.clone(), line, named.to_vec()))
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
