//! Writes a recording as it goes.

use std::io::{self, Write};

use bevy_ecs::world::World;
use mcap::{
    Compression, McapError, WriteOptions, Writer,
    records::{MessageHeader, Metadata},
    write::NoSeek,
};

use super::{
    MAX_MESSAGE,
    channels::Channels,
    messages::{
        Cause, Event, FINISHED, Keyframe, Preamble, VERSION, encode_actions, encode_metrics, encode_rewards, json,
    },
    walker::MAX_CHUNK,
};
use crate::{
    domains::Scenario,
    error::{Error, Result},
    sim::{Declared, Ports, snapshot},
};

/// Ticks between keyframes unless something else is asked for.
pub const KEYFRAME_TICKS: u32 = 50;

/// A chunk of this many bytes ends before the next keyframe, so that most seeks unpack one chunk.
const CHUNK: usize = 64 << 10;
/// A chunk of this many bytes ends at the next tick.
const LONG_CHUNK: usize = 1 << 20;
/// What a message takes beside its content.
const MESSAGE_OVERHEAD: usize = 31;

/// What a recording is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening<'a> {
    /// The scenario that the world was made from.
    pub scenario: &'a Scenario,
    /// Run seed of the world.
    pub seed: u64,
    /// Number of the env within the run.
    pub env: u64,
    /// Name of the policy of each group.
    pub policies: Vec<String>,
    /// Ticks between keyframes, at least 1.
    pub keyframe_ticks: u32,
}

/// Records one env of a world.
///
/// Tick 0 is the state that the recording began with, tick `t` the state after `t` calls of [`tick`](Self::tick). The
/// recorder looks at the world only while one of its methods runs; which env of which world it is given is the caller's care.
pub struct Recorder<W: Write> {
    writer: Writer<NoSeek<W>>,
    channels: Channels,
    keyframe_ticks: u32,
    env: u64,
    tick: u32,
    time_ns: u64,
    dt_ns: u64,
    last_keyframe: u32,
    /// The state of this tick, as long as no keyframe has it. Where actions end, at an edit or with the recording, a keyframe
    /// has to say what they led to.
    unsaved: Option<Vec<u8>>,
    /// Bytes in the chunk that is being filled.
    filled: usize,
}

impl<W: Write> Recorder<W> {
    /// Begins a recording of the env at `slot` of `world`, in whatever state it is.
    ///
    /// # Errors
    /// An opening that does not fit the world, or what the sink reports.
    pub fn start(sink: W, opening: &Opening<'_>, world: &World, slot: usize) -> Result<Self> {
        let spec = &world.resource::<Declared>().0;
        if opening.policies.len() != spec.groups.len() {
            return Err(Error::input(format!("{} policies for {} groups", opening.policies.len(), spec.groups.len())));
        }
        let options = WriteOptions::new()
            .compression(Some(Compression::Zstd))
            .compression_threads(0)
            .chunk_size(None)
            .disable_seeking(true)
            .profile("agon")
            .library(concat!("agon ", env!("CARGO_PKG_VERSION")));
        let mut writer = options.create(NoSeek::new(sink)).map_err(|error| write_failed(&error))?;
        let channels = Channels::declare(&mut writer, spec).map_err(|error| write_failed(&error))?;
        let mut recorder = Self {
            writer,
            channels,
            keyframe_ticks: opening.keyframe_ticks.max(1),
            env: opening.env,
            tick: 0,
            time_ns: 0,
            dt_ns: dt_ns(opening.scenario),
            last_keyframe: 0,
            unsaved: None,
            filled: 0,
        };
        let preamble = Preamble {
            version: VERSION,
            agon: env!("CARGO_PKG_VERSION").to_owned(),
            seed: opening.seed,
            env: opening.env,
            policies: opening.policies.clone(),
            groups: spec.groups.iter().map(|group| group.name.to_owned()).collect(),
        };
        recorder.write(recorder.channels.recording, &json(&preamble)?)?;
        recorder.write(recorder.channels.scenario, opening.scenario.to_ron()?.as_bytes())?;
        recorder.keyframe(Cause::Start, &snapshot::save(world, slot))?;
        Ok(recorder)
    }

