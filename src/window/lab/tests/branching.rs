//! Going on from the past by hand, or anew, loses nothing that was played.

use super::*;

fn bookmarks(lab: &Lab) -> Vec<u64> {
    let events = stage(lab).plays[0].events().iter();
    events.filter(|(_, event)| matches!(event, Event::Bookmark { .. })).map(|(tick, _)| *tick).collect()
}

fn numbers(lab: &Lab) -> Vec<u64> {
    stage(lab).branches().iter().map(|branch| branch.number).collect()
}

/// Twenty ticks with a bookmark at the last one, and back at the tenth; the hash of the last one is told.
fn played() -> (Lab, u64) {
    let mut lab = lab();
    steps(&mut lab, 20);
    lab.obey(&Command::Bookmark("there".to_owned())).unwrap();
    let last = hash(&lab, 0);
    lab.obey(&Command::Seek(10)).unwrap();
    (lab, last)
}

fn is_as_it_was(lab: &mut Lab, last: u64) {
    lab.obey(&Command::SwitchBranch(1)).unwrap();
    assert_eq!((stage(lab).tick(), stage(lab).ticks(), bookmarks(lab)), (10, (0, 20), vec![20]));
    lab.obey(&Command::Seek(20)).unwrap();
    assert_eq!(hash(lab, 0), last);
}

#[test]
fn what_came_after_a_past_tick_is_kept_whatever_is_done_there_by_hand() {
    let agent = |lab: &Lab| first(lab, 1).0;
    type Deed = fn(&mut Lab, bevy::ecs::entity::Entity);
    let deeds: [Deed; 4] = [
        |lab, who| lab.obey(&Command::MoveTo { play: 0, who, at: [12.0, 80.0] }).unwrap(),
        |lab, _| lab.obey(&Command::Swap { play: 0, group: 0, policy: "hold".to_owned() }).unwrap(),
        |lab, _| lab.obey(&set("enemy_power_dbm", "25.0")).unwrap(),
        |lab, who| {
            lab.obey(&Command::Select(Some(Selection { play: 0, subject: Subject::Entity(who) }))).unwrap();
            lab.obey(&Command::ToggleDrive).unwrap();
        },
    ];
    for (index, deed) in deeds.into_iter().enumerate() {
        let (mut lab, last) = played();
        let who = agent(&lab);
        deed(&mut lab, who);
        assert_eq!((stage(&lab).ticks(), numbers(&lab), bookmarks(&lab)), ((0, 10), vec![1], vec![]), "deed {index}");
        let told = lab.messages().iter().any(|message| message.text.contains("branch 1: ticks 0 to 20, 1 bookmark"));
        assert!(told, "deed {index}");
        is_as_it_was(&mut lab, last);
    }
}

#[test]
fn branches_are_gone_to_and_fro_between() {
    let (mut lab, last) = played();
    let (who, _) = first(&lab, 1);
    let at = [12.0, 80.0];
    lab.obey(&Command::MoveTo { play: 0, who, at }).unwrap();
    steps(&mut lab, 5);
    let moved = hash(&lab, 0);
    lab.obey(&Command::Seek(10)).unwrap();
    is_as_it_was(&mut lab, last);
    assert_eq!((stage(&lab).branches().now(), numbers(&lab)), (1, vec![2]));
    lab.obey(&Command::SwitchBranch(2)).unwrap();
    lab.obey(&Command::Seek(15)).unwrap();
    assert_eq!(hash(&lab, 0), moved);
    refused(&mut lab, &Command::SwitchBranch(9), "no branch 9");
    // A play goes on from a branch like from anywhere else.
    steps(&mut lab, 3);
    assert_eq!(stage(&lab).ticks(), (0, 18));
}

#[test]
fn the_editor_and_a_new_beginning_keep_what_cannot_be_had_again() {
    let (mut lab, last) = played();
    lab.obey(&Command::ToggleEditor).unwrap();
    lab.obey(&Command::Place { kind: 1, at: [50.0, 50.0] }).unwrap();
    refused(&mut lab, &Command::SwitchBranch(1), "the editor is open");
    lab.obey(&Command::ToggleEditor).unwrap();
    steps(&mut lab, 3);
    assert_eq!(numbers(&lab), [1], "placing one is nothing that was played");
    is_as_it_was(&mut lab, last);
    assert_eq!(stage(&lab).scenario.domain.params().get("num_jammers").unwrap(), "4");
    let (mut lab, last) = played();
    lab.obey(&Command::ResetWithNewSeed).unwrap();
    steps(&mut lab, 2);
    is_as_it_was(&mut lab, last);
    // What a seed and a policy bring back needs no branch.
    lab.obey(&open("skirmish", &["greedy"])).unwrap();
    steps(&mut lab, 20);
    lab.obey(&Command::Reset).unwrap();
    assert!(numbers(&lab).is_empty());
}

#[test]
fn two_envs_leave_a_branch_together() {
    let mut lab = lab();
    lab.obey(&Command::Compare { policy: "hold".to_owned() }).unwrap();
    steps(&mut lab, 20);
    let last = [hash(&lab, 0), hash(&lab, 1)];
    lab.obey(&Command::Seek(10)).unwrap();
    let (who, _) = first(&lab, 1);
    lab.obey(&Command::MoveTo { play: 0, who, at: [12.0, 80.0] }).unwrap();
    lab.obey(&Command::EndCompare).unwrap();
    lab.obey(&Command::SwitchBranch(1)).unwrap();
    lab.obey(&Command::Seek(20)).unwrap();
    assert_eq!([hash(&lab, 0), hash(&lab, 1)], last);
    assert!(stage(&lab).comparison.is_some());
}

#[test]
fn a_branch_that_is_forgotten_is_told_of() {
    let mut lab = lab();
    steps(&mut lab, 12);
    let (who, _) = first(&lab, 1);
    for time in 0..9_u8 {
        lab.obey(&Command::Seek(3)).unwrap();
        lab.obey(&Command::MoveTo { play: 0, who, at: [10.0 + f32::from(time), 10.0] }).unwrap();
        steps(&mut lab, 2);
    }
    assert_eq!(numbers(&lab), (2..=9).collect::<Vec<_>>());
    let told = lab.messages().iter().filter(|message| message.text.contains("is forgotten")).count();
    assert_eq!(told, 1);
}

#[test]
fn a_fork_goes_on_at_the_tick_it_comes_from_and_says_where_that_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("origin.mcap");
    let mut lab = lab();
    lab.obey(&Command::StartRecording(Some(path.clone()))).unwrap();
    steps(&mut lab, 30);
    lab.obey(&Command::StopRecording).unwrap();
    lab.obey(&Command::OpenRecording(path)).unwrap();
    lab.obey(&Command::Seek(25)).unwrap();
    lab.obey(&Command::Fork { policy: Some("hold".to_owned()) }).unwrap();
    assert_eq!((stage(&lab).tick(), stage(&lab).ticks()), (25, (25, 25)));
    let origin = Event::Bookmark { label: "forked from origin.mcap, tick 25".to_owned() };
    assert_eq!(stage(&lab).plays[0].events(), [(25, origin)]);
    steps(&mut lab, 20);
    let there = hash(&lab, 0);
    assert_eq!(stage(&lab).plays[0].metrics()[0].x_range(), Some(26.0..=45.0));
    lab.obey(&Command::Seek(25)).unwrap();
    lab.obey(&Command::Seek(45)).unwrap();
    assert_eq!(hash(&lab, 0), there);
    refused(&mut lab, &Command::Seek(24), "25 to 45");
}
