//! Every scenario keeps the contract of an env: what it declares is what it shows, episodes end when they should, and what
//! is recorded of them is what happened.

use agon::{
    domains::Scenario,
    sim::{Aggregate, EpisodeRecord, Field, GroupPort, GroupSpec, Lane, Pay, Seeds, Spec},
};

use super::{Dice, prints, shipped, shown, variants};

const CYCLES: u32 = 1_000;
const ENVS: u64 = 2;

/// Observations may exceed a bound by what f32 rounds, no more.
const ROUNDING: f32 = 1e-6;

fn scenarios() -> Vec<(String, Scenario)> {
    let variants = variants().into_iter().map(|(name, scenario)| (name.to_owned(), scenario));
    shipped().into_iter().chain(variants).collect()
}

fn lane(scenario: &Scenario, seed: u64) -> Lane {
    Lane::new(scenario.domain.domain(), scenario.max_steps, Seeds::new(seed), 0..ENVS)
}

/// Calls `check` with a fresh lane, then after each of [`CYCLES`] ticks of random actions.
fn cycle(scenario: &Scenario, mut check: impl FnMut(u32, &Lane)) {
    let mut lane = lane(scenario, scenario.seed);
    let dice = Dice::new(lane.spec(), 1);
    check(0, &lane);
    for cycle in 1..=CYCLES {
        dice.roll(&mut lane);
        lane.step();
        check(cycle, &lane);
    }
}

#[track_caller]
fn assert_within(name: &str, fields: &[Field], rows: &[f32]) {
    for row in rows.chunks_exact(fields.len()) {
        for (field, number) in fields.iter().zip(row) {
            let (low, high) = (*field.bounds.start(), *field.bounds.end());
            let slack = ROUNDING * low.abs().max(high.abs());
            assert!(
                (low - slack..=high + slack).contains(number),
                "{name}: `{}` is {number}, declared {low} to {high}",
                field.name
            );
        }
    }
}

#[test]
fn observations_stay_within_their_declared_bounds() {
    for (name, scenario) in scenarios() {
        let spec = scenario.domain.domain().spec(scenario.max_steps);
        cycle(&scenario, |_, lane| {
            for (group, port) in spec.groups.iter().zip(&lane.ports().groups) {
                assert_within(&name, &group.observation, &port.observations);
                assert_within(&name, &group.observation, &port.final_observations);
            }
        });
    }
}

/// Bounds that are never come near to say nothing: every number has to use a twentieth of its range somewhere.
#[test]
fn declared_bounds_are_not_far_from_what_is_seen() {
    for (name, scenario) in shipped() {
        let spec = scenario.domain.domain().spec(scenario.max_steps);
        let nothing = |group: &GroupSpec| vec![(f32::INFINITY, f32::NEG_INFINITY); group.observation.len()];
        let mut seen: Vec<Vec<(f32, f32)>> = spec.groups.iter().map(nothing).collect();
        cycle(&scenario, |_, lane| {
            for (seen, port) in seen.iter_mut().zip(&lane.ports().groups) {
                for row in port.observations.chunks_exact(port.observation_width) {
                    for ((low, high), number) in seen.iter_mut().zip(row) {
                        (*low, *high) = (low.min(*number), high.max(*number));
                    }
                }
            }
        });
        let fields = spec.groups.iter().flat_map(|group| &group.observation).zip(seen.iter().flatten());
        for (field, (low, high)) in fields.filter(|(field, _)| field.name.ends_with("_dx")) {
            let share = (high - low) / (field.bounds.end() - field.bounds.start());
            assert!(share > 0.05, "{name}: `{}` stays within {low} to {high} of {:?}", field.name, field.bounds);
        }
    }
}

