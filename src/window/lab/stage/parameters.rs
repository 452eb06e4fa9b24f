//! Parameters that are changed while envs play: now, or with the next episode.

use std::sync::Arc;

use super::Stage;
use crate::{
    domains::Scenario,
    error::{Error, Result},
    record::Event,
    sim::{
        params::{Kind, Param, When},
        scenario::DomainConfig,
    },
    window::lab::{Play, history::lane_of},
};

impl Stage {
    /// Gives a parameter another value: now if it is live, with the next episode otherwise. True if it is in force.
    ///
    /// # Errors
    /// A name or value that the scenario refuses, or envs that are recordings.
    pub fn set_parameter(&mut self, name: &str, value: &str) -> Result<bool> {
        if self.plays.iter().any(Play::is_recorded) {
            return Err(Error::input("a recording keeps its parameters").hint("fork from here to change them"));
        }
        let mut next = (**self.pending.as_ref().unwrap_or(&self.scenario)).clone();
        next.set(name, value)?;
        next.check()?;
        let is_live = param_of(self.scenario.domain.params().declared(), name).is_some_and(|p| p.when == When::Live);
        if !is_live {
            self.pending = (next != *self.scenario).then(|| Arc::new(next));
            return Ok(false);
        }
        if self.pending.is_some() {
            self.pending = Some(Arc::new(next));
        }
        let changed = |play: &Play| {
            let mut scenario = play.scenario().clone();
            scenario.set(name, value)?;
            scenario.check()?;
            Ok(Arc::new(scenario))
        };
        let scenarios = self.plays.iter().map(changed).collect::<Result<Vec<_>>>()?;
        let event = Event::ParameterChanged { name: name.to_owned(), value: value.to_owned() };
        for (play, scenario) in self.plays.iter_mut().zip(scenarios) {
            let (seed, env) = (play.seed(), play.env());
            play.edit(vec![event.clone()], |lane, in_force| {
                let mut changed = lane_of(&scenario, seed, env);
                changed.restore(0, &lane.snapshot(0))?;
                (*lane, *in_force) = (changed, scenario);
                Ok(())
            })?;
        }
        self.take_scenario();
        self.compare_anew();
        self.is_stale = true;
        Ok(true)
    }

    /// Puts what waited for the next episode in force where one has begun.
    pub(super) fn begin_pending(&mut self) -> Result<()> {
        let Some(pending) = self.pending.clone() else { return Ok(()) };
        for play in &mut self.plays {
            if play.finished().is_none() || play.is_recorded() || *play.scenario() == *pending {
                continue;
            }
            let events = changes(play.scenario(), &pending);
            let (seed, env) = (play.seed(), play.env());
            let episode = play.finished().map_or(0, |record| record.episode.saturating_add(1));
            play.edit(events, |lane, in_force| {
                let mut changed = lane_of(&pending, seed, env);
                changed.begin_episode(0, episode);
                (*lane, *in_force) = (changed, Arc::clone(&pending));
                Ok(())
            })?;
        }
        if self.plays.iter().all(|play| *play.scenario() == *pending) {
            self.scenario = pending;
            self.pending = None;
        }
        Ok(())
    }
}

/// The declaration of a parameter, groups written out as `group.name`.
pub fn param_of<'a>(params: &'a [Param], name: &str) -> Option<&'a Param> {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let param = params.iter().find(|param| param.name == first)?;
    match (rest, &param.kind) {
        (None, _) => Some(param),
        (Some(rest), Kind::Group(inner)) => param_of(inner, rest),
        (Some(_), _) => None,
    }
}

/// The parameters in which `after` differs from `before`.
fn changes(before: &Scenario, after: &Scenario) -> Vec<Event> {
    let (old, new) = (before.domain.params(), after.domain.params());
    let names = crate::sim::params::names_of(new.declared());
    let changed = names.into_iter().filter(|name| old.get(name) != new.get(name));
    changed.map(|name| Event::ParameterChanged { value: new.get(&name).unwrap_or_default(), name }).collect()
}
