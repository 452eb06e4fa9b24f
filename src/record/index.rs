//! What is where in a recording: made in one walk over the file, small against it.

use std::ops::Range;

use super::{
    messages::{ACTIONS, EVENTS, FINISHED, KEYFRAMES, METRICS, RECORDING, REWARDS, SCENARIO},
    walker::{Ending, Inner, Part, records, unpack, walk},
};
use crate::error::{Error, Result};

/// Most channels that a recording may declare.
const MAX_CHANNELS: usize = 64;

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
    pub(super) data: Range<usize>,
}

/// One chunk of a recording. Ticks never decrease from chunk to chunk.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// Its record in the file, for [`unpack`].
    record: Range<usize>,
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

/// What is where.
pub(super) struct Index {
    pub(super) chunks: Vec<Chunk>,
    /// Number and topic of each channel.
    channels: Vec<(u16, Topic)>,
    /// Groups that act in it.
    pub(super) groups: usize,
    /// How far the file can be trusted.
    pub(super) ending: Ending,
    /// Whether the recorder said that it was done.
    pub(super) finished: bool,
    pub(super) num_keyframes: u64,
}

/// A chunk unpacked.
#[derive(Default)]
pub(super) struct Unpacked {
    /// Which one.
    pub(super) number: Option<usize>,
    content: Vec<u8>,
    pub(super) messages: Vec<Message>,
}

impl Unpacked {
    /// What a message says.
    pub(super) fn data(&self, message: &Message) -> &[u8] {
        self.content.get(message.data.clone()).unwrap_or_default()
    }
}

impl Index {
    /// Walks over a file.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut index = Self {
            chunks: Vec::new(),
            channels: Vec::new(),
            groups: 0,
            ending: Ending::Complete,
            finished: false,
            num_keyframes: 0,
        };
        let ending = walk(bytes, &mut |part| match part {
            Part::Chunk { record, content } => index.add(record, content),
            Part::Metadata { name } => {
                index.finished |= name == FINISHED;
                Ok(())
            }
        });
        // No checksum covers the word of the recorder but the one at the end.
        index.finished &= ending == Ending::Complete;
        index.ending = ending;
        index
    }

    /// Last tick that was recorded.
    pub(super) fn last_tick(&self) -> u32 {
        self.chunks.last().map_or(0, |chunk| chunk.last)
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
        unpacked.messages.clear();
        let chunk = self.chunks.get(number).ok_or_else(|| Error::input("the recording ends before this tick"))?;
        let record = bytes.get(chunk.record.clone()).unwrap_or_default();
        unpack(record, &mut unpacked.content).map_err(Error::input)?;
        for record in records(&unpacked.content) {
            if let Inner::Message { channel, sequence, data, .. } = record.map_err(Error::input)? {
                let topic = self.topic(channel).unwrap_or(Topic::Other);
                unpacked.messages.push(Message { topic, tick: sequence, data });
            }
        }
        unpacked.number = Some(number);
        Ok(())
    }

    fn add(&mut self, record: Range<usize>, content: &[u8]) -> Result<(), String> {
        let before = self.chunks.last();
        let mut last_step = before.map_or(0, |chunk| chunk.last);
        let scenario_before = before.and_then(|chunk| chunk.scenario_within.or(chunk.scenario_before));
        let number = self.chunks.len();
        let (mut first, mut first_keyframe, mut scenario_within, mut num_keyframes) = (None, None, None, 0);
        for inner in records(content) {
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
                    first.get_or_insert(sequence);
                    if topic == Topic::Keyframe {
                        first_keyframe.get_or_insert(sequence);
                        num_keyframes += 1;
                    }
                    if topic == Topic::Scenario {
                        scenario_within = Some(number);
                    }
                }
            }
        }
        let Some(first) = first else { return Ok(()) };
        self.num_keyframes += num_keyframes;
        self.chunks.push(Chunk { record, first, last: last_step, first_keyframe, scenario_before, scenario_within });
        Ok(())
    }

    fn declare(&mut self, id: u16, topic: &str) -> Result<(), String> {
        if self.topic(id).is_some() || self.channels.len() == MAX_CHANNELS {
            return Err("more channels than a recording has".to_owned());
        }
        let known = |of: fn(usize) -> Topic| of(self.channels.iter().filter(|(_, t)| same(*t, of(0))).count());
        let topic = match topic {
            RECORDING => Topic::Recording,
            SCENARIO => Topic::Scenario,
            KEYFRAMES => Topic::Keyframe,
            METRICS => Topic::Metrics,
            EVENTS => Topic::Event,
            topic if topic.starts_with(ACTIONS) => known(Topic::Actions),
            topic if topic.starts_with(REWARDS) => known(Topic::Rewards),
            _ => Topic::Other,
        };
        self.groups += usize::from(matches!(topic, Topic::Actions(_)));
        self.channels.push((id, topic));
        Ok(())
    }

    fn topic(&self, id: u16) -> Option<Topic> {
        self.channels.iter().find(|(channel, _)| *channel == id).map(|(_, topic)| *topic)
    }
}

/// Whether two topics are of one kind, whatever their group.
fn same(a: Topic, b: Topic) -> bool {
    std::mem::discriminant(&a) == std::mem::discriminant(&b)
}
