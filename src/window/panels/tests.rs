//! Panels under egui's own test kit: what they show can be read, and what is clicked asks for what it says.

#![allow(clippy::unwrap_used, reason = "tests")]

mod arranging;
mod telling;

use bevy::ecs::entity::Entity;
use bevy_egui::egui::{self, Key, Modifiers};
use egui_kittest::{Harness, kittest::Queryable};

use super::*;
use crate::{
    picture::Theme,
    window::{
        command::{Selection, Subject, WindowCommand},
        lab::Speed,
        scene::place_of,
    },
};

/// What a window shows, and what was asked of it.
struct Shown {
    lab: Lab,
    desk: Desk,
    inspection: Option<Inspection>,
    asked: Vec<Command>,
}

fn harness<'a>(commands: &[Command]) -> Harness<'a, Shown> {
    let mut lab = Lab::new(&Theme::default()).unwrap();
    commands.iter().for_each(|command| lab.obey(command).unwrap());
    let inspection = lab.inspect();
    let (desk, _) = Desk::open(None);
    let shown = Shown { lab, desk, inspection, asked: Vec::new() };
    let app = |ui: &mut egui::Ui, shown: &mut Shown| {
        let Shown { lab, desk, inspection, asked } = shown;
        show(ui, lab, desk, inspection.as_ref(), asked);
    };
    let mut harness = Harness::builder().with_size([1280.0, 720.0]).build_ui_state(app, shown);
    harness.run_steps(3);
    harness
}

fn skirmish() -> Command {
    Command::Open { scenario: "skirmish".to_owned(), policy: Some("greedy".to_owned()) }
}

fn show_panel(harness: &mut Harness<'_, Shown>, pane: Pane) {
    harness.state_mut().desk.apply(&Command::Window(WindowCommand::Show(pane)), false).unwrap();
    harness.run_steps(3);
}

/// Shows the policies, whose search is then the one line that can be typed into.
fn search_policies(harness: &mut Harness<'_, Shown>) {
    let fold = Command::Window(WindowCommand::Fold(Pane::Timeline));
    harness.state_mut().desk.apply(&fold, false).unwrap();
    show_panel(harness, Pane::Policies);
}

/// Has the lab obey these and looks at what is selected.
fn inspect_after(harness: &mut Harness<'_, Shown>, commands: &[Command]) {
    let Shown { lab, inspection, .. } = harness.state_mut();
    for command in commands {
        lab.obey(command).unwrap();
        *inspection = lab.inspect();
    }
    harness.run_steps(3);
}

#[track_caller]
fn click(harness: &mut Harness<'_, Shown>, label: &str, expected: Command) {
    harness.state_mut().asked.clear();
    harness.get_by_label(label).click();
    harness.run_steps(3);
    assert!(harness.state().asked.contains(&expected), "{label}: {:?}", harness.state().asked);
}

/// A turn of the wheel, downwards below 0.
fn wheel(points: f32) -> egui::Event {
    let (unit, delta, phase) = (egui::MouseWheelUnit::Point, egui::vec2(0.0, points), egui::TouchPhase::Move);
    egui::Event::MouseWheel { unit, delta, phase, modifiers: Modifiers::NONE }
}

#[test]
fn the_gallery_opens_what_is_clicked() {
    let mut harness = harness(&[]);
    let expected = Command::Open { scenario: "cluster/default".to_owned(), policy: None };
    click(&mut harness, "Open cluster/default", expected);
}

#[test]
fn the_transport_asks_for_what_its_buttons_say() {
    let mut harness = harness(&[skirmish()]);
    for (label, command) in [
        ("⏸ Pause", Command::TogglePlay),
        ("⏭", Command::Step),
        ("⏮", Command::StepBack),
        ("↺ Reset", Command::Reset),
        ("New seed", Command::ResetWithNewSeed),
        ("Freeze view", Command::ToggleFreeze),
        ("Loop", Command::ToggleRepeat),
        ("⏺ Record", Command::ToggleRecording),
        ("Max", Command::SetSpeed(Speed::Max)),
        ("Gallery", Command::Gallery),
    ] {
        click(&mut harness, label, command);
    }
}

