//! What ports show is finite and as declared, and what is recorded of an episode is what happened in it.

use super::{Dice, Subject, ensure, shown};
use crate::{
    error::Result,
    sim::{Aggregate, EpisodeRecord, Field, GroupPort, GroupSpec, Lane, Pay, Spec},
};

/// Observations may exceed a bound by what f32 rounds, no more.
const ROUNDING: f32 = 1e-6;

/// Every number is finite, observations lie within their bounds, rewards within their clip, masks leave a choice, and strata
/// have a label.
///
/// # Errors
/// The first number that does not.
pub fn numbers_keep_their_bounds(subject: &Subject<'_>) -> Result<()> {
    subject.play(|tick, lane| {
        let (spec, ports) = (lane.spec(), lane.ports());
        for (group, port) in spec.groups.iter().zip(&ports.groups) {
            are_within(tick, &group.observation, &port.observations)?;
            are_within(tick, &group.observation, &port.final_observations)?;
            ensure!(port.terms.iter().all(|term| term.is_finite()), "tick {tick}: a reward term is not finite");
            let (low, high) = group.reward_clip.unwrap_or((f32::MIN, f32::MAX));
            let beyond = port.rewards.iter().find(|reward| !(low..=high).contains(*reward));
            ensure!(beyond.is_none(), "tick {tick}: a reward of {beyond:?}, clipped to {low} to {high}");
            leave_a_choice(tick, group, port)?;
        }
        are_within(tick, &spec.state, &ports.state)?;
        for (number, metric) in ports.metrics.iter().zip(spec.metrics.iter().cycle()) {
            ensure!(number.is_finite(), "tick {tick}: `{}` is {number}", metric.name);
        }
        let labels = spec.stratum.as_ref().map_or(1, |stratum| stratum.labels.len());
        ensure!(ports.stratum.iter().all(|label| usize::from(*label) < labels), "tick {tick}: a stratum without label");
        Ok(())
    })
}

fn are_within(tick: u32, fields: &[Field], rows: &[f32]) -> Result<()> {
    for (field, number) in fields.iter().cycle().zip(rows) {
        let (low, high) = (*field.bounds.start(), *field.bounds.end());
        let slack = ROUNDING * low.abs().max(high.abs());
        let is_within = (low - slack..=high + slack).contains(number);
        ensure!(is_within, "tick {tick}: `{}` is {number}, declared {low} to {high}", field.name);
    }
    Ok(())
}

fn leave_a_choice(tick: u32, group: &GroupSpec, port: &GroupPort) -> Result<()> {
    for mut mask in port.masks.chunks_exact(port.num_choices.max(1)) {
        for dimension in &group.action.discrete {
            let (own, rest) = mask.split_at(dimension.choices.len());
            ensure!(own.contains(&true), "tick {tick}: no choice of `{}` is allowed", dimension.name);
            mask = rest;
        }
    }
    Ok(())
}

/// Records are sums, means and last values over the ticks of an episode. An episode is cut at the time limit, the next one begins at
/// once, and what was seen at the end is what a world without that end would show.
///
/// # Errors
/// The first record, or end of an episode, that is otherwise.
pub fn records_are_sums(subject: &Subject<'_>) -> Result<()> {
    let mut sums: Vec<Sums> = Vec::new();
    let mut endless = Subject { max_steps: u32::MAX, ..*subject }.lane();
    let dice = Dice::new(endless.spec(), 1);
    let several = Subject { max_steps: subject.max_steps.min(subject.ticks / 3).max(1), ..*subject };
    several.play(|tick, lane| {
        let (spec, ports) = (lane.spec(), lane.ports());
        if tick == 0 {
            sums.extend(ports.stratum.iter().map(|stratum| Sums::new(spec, *stratum)));
            return Ok(());
        }
        if sums.iter().any(|sum| sum.record.episode == 0) {
            dice.roll(&mut endless);
            endless.step();
        }
        let mut finished = ports.finished.iter();
        for (slot, sum) in sums.iter_mut().enumerate() {
            sum.add(spec, lane, slot);
            let (is_cut, is_over) = (ports.truncated[slot], ports.terminated[slot] || ports.truncated[slot]);
            let is_late = sum.record.length >= spec.max_steps;
            ensure!(is_cut == (is_late && !ports.terminated[slot]), "tick {tick}: cut after {}", sum.record.length);
            // The first episode is the one that the endless world plays, too.
            if sum.record.episode == 0 && is_over {
                ends_as_seen(lane, &endless, slot)?;
            } else if sum.record.episode == 0 {
                ensure!(
                    shown(lane, slot) == shown(&endless, slot),
                    "tick {tick}: the time limit shows before it is reached"
                );
            }
            if is_over {
                let found = finished.next();
                ensure!(found.is_some_and(|found| sum.is(spec, found)), "tick {tick}: {found:?}, not {:?}", sum.record);
                sum.next(spec, ports.stratum[slot]);
            }
        }
        ensure!(finished.next().is_none(), "tick {tick}: a record of an episode that goes on");
        Ok(())
    })
}

