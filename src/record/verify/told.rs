//! What the messages of one tick tell, held against what the tick came to.

use serde_json::Value;

use super::Difference;
use crate::{
    error::Result,
    record::{
        index::{Message, Topic},
        messages::{Cause, Event, Keyframe, encode_metrics, encode_rewards, from_json, json},
    },
    sim::Lane,
};

/// Longest text of a difference, in characters.
const MAX_TEXT: usize = 80;

/// What one tick told so far.
pub(super) struct Told {
    tick: u64,
    time_ns: u64,
    /// Whether the states before edits are there, as since version 2.
    has_states_before_edits: bool,
    /// What has to be told at this tick, each once.
    due: Vec<Due>,
    difference: Option<Difference>,
    /// What was said of the edit whose state is to follow, and whether its scenario was.
    edit: Vec<String>,
    has_scenario: bool,
    has_preamble: bool,
    is_state_compared: bool,
    /// What was said of each edit.
    pub(super) edits: Vec<Vec<String>>,
    pub(super) has_keyframe: bool,
    pub(super) bookmarks: u64,
    pub(super) policy_swaps: u64,
    pub(super) unknown_messages: u64,
}

/// A message that has to be there.
struct Due {
    topic: Topic,
    /// What it is about, for people.
    what: String,
    /// What it has to say; none if nothing says what.
    message: Option<Vec<u8>>,
    is_told: bool,
}

impl Told {
    /// Nothing told yet of `tick`, at which `lane` stands, before any edit.
    pub(super) fn new(lane: &Lane, tick: u64, time_ns: u64, version: u32) -> Result<Self> {
        Ok(Self {
            tick,
            time_ns,
            has_states_before_edits: version >= 2,
            due: if tick == 0 { Vec::new() } else { due(lane)? },
            difference: None,
            edit: Vec::new(),
            has_scenario: false,
            has_preamble: false,
            is_state_compared: false,
            edits: Vec::new(),
            has_keyframe: false,
            bookmarks: 0,
            policy_swaps: 0,
            unknown_messages: 0,
        })
    }

    /// Takes in the next message of the tick.
    ///
    /// # Errors
    /// One that cannot be read.
    pub(super) fn hear(&mut self, message: &Message, data: &[u8]) -> Result<()> {
        if message.time_ns != self.time_ns {
            self.differs("time of a message", format!("{} ns", message.time_ns), format!("{} ns", self.time_ns));
        }
        match message.topic {
            Topic::Recording => {
                if self.has_preamble || self.tick > 0 {
                    self.differs("beginning", "told again", "told once");
                }
                self.has_preamble = true;
            }
            Topic::Scenario => {
                if self.has_scenario {
                    self.differs("scenario", "two before one state", "one");
                }
                self.has_scenario = true;
            }
            Topic::Keyframe => self.hear_keyframe(Keyframe::decode(data)?.cause),
            Topic::Event => self.hear_event(data)?,
            Topic::Actions(_) | Topic::Metrics | Topic::Rewards(_) => self.hear_due(message.topic, data),
            Topic::Other => self.unknown_messages += 1,
        }
        Ok(())
    }

    /// Nothing more is told.
    pub(super) fn end(&mut self) {
        if self.has_scenario || !self.edit.is_empty() {
            self.differs("edit", "an edit", "no state that it led to");
        }
        if let Some(due) = self.due.iter().find(|due| !due.is_told) {
            let (what, found) = (due.what.clone(), due.message.as_deref().map_or_else(String::new, text));
            self.differs(what, "nothing", found);
        }
    }

    /// What does not follow, if anything.
    pub(super) fn take_difference(&mut self) -> Option<Difference> {
        self.difference.take()
    }

    fn hear_keyframe(&mut self, cause: Cause) {
        if cause == Cause::Edit {
            if !self.has_scenario {
                self.differs("state", "a state after an edit", "no edit");
            }
            if self.has_states_before_edits && !self.is_state_compared {
                self.differs("state before an edit", "nothing", "a state");
            }
            self.edits.push(std::mem::take(&mut self.edit));
        } else {
            let is_beginning = self.tick == 0 && !self.has_keyframe;
            if self.has_scenario != is_beginning || !self.edit.is_empty() {
                self.differs("state", "a state that follows", "an edit before it");
            }
            self.is_state_compared = true;
        }
        (self.has_scenario, self.has_keyframe) = (false, true);
    }

