//! What is where in a recording: made in one walk over the file, small against it.

use std::ops::Range;

use super::{
    messages::{ACTIONS, EVENTS, FINISHED, KEYFRAMES, METRICS, RECORDING, REWARDS, SCENARIO},
    walker::{Ending, Inner, MAX_CHUNK, Part, Uncovered, records, unpack, value_of, walk},
};
use crate::error::{Error, Result};

/// Most channels that a recording may declare.
const MAX_CHANNELS: usize = 64;

/// Longest topic, in bytes.
const MAX_TOPIC: usize = 1024;

/// Records that the chunks of any file may hold, all together; each costs time, however little it says.
const RECORDS: u64 = 1 << 20;
/// Records more for each byte of the file. What differs from one message to the next takes more than a byte of it.
const RECORDS_PER_BYTE: u64 = 1;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Recording,
    Scenario,
    Keyframe,
    /// Of the group with this number, as for rewards.
    Actions(usize),
    Metrics,
    Rewards(usize),
    Event,
    /// Of a topic that this agon does not know.
    Other,
}

/// A message within its chunk.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) topic: Topic,
    pub(super) tick: u32,
    pub(super) time_ns: u64,
    pub(super) data: Range<usize>,
}

/// One chunk of a recording. Ticks never decrease from chunk to chunk.
///
/// What a tick came to is never spread over two: chunks that another writer ended within a tick are one here, as long as
/// they are not longer than a chunk may be.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// Its records in the file, for [`unpack`].
    records: Vec<Range<usize>>,
    /// Bytes that they unpack to.
    len: usize,
    /// Tick of its first message.
    pub(super) first: u32,
    /// Tick of its last message.
    pub(super) last: u32,
    /// Tick of its first keyframe.
    pub(super) first_keyframe: Option<u32>,
    /// The last chunk before this one with a scenario in it.
    pub(super) scenario_before: Option<usize>,
    /// Itself, if there is a scenario in it.
    scenario_within: Option<usize>,
}

impl Chunk {
    /// Makes one of this and the one after it.
    fn append(&mut self, next: Self) {
        self.records.extend(next.records);
        self.len += next.len;
        self.last = next.last;
        self.first_keyframe = self.first_keyframe.or(next.first_keyframe);
        self.scenario_within = self.scenario_within.or(next.scenario_within);
    }
}

/// What the recorder said when it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    /// How many ticks it recorded.
    pub(super) ticks: Option<u64>,
}

/// What no checksum covers, as its writer gave none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Chunks without a checksum.
    pub chunks: u64,
    /// What lies between the chunks.
    pub between_chunks: bool,
    /// The summary at the end.
    pub summary: bool,
}

/// What is where.
#[derive(Default)]
pub(super) struct Index {
    pub(super) chunks: Vec<Chunk>,
    /// Number, topic and meaning of each channel.
    channels: Vec<(u16, String, Topic)>,
    /// How far the file can be trusted.
    pub(super) ending: Ending,
    /// What the recorder said when it was done, if it did.
    pub(super) finished: Option<Finished>,
    pub(super) num_keyframes: u64,
    /// What no checksum covers.
    pub(super) uncovered: Coverage,
    /// Last tick all of whose steps are there.
    last_tick: u32,
    /// Steps of the last tick so far: actions, metrics and rewards.
    steps: usize,
    records: u64,
    allowed_records: u64,
}

/// A chunk unpacked.
#[derive(Default)]
pub(super) struct Unpacked {
    /// Which one.
    pub(super) number: Option<usize>,
    content: Vec<u8>,
    /// One record of it.
    part: Vec<u8>,
    pub(super) messages: Vec<Message>,
}

impl Unpacked {
    /// What a message says.
    pub(super) fn data(&self, message: &Message) -> &[u8] {
        self.content.get(message.data.clone()).unwrap_or_default()
    }

    /// What was said on `topic` at `tick`.
    pub(super) fn said(&self, topic: Topic, tick: u32) -> Result<&[u8]> {
        let message = self.messages_at(tick).map(|(_, message)| message).find(|message| message.topic == topic);
        message.map(|message| self.data(message)).ok_or_else(|| Error::input(format!("tick {tick} is not complete")))
    }

