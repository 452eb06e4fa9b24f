//! How a replay moves: from a keyframe, by simulating with the recorded actions, until it stands where it was asked to.

use super::{Compared, Replay, lane, parse_scenario};
use crate::{
    error::{Error, Result},
    record::{
        index::{Chunk, Message, Topic},
        messages::{Cause, Event, Keyframe, decode_actions, decode_rewards, from_json},
    },
    sim::{EpisodeRecord, Ports, clock_of},
};

impl Replay {
    /// Goes to tick 0 as the recording began, before any edit.
    pub(in crate::record) fn rewind(&mut self) -> Result<()> {
        self.index.load(&self.bytes, 0, &mut self.chunk)?;
        let is_first = |message: &Message| message.topic == Topic::Keyframe && message.tick == 0;
        let at = self.chunk.messages.iter().position(is_first);
        self.tick = 0;
        self.restore(0, at.ok_or_else(|| Error::input("the recording has no state to start from"))?)
    }

    /// Simulates one tick with the recorded actions; where the state was saved, compares, or takes what was edited.
    pub(super) fn advance(&mut self) -> Result<Vec<Compared>> {
        self.simulate()?;
        self.arrive()
    }

    /// Simulates one tick with the recorded actions, and looks at no keyframe.
    pub(in crate::record) fn simulate(&mut self) -> Result<()> {
        let tick = self.tick + 1;
        self.load_step(tick)?;
        self.take_actions(tick)?;
        self.lane.step();
        self.tick = tick;
        Ok(())
    }

    /// Looks at the keyframes of the tick it stands at, in order: compares, or takes what was edited.
    pub(in crate::record) fn arrive(&mut self) -> Result<Vec<Compared>> {
        let mut compared = Vec::new();
        let mut number = self.first_chunk_of(self.tick);
        while self.index.chunks.get(number).is_some_and(|chunk| chunk.first <= self.tick) {
            self.index.load(&self.bytes, number, &mut self.chunk)?;
            let here = self.chunk.messages_at(self.tick).filter(|(_, message)| message.topic == Topic::Keyframe);
            for at in here.map(|(at, _)| at).collect::<Vec<_>>() {
                self.index.load(&self.bytes, number, &mut self.chunk)?;
                let keyframe = Keyframe::decode(self.chunk.data(&self.chunk.messages[at]))?;
                if keyframe.cause == Cause::Edit {
                    self.restore(number, at)?;
                    self.show_recorded()?;
                } else {
                    compared.push(Compared { expected: keyframe.hash, found: self.lane.hash(0) });
                }
            }
            number += 1;
        }
        // Whoever seeks from here must start at a keyframe again.
        self.is_sound &= compared.iter().all(|compared| compared.expected == compared.found);
        Ok(compared)
    }

    /// Shows `look` every message of the tick it stands at, in order, and what it says.
    pub(in crate::record) fn visit(&mut self, look: &mut dyn FnMut(&Message, &[u8]) -> Result<()>) -> Result<()> {
        let mut number = self.first_chunk_of(self.tick);
        while self.index.chunks.get(number).is_some_and(|chunk| chunk.first <= self.tick) {
            self.index.load(&self.bytes, number, &mut self.chunk)?;
            for (_, message) in self.chunk.messages_at(self.tick) {
                look(message, self.chunk.data(message))?;
            }
            number += 1;
        }
        Ok(())
    }

    /// Whether the state it stands in is the one that the seed of the recording begins this episode with.
    pub(in crate::record) fn is_as_seeded(&self) -> Result<bool> {
        let clock = clock_of(self.lane.world(), 0);
        let Some(clock) = clock.filter(|clock| clock.tick == 0) else { return Ok(false) };
        let mut fresh = lane(&self.scenario, &self.header, &self.index)?;
        fresh.begin_episode(0, clock.episode);
        Ok(fresh.hash(0) == self.lane.hash(0))
    }

    /// The last keyframe that is not after `target`: its chunk, its place there, its tick.
    pub(super) fn keyframe_before(&mut self, target: u32) -> Result<(usize, usize, u32)> {
        let is_before = |chunk: &Chunk| chunk.first_keyframe.is_some_and(|tick| tick <= target);
        let number = self.index.chunks.iter().rposition(is_before);
        let number = number.ok_or_else(|| Error::input("the recording has no state to start from"))?;
        self.index.load(&self.bytes, number, &mut self.chunk)?;
        let is_it = |message: &Message| message.topic == Topic::Keyframe && message.tick <= target;
        let at = self.chunk.messages.iter().rposition(is_it);
        let at = at.ok_or_else(|| Error::input("the recording has no state to start from"))?;
        Ok((number, at, self.chunk.messages[at].tick))
    }

