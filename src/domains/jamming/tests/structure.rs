//! What holds the radio graph together, against the definition: take it away and count the pieces.

use bevy_ecs::entity::Entity;
use proptest::prelude::*;

use super::*;
use crate::{
    domains::jamming::{
        structure::{Links, Piece},
        systems::RadioGraphs,
    },
    picture::{Colour, Glyph, Level},
    sim::{
        Description, Graph, View, ViewOptions,
        graph::{Attribute, Value},
    },
};

/// Bit rows of the graph with these links.
fn rows(n: usize, links: &[(usize, usize)]) -> Vec<u64> {
    let words = n.div_ceil(64);
    let mut rows = vec![0; n * words];
    for (i, j) in links.iter().flat_map(|(i, j)| [(*i, *j), (*j, *i)]) {
        rows[i * words + j / 64] |= 1 << (j % 64);
    }
    rows
}

/// Components of the graph without one drone or one link, by union-find.
fn num_components(n: usize, links: &[[usize; 2]], gone: Option<usize>) -> usize {
    let mut sets = petgraph::unionfind::UnionFind::<usize>::new(n);
    let left = links.iter().filter(|link| gone.is_none_or(|drone| !link.contains(&drone)));
    n - usize::from(gone.is_some()) - left.filter(|[i, j]| sets.union(*i, *j)).count()
}

proptest! {
    #[test]
    fn bridges_articulation_points_and_pieces_are_those_of_the_definition(
        n in 2usize..80,
        links in prop::collection::vec((0usize..80, 0usize..80), 0..120),
    ) {
        let links: Vec<_> = links.into_iter().map(|(i, j)| (i % n, j % n)).filter(|(i, j)| i != j).collect();
        let rows = rows(n, &links);
        let graph = Links::new(n, &rows);
        let all: Vec<[usize; 2]> = graph.all().collect();
        let whole = num_components(n, &all, None);
        prop_assert_eq!(graph.components().into_iter().max(), Some(whole - 1));

        for (drone, is_articulation) in graph.articulation_points().into_iter().enumerate() {
            let num_pieces = graph.without_drone(drone).len();
            // A drone without links is a component of its own, which is gone with it.
            prop_assert_eq!(num_components(n, &all, Some(drone)) + 1, whole + num_pieces, "drone {}", drone);
            prop_assert_eq!(is_articulation, num_pieces > 1, "drone {}", drone);
        }
        let bridges = graph.bridges();
        for (at, link) in all.iter().enumerate() {
            let mut left = all.clone();
            left.remove(at);
            let is_bridge = num_components(n, &left, None) > whole;
            prop_assert_eq!(bridges.contains(link), is_bridge, "link {:?}", link);
            prop_assert_eq!(graph.without_link(*link).is_some(), is_bridge, "link {:?}", link);
        }
        prop_assert!(bridges.is_sorted());
        let hanging = (0..n).flat_map(|drone| graph.without_drone(drone)).filter(|piece| piece.links == 1).count();
        prop_assert_eq!(hanging, 2 * bridges.len());
    }
}

#[test]
fn components_are_numbered_by_their_size() {
    // 0 alone, 1-2-4, 3-5.
    let rows = [0, 0b10100, 0b10010, 0b100000, 0b00110, 0b001000];
    assert_eq!(Links::new(6, &rows).components(), [2, 0, 0, 1, 0, 1]);
}