#[test]
fn every_number_is_finite_and_rewards_are_clipped() {
    for (name, scenario) in scenarios() {
        let spec = scenario.domain.domain().spec(scenario.max_steps);
        cycle(&scenario, |cycle, lane| {
            let ports = lane.ports();
            for (group, port) in spec.groups.iter().zip(&ports.groups) {
                let GroupPort { observations, final_observations, terms, rewards, .. } = port;
                let mut numbers = observations.iter().chain(final_observations).chain(terms).chain(rewards);
                assert!(numbers.all(|number| number.is_finite()), "{name}, cycle {cycle}");
                if let Some((low, high)) = group.reward_clip {
                    assert!(rewards.iter().all(|reward| (low..=high).contains(reward)), "{name}: {rewards:?}");
                }
            }
            assert!(
                ports.metrics.iter().all(|metric| metric.is_finite()),
                "{name}, cycle {cycle}: {:?}",
                ports.metrics
            );
            let labels = spec.stratum.as_ref().map_or(1, |stratum| stratum.labels.len());
            assert!(ports.stratum.iter().all(|label| usize::from(*label) < labels), "{name}");
        });
    }
}

#[test]
fn ports_have_the_declared_shapes() {
    for (name, scenario) in scenarios() {
        let lane = lane(&scenario, 1);
        let (spec, ports) = (lane.spec(), lane.ports());
        let envs = ENVS as usize;
        assert_eq!((ports.envs, ports.groups.len()), (envs, spec.groups.len()), "{name}");
        for (group, port) in spec.groups.iter().zip(&ports.groups) {
            let rows = envs * group.agents;
            assert_eq!(port.observations.len(), rows * group.observation.len(), "{name}");
            assert_eq!(port.final_observations.len(), port.observations.len(), "{name}");
            assert_eq!(port.actions.len(), rows * group.action.width(), "{name}");
            assert_eq!(port.terms.len(), rows * group.reward_terms.len(), "{name}");
            assert_eq!(port.rewards.len(), rows, "{name}");
            let mut names: Vec<&str> = group.observation.iter().map(|field| field.name.as_str()).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{name}: a field of {} comes twice", group.layout);
        }
        assert_eq!(ports.metrics.len(), envs * spec.metrics.len(), "{name}");
    }
}

#[test]
fn fresh_worlds_agree_and_other_seeds_do_not() {
    for (name, scenario) in scenarios() {
        let mut lanes = [lane(&scenario, 1), lane(&scenario, 1), lane(&scenario, 2)];
        let dice = Dice::new(lanes[0].spec(), 1);
        for cycle in 0..CYCLES / 4 {
            assert_eq!(prints(&lanes[0]), prints(&lanes[1]), "{name}, cycle {cycle}");
            for (one, other) in prints(&lanes[0]).iter().zip(prints(&lanes[2])) {
                assert_ne!(one.state, other.state, "{name}, cycle {cycle}: seeds 1 and 2 agree");
                assert_ne!(one.ports, other.ports, "{name}, cycle {cycle}: seeds 1 and 2 show the same");
            }
            lanes.iter_mut().for_each(|lane| {
                dice.roll(lane);
                lane.step();
            });
        }
    }
}

/// How an episode begins follows from its address, whatever was done in the one before.
#[test]
fn an_episode_begins_the_same_whatever_came_before() {
    for (name, mut scenario) in scenarios() {
        scenario.max_steps = 7;
        let mut lanes = [lane(&scenario, 1), lane(&scenario, 1)];
        let dice = [Dice::new(lanes[0].spec(), 1), Dice::new(lanes[0].spec(), 2)];
        let mut firsts: Vec<Vec<u32>> = Vec::new();
        for tick in 1..=21 {
            for (lane, dice) in lanes.iter_mut().zip(&dice) {
                dice.roll(lane);
                lane.step();
            }
            let bits = |lane: &Lane| -> Vec<u32> {
                let groups = lane.ports().groups.iter();
                groups.flat_map(|port| &port.observations).map(|number| number.to_bits()).collect()
            };
            let (one, other) = (bits(&lanes[0]), bits(&lanes[1]));
            if tick % 7 == 0 {
                assert_eq!(one, other, "{name}: the episode after {tick} ticks");
                firsts.push(one);
            } else {
                assert_ne!(one, other, "{name}: other actions have to show after {tick} ticks");
            }
        }
        assert!(firsts[0] != firsts[1] && firsts[1] != firsts[2], "{name}: an episode begins like the one before");
    }
}

/// What has been summed over the ticks of an episode, the way a record claims it is.
struct Naive {
    length: u32,
    groups: Vec<Pay>,
    metrics: Vec<f64>,
    stratum: u8,
}

