//! What the service knows of the cluster, and how each request changes it. A request that cannot be obeyed changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

use super::{
    latency::{Latency, micros},
    protocol::{
        Amounts, Changed, Complaint, Counts, Observe, Observed, Op, Past, Place, Placed, PolicyState, Released,
        Reported, Seen, named, quoted, time_s,
    },
    weights::{Decider, Reason},
};
use crate::domains::cluster::{
    ClusterParams, amounts,
    components::{Demand, Machine, NUM_PRIORITIES, NUM_RESOURCES},
    placer::{Placer, Rejections, Request as Wish},
    scenario::MAX_NODES,
};

/// Workloads that can run at once.
const MAX_WORKLOADS: usize = 200_000;
/// Decisions that are remembered one by one.
const MAX_HISTORY: usize = 1000;
/// Priority of a workload that tells none.
const MIDDLE: u8 = 2;

/// A workload that was placed.
struct Running {
    node: usize,
    demand: Demand,
}

/// A node of an observation, checked.
struct Known {
    /// Its number, if it was there before.
    node: Option<usize>,
    name: Box<str>,
    machine: Machine,
    used: Option<[f64; NUM_RESOURCES]>,
    is_up: Option<bool>,
}

/// The cluster, who decides for it, and what has been.
pub(super) struct State {
    placer: Placer,
    decider: Decider,
    names: Vec<Box<str>>,
    numbers: BTreeMap<Box<str>, usize>,
    running: BTreeMap<Box<str>, Running>,
    asked: Option<Instant>,
    pub(super) counts: Counts,
    fallbacks: [u64; Reason::ALL.len()],
    latency: Latency,
    history: VecDeque<Past>,
    /// How often all workloads have been gone through.
    #[cfg(test)]
    passes: u64,
}

impl State {
    pub(super) fn new(params: &ClusterParams, seed: u64, decider: Decider) -> Self {
        Self {
            placer: Placer::new(params, seed),
            decider,
            names: Vec::new(),
            numbers: BTreeMap::new(),
            running: BTreeMap::new(),
            asked: None,
            counts: Counts::default(),
            fallbacks: [0; Reason::ALL.len()],
            latency: Latency::default(),
            history: VecDeque::with_capacity(MAX_HISTORY),
            #[cfg(test)]
            passes: 0,
        }
    }

    /// What the outside says of nodes becomes what is known.
    pub(super) fn observe(&mut self, observe: &Observe) -> Result<Observed, Complaint> {
        let mut seen = BTreeSet::new();
        let names = observe.nodes.iter().map(|node| &node.name).chain(&observe.gone);
        if let Some(twice) = names.into_iter().find(|name| !seen.insert(name.as_str())) {
            return Err(format!("node {} is named twice", quoted(twice)));
        }
        if let Some(unknown) = observe.gone.iter().find(|name| !self.numbers.contains_key(name.as_str())) {
            return Err(no_node(unknown));
        }
        let known = observe.nodes.iter().map(|node| self.check(node)).collect::<Result<Vec<_>, _>>()?;
        let new = known.iter().filter(|known| known.node.is_none()).count();
        if self.names.len() + new - observe.gone.len() > MAX_NODES {
            return Err(format!("a cluster has at most {MAX_NODES} nodes"));
        }
        let mut lost = self.forget(&observe.gone);
        let mut failing = BTreeSet::new();
        for known in known {
            failing.extend(self.note(known)?);
        }
        if !failing.is_empty() {
            lost.extend(self.renumber(|node| (!failing.contains(&node)).then_some(node)));
        }
        Ok(Observed { nodes: self.names.len(), lost })
    }

    fn check(&mut self, seen: &Seen) -> Result<Known, Complaint> {
        named(&seen.name, "node")?;
        let node = self.numbers.get(seen.name.as_str()).copied();
        let resources = self.placer.resources();
        let (before, used) = match node {
            Some(node) => (Some(*self.placer.machine_mut(node)), self.placer.usage_mut(node).0),
            None => (None, [0.0; NUM_RESOURCES]),
        };
        let of = |what: &str| format!("{what} of node `{}`", seen.name);
        let capacity = seen.capacity.unwrap_or_default().over(
            before.map_or([None; NUM_RESOURCES], |machine| machine.capacity.map(|amount| Some(f64::from(amount)))),
            resources,
            &of("`capacity`"),
        )?;
        let rtt_s = seen.rtt_s.map(|rtt_s| time_s(rtt_s, &of("`rtt_s`"))).transpose()?;
        let rtt_s = rtt_s.map_or(before.map_or(0.0, |machine| machine.rtt_s), |rtt_s| rtt_s as f32);
        let over = |amounts: Amounts| amounts.over(used.map(Some), resources, &of("`used`"));
        Ok(Known {
            node,
            name: seen.name.as_str().into(),
            machine: Machine { capacity: capacity.map(amounts::capacity), rtt_s },
            used: seen.used.map(over).transpose()?,
            is_up: seen.up,
        })
    }

