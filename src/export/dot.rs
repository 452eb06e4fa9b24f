//! The graph of one tick in the language of Graphviz, which NetworkX and Gephi read too.
//!
//! Grammar: <https://graphviz.org/doc/info/lang.html>. `pos` ends in `!`, so Graphviz leaves nodes where they are;
//! `inputscale=72` makes a metre a point of the drawing, an inch being too large.

use std::fmt::Write;

use super::{ExportOptions, Film, frames::ticks_between};
use crate::{
    error::{Error, Result},
    sim::{
        Graph, clock_of,
        graph::{Attribute, GraphEdge, GraphNode, Value},
    },
};

/// What a drawing sets off is filled or drawn with this.
const SET_OFF: &str = "#e69f00";

/// The graph that `film` shows at the tick asked for, as text.
///
/// # Errors
/// A domain without a graph, a tick that there is not, or a film that fails.
pub(super) fn of(film: &mut dyn Film, options: &ExportOptions, on_step: &mut dyn FnMut(u64, u64)) -> Result<String> {
    graph_of(film)?;
    let (first, last) = film.ticks().into_inner();
    let only = options.until.or(options.from).unwrap_or(last);
    ticks_between(film, Some(only), Some(only))?;
    // The last tick of an episode shows how the next one begins, so the tick before stands in for it, as in a picture.
    film.seek(only.saturating_sub(1).max(first))?;
    let mut graph = graph_of(film)?;
    let is_fresh = |film: &dyn Film| clock_of(film.lane().world(), 0).is_some_and(|clock| clock.tick == 0);
    if film.tick() < only && film.step()? && !is_fresh(film) {
        graph = graph_of(film)?;
    }
    on_step(1, 1);
    Ok(text(&graph))
}

/// The graph that `film` shows now, with which moment of which play it is.
fn graph_of(film: &dyn Film) -> Result<Graph> {
    let domain = film.scenario().domain.domain();
    let graph = domain.view().and_then(|view| view.graph(film.lane().world(), 0));
    let mut graph = graph.ok_or_else(|| {
        Error::input(format!("domain `{}` has no graph: nothing in it is linked", domain.id()))
            .hint("write a `.csv` table instead")
    })?;
    graph.attributes.splice(0..0, about(film));
    Ok(graph)
}

/// Which moment of which play it is.
fn about(film: &dyn Film) -> Vec<Attribute> {
    let scenario = film.scenario();
    let domain = scenario.domain.domain();
    let mut about = vec![
        ("scenario", Value::Text(format!("{}/{}", domain.id(), scenario.name))),
        ("policy", Value::Text(film.policies().join(", "))),
        ("seed", Value::Count(film.seed())),
    ];
    if let Some(clock) = clock_of(film.lane().world(), 0) {
        about.push(("episode", Value::Count(clock.episode)));
        about.push(("tick", Value::Count(clock.tick.into())));
        about.push(("time_s", Value::Number(f64::from(clock.tick) * domain.dt_s())));
    }
    about
}

fn text(graph: &Graph) -> String {
    // Without `strict`, NetworkX would make it a graph in which two nodes may have several edges.
    let mut text = String::from("strict graph {\n    layout=neato\n    inputscale=72\n");
    for attribute in &graph.attributes {
        text += "    ";
        add(&mut text, attribute);
        text.push('\n');
    }
    text += "    node [shape=circle, width=0.08, fixedsize=true, label=\"\", style=filled, fillcolor=white]\n";
    for GraphNode { name, at_m, is_set_off, attributes } in &graph.nodes {
        // Writing into a string cannot fail.
        let _ = write!(text, "    {} [pos=\"{},{}!\"", id(name), at_m.x, at_m.y);
        text += &if *is_set_off { format!(", fillcolor=\"{SET_OFF}\"") } else { String::new() };
        add_all(&mut text, attributes);
    }
    for GraphEdge { ends, is_set_off, attributes } in &graph.edges {
        let [one, other] = ends.map(|end| graph.nodes.get(end).map_or_else(String::new, |node| id(&node.name)));
        let _ = write!(text, "    {one} -- {other} [penwidth={}", if *is_set_off { 3 } else { 1 });
        text += &if *is_set_off { format!(", color=\"{SET_OFF}\"") } else { String::new() };
        add_all(&mut text, attributes);
    }
    text + "}\n"
}

/// Ends a list of attributes that has one already.
fn add_all(text: &mut String, attributes: &[Attribute]) {
    for attribute in attributes {
        text.push_str(", ");
        add(text, attribute);
    }
    text.push_str("]\n");
}

fn add(text: &mut String, (name, value): &Attribute) {
    // Writing into a string cannot fail.
    let _ = match value {
        Value::Text(words) => write!(text, "{}={}", id(name), quoted(words)),
        Value::Count(count) => write!(text, "{}={count}", id(name)),
        Value::Number(number) => write!(text, "{}={number}", id(name)),
        Value::Flag(flag) => write!(text, "{}={flag}", id(name)),
    };
}

/// A name as it is, or in quotes where the grammar demands them.
fn id(name: &str) -> String {
    const KEYWORDS: [&str; 6] = ["node", "edge", "graph", "digraph", "subgraph", "strict"];
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_bare = name.starts_with(|c: char| is_word(c) && !c.is_ascii_digit())
        && name.chars().all(is_word)
        && !KEYWORDS.contains(&name.to_ascii_lowercase().as_str());
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// Words in quotes. A backslash is doubled: it would begin an escape sequence, or take the closing quote with it.
fn quoted(words: &str) -> String {
    format!("\"{}\"", words.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r"))
}

#[cfg(test)]
mod tests {
    use glam::Vec2;

    use super::*;

    #[test]
    fn names_that_the_grammar_takes_stay_bare_and_others_are_quoted() {
        for bare in ["drone_0", "_x", "Nodes"] {
            assert_eq!(id(bare), bare);
        }
        for (name, quoted) in [
            ("", r#""""#),
            ("7a", r#""7a""#),
            ("Node", r#""Node""#),
            ("a b", r#""a b""#),
            (r#"say "x""#, r#""say \"x\"""#),
            (r"ends in \", r#""ends in \\""#),
            ("two\nlines", r#""two\nlines""#),
            ("größe", r#""größe""#),
        ] {
            assert_eq!(id(name), quoted);
        }
    }

    #[test]
    fn what_is_set_off_is_filled_or_wide() {
        let node = |name: &str, is_set_off| GraphNode {
            name: name.to_owned(),
            at_m: Vec2::new(1.5, -2.0),
            is_set_off,
            attributes: vec![("kind", Value::Text("a \"b\"".to_owned()))],
        };
        let edge = GraphEdge { ends: [0, 1], is_set_off: true, attributes: vec![("length_m", Value::Number(0.1))] };
        let attributes = vec![("lambda2", Value::Number(2.0)), ("is_whole", Value::Flag(true))];
        let graph = Graph { attributes, nodes: vec![node("a", true), node("b", false)], edges: vec![edge] };
        assert_eq!(
            text(&graph),
            r##"strict graph {
    layout=neato
    inputscale=72
    lambda2=2
    is_whole=true
    node [shape=circle, width=0.08, fixedsize=true, label="", style=filled, fillcolor=white]
    a [pos="1.5,-2!", fillcolor="#e69f00", kind="a \"b\""]
    b [pos="1.5,-2!", kind="a \"b\""]
    a -- b [penwidth=3, color="#e69f00", length_m=0.1]
}
"##
        );
    }
}