#[test]
fn keys_ask_for_the_same_as_buttons_but_not_while_something_is_typed() {
    let mut harness = harness(&[skirmish()]);
    for (key, command) in [
        (Key::Space, Command::TogglePlay),
        (Key::Period, Command::Step),
        (Key::T, Command::ToggleTraining),
        (Key::P, Command::Window(WindowCommand::Show(Pane::Policies))),
    ] {
        harness.state_mut().asked.clear();
        harness.key_press(key);
        harness.run_steps(2);
        assert!(harness.state().asked.contains(&command), "{key:?}: {:?}", harness.state().asked);
    }
    harness.state_mut().asked.clear();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::P);
    harness.run_steps(2);
    assert!(harness.state().asked.contains(&Command::Window(WindowCommand::TogglePalette)));
    search_policies(&mut harness);
    harness.get_by_role(egui::accesskit::Role::TextInput).focus();
    harness.run_steps(2);
    harness.state_mut().asked.clear();
    harness.key_press(Key::T);
    harness.run_steps(2);
    assert_eq!(harness.state().asked, []);
}

#[test]
fn policies_are_listed_and_can_be_searched_and_chosen() {
    let mut harness = harness(&[skirmish()]);
    search_policies(&mut harness);
    assert!(harness.query_all_by_label("planner").count() > 0);
    harness.get_by_role(egui::accesskit::Role::TextInput).focus();
    harness.run_steps(2);
    harness.event(egui::Event::Text("nearest".to_owned()));
    harness.run_steps(3);
    assert_eq!(harness.query_all_by_label("planner").count(), 0);
    click(&mut harness, "Act", Command::Swap { play: 0, group: 0, policy: "nearest".to_owned() });
}

#[test]
fn a_policy_is_chosen_for_a_group_where_there_are_several() {
    let names = |count: usize| ["pods", "brokers"][..count].to_vec();
    let ui = |count| move |ui: &mut egui::Ui, group: &mut usize| policies::choose_group(ui, &names(count), group);
    let mut several = Harness::builder().build_ui_state(ui(2), 7);
    several.run_steps(2);
    assert_eq!(*several.state(), 1, "a group of a scenario that is no longer open is the last one of this");
    several.get_by_label("pods").click();
    several.run_steps(2);
    assert_eq!(*several.state(), 0);
    let mut only = Harness::builder().build_ui_state(ui(1), 0);
    only.run_steps(2);
    assert!(only.query_by_label("pods").is_none(), "nothing to choose");
}

#[test]
fn the_inspector_shows_every_part_of_an_agent() {
    let mut harness = harness(&[skirmish(), Command::Step, Command::SelectNext]);
    show_panel(&mut harness, Pane::Inspector);
    for text in ["jammer 0", "vx", "lambda2", "Observation", "Reward"] {
        assert!(harness.query_all_by_label(text).count() > 0, "{text}");
    }
    click(&mut harness, "Drive by hand", Command::ToggleDrive);
}

#[test]
fn a_workload_is_selected_with_the_pointer_and_its_facts_are_a_table_until_it_is_gone() {
    let opened = Command::Open { scenario: "cluster/default".to_owned(), policy: Some("first_fit".to_owned()) };
    let mut harness = harness(&[vec![opened], vec![Command::Step; 20]].concat());
    show_panel(&mut harness, Pane::Inspector);
    let state = harness.state();
    let stage = state.lab.stage().unwrap();
    let picture = stage.picture(0).unwrap();
    let is_workload = |who: &Entity| stage.name_of(0, *who).is_some_and(|name| name.starts_with("workload"));
    let who = picture.marks.iter().filter_map(|mark| mark.who).find(is_workload).unwrap();
    let at = state.desk.lenses[0].point(&picture.arena, place_of(picture, who).unwrap());
    harness.hover_at(egui::pos2(at.x, at.y));
    harness.run_steps(2);
    harness.drag_at(egui::pos2(at.x, at.y));
    harness.drop_at(egui::pos2(at.x, at.y));
    harness.run_steps(3);
    let select = Command::Select(Some(Selection { play: 0, subject: Subject::Entity(who) }));
    assert!(harness.state().asked.contains(&select), "{:?}", harness.state().asked);
    inspect_after(&mut harness, &[select]);
    for text in ["priority", "cpu", "memory", "bandwidth", "storage"] {
        assert!(harness.query_all_by_label(text).count() > 0, "{text}");
    }
    assert!(harness.query_by_label_contains("It is gone").is_none());
    inspect_after(&mut harness, &vec![Command::Step; 600]);
    assert!(harness.query_by_label_contains("It is gone").is_some());
    assert!(harness.query_all_by_label("cpu").count() > 0, "what was last known stays there");
}