    /// Takes over what was seen of a node; its number if it worked before and does no more.
    fn note(&mut self, known: Known) -> Result<Option<usize>, Complaint> {
        let node = match known.node {
            // Those that have gone have made the others move up.
            Some(_) => self.number(&known.name)?,
            None => {
                let node = self.placer.add(known.machine).map_err(|error| error.to_string())?;
                self.numbers.insert(known.name.clone(), node);
                self.names.push(known.name);
                node
            }
        };
        *self.placer.machine_mut(node) = known.machine;
        let was_down = self.placer.is_down(node);
        if let Some(is_up) = known.is_up {
            self.placer.set_down(node, !is_up);
        }
        if let (Some(used), false) = (known.used, self.placer.is_down(node)) {
            self.placer.usage_mut(node).0 = used;
        }
        Ok((!was_down && self.placer.is_down(node)).then_some(node))
    }

    /// Nodes leave, and those behind them move up; the workloads that are lost with them.
    fn forget(&mut self, gone: &[String]) -> Vec<Box<str>> {
        let leaving: BTreeSet<usize> = gone.iter().filter_map(|name| self.numbers.remove(name.as_str())).collect();
        if leaving.is_empty() {
            return Vec::new();
        }
        let mut staying = 0;
        let moved: Vec<Option<usize>> = (0..self.names.len())
            .map(|node| {
                let stays = !leaving.contains(&node);
                staying += usize::from(stays);
                stays.then(|| staying - 1)
            })
            .collect();
        let to = |node: usize| moved.get(node).copied().flatten();
        self.placer.retain(|node| to(node).is_some());
        let mut nodes = 0..;
        self.names.retain(|_| nodes.next().and_then(to).is_some());
        self.numbers.values_mut().for_each(|number| *number = to(*number).unwrap_or(*number));
        self.renumber(to)
    }

    /// Gives the node of every workload the number that `to` says; those whose node has none are lost. This is one pass over
    /// all workloads, so a request does it once for all of its nodes and not for each of them.
    fn renumber(&mut self, to: impl Fn(usize) -> Option<usize>) -> Vec<Box<str>> {
        #[cfg(test)]
        {
            self.passes += 1;
        }
        let lost = self.running.extract_if(.., |_, running| match to(running.node) {
            Some(node) => {
                running.node = node;
                false
            }
            None => true,
        });
        let lost: Vec<_> = lost.map(|(name, _)| name).collect();
        self.counts.lost += lost.len() as u64;
        lost
    }

