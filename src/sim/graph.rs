//! Graphs: who is joined to whom in one env, as data for other programs.

use glam::Vec2;

/// Nodes and undirected edges of one moment of one env, with what is known of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// What is known of the graph as a whole.
    pub attributes: Vec<Attribute>,
    /// The nodes.
    pub nodes: Vec<GraphNode>,
    /// The edges; two nodes have one edge at most, and none has one to itself.
    pub edges: Vec<GraphEdge>,
}

/// A node of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphNode {
    /// Its name, which no other node has: letters, digits and `_`, such as `drone_3`.
    pub name: String,
    /// Where it is, in metres, with y upwards.
    pub at_m: Vec2,
    /// Whether a drawing sets it off from others.
    pub is_set_off: bool,
    /// What is known of it.
    pub attributes: Vec<Attribute>,
}

/// An edge of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphEdge {
    /// Indices into [`Graph::nodes`], the lower one first.
    pub ends: [usize; 2],
    /// Whether a drawing sets it off from others.
    pub is_set_off: bool,
    /// What is known of it.
    pub attributes: Vec<Attribute>,
}

/// Something that is known, with its name: letters, digits and `_`, ending in the unit if there is one.
pub type Attribute = (&'static str, Value);

/// What an attribute says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A finite number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
}
