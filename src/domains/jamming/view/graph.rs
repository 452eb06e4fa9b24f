//! The radio graph of one env, for other programs.
//!
//! Only drones are nodes and only live links are edges, so that whatever another program works out of the graph
//! (components, connectivity, lambda-2) is what agon measures.

use bevy_ecs::world::World;

use super::{Scene, links::margin_db};
use crate::{
    domains::jamming::{
        scenario::Band,
        structure::Links,
        systems::{Model, RadioGraphs},
    },
    sim::graph::{Graph, GraphEdge, GraphNode, Value},
};

/// The live links of the env at `slot`, with what holds the swarm together.
pub(super) fn of_env(world: &World, slot: usize) -> Option<Graph> {
    let (model, graphs) = (world.get_resource::<Model>()?, world.get_resource::<RadioGraphs>()?);
    let Scene { swarm, drones, .. } = Scene::read(world, slot);
    let links = Links::new(drones.len(), graphs.links(slot));
    let (components, is_articulation, bridges) = (links.components(), links.articulation_points(), links.bridges());
    let nodes = drones.iter().enumerate().map(|(drone, (_, at_m, _))| GraphNode {
        name: format!("drone_{drone}"),
        at_m: *at_m,
        is_set_off: is_articulation[drone],
        attributes: vec![
            ("kind", Value::Text("drone".to_owned())),
            ("component", Value::Count(components[drone] as u64)),
            ("is_articulation", Value::Flag(is_articulation[drone])),
        ],
    });
    let edges = links.all().map(|ends| {
        let is_bridge = bridges.binary_search(&ends).is_ok();
        let distance_m = drones[ends[0]].1.distance(drones[ends[1]].1);
        let margin_db = margin_db(distance_m, model.budgets.band(swarm.band).link_range_m);
        GraphEdge {
            ends,
            is_set_off: is_bridge,
            attributes: vec![
                ("distance_m", Value::Number(distance_m.into())),
                ("margin_db", Value::Number(margin_db.into())),
                ("is_bridge", Value::Flag(is_bridge)),
            ],
        }
    });
    let attributes = vec![
        ("lambda2", Value::Number(graphs.lambda2(slot))),
        ("components", Value::Count(components.iter().max().map_or(0, |last| *last as u64 + 1))),
        ("band", Value::Text(Band::ALL.get(usize::from(swarm.band))?.label().to_owned())),
    ];
    Some(Graph { attributes, nodes: nodes.collect(), edges: edges.collect() })
}
