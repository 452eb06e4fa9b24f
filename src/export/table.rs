//! What was measured and paid, tick by tick.

use super::{Film, frames::ticks_between};
use crate::{
    error::Result,
    sim::{Lane, Ports, Spec, clock_of},
};

/// One row per tick: which tick, then every metric and every reward of its groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Names of the values with their units, `name [unit]`.
    pub columns: Vec<String>,
    /// The ticks.
    pub rows: Vec<Row>,
}

/// One tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Episodes finished before.
    pub episode: u64,
    /// Ticks since the episode began, this one included.
    pub tick: u32,
    /// Seconds since the episode began; none in a domain without a view.
    pub time_s: Option<f64>,
    /// One value per column.
    pub values: Vec<f64>,
}

impl Table {
    /// The ticks of `film` after `from` up to `until`: nothing has been measured yet at the first.
    ///
    /// # Errors
    /// Ticks that there are not, or a film that fails.
    pub fn of(
        film: &mut dyn Film,
        from: Option<u64>,
        until: Option<u64>,
        on_step: &mut dyn FnMut(u64, u64),
    ) -> Result<Self> {
        let (from, until) = ticks_between(film, from, until)?;
        film.seek(from)?;
        let tick_s = film.scenario().domain.domain().view().map(|view| view.declared().tick_s);
        let mut table = Self { columns: columns(film.lane().spec()), rows: Vec::new() };
        while film.tick() < until && film.step()? {
            table.rows.push(row(film.lane(), tick_s));
            on_step(film.tick() - from, until - from);
        }
        Ok(table)
    }
}

fn columns(spec: &Spec) -> Vec<String> {
    let with_unit = |name: &str, unit: &str| if unit.is_empty() { name.to_owned() } else { format!("{name} [{unit}]") };
    let mut columns: Vec<String> = spec.metrics.iter().map(|metric| with_unit(metric.name, metric.unit)).collect();
    for group in &spec.groups {
        columns.push(format!("{}.reward", group.name));
        columns.extend(group.reward_terms.iter().map(|term| format!("{}.reward.{}", group.name, term.name)));
    }
    columns
}

fn row(lane: &Lane, tick_s: Option<f64>) -> Row {
    let (spec, ports) = (lane.spec(), lane.ports());
    let clock = clock_of(lane.world(), 0);
    // Where an episode has just ended, the clock is that of the next one by now.
    let ended = ports.finished.iter().find(|record| clock.is_some_and(|clock| clock.env == record.env));
    let (episode, tick) = match (ended, clock) {
        (Some(record), _) => (record.episode, record.length),
        (None, Some(clock)) => (clock.episode, clock.tick),
        (None, None) => (0, 0),
    };
    let mut values = ports.metrics[..spec.metrics.len()].to_vec();
    values.extend(rewards(ports));
    Row { episode, tick, time_s: tick_s.map(|tick_s| tick_s * f64::from(tick)), values }
}

/// Of each group, total and terms of the reward, means over its agents in the first env.
fn rewards(ports: &Ports) -> impl Iterator<Item = f64> {
    ports.groups.iter().flat_map(|group| {
        let share = 1.0 / group.agents.max(1) as f64;
        let total: f64 = group.rewards[..group.agents].iter().map(|reward| f64::from(*reward)).sum();
        let agents = &group.terms[..group.agents * group.num_terms];
        let term = move |term: usize| agents.iter().skip(term).step_by(group.num_terms).map(|t| f64::from(*t)).sum();
        let terms = (0..group.num_terms).map(term);
        std::iter::once(total).chain(terms).map(move |sum: f64| sum * share)
    })
}