#[test]
fn a_star_falls_into_its_rays_and_a_path_into_its_ends() {
    let star = rows(4, &[(0, 1), (0, 2), (0, 3)]);
    assert_eq!(Links::new(4, &star).without_drone(0), [Piece { drones: 1, links: 1 }; 3]);
    assert_eq!(Links::new(4, &star).without_drone(1), [Piece { drones: 3, links: 1 }]);
    let path = rows(5, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    assert_eq!(Links::new(5, &path).without_link([1, 2]), Some([2, 3]));
    let ring = rows(3, &[(0, 1), (1, 2), (2, 0)]);
    assert_eq!((Links::new(3, &ring).without_link([0, 1]), Links::new(3, &ring).bridges()), (None, vec![]));
}

/// Two triangles, 0-1-2 and 3-4-5, joined by the link 2-3, with drone 6 far away. Links carry 86 m.
fn two_triangles() -> Stage {
    let params = JammingParams { arena_m: 1000.0, ..still(7, 1) };
    let mut stage = Stage::new(&params);
    stage.put_jammers(&[(999.0, 999.0)]);
    let triangles = [(100.0, 100.0), (100.0, 150.0), (140.0, 125.0), (220.0, 125.0), (260.0, 100.0), (260.0, 150.0)];
    stage.put_drones(&[&triangles[..], &[(900.0, 100.0)]].concat());
    stage
}

fn entities(stage: &Stage) -> Vec<Entity> {
    let view = stage.params.draw(stage.lane.world(), 0, &ViewOptions::default());
    view.marks.iter().filter(|mark| mark.level == Level::Agents).filter_map(|mark| mark.who).collect()
}

fn fact(told: &Description, name: &str) -> String {
    told.facts.iter().find(|fact| fact.name == name).unwrap_or_else(|| panic!("no `{name}` in {told:?}")).text()
}

#[test]
fn a_drone_tells_what_the_swarm_falls_into_without_it() {
    let stage = two_triangles();
    let who = entities(&stage);
    let told = |drone: usize| stage.params.describe(stage.lane.world(), who[drone]).unwrap();
    assert_eq!(told(0).state, "linked");
    assert_eq!(told(2).state, "linked; without it its part of the swarm falls into 2 pieces: 3 and 2");
    assert_eq!(told(6).state, "cut off");
    for (drone, live, reached) in [(0, "2 of 6", "5 of 6"), (2, "3 of 6", "5 of 6"), (6, "0 of 6", "0 of 6")] {
        assert_eq!(fact(&told(drone), "live links"), live, "drone {drone}");
        assert_eq!(fact(&told(drone), "drones it reaches"), reached, "drone {drone}");
    }
    assert_eq!(
        (fact(&told(2), "links that are bridges"), fact(&told(2), "pieces without it")),
        ("1".into(), "2".into())
    );
    assert_eq!(
        (fact(&told(1), "links that are bridges"), fact(&told(1), "pieces without it")),
        ("0".into(), "1".into())
    );
}

#[test]
fn a_link_tells_what_its_cutting_splits_and_whether_it_is_alive() {
    let mut stage = two_triangles();
    let who = entities(&stage);
    let told =
        |stage: &Stage, i: usize, j: usize| stage.params.describe_link(stage.lane.world(), [who[i], who[j]]).unwrap();
    let bridge = told(&stage, 3, 2);
    assert_eq!(bridge.title, "link from drone 2 to drone 3");
    assert_eq!(bridge.state, "a bridge: cutting it splits its part of the swarm into 3 and 3");
    // 20 log10(86.0 m / 80 m)
    assert_eq!(fact(&bridge, "margin without jamming"), "0.63 dB");
    assert_eq!(told(&stage, 0, 1).state, "alive; without it the drones still reach each other");
    assert_eq!(told(&stage, 0, 6).state, "out of range");
    let band = JamBand(stage.swarm().band);
    stage.put::<JamBand, With<Jammer>>(&[band]);
    stage.put_jammers(&[(180.0, 125.0)]);
    assert_eq!(told(&stage, 2, 3).state, "cut by jamming");
    let view: &dyn View = &stage.params;
    assert_eq!(view.describe_link(stage.lane.world(), [who[0], who[7]]), None, "a jammer has no link");
    assert_eq!(view.describe_link(stage.lane.world(), [who[0], who[0]]), None);
}

#[test]
fn a_whole_swarm_is_called_one() {
    let mut stage = Stage::new(&still(3, 1));
    stage.put_jammers(&[(0.0, 99.0)]);
    stage.put_drones(&[(10.0, 10.0), (50.0, 10.0), (99.0, 10.0)]);
    let who = entities(&stage);
    let told = stage.params.describe(stage.lane.world(), who[1]).unwrap();
    assert_eq!(told.state, "linked; without it the swarm falls into 2 pieces: 1 and 1");
    let link = stage.params.describe_link(stage.lane.world(), [who[0], who[1]]).unwrap();
    assert_eq!(link.state, "a bridge: cutting it splits the swarm into 1 and 2");
}

#[test]
fn coloured_by_bridges_what_holds_the_swarm_together_stands_out() {
    let stage = two_triangles();
    let colour_by = stage.params.declared().colour_by.iter().position(|choice| choice.name == "bridges").unwrap();
    let picture = stage.params.draw(stage.lane.world(), 0, &ViewOptions { colour_by, ..ViewOptions::default() });
    let who = entities(&stage);
    let stars = picture.marks.iter().filter(|mark| format!("{:?}", mark.form).contains(&format!("{:?}", Glyph::Star)));
    assert_eq!(stars.filter_map(|mark| mark.who).collect::<Vec<_>>(), [who[2], who[3]]);
    let links: Vec<_> = picture.marks.iter().filter(|mark| mark.pair.is_some()).collect();
    let bright = links.iter().filter(|mark| mark.colour == Colour::Sequential(1.0));
    assert_eq!(bright.filter_map(|mark| mark.pair).collect::<Vec<_>>(), [[who[2].min(who[3]), who[2].max(who[3])]]);
    assert_eq!(links.len(), 7);
    let legend: Vec<&str> = picture.legend.items.iter().map(|item| item.text.as_str()).collect();
    assert!(legend.contains(&"bridge between two parts"), "{legend:?}");
}

fn value<'a>(attributes: &'a [Attribute], name: &str) -> &'a Value {
    &attributes.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no `{name}`")).1
}

#[test]
fn the_graph_for_other_programs_is_that_of_the_world() {
    let mut stage = two_triangles();
    let Graph { attributes, nodes, edges } = stage.params.graph(stage.lane.world(), 0).unwrap();
    let drones = stage.drones();
    assert_eq!(nodes.iter().map(|node| node.at_m).collect::<Vec<_>>(), drones);
    let rows = stage.lane.world().resource::<RadioGraphs>().links(0);
    assert_eq!(edges.iter().map(|edge| edge.ends).collect::<Vec<_>>(), Links::new(7, rows).all().collect::<Vec<_>>());
    let flagged = |attributes: &[Attribute], name: &str| *value(attributes, name) == Value::Flag(true);
    let bridges: Vec<_> = edges.iter().filter(|edge| flagged(&edge.attributes, "is_bridge")).map(|e| e.ends).collect();
    assert_eq!(bridges, [[2, 3]]);
    let points: Vec<_> = (0..7).filter(|node| flagged(&nodes[*node].attributes, "is_articulation")).collect();
    assert_eq!(points, [2, 3]);
    assert_eq!(*value(&attributes, "components"), Value::Count(2));
    assert_eq!(*value(&attributes, "lambda2"), Value::Number(0.0));
    assert_eq!(*value(&nodes[6].attributes, "component"), Value::Count(1));
    let Value::Number(distance_m) = *value(&edges[0].attributes, "distance_m") else { panic!("no number") };
    assert!((distance_m - 50.0).abs() < 1e-5, "{distance_m}");
}
