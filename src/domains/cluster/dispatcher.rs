//! Who gets a workload under a rule: rules that are a matter of cost, and those that have a memory, chance or foresight.

use super::{
    components::NUM_RESOURCES,
    linear::{Linear, Weights},
    lookahead::Lookahead,
    nodes::Nodes,
    rules::{Question, Rule, busy, size},
};
use crate::sim::{Address, Purpose, Stream};

const CHANCE: Purpose = Purpose::new("cluster.policy.rule");

/// What a mean node costs, in priorities, when all are full, and the load up to which nothing has a price. Chosen on development
/// episodes at 5 to 10 arrivals a second.
const FULL_PRICE: f64 = 8.0;
const FREE_UP_TO: f64 = 0.6;

/// Answers questions; what it keeps is scratch and, within a tick, the stream that it draws from.
#[derive(Default)]
pub(super) struct Dispatcher {
    stream: Option<(Address, Stream)>,
    lookahead: Lookahead,
    linear: Linear,
}

impl Dispatcher {
    /// One whose linear rule has other weights than those that come with agon.
    pub(super) fn weighing(weights: Weights) -> Self {
        Self { linear: Linear::new(weights), ..Self::default() }
    }

    /// The node that `rule` gives the workload to, if any.
    pub(super) fn choose(&mut self, rule: Rule, question: &Question<'_>) -> Option<usize> {
        let (nodes, demand) = (question.nodes, question.demand);
        let fitting = question.fitting.nodes.iter().map(|node| usize::from(*node));
        let num_nodes = nodes.machines.len();
        let cursor = usize::from(question.cursor) % num_nodes;
        match rule {
            Rule::Blind => {
                let node = self.draw(question, num_nodes);
                question.fitting.nodes.contains(&(node as u16)).then_some(node)
            }
            Rule::RandomFit => {
                let index = self.draw(question, question.fitting.nodes.len());
                question.fitting.nodes.get(index).map(|node| usize::from(*node))
            }
            Rule::RoundRobin => question.fitting.nodes.contains(&(cursor as u16)).then_some(cursor),
            Rule::NextFit => fitting.min_by_key(|node| (node + num_nodes - cursor) % num_nodes),
            Rule::Lookahead if nodes.model.is_full() => self.lookahead.choose(question),
            Rule::BidPrice if !is_worth_its_room(nodes, demand, question.job().priority) => None,
            Rule::Linear => self.linear.choose(question),
            _ => rule.least(nodes, demand, question.fitting),
        }
    }

    /// Uniform in 0..n, from a stream that is opened once a tick.
    fn draw(&mut self, question: &Question<'_>, n: usize) -> usize {
        let (seeds, address) = question.chance;
        if self.stream.as_ref().is_none_or(|(of, _)| *of != address) {
            self.stream = Some((address, seeds.stream(CHANCE, address)));
        }
        self.stream.as_mut().map_or(0, |(_, stream)| stream.below(n.max(1)))
    }
}

/// Whether its priority is worth the room that a workload takes, at a price that rises with the load (bid-price control: Talluri and
/// van Ryzin, An analysis of bid-price controls, 1998).
fn is_worth_its_room(nodes: Nodes<'_>, demand: &[f32; NUM_RESOURCES], priority: u8) -> bool {
    let price = FULL_PRICE * ((busy(nodes) - FREE_UP_TO) / (1.0 - FREE_UP_TO)).max(0.0);
    f64::from(priority) >= price * size(nodes, demand)
}
