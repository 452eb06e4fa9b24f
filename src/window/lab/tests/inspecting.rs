//! Whatever is seen can be inspected, for as long as it is there.

use bevy::{ecs::entity::Entity, math::Rect};

use super::*;
use crate::window::scene::{Lens, pick, place_of};

fn cluster() -> Lab {
    let mut lab = Lab::new(&Theme::default()).unwrap();
    lab.obey(&open("cluster/default", &["first_fit"])).unwrap();
    steps(&mut lab, 20);
    lab.stage_mut().unwrap().refresh();
    lab
}

/// What the pointer finds where an entity is seen.
fn under_pointer(stage: &Stage, who: Entity) -> Option<Subject> {
    let (picture, lens) = (stage.picture(0)?, Lens::filled(Rect::new(0.0, 0.0, 1280.0, 720.0)));
    pick(picture, &lens, lens.point(&picture.arena, place_of(picture, who)?))
}

/// Clicks a workload that is in this state.
fn click_workload(lab: &mut Lab, state: &str) {
    let stage = stage(lab);
    let is_it = |who: &Entity| {
        let told = stage.describe(0, *who).unwrap();
        told.title.starts_with("workload") && told.state.starts_with(state)
    };
    let who = stage.picture(0).unwrap().marks.iter().filter_map(|mark| mark.who).find(is_it).unwrap();
    let subject = under_pointer(stage, who);
    assert_eq!(subject, Some(Subject::Entity(who)));
    lab.obey(&Command::Select(subject.map(|subject| Selection { play: 0, subject }))).unwrap();
}

#[test]
fn a_workload_that_is_clicked_tells_its_demand_with_units_while_it_plays() {
    let mut lab = cluster();
    click_workload(&mut lab, "runs");
    let before = lab.inspect().unwrap();
    assert!(before.title.starts_with("workload ") && before.agent.is_none() && !before.is_gone, "{before:?}");
    let text = |told: &Inspection, name: &str| told.facts.iter().find(|fact| fact.name == name).unwrap().text();
    for name in ["priority", "cpu", "memory", "bandwidth", "storage"] {
        assert_ne!(text(&before, name), "0", "{name}");
    }
    assert!(text(&before, "left").ends_with(" s"));
    steps(&mut lab, 1);
    let after = lab.inspect().unwrap();
    assert_ne!(text(&before, "left"), text(&after, "left"));
    assert_eq!(text(&before, "cpu"), text(&after, "cpu"));
}

#[test]
fn a_workload_that_has_ended_is_told_to_be_gone_whoever_has_its_row_and_comes_back_with_the_past() {
    let mut lab = cluster();
    click_workload(&mut lab, "runs");
    let before = lab.inspect().unwrap();
    let is_row_taken = |lab: &Lab| stage(lab).present_selection().is_none();
    while !is_row_taken(&lab) {
        assert!(stage(&lab).tick() < 900, "its row is never needed again");
        steps(&mut lab, 1);
        lab.inspect().unwrap();
    }
    let gone = lab.inspect().unwrap();
    assert!(gone.is_gone && gone.title == before.title && gone.facts.len() >= before.facts.len(), "{gone:?}");
    lab.obey(&Command::Seek(20)).unwrap();
    assert_eq!(lab.inspect().unwrap(), before);
}

#[test]
fn a_click_on_what_has_taken_the_row_selects_that() {
    let mut lab = cluster();
    click_workload(&mut lab, "runs");
    let first = lab.inspect().unwrap();
    let selection = stage(&lab).selection();
    while stage(&lab).present_selection().is_some() {
        assert!(stage(&lab).tick() < 900, "its row is never needed again");
        steps(&mut lab, 1);
    }
    lab.obey(&Command::Select(selection)).unwrap();
    let second = lab.inspect().unwrap();
    assert!(second.title != first.title && !second.is_gone, "{second:?}");
}

#[test]
fn nodes_drones_and_jammers_are_told_of_beside_what_they_observe() {
    let mut cluster = cluster();
    cluster.obey(&Command::SelectNext).unwrap();
    let node = cluster.inspect().unwrap();
    assert!(node.title == "node 0" && node.agent.is_some() && node.facts.iter().any(|fact| fact.name == "storage"));
    let mut skirmish = lab();
    steps(&mut skirmish, 2);
    for (kind, title, state) in [(0, "drone 0", "linked"), (1, "jammer 0", "jams on")] {
        let (who, _) = first(&skirmish, kind);
        let subject = Subject::Entity(who);
        skirmish.obey(&Command::Select(Some(Selection { play: 0, subject }))).unwrap();
        let told = skirmish.inspect().unwrap();
        assert!(told.title == title && told.state.starts_with(state) && told.place_m.is_some(), "{told:?}");
        assert!(told.facts.iter().any(|fact| fact.unit == "m/s"));
    }
}

#[test]
fn a_link_that_is_selected_tells_its_state_its_margin_and_its_length() {
    let mut lab = lab();
    steps(&mut lab, 2);
    let stage = lab.stage_mut().unwrap();
    stage.refresh();
    let pair = stage.picture(0).unwrap().marks.iter().find_map(|mark| mark.pair).unwrap();
    let known = stage.describe_link(0, pair).unwrap();
    let selection = Selection { play: 0, subject: Subject::Link(pair[0], pair[1]) };
    lab.obey(&Command::Select(Some(selection))).unwrap();
    let told = lab.inspect().unwrap();
    assert!(told.title.starts_with("link from drone ") && told.length_m.is_some(), "{told:?}");
    assert_eq!((&told.title, &told.state, &told.facts), (&known.title, &known.state, &known.facts));
    assert!(!told.state.is_empty() && told.facts.iter().any(|fact| fact.unit == "dB"), "{told:?}");
}