    /// Records the tick that the env at `slot` has just made; its ports still hold the actions that led here.
    ///
    /// # Errors
    /// What the sink reports; the recording ends at its last complete chunk then.
    pub fn tick(&mut self, world: &World, slot: usize) -> Result<()> {
        let (spec, ports) = (&world.resource::<Declared>().0, world.resource::<Ports>());
        self.end_long_chunk()?;
        self.tick =
            self.tick.checked_add(1).ok_or_else(|| Error::input("a recording of this length cannot be kept"))?;
        self.time_ns = self.time_ns.saturating_add(self.dt_ns);
        for (group, port) in ports.groups.iter().enumerate() {
            self.write(self.channels.actions[group], &encode_actions(port, slot))?;
        }
        self.write(self.channels.metrics, &encode_metrics(spec, ports, slot)?)?;
        for (group, port) in ports.groups.iter().enumerate() {
            let message = encode_rewards(&spec.groups[group].reward_terms, port, slot)?;
            self.write(self.channels.rewards[group], &message)?;
        }
        let ended = ports.finished.iter().find(|record| record.env == self.env);
        if let Some(record) = ended {
            self.write(self.channels.events, &json(&Event::from((record, ports.truncated[slot])))?)?;
        }
        if ended.is_some() || self.tick - self.last_keyframe >= self.keyframe_ticks {
            if self.filled >= CHUNK {
                self.flush()?;
            }
            self.keyframe(Cause::Passing, &snapshot::save(world, slot))?;
        } else {
            self.unsaved = Some(snapshot::save(world, slot));
        }
        Ok(())
    }

    /// Records something that leaves the state as it is: a bookmark, another policy.
    ///
    /// # Errors
    /// As [`tick`](Self::tick).
    pub fn mark(&mut self, event: &Event) -> Result<()> {
        self.end_long_chunk()?;
        self.write(self.channels.events, &json(event)?)
    }

    /// Records that the env at `slot` was changed by hand, after the fact: a parameter, or the state itself.
    ///
    /// `scenario` is what is in force from now on; the groups must be the same as before, by number and name.
    ///
    /// # Errors
    /// As [`tick`](Self::tick), and groups that are not the same.
    pub fn edit(&mut self, world: &World, slot: usize, scenario: &Scenario, what: &[Event]) -> Result<()> {
        if world.resource::<Declared>().0.groups.len() != self.channels.actions.len() {
            return Err(Error::input("a recording keeps the groups it began with").hint("begin another recording"));
        }
        self.keep_state()?;
        what.iter().try_for_each(|event| self.mark(event))?;
        self.write(self.channels.scenario, scenario.to_ron()?.as_bytes())?;
        self.dt_ns = dt_ns(scenario);
        self.keyframe(Cause::Edit, &snapshot::save(world, slot))
    }

    /// Ticks recorded so far.
    pub fn ticks(&self) -> u64 {
        u64::from(self.tick)
    }

    /// Ends the chunk: everything up to here reaches the sink, and can be read however the recording ends.
    ///
    /// # Errors
    /// What the sink reports.
    pub fn flush(&mut self) -> Result<()> {
        self.filled = 0;
        self.writer.flush().map_err(|error| write_failed(&error))
    }

    /// Ends the recording with the state that it led to and says so in it. One that is dropped instead reads as not finished.
    ///
    /// # Errors
    /// What the sink reports.
    pub fn finish(mut self) -> Result<W> {
        self.keep_state()?;
        let ticks = ("ticks".to_owned(), self.tick.to_string());
        let end = Metadata { name: FINISHED.to_owned(), metadata: [ticks].into() };
        self.writer.write_metadata(&end).map_err(|error| write_failed(&error))?;
        self.writer.finish().map_err(|error| write_failed(&error))?;
        Ok(self.writer.into_inner().into_inner())
    }

    fn end_long_chunk(&mut self) -> Result<()> {
        if self.filled >= LONG_CHUNK { self.flush() } else { Ok(()) }
    }

    /// Writes the state of this tick, unless a keyframe has it.
    fn keep_state(&mut self) -> Result<()> {
        let Some(state) = self.unsaved.take() else { return Ok(()) };
        self.keyframe(Cause::Passing, &state)
    }

    fn keyframe(&mut self, cause: Cause, state: &[u8]) -> Result<()> {
        let keyframe = Keyframe { cause, hash: snapshot::hash_of(state), state };
        (self.last_keyframe, self.unsaved) = (self.tick, None);
        self.write(self.channels.keyframes, &keyframe.encode())
    }

    fn write(&mut self, channel_id: u16, data: &[u8]) -> Result<()> {
        if data.len() > MAX_MESSAGE || self.filled > MAX_CHUNK / 2 {
            return Err(Error::input(format!("a message of {} bytes is too long for a recording", data.len())));
        }
        let (sequence, log_time) = (self.tick, self.time_ns);
        let header = MessageHeader { channel_id, sequence, log_time, publish_time: log_time };
        self.filled += data.len() + MESSAGE_OVERHEAD;
        self.writer.write_to_known_channel(&header, data).map_err(|error| write_failed(&error))
    }
}

/// Length of a tick in ns; never 0, so that times tell ticks apart.
pub(super) fn dt_ns(scenario: &Scenario) -> u64 {
    ((scenario.domain.domain().dt_s() * 1e9).round() as u64).max(1)
}

fn write_failed(error: &McapError) -> Error {
    let told = match error {
        McapError::Io(error) if error.kind() == io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        error => error.to_string(),
    };
    Error::system(format!("cannot write the recording: {told}"))
}
