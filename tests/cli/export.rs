//! `agon export`: what it writes, and what it refuses.

use std::{env, fs, io::Write, os::unix::fs::symlink, process::Command};

use agon::{
    domains::Scenario,
    learn::hyperparameters::Hyperparameters,
    metrics::Goal,
    session::{Plan, Roles, RunFolder},
};

use crate::{agon, policies, refused, stderr, text};

/// A small picture; a table has no size.
fn size_of(name: &str) -> &'static [&'static str] {
    if name.ends_with("csv") { &[] } else { &["--size", "160x120"] }
}

#[test]
fn every_format_begins_as_it_should() {
    let dir = tempfile::tempdir().unwrap();
    for (name, begins) in [("a.gif", &b"GIF89a"[..]), ("a.PNG", b"\x89PNG"), ("a.csv", b"episode,tick,time [s],")] {
        let path = dir.path().join(name);
        let args = ["export", "skirmish", "--policy", "hold", "--to", text(&path), "--until", "3"];
        let output = agon(&[&args, size_of(name)].concat());
        assert!(output.status.success() && output.stdout.is_empty(), "{}", stderr(&output));
        assert!(stderr(&output).contains("written to"), "{}", stderr(&output));
        assert!(fs::read(&path).unwrap().starts_with(begins), "{name}");
    }
}

