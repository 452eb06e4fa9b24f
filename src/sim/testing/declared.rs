//! What a domain declares about itself is what it has.

use bevy_ecs::entity::Entity;

use super::{ENVS, Subject, ensure, prints};
use crate::{
    error::Result,
    sim::{GroupPort, GroupSpec, Lane, View, ViewOptions},
};

/// Names are used once, ports have the declared shapes, the baselines that groups name exist and act for them, and what the
/// view calls its headline is measured.
///
/// # Errors
/// What does not fit.
pub fn declarations_fit(subject: &Subject<'_>) -> Result<()> {
    let lane = subject.lane();
    let (spec, ports) = (lane.spec(), lane.ports());
    ensure!(ports.groups.len() == spec.groups.len(), "{} ports for {} groups", ports.groups.len(), spec.groups.len());
    let metrics: Vec<&str> = spec.metrics.iter().map(|metric| metric.name).collect();
    are_different("metrics", &metrics)?;
    let baselines: Vec<(&str, &str)> = subject.domain.baselines().iter().map(|b| (b.group, b.name)).collect();
    for (group, port) in spec.groups.iter().zip(&ports.groups) {
        has_shape(group, port)?;
        are_different("fields", &group.observation.iter().map(|field| field.name.as_str()).collect::<Vec<_>>())?;
        are_different("reward terms", &group.reward_terms.iter().map(|term| term.name).collect::<Vec<_>>())?;
        for named in [group.default].into_iter().chain(group.reference) {
            ensure!(baselines.contains(&(group.name, named)), "`{}` have no baseline `{named}`", group.name);
        }
    }
    for (at, (group, name)) in baselines.iter().enumerate() {
        ensure!(spec.group(group).is_some(), "baseline `{name}` acts for `{group}`, whom nobody declared");
        ensure!(!baselines[..at].contains(&(group, name)), "`{group}` have two baselines `{name}`");
    }
    if let Some(view) = subject.domain.view() {
        for name in view.declared().headline {
            ensure!(spec.metric(name).is_some(), "the view's headline `{name}` is not measured");
        }
    }
    Ok(())
}

fn are_different(what: &str, names: &[&str]) -> Result<()> {
    let again = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
    ensure!(again.is_none(), "of the {what}, `{}` comes twice", again.map_or("", |(_, name)| name));
    Ok(())
}

fn has_shape(group: &GroupSpec, port: &GroupPort) -> Result<()> {
    let rows = ENVS as usize * group.agents;
    let choices = if group.is_masked { group.action.num_choices() } else { 0 };
    for (what, found, width) in [
        ("observations", port.observations.len(), group.observation.len()),
        ("final observations", port.final_observations.len(), group.observation.len()),
        ("actions", port.actions.len(), group.action.width()),
        ("masks", port.masks.len(), choices),
        ("terms", port.terms.len(), group.reward_terms.len()),
        ("rewards", port.rewards.len(), 1),
        ("flags of presence", port.present.len(), 1),
    ] {
        ensure!(found == rows * width, "`{}` have {found} {what}, not {rows} times {width}", group.name);
    }
    Ok(())
}

/// Whoever looks changes nothing, and sees the same when looking again: pictures under each colouring, descriptions,
/// graphs.
///
/// # Errors
/// What looking changed.
pub fn views_only_read(subject: &Subject<'_>) -> Result<()> {
    let Some(view) = subject.domain.view() else { return Ok(()) };
    let mut twin = subject.lane();
    let dice = super::Dice::new(twin.spec(), 1);
    subject.play(|tick, lane| {
        if tick > 0 {
            dice.roll(&mut twin);
            twin.step();
        }
        if !tick.is_multiple_of(subject.ticks.div_ceil(10).max(1)) {
            return Ok(());
        }
        for slot in 0..lane.envs() {
            for colour_by in 0..view.declared().colour_by.len().max(1) {
                let options = ViewOptions { colour_by, ..ViewOptions::default() };
                let pictures = [lane, &twin].map(|lane| view.draw(lane.world(), slot, &options));
                let again = view.draw(lane.world(), slot, &options);
                ensure!(pictures[0] == again, "tick {tick}: a second look shows something else");
                ensure!(pictures[0].marks.len() == pictures[1].marks.len(), "tick {tick}: a twin looks different");
            }
            ensure!(told(view, lane, slot) == told(view, lane, slot), "tick {tick}: a second answer differs");
        }
        ensure!(prints(lane) == prints(&twin), "tick {tick}: an env that was looked at went another way");
        Ok(())
    })
}

/// What the view says of some of those whom it can be asked about, and whom it joins.
fn told(view: &dyn View, lane: &Lane, slot: usize) -> String {
    let world = lane.world();
    let all: Vec<Entity> = world.iter_entities().map(|entity| entity.id()).collect();
    let some = all.iter().step_by(all.len().div_ceil(40).max(1));
    let descriptions: Vec<_> = some.filter_map(|who| view.describe(world, *who)).collect();
    format!("{descriptions:?} {:?}", view.graph(world, slot))
}