    /// Finds a node for a workload, which takes there what it asks for. The time counts from `received` on.
    pub(super) fn place<'a>(&'a mut self, place: &'a Place, received: Instant) -> Result<Placed<'a>, Complaint> {
        let wish = self.wish(place)?;
        let elapsed_s = self.asked.map_or(0.0, |asked| received.saturating_duration_since(asked).as_secs_f64());
        self.asked = Some(received);
        let fits = self.placer.ask(&wish, elapsed_s);
        let (node, reason) = if fits { self.decider.decide(&mut self.placer, received) } else { (None, None) };
        let latency = received.elapsed();
        let by = fits.then_some(if reason.is_some() { "fallback" } else { "policy" });
        let rejections = node.is_none().then(|| self.placer.rejections());
        self.placer.settle(node);
        self.latency.note(latency);
        if let Some(reason) = reason {
            self.fallbacks[reason as usize] += 1;
        }
        *match (node, fits) {
            (Some(_), _) => &mut self.counts.placed,
            (None, true) => &mut self.counts.declined,
            (None, false) => &mut self.counts.rejected,
        } += 1;
        if let Some(node) = node {
            self.running.insert(place.workload.as_str().into(), Running { node, demand: wish.demand });
        }
        let (because, latency_us) = (reason.map(Reason::label), micros(latency));
        if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Past {
            workload: place.workload.as_str().into(),
            node: node.map(|node| self.names[node].clone()),
            by,
            because,
            latency_us,
        });
        Ok(Placed {
            id: None,
            op: Op::Place,
            workload: &place.workload,
            node: node.map(|node| &*self.names[node]),
            why: rejections.map(|rejections| why(rejections, fits)),
            rejected: rejections.map(|rejections| by_cause(rejections, self.placer.resources())),
            by,
            because,
            latency_us,
        })
    }

    fn wish(&self, place: &Place) -> Result<Wish, Complaint> {
        named(&place.workload, "workload")?;
        if let Some(running) = self.running.get(place.workload.as_str()) {
            let node = &self.names[running.node];
            return Err(format!("workload `{}` is placed already, on node `{node}`", place.workload));
        }
        if self.running.len() == MAX_WORKLOADS {
            return Err(format!("{MAX_WORKLOADS} workloads are placed, and no more can be; release some"));
        }
        let demand = place.demand.over([Some(0.0); NUM_RESOURCES], self.placer.resources(), "`demand`")?;
        let priority = place.priority.unwrap_or(MIDDLE);
        if !(1..=NUM_PRIORITIES as u8).contains(&priority) {
            return Err(format!("`priority` must be from 1 to {NUM_PRIORITIES}, not {priority}"));
        }
        let patience_s = place.deadline_s.map(|deadline_s| time_s(deadline_s, "`deadline_s`")).transpose()?;
        Ok(Wish {
            demand: Demand(demand.map(|amount| amount as f32)),
            priority,
            patience_s: patience_s.map_or(f32::INFINITY, |patience_s| patience_s as f32),
            declined: place.declined,
        })
    }

    /// A workload is done, and its node has back what it took.
    pub(super) fn release<'a>(&'a mut self, workload: &'a str) -> Result<Released<'a>, Complaint> {
        let Some(Running { node, demand }) = self.running.remove(workload) else {
            return Err(format!("no workload {} is placed", quoted(workload)));
        };
        self.placer.release(node, &demand);
        self.counts.released += 1;
        Ok(Released { workload, node: &self.names[node] })
    }

    /// A node fails and loses what it runs, or is repaired and empty.
    pub(super) fn change<'a>(&mut self, name: &'a str, is_down: bool) -> Result<Changed<'a>, Complaint> {
        let node = self.number(name)?;
        if self.placer.is_down(node) == is_down {
            return Err(format!("node `{name}` {} already", if is_down { "is down" } else { "works" }));
        }
        let lost = is_down.then(|| self.renumber(|number| (number != node).then_some(number)));
        self.placer.set_down(node, is_down);
        Ok(Changed { node: name, lost })
    }

    /// What has been, with the last `history` decisions, the newest last.
    pub(super) fn report(&mut self, history: usize, now: Instant) -> Reported<'_> {
        self.decider.look(now);
        let (trouble, loads) = self.decider.state();
        let utilisation = self.placer.utilisation().map(|share| (share * 1e4).round() / 1e4);
        Reported {
            nodes: self.names.len(),
            nodes_up: (0..self.names.len()).filter(|node| !self.placer.is_down(*node)).count(),
            workloads: self.running.len(),
            counts: self.counts,
            fallbacks: Reason::ALL.iter().map(|reason| (reason.label(), self.fallbacks[*reason as usize])).collect(),
            policy: PolicyState {
                name: self.decider.name(),
                state: trouble.map_or("ready", |(reason, _)| reason.label()),
                detail: trouble.map(|(_, detail)| detail),
                fallback: self.decider.fallback(),
                loads,
            },
            latency_us: self.latency.percentiles(),
            utilisation: self.placer.resources().into_iter().zip(utilisation).collect(),
            history: self.history.iter().skip(self.history.len().saturating_sub(history)).collect(),
        }
    }

    /// What keeps the policy from deciding, if anything does.
    pub(super) fn trouble(&mut self, now: Instant) -> Option<(Reason, &str)> {
        self.decider.look(now);
        self.decider.state().0
    }

    /// How often all workloads have been gone through, and how often files of weights have been read.
    #[cfg(test)]
    pub(super) fn work(&self) -> (u64, u64) {
        (self.passes, self.decider.reads())
    }

    /// What is in use on each node.
    #[cfg(test)]
    pub(super) fn used(&mut self) -> Vec<[f64; NUM_RESOURCES]> {
        (0..self.names.len()).map(|node| self.placer.usage_mut(node).0).collect()
    }

    fn number(&self, name: &str) -> Result<usize, Complaint> {
        self.numbers.get(name).copied().ok_or_else(|| no_node(name))
    }
}

fn no_node(name: &str) -> Complaint {
    format!("there is no node {}; `observe` declares nodes", quoted(name))
}

fn why(rejections: Rejections, fits: bool) -> &'static str {
    let lacking: u32 = rejections.lacking.iter().sum();
    if fits {
        "the policy declined"
    } else if rejections.too_far > 0 {
        "nodes with room are too far away to start it in time"
    } else if lacking > 0 {
        "no node has room"
    } else if rejections.down > 0 {
        "all nodes are down"
    } else {
        "there are no nodes"
    }
}

fn by_cause(rejections: Rejections, resources: [&'static str; NUM_RESOURCES]) -> BTreeMap<&'static str, u32> {
    let Rejections { down, lacking, too_far, declined } = rejections;
    let others = [("down", down), ("too_far", too_far), ("declined", declined)];
    others.into_iter().chain(resources.into_iter().zip(lacking)).filter(|(_, count)| *count > 0).collect()
}