#[test]
fn a_policy_of_a_folder_plays_where_it_was_trained() {
    let dir = tempfile::tempdir().unwrap();
    let (shared, run, to) = (dir.path().join("owl"), dir.path().join("run"), dir.path().join("a.csv"));
    policies::write(&shared, "skirmish", &[]);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/jamming/skirmish.ron");
    let mut scenario = Scenario::parse_bytes(&fs::read(path).unwrap(), path).unwrap();
    scenario.set("max_steps", "4").unwrap();
    let plan = Plan {
        stages: vec![scenario],
        seed: 1,
        goal: Goal::Steps(1),
        params: Hyperparameters::default(),
        roles: Roles::default(),
    };
    RunFolder::create(Some(&run), &plan).unwrap().write_plan(&plan).unwrap();
    policies::write(&run, "skirmish", &[]);
    for (source, ticks) in [(&shared, 200), (&run, 4)] {
        let output = agon(&["export", text(source), "--to", text(&to), "--force"]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(fs::read_to_string(&to).unwrap().lines().count(), ticks + 1);
    }
}

#[test]
fn what_is_hidden_is_a_layer_of_the_domain() {
    let dir = tempfile::tempdir().unwrap();
    let drawn = |scenario: &str, hide: &str| {
        let path = dir.path().join("a.png");
        let args =
            ["export", scenario, "--policy", "random", "--until", "3", "--hide", hide, "--force", "--to", text(&path)];
        let output = agon(&[&args, size_of("a.png")].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        fs::read(&path).unwrap()
    };
    assert_ne!(drawn("skirmish", "trails"), drawn("skirmish", "trails,links"));
    assert_ne!(drawn("cluster/default", "trails"), drawn("cluster/default", "trails,areas"));
    let path = dir.path().join("b.png");
    let refuse = |scenario: &str, hide: &str, told: &[&str]| {
        refused(&["export", scenario, "--policy", "random", "--to", text(&path), "--hide", hide], told);
    };
    refuse("skirmish", "arows", &["no layer `arows`", "`arrows`"]);
    refuse("cluster/default", "links", &["no layer `links`"]);
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.csv");
    fs::write(&path, "precious").unwrap();
    let args = ["export", "skirmish", "--policy", "hold", "--until", "2", "--to", text(&path)];
    refused(&args, &["table.csv: this file is there already", "--force"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert!(agon(&[&args[..], &["--force"]].concat()).status.success());
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
}

#[test]
fn what_a_typed_link_points_to_is_replaced_and_the_link_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let export = |to: &str, more: &[&str]| {
        let to = path(to);
        agon(&[&["export", "skirmish", "--policy", "hold", "--until", "2", "--to", text(&to)], more].concat())
    };
    fs::write(path("data.csv"), "precious").unwrap();
    symlink(path("data.csv"), path("latest.csv")).unwrap();
    symlink("not-yet.csv", path("dangling.csv")).unwrap();
    symlink("b.csv", path("a.csv")).unwrap();
    symlink("a.csv", path("b.csv")).unwrap();
    let output = export("latest.csv", &[]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(path("data.csv")).unwrap(), "precious");
    for (link, target, more) in [("latest.csv", "data.csv", &["--force"][..]), ("dangling.csv", "not-yet.csv", &[])] {
        let output = export(link, more);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(path(link).is_symlink() && !path(target).is_symlink());
        assert_eq!(fs::read_to_string(path(target)).unwrap().lines().count(), 3, "{target}");
    }
    let output = export("a.csv", &["--force"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("circle"), "{}", stderr(&output));
}

#[test]
fn traces_and_shared_policies_go_where_a_typed_link_points() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let trace = path("trace-link.csv");
    symlink("trace.csv", &trace).unwrap();
    let generate = ["trace", "generate", "plain", "--rows", "5", "--to", text(&trace)];
    assert!(agon(&generate).status.success());
    assert!(trace.is_symlink() && path("trace.csv").is_file());
    refused(&generate, &["there already"]);

    policies::write(&path("owl"), "skirmish", &[]);
    symlink("shared", path("shared-link")).unwrap();
    let (owl, to) = (path("owl"), path("shared-link"));
    let share = ["share", text(&owl), "--to", text(&to), "--episodes", "1"];
    let output = agon(&share);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(to.is_symlink() && path("shared/card.ron").is_file());
    // A link inside the folder was not typed: it is in the way, and with `--force` it is replaced.
    fs::remove_file(path("shared/card.ron")).unwrap();
    symlink(path("precious"), path("shared/card.ron")).unwrap();
    refused(&share, &["card.ron", "--force"]);
    assert!(agon(&[&share[..], &["--force"]].concat()).status.success());
    assert!(!path("precious").exists() && !path("shared/card.ron").is_symlink());
}

#[test]
fn a_device_is_not_replaced_by_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("null.csv");
    symlink("/dev/null", &link).unwrap();
    let args = ["export", "skirmish", "--policy", "hold", "--until", "2", "--force", "--to", text(&link)];
    refused(&args, &["no ordinary file"]);
}

#[test]
fn a_gif_faster_than_viewers_show_plays_as_long_with_pictures_left_out_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fast.gif");
    let args = ["export", "skirmish", "--policy", "hold", "--until", "20", "--size", "64x48", "--force", "--to"];
    for (fps, is_told) in [("100", true), ("60", true), ("50", false)] {
        let output = agon(&[&args[..], &[text(&path), "--fps", fps]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(stderr(&output).contains("at most 50 pictures per second"), is_told, "{}", stderr(&output));
    }
}

#[test]
fn what_cannot_be_exported_is_refused_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&dir.path().join(name)).to_owned();
    let (gif, no_place) = (path("a.gif"), path("no/such/folder/a.gif"));
    let play = |more: &[&str], because: &[&str]| {
        refused(&[&["export", "skirmish", "--until", "2"], more].concat(), because);
    };
    play(&["--to", &gif], &["who is to play?", "hold", "nearest"]);
    play(&["--to", &gif, "--policy", "neerest"], &["did you mean `nearest`?"]);
    play(&["--to", &path("a.avi"), "--policy", "hold"], &["a.avi: agon writes no `.avi` files", "`.gif`"]);
    play(&["--to", &path("a"), "--policy", "hold"], &["the file's name says no format"]);
    play(&["--to", &no_place, "--policy", "hold"], &["no/such/folder"]);
    play(&["--to", &gif, "--policy", "hold", "--theme", "drak"], &["did you mean `dark`?"]);
    play(&["--to", &gif, "--policy", "hold", "--theme", "zzz"], &["unknown theme `zzz`", "dark, light, contrast"]);
    play(&["--to", &gif, "--policy", "hold", "--colour-by", "fidler"], &["did you mean `fiedler`?"]);
    play(&["--to", &gif, "--policy", "hold", "--size", "9x9"], &["9x9", "16 to 8192"]);
    play(&["--to", &gif, "--policy", "hold", "--from", "5"], &["no ticks 5 to 2"]);
    refused(&["export", "skirmsh", "--policy", "hold", "--to", &gif], &["did you mean `skirmish`?"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_theme_of_ones_own_is_used_and_its_errors_are_told_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let (theme, one, other) = (dir.path().join("own.ron"), dir.path().join("a.png"), dir.path().join("b.png"));
    let good = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/themes/dark.ron")).unwrap();
    let export = |to, theme| {
        let to = text(to);
        ["export", "skirmish", "--policy", "hold", "--until", "1", "--size", "64x48", "--to", to, "--theme", theme]
    };
    assert!(agon(&export(&one, "dark")).status.success());
    fs::write(&theme, &good).unwrap();
    assert!(agon(&export(&other, text(&theme))).status.success());
    assert_eq!(fs::read(&one).unwrap(), fs::read(&other).unwrap());
    fs::write(&theme, good.replace("border:", "boarder:")).unwrap();
    let line = good.lines().position(|line| line.contains("border:")).unwrap() + 1;
    let to = dir.path().join("c.png");
    refused(&export(&to, text(&theme)), &[&format!("own.ron:{line}:"), "did you mean `border`?"]);
    refused(&export(&to, text(&dir.path().join("gone.ron"))), &["gone.ron"]);
    assert!(!to.exists());
}

#[test]
fn a_recording_gives_the_table_and_the_picture_of_the_play_it_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| text(&dir.path().join(name)).to_owned();
    let recording = path("play.mcap");
    let recorded = agon(&["record", "skirmish", "--policy", "nearest", "--ticks", "12", "--out", &recording]);
    assert!(recorded.status.success(), "{}", stderr(&recorded));
    for name in ["a.csv", "a.png"] {
        let files = [path(name), path(&format!("other-{name}"))];
        let sources: [&[&str]; 2] = [&[&recording], &["skirmish", "--policy", "nearest"]];
        for (source, to) in sources.into_iter().zip(&files) {
            let output = agon(&[&["export"], source, size_of(name), &["--until", "12", "--to", to]].concat());
            assert!(output.status.success(), "{}", stderr(&output));
        }
        assert!(fs::read(&files[0]).unwrap() == fs::read(&files[1]).unwrap(), "{name}");
    }
    refused(
        &["export", &recording, "--policy", "hold", "--to", &path("b.csv")],
        &["`--policy` changes nothing in a recording"],
    );
}

/// Prints what NetworkX makes of a graph: nodes, edges, bridges, articulation points, whether those are the ones that the
/// file names, lambda-2 of its own, and the file's.
const NETWORKX: &str = r#"
import sys, networkx as nx, pydot
(dot,) = pydot.graph_from_dot_file(sys.argv[1])
graph = nx.nx_pydot.from_pydot(dot)
assert not graph.is_multigraph() and not graph.is_directed()
bridges = {frozenset(link) for link in nx.bridges(graph)}
points = set(nx.articulation_points(graph))
assert bridges == {frozenset((a, b)) for a, b, link in graph.edges(data=True) if link["is_bridge"] == "true"}
assert points == {name for name, node in graph.nodes(data=True) if node["is_articulation"] == "true"}
assert len({node["component"] for _, node in graph.nodes(data=True)}) == nx.number_connected_components(graph)
for _, node in graph.nodes(data=True):
    x, y = node["pos"].strip('"').rstrip("!").split(",")
    assert float(x) >= 0.0 and float(y) >= 0.0 and node["kind"].strip('"') == "drone"
degrees = {node: 0 for node in graph}
for a, b in graph.edges:
    degrees[a] += 1
    degrees[b] += 1
print(graph.number_of_nodes(), graph.number_of_edges() > 0, dot.get_attributes()["tick"])
try:
    import numpy
except ImportError:
    sys.exit()
names = list(graph)
laplacian = numpy.array([[degrees[a] if a == b else -float(graph.has_edge(a, b)) for b in names] for a in names])
assert abs(numpy.linalg.eigvalsh(laplacian)[1] - float(dot.get_attributes()["lambda2"])) < 1e-6
"#;

#[test]
fn networkx_finds_in_a_graph_the_bridges_that_the_file_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("graph.dot");
    let written = agon(&["export", "formation", "--policy", "nearest", "--at", "40", "--to", text(&path)]);
    assert!(written.status.success(), "{}", stderr(&written));
    let chosen = env::var("AGON_PYTHON").ok();
    let python = chosen.clone().unwrap_or_else(|| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", "import networkx, pydot"]).output();
    if !probe.is_ok_and(|out| out.status.success()) {
        let mut stderr = std::io::stderr().lock();
        writeln!(stderr, "SKIPPED: {python} has no networkx with pydot; set AGON_PYTHON to one that has").unwrap();
        return;
    }
    let output = Command::new(&python).arg("-c").arg(NETWORKX).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let nodes = fs::read_to_string(&path).unwrap().matches("kind=\"drone\"").count();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), format!("{nodes} True 40"));
}

#[test]
fn a_domain_whose_entities_are_not_linked_has_no_graph() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("graph.dot");
    refused(
        &["export", "cluster/default", "--policy", "first_fit", "--at", "3", "--to", text(&path)],
        &["domain `cluster` has no graph", "`.csv` table"],
    );
    assert!(!path.exists());
}

#[test]
fn a_flag_that_would_change_nothing_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (ending, flag, value) in [
        ("csv", "--fps", "30"),
        ("csv", "--size", "320x240"),
        ("dot", "--theme", "light"),
        ("csv", "--colour-by", "band"),
        ("png", "--speed", "2"),
        ("png", "--fps", "10"),
    ] {
        let file = dir.path().join(format!("a.{ending}"));
        let args = ["export", "skirmish", "--policy", "hold", "--until", "2", "--to", text(&file), flag, value];
        refused(&args, &[&format!("`{flag}` changes nothing"), ending]);
        assert!(!file.exists());
    }
}
