//! Plays a recording: any tick can be sought, every tick is the one that was recorded, bit for bit.
//!
//! A tick is reached from the nearest keyframe before it by simulating with the recorded actions. As randomness has an
//! address, a world with this one env goes on exactly as the world did that many others shared.

use std::{ops::RangeInclusive, path::Path};

use super::{
    MAX_FILE,
    index::{Coverage, Finished, Index, Topic, Unpacked},
    messages::{Event, Preamble, VERSION, decode_metrics, from_json},
    walker::Ending,
};
use crate::{
    domains::Scenario,
    durable::read_capped,
    error::{Error, Result},
    sim::{Lane, Seeds},
};

mod steps;

/// What a recording is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The scenario it began with.
    pub scenario: Scenario,
    /// Name of the policy of each group when it began.
    pub policies: Vec<String>,
    /// Run seed.
    pub seed: u64,
    /// Number of the env within the run.
    pub env: u64,
    /// Version of the agon that wrote it.
    pub agon: String,
    /// Version of the format.
    pub version: u32,
    /// Whether the recorder finished it. If not, [`Replay::ending`] says how far it is good.
    pub finished: bool,
}

/// A recording being played, standing at one of its ticks.
pub struct Replay {
    bytes: Vec<u8>,
    index: Index,
    header: Header,
    /// The scenario in force at this tick.
    scenario: Scenario,
    /// Where it was read: its chunk, and its place there unless it is the last in it.
    scenario_at: Option<(usize, Option<usize>)>,
    lane: Lane,
    tick: u32,
    /// Whether the lane is in the state of this tick: not after a restore that failed half-way.
    is_sound: bool,
    chunk: Unpacked,
}

/// A keyframe that was compared with the state that simulating came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) expected: u64,
    pub(super) found: u64,
}