    /// Puts the env into the state of the keyframe at place `at` of chunk `number`.
    pub(super) fn restore(&mut self, number: usize, at: usize) -> Result<()> {
        self.is_sound = false;
        self.take_scenario(number, at)?;
        self.index.load(&self.bytes, number, &mut self.chunk)?;
        let keyframe = Keyframe::decode(self.chunk.data(&self.chunk.messages[at]))?;
        self.lane.restore(0, keyframe.state)?;
        if self.lane.addresses().any(|address| address.env != self.header.env) {
            return Err(Error::input("a state of another env than the recording's"));
        }
        self.is_sound = true;
        Ok(())
    }

    /// Makes the scenario in force at place `at` of chunk `number` that of the lane.
    fn take_scenario(&mut self, number: usize, at: usize) -> Result<()> {
        self.index.load(&self.bytes, number, &mut self.chunk)?;
        let last = |messages: &[Message]| messages.iter().rposition(|message| message.topic == Topic::Scenario);
        let place = match (last(&self.chunk.messages[..at]), self.index.chunks[number].scenario_before) {
            (Some(here), _) => (number, Some(here)),
            (None, Some(before)) => (before, None),
            (None, None) => return Err(Error::input("the recording has no scenario")),
        };
        // Edits may be many, and scenarios long.
        if self.scenario_at == Some(place) {
            return Ok(());
        }
        self.index.load(&self.bytes, place.0, &mut self.chunk)?;
        let found = place.1.or_else(|| last(&self.chunk.messages));
        let found = found.ok_or_else(|| Error::input("the recording has no scenario"))?;
        let scenario = parse_scenario(self.chunk.data(&self.chunk.messages[found]))?;
        self.scenario_at = Some(place);
        if scenario != self.scenario {
            self.lane = lane(&scenario, &self.header, &self.index)?;
            self.scenario = scenario;
        }
        Ok(())
    }

    /// The first chunk with a message of `tick`.
    fn first_chunk_of(&self, tick: u32) -> usize {
        if tick == 0 { 0 } else { self.index.chunk_of_step(tick) }
    }

    /// Number of groups.
    fn groups(&self) -> usize {
        self.lane.ports().groups.len()
    }

    pub(super) fn load_step(&mut self, tick: u32) -> Result<()> {
        self.index.load(&self.bytes, self.index.chunk_of_step(tick), &mut self.chunk)
    }

    fn take_actions(&mut self, tick: u32) -> Result<()> {
        for group in 0..self.groups() {
            let message = self.chunk.said(Topic::Actions(group), tick)?;
            decode_actions(message, &mut self.lane.ports_mut().groups[group])?;
        }
        Ok(())
    }

    /// Puts into the ports what they showed at this tick and what no state says: it is of the tick that led here.
    pub(super) fn show_recorded(&mut self) -> Result<()> {
        let tick = self.tick;
        if tick == 0 {
            // Nothing has been done yet, and the lane may have been somewhere else before.
            let (spec, ports) = (self.lane.spec().clone(), self.lane.ports_mut());
            let shown = Ports { stratum: ports.stratum.clone(), ..Ports::new(&spec, 1) };
            let before = std::mem::replace(ports, shown);
            for (group, before) in ports.groups.iter_mut().zip(before.groups) {
                group.observations = before.observations;
            }
            return Ok(());
        }
        let metrics = self.metrics_at(u64::from(tick))?;
        self.load_step(tick)?;
        for group in 0..self.groups() {
            // An edit at this very tick may have changed how many agents there are.
            let len = self.lane.ports().groups[group].actions.len() * size_of::<f32>();
            if self.chunk.said(Topic::Actions(group), tick)?.len() != len {
                return Ok(());
            }
        }
        self.take_actions(tick)?;
        let spec = self.lane.spec().clone();
        for (group, spec) in spec.groups.iter().enumerate() {
            let message = self.chunk.said(Topic::Rewards(group), tick)?;
            decode_rewards(&spec.reward_terms, message, &mut self.lane.ports_mut().groups[group])?;
        }
        let ended = self.ended(tick)?;
        let ports = self.lane.ports_mut();
        ports.metrics.copy_from_slice(&metrics);
        ports.truncated[0] = ended.as_ref().is_some_and(|(_, truncated)| *truncated);
        ports.terminated[0] = ended.as_ref().is_some_and(|(_, truncated)| !truncated);
        ports.finished = ended.into_iter().map(|(record, _)| record).collect();
        Ok(())
    }

    /// The episode that ended at `tick`, and whether the time limit cut it; the chunk of that tick is unpacked.
    fn ended(&self, tick: u32) -> Result<Option<(EpisodeRecord, bool)>> {
        for (_, message) in self.chunk.messages_at(tick).filter(|(_, message)| message.topic == Topic::Event) {
            let event: Event = from_json(self.chunk.data(message))?;
            if let Some(ended) = event.into_record(self.header.env) {
                return Ok(Some(ended));
            }
        }
        Ok(None)
    }
}