    /// The messages of `tick`, with their places.
    pub(super) fn messages_at(&self, tick: u32) -> impl Iterator<Item = (usize, &Message)> {
        let first = self.messages.partition_point(|message| message.tick < tick);
        self.messages.iter().enumerate().skip(first).take_while(move |(_, message)| message.tick == tick)
    }
}

impl Index {
    /// Walks over a file.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let allowed_records = RECORDS.saturating_add(RECORDS_PER_BYTE.saturating_mul(bytes.len() as u64));
        let mut index = Self { allowed_records, ..Self::default() };
        let ending = walk(bytes, &mut |part| match part {
            Part::Chunk { record, content } => index.add(record, content),
            Part::Metadata { name: FINISHED, entries } => {
                let ticks = value_of(entries, "ticks").and_then(|ticks| ticks.parse().ok());
                index.finished = Some(Finished { ticks });
                Ok(())
            }
            Part::Metadata { .. } => Ok(()),
            Part::Uncovered(what) => {
                match what {
                    Uncovered::Chunk => index.uncovered.chunks += 1,
                    Uncovered::BetweenChunks => index.uncovered.between_chunks = true,
                    Uncovered::Summary => index.uncovered.summary = true,
                }
                Ok(())
            }
        });
        // No checksum covers the word of the recorder but the one at the end.
        index.finished = index.finished.filter(|_| ending == Ending::Complete);
        index.ending = ending;
        let last = index.chunks.last().map_or(0, |chunk| chunk.last);
        let is_complete = index.steps > 2 * index.groups().count();
        index.last_tick = if is_complete { last } else { last.saturating_sub(1) };
        index
    }

    /// Names of the groups that act in it, in the order of their numbers.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().filter_map(|(_, topic, _)| topic.strip_prefix(ACTIONS))
    }

    /// Names of the groups that are paid in it, in the order of their numbers.
    pub(super) fn paid_groups(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().filter_map(|(_, topic, _)| topic.strip_prefix(REWARDS))
    }

    /// Last tick that was recorded, all of it.
    pub(super) fn last_tick(&self) -> u32 {
        self.last_tick
    }

    /// Number of the chunk with the actions of tick `tick`, which is at least 1.
    pub(super) fn chunk_of_step(&self, tick: u32) -> usize {
        self.chunks.partition_point(|chunk| chunk.last < tick)
    }

    /// Unpacks chunk `number` into `unpacked`, unless it is there already.
    pub(super) fn load(&self, bytes: &[u8], number: usize, unpacked: &mut Unpacked) -> Result<()> {
        if unpacked.number == Some(number) {
            return Ok(());
        }
        unpacked.number = None;
        unpacked.content.clear();
        unpacked.messages.clear();
        let chunk = self.chunks.get(number).ok_or_else(|| Error::input("the recording ends before this tick"))?;
        for record in &chunk.records {
            let (start, record) = (unpacked.content.len(), bytes.get(record.clone()).unwrap_or_default());
            unpack(record, &mut unpacked.part).map_err(Error::input)?;
            for inner in records(&unpacked.part) {
                if let Inner::Message { channel, sequence, log_time_ns, data } = inner.map_err(Error::input)? {
                    let topic = self.topic(channel).unwrap_or(Topic::Other);
                    let data = start + data.start..start + data.end;
                    unpacked.messages.push(Message { topic, tick: sequence, time_ns: log_time_ns, data });
                }
            }
            if start == 0 {
                std::mem::swap(&mut unpacked.content, &mut unpacked.part);
            } else {
                unpacked.content.extend_from_slice(&unpacked.part);
            }
        }
        unpacked.number = Some(number);
        Ok(())
    }

    fn add(&mut self, record: Range<usize>, content: &[u8]) -> Result<(), String> {
        let before = self.chunks.last();
        let mut last_step = before.map_or(0, |chunk| chunk.last);
        let scenario_before = before.and_then(|chunk| chunk.scenario_within.or(chunk.scenario_before));
        let mut first = None;
        let (mut first_keyframe, mut has_scenario, mut num_keyframes) = (None, false, 0);
        for inner in records(content) {
            self.records += 1;
            if self.records > self.allowed_records {
                return Err(format!("more than {} records, the most for a file of its length", self.allowed_records));
            }
            match inner? {
                Inner::Schema => {}
                Inner::Channel { id, topic } => self.declare(id, topic)?,
                Inner::Message { channel, sequence, .. } => {
                    let topic = self.topic(channel).ok_or("a message on a channel that was never declared")?;
                    // A tick begins with the actions of the first group; everything else is about the tick that runs.
                    let expected = if topic == Topic::Actions(0) { last_step.checked_add(1) } else { Some(last_step) };
                    if expected != Some(sequence) {
                        return Err(format!("tick {sequence} where tick {last_step} was the last"));
                    }
                    last_step = sequence;
                    self.count_step(topic);
                    first.get_or_insert((sequence, topic));
                    if topic == Topic::Keyframe {
                        first_keyframe.get_or_insert(sequence);
                        num_keyframes += 1;
                    }
                    has_scenario |= topic == Topic::Scenario;
                }
            }
        }
        let Some((first, topic)) = first else { return Ok(()) };
        let goes_on = self.goes_on(topic, content.len());
        self.num_keyframes += num_keyframes;
        let scenario_within = has_scenario.then_some(self.chunks.len() - usize::from(goes_on));
        let (records, len, last) = (vec![record], content.len(), last_step);
        let chunk = Chunk { records, len, first, last, first_keyframe, scenario_before, scenario_within };
        match self.chunks.last_mut().filter(|_| goes_on) {
            Some(before) => before.append(chunk),
            None => self.chunks.push(chunk),
        }
        Ok(())
    }

    /// Whether a chunk of so many bytes that begins with `topic` goes on with what the one before it ended in. The states
    /// of a tick begin a chunk, except at the beginning of the file.
    fn goes_on(&self, topic: Topic, len: usize) -> bool {
        let is_middle = match topic {
            Topic::Actions(0) => false,
            Topic::Keyframe | Topic::Scenario => self.num_keyframes == 0,
            _ => true,
        };
        is_middle && self.chunks.last().is_some_and(|before| before.len + len <= MAX_CHUNK)
    }

    /// Counts what makes a tick complete.
    fn count_step(&mut self, topic: Topic) {
        match topic {
            Topic::Actions(0) => self.steps = 1,
            Topic::Actions(_) | Topic::Metrics | Topic::Rewards(_) => self.steps += 1,
            _ => {}
        }
    }

    fn declare(&mut self, id: u16, topic: &str) -> Result<(), String> {
        if let Some((_, before, _)) = self.channels.iter().find(|(channel, ..)| *channel == id) {
            // Some writers say in each chunk again what they said before.
            return if before == topic { Ok(()) } else { Err(format!("channel {id} declared twice, differently")) };
        }
        if self.channels.len() == MAX_CHANNELS {
            return Err(format!("more channels than a recording has, which are at most {MAX_CHANNELS}"));
        }
        if topic.len() > MAX_TOPIC {
            return Err(format!("a topic of {} bytes, at most {MAX_TOPIC} are read", topic.len()));
        }
        let known = |of: fn(usize) -> Topic| of(self.channels.iter().filter(|(.., t)| same(*t, of(0))).count());
        let meaning = match topic {
            RECORDING => Topic::Recording,
            SCENARIO => Topic::Scenario,
            KEYFRAMES => Topic::Keyframe,
            METRICS => Topic::Metrics,
            EVENTS => Topic::Event,
            topic if topic.starts_with(ACTIONS) => known(Topic::Actions),
            topic if topic.starts_with(REWARDS) => known(Topic::Rewards),
            _ => Topic::Other,
        };
        self.channels.push((id, topic.to_owned(), meaning));
        Ok(())
    }

    fn topic(&self, id: u16) -> Option<Topic> {
        self.channels.iter().find(|(channel, ..)| *channel == id).map(|(.., topic)| *topic)
    }
}

/// Whether two topics are of one kind, whatever their group.
fn same(a: Topic, b: Topic) -> bool {
    std::mem::discriminant(&a) == std::mem::discriminant(&b)
}