impl Replay {
    /// Opens a recording and stands at tick 0. One that was cut or damaged is opened up to there.
    ///
    /// # Errors
    /// A file that cannot be read, is longer than [`MAX_FILE`], or has nothing good at its beginning.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_bytes(read_capped(path, MAX_FILE)?).map_err(|error| error.in_file(path))
    }

    /// The same of the bytes of a file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        let index = Index::new(&bytes);
        if index.chunks.is_empty() {
            let why = match &index.ending {
                Ending::Damaged { why, .. } => why.as_str(),
                Ending::Cut { .. } | Ending::Complete => "it ends before its first tick",
            };
            return Err(Error::input(format!("this recording cannot be played: {why}"))
                .hint("check that this is a file that `agon record` wrote"));
        }
        let mut chunk = Unpacked::default();
        index.load(&bytes, 0, &mut chunk)?;
        let first = |topic: Topic, what: &str| {
            let message = chunk.messages.iter().find(|message| message.topic == topic && message.tick == 0);
            message
                .map(|message| chunk.data(message))
                .ok_or_else(|| Error::input(format!("the recording has no {what}")))
        };
        let preamble: Preamble = from_json(first(Topic::Recording, "beginning")?)?;
        if preamble.version > VERSION {
            return Err(Error::input(format!(
                "a recording of version {}, this agon knows {VERSION}",
                preamble.version
            ))
            .hint("use a newer agon"));
        }
        let scenario = parse_scenario(first(Topic::Scenario, "scenario")?)?;
        let Preamble { version, agon, seed, env, policies, groups } = preamble;
        if policies.len() != groups.len() || !groups.iter().map(String::as_str).eq(index.groups()) {
            return Err(Error::input("the recording has other groups than its beginning says"));
        }
        let finished = index.finished.is_some();
        let header = Header { scenario: scenario.clone(), policies, seed, env, agon, version, finished };
        let lane = lane(&scenario, &header, &index)?;
        let mut replay =
            Self { bytes, index, header, scenario, scenario_at: None, lane, tick: 0, is_sound: false, chunk };
        replay.seek(0)?;
        Ok(replay)
    }

    /// What the recording is of.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The file, as it was read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How far the file can be trusted.
    pub fn ending(&self) -> &Ending {
        &self.index.ending
    }

    /// What no checksum covers, as its writer gave none.
    pub fn uncovered(&self) -> Coverage {
        self.index.uncovered
    }

    /// What the recorder said when it was done, if it did.
    pub(super) fn finished(&self) -> Option<Finished> {
        self.index.finished
    }

    /// All ticks; tick 0 is the state that the recording began with.
    pub fn ticks(&self) -> RangeInclusive<u64> {
        0..=u64::from(self.index.last_tick())
    }

    /// The tick it stands at.
    pub fn tick(&self) -> u64 {
        u64::from(self.tick)
    }

    /// Number of keyframes.
    pub fn num_keyframes(&self) -> u64 {
        self.index.num_keyframes
    }

    /// Ticks of the keyframes, in order, each once.
    ///
    /// # Errors
    /// Damage that no checksum told.
    pub fn keyframes(&mut self) -> Result<Vec<u64>> {
        let mut ticks = Vec::new();
        for number in 0..self.index.chunks.len() {
            self.index.load(&self.bytes, number, &mut self.chunk)?;
            let keyframes = self.chunk.messages.iter().filter(|message| message.topic == Topic::Keyframe);
            ticks.extend(keyframes.map(|message| u64::from(message.tick)));
        }
        ticks.dedup();
        Ok(ticks)
    }

    /// The scenario in force at this tick, changes by hand included.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The env at this tick, the only one of its world. Its ports show what they showed when it was recorded, final
    /// observations apart.
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// A lane of its own at this tick, for another policy to go on with.
    ///
    /// # Errors
    /// A state that the scenario refuses.
    pub fn fork(&self) -> Result<Lane> {
        let mut fork = lane(&self.scenario, &self.header, &self.index)?;
        fork.restore(0, &self.lane.snapshot(0))?;
        Ok(fork)
    }

    /// Goes to a tick.
    ///
    /// # Errors
    /// A tick that was not recorded, damage that no checksum told, or a recording that this agon simulates differently.
    pub fn seek(&mut self, tick: u64) -> Result<()> {
        let last = self.index.last_tick();
        let target = u32::try_from(tick).ok().filter(|tick| *tick <= last);
        let target =
            target.ok_or_else(|| Error::input(format!("tick {tick} of a recording that ends at tick {last}")))?;
        let (number, at, keyframe) = self.keyframe_before(target)?;
        // From where it stands it may be nearer.
        let is_nearer = self.is_sound && (keyframe..=target).contains(&self.tick) && target != keyframe;
        if !is_nearer {
            self.restore(number, at)?;
            self.tick = keyframe;
        }
        while self.tick < target {
            self.advance()?;
        }
        self.show_recorded()
    }

    /// Goes to the next tick; false at the end.
    ///
    /// # Errors
    /// As [`seek`](Self::seek). After the error about a difference it stands at the next tick all the same.
    pub fn step(&mut self) -> Result<bool> {
        if self.tick == self.index.last_tick() {
            return Ok(false);
        }
        match self.advance()?.iter().find(|compared| compared.expected != compared.found) {
            None => Ok(true),
            Some(_) => Err(Error::input(format!("tick {} came out differently than it was recorded", self.tick))
                .hint(format!("it was recorded by agon {}; `agon verify` says more", self.header.agon))),
        }
    }

    /// What was measured at the tick it stands at, in the order of the spec, without simulating; zeros at tick 0.
    ///
    /// # Errors
    /// Damage that no checksum told.
    pub fn metrics(&mut self) -> Result<Vec<f64>> {
        self.metrics_at(self.tick())
    }

    /// The same at any tick; the replay stays where it is.
    ///
    /// # Errors
    /// As [`metrics`](Self::metrics), and a tick that was not recorded.
    pub fn metrics_at(&mut self, tick: u64) -> Result<Vec<f64>> {
        let metrics = self.lane.spec().metrics.clone();
        if tick == 0 {
            return Ok(vec![0.0; metrics.len()]);
        }
        let tick = u32::try_from(tick).map_err(|_| Error::input("a recording has no such tick"))?;
        self.load_step(tick)?;
        decode_metrics(&metrics, self.chunk.said(Topic::Metrics, tick)?)
    }

    /// What happened in these ticks, in order.
    ///
    /// # Errors
    /// Damage that no checksum told.
    pub fn events(&mut self, ticks: RangeInclusive<u64>) -> Result<Vec<(u64, Event)>> {
        let mut events = Vec::new();
        for number in 0..self.index.chunks.len() {
            let chunk = &self.index.chunks[number];
            if u64::from(chunk.last) < *ticks.start() || u64::from(chunk.first) > *ticks.end() {
                continue;
            }
            self.index.load(&self.bytes, number, &mut self.chunk)?;
            for message in self.chunk.messages.iter().filter(|message| message.topic == Topic::Event) {
                if ticks.contains(&u64::from(message.tick)) {
                    events.push((u64::from(message.tick), from_json(self.chunk.data(message))?));
                }
            }
        }
        Ok(events)
    }
}

fn parse_scenario(message: &[u8]) -> Result<Scenario> {
    Scenario::parse_bytes(message, "scenario.ron")
}

/// A world with the one env of the recording.
fn lane(scenario: &Scenario, header: &Header, index: &Index) -> Result<Lane> {
    let after = header.env.checked_add(1).ok_or_else(|| Error::input("an env of this number cannot be played"))?;
    let domain = scenario.domain.domain();
    let spec = domain.spec(scenario.max_steps);
    let names = || spec.groups.iter().map(|group| group.name);
    if !names().eq(index.groups()) || !names().eq(index.paid_groups()) {
        return Err(Error::input("the recording has other groups than its scenario"));
    }
    Ok(Lane::new(domain, scenario.max_steps, Seeds::new(header.seed), header.env..after))
}
