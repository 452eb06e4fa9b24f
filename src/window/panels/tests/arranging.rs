//! Where panels lie, and that nothing covers what a person works with.

use egui_tiles::{Container, Tile};

use super::*;

/// The panels of each area of tabs.
fn areas(desk: &Desk) -> Vec<Vec<Pane>> {
    let tiles = &desk.layout.tiles;
    let tabs = tiles.tiles().filter_map(|tile| match tile {
        Tile::Container(Container::Tabs(tabs)) => Some(&tabs.children),
        _ => None,
    });
    let panes = tabs.map(|children| children.iter().filter_map(|id| tiles.get_pane(id).copied()).collect());
    let mut areas: Vec<Vec<Pane>> = panes.collect();
    areas.sort();
    areas
}

/// Takes the tab called `title` to a point of the window.
fn drag_tab(harness: &mut Harness<'_, Shown>, title: &str, to: egui::Pos2) {
    let from = harness.get_by_label(title).rect().center();
    harness.hover_at(from);
    harness.run_steps(2);
    harness.drag_at(from);
    harness.run_steps(2);
    harness.hover_at(from + egui::vec2(0.0, 30.0));
    harness.run_steps(2);
    harness.hover_at(to);
    harness.run_steps(4);
    harness.drop_at(to);
    harness.run_steps(4);
}

#[test]
fn at_first_the_scene_has_most_of_the_window() {
    let harness = harness(&[skirmish()]);
    let area = harness.state().desk.lenses[0].area;
    assert!(area.width() * area.height() > 0.6 * 1280.0 * 720.0, "{area:?}");
    assert!(harness.query_by_label("Parameters").is_none(), "folded panels have no tabs");
    assert!(harness.query_by_label("jammer on 915 MHz").is_some(), "the legend stands in the scene's corner");
}

#[test]
fn panels_are_unfolded_by_their_names_and_folded_where_they_are() {
    let mut harness = harness(&[skirmish()]);
    harness.get_by_label("Panels").click();
    harness.run_steps(3);
    let shown = Command::Window(WindowCommand::Show(Pane::Parameters));
    click(&mut harness, "Parameters", shown.clone());
    harness.state_mut().desk.apply(&shown, false).unwrap();
    harness.run_steps(3);
    assert!(harness.query_all_by_label("next reset").count() > 0);
    click(&mut harness, "Fold Policies", Command::Window(WindowCommand::Fold(Pane::Policies)));
}

#[test]
fn a_tab_that_is_dropped_on_an_area_of_tabs_becomes_one_of_them() {
    let mut harness = harness(&[skirmish()]);
    show_panel(&mut harness, Pane::Metrics);
    show_panel(&mut harness, Pane::Inspector);
    let tile = harness.state().desk.layout.tiles.find_pane(&Pane::Inspector).unwrap();
    let middle = harness.state().desk.layout.tiles.rect(tile).unwrap().center();
    drag_tab(&mut harness, "Events", middle + egui::vec2(0.0, 12.0));
    let areas = areas(&harness.state().desk);
    let together = areas.iter().find(|area| area.contains(&Pane::Events)).unwrap();
    assert!(together.contains(&Pane::Inspector) && together.contains(&Pane::Training), "{areas:?}");
    assert_eq!(areas.iter().map(Vec::len).sum::<usize>(), Pane::ALL.len() - 1, "each is in one area: {areas:?}");
}

#[test]
fn the_last_tab_of_an_area_keeps_its_title() {
    let mut harness = harness(&[skirmish()]);
    show_panel(&mut harness, Pane::Inspector);
    show_panel(&mut harness, Pane::Events);
    let tile = harness.state().desk.layout.tiles.find_pane(&Pane::Events).unwrap();
    let middle = harness.state().desk.layout.tiles.rect(tile).unwrap().center();
    drag_tab(&mut harness, "Training", middle + egui::vec2(0.0, 12.0));
    let areas = areas(&harness.state().desk);
    assert!(areas.contains(&vec![Pane::Inspector]), "{areas:?}");
    for title in ["Inspector", "Training"] {
        assert!(harness.query_by_label(title).is_some(), "{title}");
    }
}

#[test]
fn a_place_that_was_scrolled_to_is_that_of_one_tab_alone() {
    let mut harness = harness(&[skirmish(), Command::Step, Command::SelectNext]);
    show_panel(&mut harness, Pane::Metrics);
    let choose = |harness: &mut Harness<'_, Shown>, tab: &str| {
        harness.get_by_label(tab).click();
        harness.run_steps(4);
    };
    choose(&mut harness, "Envs on show");
    let top = |harness: &Harness<'_, Shown>| harness.get_all_by_label("reduction").next().unwrap().rect().top();
    let before = top(&harness);
    let tile = harness.state().desk.layout.tiles.find_pane(&Pane::Metrics).unwrap();
    let middle = harness.state().desk.layout.tiles.rect(tile).unwrap().center();
    harness.hover_at(middle);
    harness.event(wheel(-60.0));
    harness.run_steps(30);
    let scrolled = top(&harness);
    assert!(scrolled < before - 20.0, "it scrolls");
    choose(&mut harness, "Training");
    choose(&mut harness, "Envs on show");
    assert_eq!(top(&harness), scrolled, "another tab, with less in it, has a place of its own");
}

#[test]
fn messages_cover_no_button_and_are_taken_away_one_by_one() {
    let mut harness = harness(&[skirmish()]);
    show_panel(&mut harness, Pane::Inspector);
    harness.state_mut().lab.apply(&Command::Seek(98));
    harness.state_mut().lab.apply(&Command::Seek(99));
    harness.run_steps(3);
    let area = harness.state().desk.lenses[0].area;
    let scene = egui::Rect::from_min_max(egui::pos2(area.min.x, area.min.y), egui::pos2(area.max.x, area.max.y));
    for text in ["no tick 98", "no tick 99"] {
        let told = harness.get_by_label_contains(text).rect();
        assert!(scene.contains_rect(told), "{told:?} in {scene:?}");
    }
    let newest = harness.state().lab.messages().newest();
    let label = format!("Dismiss message {newest}");
    click(&mut harness, &label, Command::Window(WindowCommand::DismissMessage(newest)));
    click(&mut harness, "Dismiss all", Command::Window(WindowCommand::DismissMessages));
}
