//! The channels of a recording: topic, encoding and schema of each.

use std::{collections::BTreeMap, io::Write};

use mcap::{McapResult, Writer, write::NoSeek};
use serde_json::{Map, Value, json};

use super::messages::{ACTIONS, EVENTS, KEYFRAMES, METRICS, RECORDING, REWARDS, SCENARIO};
use crate::sim::{GroupSpec, Spec};

/// Numbers of the channels of a recording.
pub(super) struct Channels {
    pub(super) recording: u16,
    pub(super) scenario: u16,
    pub(super) keyframes: u16,
    pub(super) metrics: u16,
    pub(super) events: u16,
    /// One per group.
    pub(super) actions: Vec<u16>,
    /// One per group.
    pub(super) rewards: Vec<u16>,
}

impl Channels {
    /// Declares the channels of a recording under `spec`.
    pub(super) fn declare<W: Write>(writer: &mut Writer<NoSeek<W>>, spec: &Spec) -> McapResult<Self> {
        let plain = |_: &str| BTreeMap::new();
        let mut json = |topic: &str, schema: &Value| {
            let id = writer.add_schema(&format!("agon{}", topic.replace('/', ".")), "jsonschema", text(schema).as_bytes())?;
            writer.add_channel(id, topic, "json", &plain(topic))
        };
        let recording = json(RECORDING, &object(&["agon", "seed", "env"], &json!({ "type": "string" })))?;
        let names: Vec<&str> = spec.metrics.iter().map(|metric| metric.name).collect();
        let metrics = json(METRICS, &object(&names, &json!({ "type": "number" })))?;
        let events = json(EVENTS, &object(&["kind"], &json!({ "type": "string" })))?;
        let mut rewards = Vec::new();
        for group in &spec.groups {
            rewards.push(json(&format!("{REWARDS}{}", group.name), &rewards_schema(group))?);
        }
        let scenario = writer.add_channel(0, SCENARIO, "ron", &BTreeMap::new())?;
        let keyframes = writer.add_channel(0, KEYFRAMES, "agon.keyframe", &BTreeMap::new())?;
        let mut actions = Vec::new();
        for group in &spec.groups {
            let topic = format!("{ACTIONS}{}", group.name);
            actions.push(writer.add_channel(0, &topic, "f32le", &layout(group))?);
        }
        Ok(Self { recording, scenario, keyframes, metrics, events, actions, rewards })
    }
}

fn text(schema: &Value) -> String {
    schema.to_string()
}

/// An object whose keys `names` all have this type.
fn object(names: &[&str], of: &Value) -> Value {
    let properties: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), of.clone())).collect();
    json!({ "type": "object", "properties": properties })
}

fn rewards_schema(group: &GroupSpec) -> Value {
    let numbers = json!({ "type": "array", "items": { "type": "number" } });
    let names: Vec<&str> = group.reward_terms.iter().map(|term| term.name).collect();
    json!({ "type": "object", "properties": { "total": numbers.clone(), "terms": object(&names, &numbers) } })
}

/// What the numbers of an action message are, for people who read them elsewhere.
fn layout(group: &GroupSpec) -> BTreeMap<String, String> {
    let continuous = group.action.continuous.iter().map(|field| field.name.clone());
    let names: Vec<String> = continuous.chain(group.action.discrete.iter().map(|d| d.name.to_owned())).collect();
    let entries = [
        ("agents", group.agents.to_string()),
        ("numbers", names.join(",")),
        ("layout", "f32 little-endian [agents, numbers]".to_owned()),
    ];
    entries.map(|(key, value)| (key.to_owned(), value)).into()
}
