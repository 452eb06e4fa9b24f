//! Graphs read back.

use std::collections::BTreeMap;

use super::*;

/// Nodes and edges of a graph as its file has them: name or ends, and the attributes as they are written.
type Parsed = (BTreeMap<String, String>, BTreeMap<[String; 2], String>);

/// Reads a graph whose statements stand on lines of their own.
fn parsed(text: &str) -> Parsed {
    let (mut nodes, mut edges) = (BTreeMap::new(), BTreeMap::new());
    assert!(text.starts_with("strict graph {\n") && text.ends_with("}\n"), "{text}");
    for line in text.lines().filter(|line| !line.trim().starts_with("node ")) {
        let Some((what, attributes)) = line.trim().split_once(" [") else { continue };
        let attributes = attributes.strip_suffix(']').unwrap().to_owned();
        match what.split_once(" -- ") {
            Some((one, other)) => assert_eq!(edges.insert([one, other].map(str::to_owned), attributes), None),
            None => assert_eq!(nodes.insert(what.to_owned(), attributes), None),
        }
    }
    (nodes, edges)
}

#[test]
fn a_dot_file_holds_the_graph_of_its_tick() {
    let mut film = film();
    film.seek(5).unwrap();
    let graph = film.scenario().domain.domain().view().unwrap().graph(film.lane().world(), 0).unwrap();
    let text = String::from_utf8(exported("graph.dot", &ExportOptions { from: Some(5), ..options() })).unwrap();
    let (nodes, edges) = parsed(&text);
    assert_eq!((nodes.len(), edges.len()), (graph.nodes.len(), graph.edges.len()));
    assert!(!edges.is_empty());
    for node in &graph.nodes {
        let place = format!("pos=\"{},{}!\"", node.at_m.x, node.at_m.y);
        assert!(nodes[&node.name].contains(&place), "{}: {}", node.name, nodes[&node.name]);
    }
    for edge in &graph.edges {
        let ends = edge.ends.map(|end| graph.nodes[end].name.clone());
        assert!(edges[&ends].contains(&format!("is_bridge={}", edge.is_set_off)), "{ends:?}: {}", edges[&ends]);
    }
    for line in ["scenario=\"jamming/skirmish\"", "policy=\"nearest\"", "seed=3", "tick=5", "time_s=2.5"] {
        assert!(text.lines().any(|found| found.trim() == line), "{line} in {text}");
    }
    let lambda2 = film.lane().ports().metrics[film.lane().spec().metric("lambda2").unwrap()];
    assert!(text.contains(&format!("lambda2={lambda2}\n")), "{lambda2} in {text}");
}

#[test]
fn a_graph_is_that_of_the_tick_asked_for_and_without_one_of_the_last_that_is_seen() {
    let tick_of = |from, until| {
        let text = String::from_utf8(exported("graph.dot", &ExportOptions { from, until, ..options() })).unwrap();
        let line = text.lines().find_map(|line| line.trim().strip_prefix("tick=").map(str::to_owned));
        line.unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(tick_of(Some(0), None), 0);
    assert_eq!(tick_of(Some(3), Some(9)), 9);
    // The last tick has ended the episode; the one before is the last to be seen.
    assert_eq!(tick_of(None, None), TICKS - 1);
}

#[test]
fn a_graph_that_there_is_not_is_refused_and_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("graph.dot");
    let late = ExportOptions { from: Some(TICKS + 1), ..options() };
    let error = export(&mut film(), &path, &late, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("lie between 0 and 12"), "{error}");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/cluster/default.ron");
    let scenario = Scenario::parse_bytes(&fs::read(file).unwrap(), file).unwrap();
    let baseline = scenario.domain.domain().baselines().into_iter().next().unwrap();
    let mut cluster = Played::new(scenario, Player::from(baseline).into(), 1, 0).unwrap();
    let error = export(&mut cluster, &path, &options(), &mut |_, _| {}).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("domain `cluster` has no graph"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