impl Naive {
    fn new(spec: &Spec, stratum: u8) -> Self {
        let unpaid = |group: &GroupSpec| Pay { episode_return: 0.0, terms: vec![0.0; group.reward_terms.len()] };
        let groups = spec.groups.iter().map(unpaid).collect();
        Self { length: 0, groups, metrics: vec![0.0; spec.metrics.len()], stratum }
    }

    /// Adds the last tick of the env at `slot`.
    fn add(&mut self, spec: &Spec, lane: &Lane, slot: usize) {
        let ports = lane.ports();
        self.length += 1;
        for (pay, port) in self.groups.iter_mut().zip(&ports.groups) {
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
            self.metrics[i] = if metric.aggregate == Aggregate::Last { now } else { self.metrics[i] + now };
        }
    }

    #[track_caller]
    fn assert_is(&self, name: &str, spec: &Spec, record: &EpisodeRecord) {
        let close = |what: &str, expected: f64, found: f64| {
            assert!(
                (expected - found).abs() <= 1e-9 * expected.abs().max(1.0),
                "{name}: {what} {found}, not {expected}"
            );
        };
        assert_eq!((record.length, record.stratum), (self.length, self.stratum), "{name}");
        for (group, (expected, found)) in spec.groups.iter().zip(self.groups.iter().zip(&record.groups)) {
            close(group.name, expected.episode_return, found.episode_return);
            for (term, (expected, found)) in group.reward_terms.iter().zip(expected.terms.iter().zip(&found.terms)) {
                close(term.name, *expected, *found);
            }
        }
        for (metric, (expected, found)) in spec.metrics.iter().zip(self.metrics.iter().zip(&record.metrics)) {
            let is_mean = metric.aggregate == Aggregate::Mean;
            close(metric.name, if is_mean { expected / f64::from(self.length) } else { *expected }, *found);
        }
    }
}

/// Also: an episode is cut exactly at the time limit and never ends by itself, the next one begins at once, and what was
/// seen at the end is kept.
#[test]
fn records_are_sums_over_ticks_and_episodes_end_at_the_time_limit() {
    for (name, mut scenario) in scenarios() {
        scenario.max_steps = scenario.max_steps.min(90);
        let spec = scenario.domain.domain().spec(scenario.max_steps);
        let mut sums: Vec<Naive> = Vec::new();
        // A world whose episodes do not end with this one's shows what its last observation would have been.
        let mut endless = Lane::new(scenario.domain.domain(), u32::MAX, Seeds::new(scenario.seed), 0..ENVS);
        let dice = Dice::new(&spec, 1);
        cycle(&scenario, |cycle, lane| {
            if cycle == 0 {
                sums.extend(lane.ports().stratum.iter().map(|stratum| Naive::new(&spec, *stratum)));
                return;
            }
            let ends = cycle % scenario.max_steps == 0;
            let ports = lane.ports();
            assert!(ports.truncated.iter().all(|truncated| *truncated == ends), "{name}, cycle {cycle}");
            assert_eq!(ports.finished.len(), if ends { ENVS as usize } else { 0 }, "{name}, cycle {cycle}");
            sums.iter_mut().enumerate().for_each(|(slot, sum)| sum.add(&spec, lane, slot));
            if cycle <= scenario.max_steps {
                dice.roll(&mut endless);
                endless.step();
            }
            if cycle < scenario.max_steps {
                assert!((0..ENVS as usize).all(|slot| shown(lane, slot) == shown(&endless, slot)), "{name}, {cycle}");
            } else if cycle == scenario.max_steps {
                for (port, endless) in ports.groups.iter().zip(&endless.ports().groups) {
                    let (end, seen) = (&port.final_observations, &endless.observations);
                    assert!(
                        end.iter().map(|x| x.to_bits()).eq(seen.iter().map(|x| x.to_bits())),
                        "{name}: final observation"
                    );
                    assert_ne!(end, &port.observations, "{name}: the next episode has begun");
                }
            }
            for (slot, record) in ports.finished.iter().enumerate() {
                let episode = u64::from(cycle / scenario.max_steps - 1);
                assert_eq!((record.env, record.episode), (slot as u64, episode), "{name}, cycle {cycle}");
                sums[slot].assert_is(&name, &spec, record);
                sums[slot] = Naive::new(&spec, ports.stratum[slot]);
            }
        });
    }
}