    fn hear_event(&mut self, data: &[u8]) -> Result<()> {
        match from_json(data)? {
            Event::EpisodeEnded { .. } => self.hear_due(Topic::Event, data),
            Event::ParameterChanged { name, value } => self.edit.push(format!("{name} = {value}")),
            Event::StateEdited { what } => self.edit.push(what),
            Event::PolicySwapped { .. } => self.policy_swaps += 1,
            Event::Bookmark { .. } => self.bookmarks += 1,
        }
        Ok(())
    }

    fn hear_due(&mut self, topic: Topic, data: &[u8]) {
        let Some(due) = self.due.iter_mut().find(|due| due.topic == topic && !due.is_told) else {
            self.differs(what_is(topic, &[]), text(data), "nothing, or nothing more");
            return;
        };
        due.is_told = true;
        let Some(message) = due.message.as_deref().filter(|message| *message != data) else { return };
        let (place, recorded, found) = first_difference(data, message);
        let what = if place.is_empty() { due.what.clone() } else { format!("{} `{place}`", due.what) };
        self.differs(what, recorded, found);
    }

    /// The first difference is the one that is told.
    fn differs(&mut self, what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) {
        let tick = self.tick;
        self.difference.get_or_insert_with(|| Difference::new(tick, what, expected, found));
    }
}

/// What the tick that `lane` has just made has to tell.
fn due(lane: &Lane) -> Result<Vec<Due>> {
    let (spec, ports) = (lane.spec(), lane.ports());
    let names: Vec<&str> = spec.groups.iter().map(|group| group.name).collect();
    let new = |topic: Topic, message: Option<Vec<u8>>| {
        let what = what_is(topic, &names);
        Due { topic, what, message, is_told: false }
    };
    let mut due: Vec<Due> = (0..names.len()).map(|group| new(Topic::Actions(group), None)).collect();
    due.push(new(Topic::Metrics, Some(encode_metrics(spec, ports, 0)?)));
    for (number, (group, port)) in spec.groups.iter().zip(&ports.groups).enumerate() {
        due.push(new(Topic::Rewards(number), Some(encode_rewards(&group.reward_terms, port, 0)?)));
    }
    if let Some(record) = ports.finished.first() {
        due.push(new(Topic::Event, Some(json(&Event::from((record, ports.truncated.contains(&true))))?)));
    }
    Ok(due)
}

/// What a topic is about, for people.
fn what_is(topic: Topic, groups: &[&str]) -> String {
    let of = |what: &str, group: usize| {
        groups.get(group).map_or_else(|| what.to_owned(), |name| format!("{what} of {name}"))
    };
    match topic {
        Topic::Actions(group) => of("actions", group),
        Topic::Rewards(group) => of("rewards", group),
        Topic::Metrics => "metrics".to_owned(),
        Topic::Event => "end of an episode".to_owned(),
        Topic::Recording | Topic::Scenario | Topic::Keyframe | Topic::Other => "message".to_owned(),
    }
}

/// Where two messages in JSON differ first, and what is there in each.
fn first_difference(recorded: &[u8], found: &[u8]) -> (String, String, String) {
    let parsed = (serde_json::from_slice::<Value>(recorded), serde_json::from_slice::<Value>(found));
    let place = if let (Ok(a), Ok(b)) = &parsed { differs_at(a, b) } else { None };
    // What reads the same and is not the same is written in another way.
    place.unwrap_or_else(|| (String::new(), text(recorded), text(found)))
}

fn differs_at(a: &Value, b: &Value) -> Option<(String, String, String)> {
    let nothing = || "nothing".to_owned();
    let told = |value: Option<&Value>| value.map_or_else(nothing, |value| text(value.to_string().as_bytes()));
    let below = |key: String, a: Option<&Value>, b: Option<&Value>| match (a, b) {
        (Some(a), Some(b)) => differs_at(a, b).map(|(place, a, b)| {
            let dot = if place.is_empty() || place.starts_with('[') { "" } else { "." };
            (format!("{key}{dot}{place}"), a, b)
        }),
        _ => Some((key, told(a), told(b))),
    };
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = b.keys().chain(a.keys().filter(|key| !b.contains_key(*key)));
            keys.into_iter().find_map(|key| below(text(key.as_bytes()), a.get(key), b.get(key)))
        }
        (Value::Array(a), Value::Array(b)) => {
            (0..a.len().max(b.len())).find_map(|index| below(format!("[{index}]"), a.get(index), b.get(index)))
        }
        _ if a == b => None,
        _ => Some((String::new(), told(Some(a)), told(Some(b)))),
    }
}

/// Bytes of a message as a short text that does no harm in a terminal.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..4 * MAX_TEXT).unwrap_or(bytes));
    let mut chars = text.chars();
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut short: String = chars.by_ref().take(MAX_TEXT).map(shown).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