#[test]
fn parameters_have_badges_and_every_panel_can_be_shown() {
    let mut harness = harness(&[skirmish(), Command::Step]);
    for pane in Pane::ALL {
        show_panel(&mut harness, pane);
    }
    show_panel(&mut harness, Pane::Parameters);
    for badge in ["now", "next reset"] {
        assert!(harness.query_all_by_label(badge).count() > 0, "{badge}");
    }
}

#[test]
fn the_palette_finds_commands_by_parts_of_their_names() {
    let mut harness = harness(&[skirmish()]);
    harness.state_mut().desk.palette = true;
    harness.run_steps(3);
    harness.event(egui::Event::Text("step back".to_owned()));
    harness.run_steps(2);
    harness.key_press(Key::Enter);
    harness.run_steps(2);
    let asked = &harness.state().asked;
    assert!(asked.contains(&Command::StepBack), "{asked:?}");
    assert!(asked.contains(&Command::Window(WindowCommand::TogglePalette)), "it closes");
}

#[test]
fn closing_while_something_trains_is_a_question_with_three_answers() {
    let mut harness = harness(&[skirmish()]);
    harness.state_mut().desk.asks_to_close = true;
    harness.run_steps(3);
    click(&mut harness, "Stop and save", Command::Window(WindowCommand::CloseAndStop));
    click(&mut harness, "Keep training", Command::Window(WindowCommand::CloseAndKeepTraining));
    click(&mut harness, "Cancel", Command::Window(WindowCommand::CancelClose));
}

#[test]
fn errors_stand_there_until_they_are_taken_away() {
    let mut harness = harness(&[skirmish()]);
    harness.state_mut().lab.apply(&Command::Seek(99));
    harness.run_steps(3);
    assert!(harness.query_by_label_contains("no tick 99").is_some());
    let number = harness.state().lab.messages().newest();
    click(&mut harness, "Dismiss message 1", Command::Window(WindowCommand::DismissMessage(number)));
}

#[test]
fn an_agent_is_selected_and_dragged_with_the_pointer() {
    let mut harness = harness(&[skirmish()]);
    let state = harness.state();
    let stage = state.lab.stage().unwrap();
    let editor = stage.scenario.domain.domain().editor().unwrap();
    let (who, place) = editor.places(stage.plays[0].lane().world(), 0, 1)[0];
    let arena = stage.picture(0).unwrap().arena;
    let point = |place| {
        let at = state.desk.lenses[0].point(&arena, place);
        egui::pos2(at.x, at.y)
    };
    let (from, to) = (point(place), point(0.5 * (arena.low + arena.high)));
    harness.hover_at(from);
    harness.run_steps(2);
    harness.drag_at(from);
    harness.run_steps(2);
    harness.hover_at(to);
    harness.run_steps(2);
    harness.drop_at(to);
    harness.run_steps(2);
    let moved = harness.state().asked.iter().rev().find_map(|command| match command {
        Command::MoveTo { who: moved, at, .. } => Some((*moved, bevy::math::Vec2::from_array(*at))),
        _ => None,
    });
    let (moved, at) = moved.unwrap();
    assert_eq!(moved, who);
    assert!(at.distance(0.5 * (arena.low + arena.high)) < 1.0, "{at}");
}

#[test]
fn the_layers_of_what_is_on_show_have_their_boxes_and_no_others_do() {
    let mut harness = harness(&[skirmish()]);
    show_panel(&mut harness, Pane::Scenario);
    click(&mut harness, "reach of jammers", Command::ToggleLayer("areas".to_owned()));
    assert!(harness.query_by_label("placements").is_none(), "the layers of another domain");
}

/// A graphics card has arrays of textures, what draws in software has not: each gets a shader of its own from the one source.
#[test]
fn the_shader_is_one_with_and_without_arrays_of_textures() {
    use wgpu::naga::{
        front::wgsl::parse_str,
        valid::{Capabilities, ValidationFlags, Validator},
    };
    for has_arrays in [false, true] {
        let mut keeps = true;
        let mut kept = |line: &&str| {
            match *line {
                "#ifdef BINDLESS" => keeps = has_arrays,
                "#else" => keeps = !keeps,
                "#endif" => keeps = true,
                _ => return keeps,
            }
            false
        };
        let source: Vec<&str> = include_str!("shader.wgsl").lines().filter(|line| kept(line)).collect();
        let module = parse_str(&source.join("\n")).unwrap();
        Validator::new(ValidationFlags::all(), Capabilities::all()).validate(&module).unwrap();
        assert_eq!(module.entry_points.len(), 2);
        assert_eq!(source.iter().any(|line| line.contains("binding_array")), has_arrays);
    }
}
