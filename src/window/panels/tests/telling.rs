//! Panels offer what can be done, and say what was not taken.

use super::*;

/// A folder of a run with these lines of measurements; with the card of a policy that was trained in skirmish.
fn run(lines: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("metrics.jsonl"), lines).unwrap();
    std::fs::copy("checkpoints/jamming/skirmish/card.ron", dir.path().join("card.ron")).unwrap();
    dir
}

#[test]
fn in_the_gallery_keys_that_are_about_a_scenario_do_nothing() {
    let mut harness = harness(&[]);
    for key in [Key::Space, Key::E, Key::T, Key::N] {
        harness.key_press(key);
        harness.run_steps(2);
    }
    assert_eq!(harness.state().asked, []);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::P);
    harness.run_steps(2);
    assert_eq!(harness.state().asked, [Command::Window(WindowCommand::TogglePalette)]);
}

#[test]
fn every_press_of_a_slow_frame_counts_and_in_order() {
    let mut harness = harness(&[skirmish()]);
    for key in [Key::Period, Key::Period, Key::Comma, Key::Period] {
        let (physical_key, modifiers) = (None, Modifiers::NONE);
        let pressed = egui::Event::Key { key, physical_key, pressed: true, repeat: false, modifiers };
        // The kit gives each of its own events a frame.
        harness.input_mut().events.push(pressed);
    }
    harness.step();
    assert_eq!(harness.state().asked, [Command::Step, Command::Step, Command::StepBack, Command::Step]);
}

#[test]
fn editing_is_offered_only_where_something_can_be_edited() {
    let edits = |harness: &mut Harness<'_, Shown>| {
        let in_transport = harness.query_all_by_label("Edit").count();
        show_panel(harness, Pane::Scenario);
        let in_both = harness.query_all_by_label("Edit").count();
        (in_transport, in_both)
    };
    assert_eq!(edits(&mut harness(&[skirmish()])), (1, 2));
    let cluster = Command::Open { scenario: "cluster/default".to_owned(), policy: Some("first_fit".to_owned()) };
    let mut cluster = harness(&[cluster]);
    assert_eq!(edits(&mut cluster), (0, 0));
    assert!(cluster.query_by_label("Nothing in this scenario has a place to choose.").is_some());
    cluster.state_mut().desk.palette = true;
    cluster.run_steps(3);
    assert!(cluster.query_by_label_contains("Edit where an episode begins").is_none());
}

#[test]
fn before_its_first_point_a_run_is_waited_for() {
    let waiting = run("");
    let mut harness = harness(&[skirmish(), Command::ToggleRun(waiting.path().to_owned())]);
    show_panel(&mut harness, Pane::Metrics);
    assert!(harness.query_by_label("Waiting for the first point.").is_some());
    assert!(harness.query_by_label("Choose curves above.").is_none());
}

#[test]
fn curves_say_whose_they_are_and_of_which_scenario_if_it_is_another() {
    let other = run("{\"step\":10,\"wall_s\":1.0,\"charts/episodic_return\":2.0}\n");
    let name = other.path().file_name().unwrap().to_string_lossy().into_owned();
    let shown = Command::ToggleRun(other.path().to_owned());
    let mut own = harness(&[skirmish(), shown.clone()]);
    show_panel(&mut own, Pane::Metrics);
    assert!(own.query_by_label(&name).is_some() && own.query_by_label_contains("trained in").is_none());
    let cluster = Command::Open { scenario: "cluster/default".to_owned(), policy: Some("first_fit".to_owned()) };
    let mut foreign = harness(&[cluster, shown]);
    show_panel(&mut foreign, Pane::Metrics);
    assert!(foreign.query_by_label(&name).is_some());
    assert!(foreign.query_by_label_contains("trained in skirmish").is_some());
}

/// A number of its own, from 0 to 10.
fn number(ui: &mut egui::Ui, (value, drafts): &mut (f64, setting::Drafts)) {
    let range = setting::Range { low: 0.0, high: 10.0, unit: "m", decimals: 2 };
    if let Some(taken) = setting::ranged(ui, "length", *value, &range, drafts) {
        *value = taken;
    }
}

fn type_number(harness: &mut Harness<'_, (f64, setting::Drafts)>, text: &str) {
    harness.get_by_role(egui::accesskit::Role::SpinButton).click();
    harness.run_steps(3);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.event(egui::Event::Text(text.to_owned()));
    harness.run_steps(2);
    harness.key_press(Key::Enter);
    harness.run_steps(3);
}

#[test]
fn a_number_beyond_its_range_is_not_taken_and_the_range_and_the_number_in_force_are_told() {
    let mut harness = Harness::builder().build_ui_state(number, (2.0, setting::Drafts::default()));
    harness.run_steps(2);
    type_number(&mut harness, "5000");
    assert_eq!(harness.state().0, 2.0);
    assert!(harness.query_by_label("5000 is not within 0 to 10 m; 2 m is in force").is_some());
    type_number(&mut harness, "7");
    assert_eq!(harness.state().0, 7.0);
    assert!(harness.query_by_label_contains("is not within").is_none());
}

#[test]
fn branches_are_listed_where_time_is() {
    let mut harness = harness(&[vec![skirmish()], vec![Command::Step; 8], vec![Command::Seek(3)]].concat());
    let swap = Command::Swap { play: 0, group: 0, policy: "hold".to_owned() };
    inspect_after(&mut harness, &[swap]);
    show_panel(&mut harness, Pane::Timeline);
    click(&mut harness, "branch 1 (0–8)", Command::SwitchBranch(1));
}