fn ends_as_seen(lane: &Lane, endless: &Lane, slot: usize) -> Result<()> {
    for (port, endless) in lane.ports().groups.iter().zip(&endless.ports().groups) {
        let width = port.agents * port.observation_width;
        let bits = |numbers: &[f32]| -> Vec<u32> {
            numbers[slot * width..(slot + 1) * width].iter().map(|number| number.to_bits()).collect()
        };
        let (end, now) = (bits(&port.final_observations), bits(&port.observations));
        ensure!(end == bits(&endless.observations), "the final observation is not what was seen at the end");
        ensure!(end != now, "the next episode has not begun");
    }
    Ok(())
}

/// What has been summed over the ticks of an episode, the way a record claims it is.
struct Sums {
    record: EpisodeRecord,
}

impl Sums {
    fn new(spec: &Spec, stratum: u8) -> Self {
        let unpaid = |group: &GroupSpec| Pay { episode_return: 0.0, terms: vec![0.0; group.reward_terms.len()] };
        let (groups, metrics) = (spec.groups.iter().map(unpaid).collect(), vec![0.0; spec.metrics.len()]);
        Self { record: EpisodeRecord { env: 0, episode: 0, length: 0, groups, metrics, stratum } }
    }

    fn next(&mut self, spec: &Spec, stratum: u8) {
        let episode = self.record.episode + 1;
        self.record = EpisodeRecord { episode, ..Self::new(spec, stratum).record };
    }

    /// Adds the last tick of the env at `slot`.
    fn add(&mut self, spec: &Spec, lane: &Lane, slot: usize) {
        let (record, ports) = (&mut self.record, lane.ports());
        (record.env, record.length) = (lane.first_env() + slot as u64, record.length + 1);
        for (pay, port) in record.groups.iter_mut().zip(&ports.groups) {
            let there: Vec<usize> =
                (slot * port.agents..(slot + 1) * port.agents).filter(|agent| port.acted[*agent]).collect();
            for agent in &there {
                pay.episode_return += f64::from(port.rewards[*agent]) / there.len() as f64;
                for (sum, term) in pay.terms.iter_mut().zip(&port.terms[agent * port.num_terms..]) {
                    *sum += f64::from(*term) / there.len() as f64;
                }
            }
        }
        for (i, metric) in spec.metrics.iter().enumerate() {
            let now = ports.metrics[slot * spec.metrics.len() + i];
            record.metrics[i] = if metric.aggregate == Aggregate::Last { now } else { record.metrics[i] + now };
        }
    }

    fn is(&self, spec: &Spec, found: &EpisodeRecord) -> bool {
        let own = &self.record;
        let close = |expected: f64, found: f64| (expected - found).abs() <= 1e-9 * expected.abs().max(1.0);
        let pays = own.groups.iter().zip(&found.groups).all(|(own, found)| {
            let terms = own.terms.iter().zip(&found.terms).all(|(own, found)| close(*own, *found));
            close(own.episode_return, found.episode_return) && terms
        });
        let metrics =
            spec.metrics.iter().zip(own.metrics.iter().zip(&found.metrics)).all(|(metric, (own_sum, found))| {
                let is_mean = metric.aggregate == Aggregate::Mean;
                close(if is_mean { own_sum / f64::from(own.length) } else { *own_sum }, *found)
            });
        let same =
            (own.env, own.episode, own.length, own.stratum) == (found.env, found.episode, found.length, found.stratum);
        same && pays && metrics
    }
}
