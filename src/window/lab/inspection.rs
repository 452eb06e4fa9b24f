//! What can be said of the thing that is selected.

use bevy::{ecs::entity::Entity, math::Vec2};

use super::{Lab, Stage, Training};
use crate::{
    sim::{Choices, Description, Fact, Field, GroupSpec},
    window::{
        command::{Selection, Subject},
        scene::place_of,
    },
};

/// Everything that can be said of the thing that is selected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// What it is called: `agent 2`, `link from agent 3 to agent 7`.
    pub title: String,
    /// How it is, in a few words; may be empty.
    pub state: String,
    /// Whether it is gone; what is said then is what could be said last.
    pub is_gone: bool,
    /// What is known of it in numbers, with their units.
    pub facts: Vec<Fact>,
    /// Where it is, in metres.
    pub place_m: Option<Vec2>,
    /// Length of a link, in metres.
    pub length_m: Option<f32>,
    /// What it observes, does and is paid for, if it is an agent.
    pub agent: Option<AgentInspection>,
}

/// What can be said of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentInspection {
    /// Its policy.
    pub policy: String,
    /// Whether a person drives it.
    pub is_driven: bool,
    /// What it sees now: each number with its declaration.
    pub observation: Vec<(Field, f32)>,
    /// What it did last: name, value and unit of each dimension.
    pub action: Vec<(String, String)>,
    /// What its policy would draw the next action from, dimension by dimension; none for a script.
    pub choices: Option<Vec<Choices>>,
    /// What the critic of the run in training expects from here on; none without a run.
    pub value: Option<f32>,
    /// What it was paid last, by term.
    pub rewards: Vec<(&'static str, f32)>,
    /// All of it together.
    pub reward: f32,
}

impl Lab {
    /// What can be said of the thing that is selected; none if nothing is.
    pub fn inspect(&mut self) -> Option<Inspection> {
        let stage = self.stage.as_mut()?;
        let Selection { play, subject } = stage.selection()?;
        match subject {
            Subject::Entity(who) => {
                let (known, is_gone) = stage.recall()?;
                let Description { title, state, facts, .. } = known.clone();
                let told = Inspection { title, state, is_gone, facts, ..Inspection::default() };
                if is_gone {
                    return Some(told);
                }
                let picture = stage.picture(play).filter(|picture| picture.arena.is_to_scale);
                let place_m = picture.and_then(|picture| place_of(picture, who));
                let agent = inspect_agent(stage, &self.trainings, play, who);
                Some(Inspection { place_m, agent, ..told })
            }
            Subject::Link(one, other) => {
                let picture = stage.picture(play)?;
                let ends = place_of(picture, one).zip(place_of(picture, other));
                let length_m = ends.map(|(a, b)| a.distance(b));
                if let Some(Description { title, state, facts, .. }) = stage.describe_link(play, [one, other]) {
                    return Some(Inspection { title, state, facts, length_m, ..Inspection::default() });
                }
                let title = format!("link from {} to {}", stage.name_of(play, one)?, stage.name_of(play, other)?);
                Some(Inspection { title, length_m, ..Inspection::default() })
            }
        }
    }
}

fn inspect_agent(stage: &mut Stage, trainings: &[Training], play: usize, who: Entity) -> Option<AgentInspection> {
    let agent = stage.agent_of(play, who)?;
    let play = stage.plays.get_mut(play)?;
    let lane = play.lane();
    let spec: &GroupSpec = lane.spec().groups.get(agent.group)?;
    let port = lane.ports().groups.get(agent.group)?;
    let row =
        |numbers: &[f32], width: usize| numbers.get(agent.row * width..(agent.row + 1) * width).map(<[f32]>::to_vec);
    let observation = row(&port.observations, port.observation_width)?;
    let action = row(&port.actions, port.action_width)?;
    let terms = row(&port.terms, port.num_terms)?;
    let reward = port.rewards.get(agent.row).copied().unwrap_or_default();
    let seat = play.seats().get(agent.group);
    let value = seat.and_then(|seat| seat.follows()).and_then(|id| {
        let training = trainings.iter().find(|training| training.id() == id)?;
        let values = training.value_of(spec.name, &port.observations, port.agents)?;
        // One for the team, or one for each agent.
        values.get(agent.row).or(values.first()).copied()
    });
    let inspection = AgentInspection {
        policy: play.policies().get(agent.group).cloned().unwrap_or_default(),
        is_driven: seat.and_then(|seat| seat.drive()).is_some_and(|drive| drive.row == agent.row),
        observation: spec.observation.iter().cloned().zip(observation).collect(),
        action: named_action(spec, &action),
        choices: None,
        value,
        rewards: spec.reward_terms.iter().map(|term| term.name).zip(terms).collect(),
        reward,
    };
    let choices = play.seat_and_lane(agent.group).and_then(|(seat, lane)| {
        // A policy that cannot say is none that says something else.
        seat.policy().explain(lane.world_mut(), agent.group, agent.row).ok().flatten()
    });
    Some(AgentInspection { choices, ..inspection })
}

fn named_action(spec: &GroupSpec, action: &[f32]) -> Vec<(String, String)> {
    let (continuous, discrete) = action.split_at(spec.action.continuous.len().min(action.len()));
    let numbers = spec.action.continuous.iter().zip(continuous);
    let numbers = numbers.map(|(field, value)| (field.name.clone(), format!("{value:.2} {}", field.unit)));
    let chosen = spec.action.discrete.iter().zip(discrete);
    let chosen = chosen.map(|(dimension, index)| {
        let choice = dimension.choices.get(*index as usize).copied().unwrap_or("?");
        (dimension.name.to_owned(), choice.to_owned())
    });
    numbers.chain(chosen).collect()
}
