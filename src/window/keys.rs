//! Keys and buttons with the modifiers that were held when each was pressed.
//!
//! egui's plugin gives all of a frame the modifiers of the frame's end: in a slow frame Ctrl+O is over by then, and would be a
//! bare O. The events of a window lie in the order in which they came, so here each gets what was held at its time.

use std::collections::VecDeque;

use bevy::{
    app::{App, PreUpdate},
    ecs::{
        entity::Entity,
        message::{MessageReader, MessageWriter},
        query::With,
        resource::Resource,
        schedule::IntoScheduleConfigs,
        system::{Local, Query, ResMut},
    },
    input::{
        keyboard::{Key, KeyboardInput},
        mouse::MouseButton,
    },
    window::WindowEvent,
};
use bevy_egui::{
    EguiClipboard, EguiGlobalSettings, EguiInput, EguiInputSet, EguiPreUpdateSet, PrimaryEguiContext,
    egui::{self, Event, Modifiers},
    helpers::{bevy_to_egui_key, bevy_to_egui_physical_key},
    input::{EguiInputEvent, ModifierKeysState},
};

/// Modifiers of the buttons that were pressed and let go in this frame, in order.
#[derive(Resource, Default)]
struct Clicks(VecDeque<Modifiers>);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Clicks>()
        .add_systems(PreUpdate, tell_keys.in_set(EguiInputSet::ReadBevyMessages))
        .add_systems(PreUpdate, tell_clicks.after(EguiPreUpdateSet::ProcessInput).before(EguiPreUpdateSet::BeginPass));
}

/// egui's settings under which nobody but this file tells it of keys.
pub(super) fn settings() -> EguiGlobalSettings {
    let mut settings = EguiGlobalSettings { auto_create_primary_context: false, ..EguiGlobalSettings::default() };
    settings.input_system_settings.run_write_keyboard_input_messages_system = false;
    settings
}

/// Tells egui of keys.
fn tell_keys(
    mut events: MessageReader<WindowEvent>,
    mut held: Local<ModifierKeysState>,
    mut clicks: ResMut<Clicks>,
    mut clipboard: ResMut<EguiClipboard>,
    contexts: Query<Entity, With<PrimaryEguiContext>>,
    mut told: MessageWriter<EguiInputEvent>,
) {
    clicks.0.clear();
    for event in events.read() {
        match event {
            WindowEvent::KeyboardFocusLost(_) => *held = ModifierKeysState::default(),
            WindowEvent::KeyboardInput(input) => {
                let events = events_of(input, &mut held, || clipboard.get_text());
                for context in &contexts {
                    told.write_batch(events.iter().map(|event| EguiInputEvent { context, event: event.clone() }));
                }
            }
            WindowEvent::MouseButtonInput(input) if !matches!(input.button, MouseButton::Other(_)) => {
                clicks.0.push_back(held.to_egui_modifiers());
            }
            _ => {}
        }
    }
}

/// Gives each press of a button its modifiers.
fn tell_clicks(mut clicks: ResMut<Clicks>, mut inputs: Query<&mut EguiInput, With<PrimaryEguiContext>>) {
    for mut input in &mut inputs {
        for event in &mut input.events {
            if let Event::PointerButton { modifiers, .. } = event
                && let Some(held) = clicks.0.pop_front()
            {
                *modifiers = held;
            }
        }
    }
}

/// What a key is to egui, after it has changed what is `held`: text where it types some, the key itself, and what is copied, cut or
/// pasted.
fn events_of(
    input: &KeyboardInput,
    held: &mut ModifierKeysState,
    clipboard: impl FnOnce() -> Option<String>,
) -> Vec<Event> {
    let pressed = input.state.is_pressed();
    match input.logical_key {
        Key::Shift => held.shift = pressed,
        Key::Control => held.ctrl = pressed,
        Key::Alt => held.alt = pressed,
        Key::Super | Key::Meta => held.win = pressed,
        _ => {}
    }
    let mut events = Vec::new();
    if pressed && held.text_input_is_allowed() {
        match &input.logical_key {
            Key::Character(text) if !text.contains(char::is_control) => events.push(Event::Text(text.to_string())),
            Key::Space => events.push(Event::Text(" ".to_owned())),
            _ => {}
        }
    }
    let physical_key = bevy_to_egui_physical_key(&input.key_code);
    // Where a layout has no Latin letters, the place of the key says which one is meant.
    let Some(key) = bevy_to_egui_key(&input.logical_key).or(physical_key) else { return events };
    let modifiers = held.to_egui_modifiers();
    events.push(Event::Key { key, physical_key, pressed, repeat: false, modifiers });
    if pressed && modifiers.command {
        match key {
            egui::Key::C => events.push(Event::Copy),
            egui::Key::X => events.push(Event::Cut),
            egui::Key::V => events.extend(clipboard().map(Event::Text)),
            _ => {}
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use bevy::{
        ecs::{message::Messages, world::World},
        input::{
            ButtonState,
            keyboard::KeyCode,
            mouse::{MouseButton, MouseButtonInput},
        },
    };

    use super::*;

    fn key(logical_key: Key, state: ButtonState) -> WindowEvent {
        let window = Entity::PLACEHOLDER;
        let key_code = if logical_key == Key::Control { KeyCode::ControlLeft } else { KeyCode::KeyO };
        KeyboardInput { key_code, logical_key, state, text: None, repeat: false, window }.into()
    }

    fn click(state: ButtonState) -> WindowEvent {
        MouseButtonInput { button: MouseButton::Left, state, window: Entity::PLACEHOLDER }.into()
    }

    /// What egui is told of these events of one frame.
    fn told(events: Vec<WindowEvent>) -> Vec<Event> {
        let mut app = App::new();
        app.init_resource::<Clicks>()
            .init_resource::<EguiClipboard>()
            .add_message::<WindowEvent>()
            .add_message::<EguiInputEvent>()
            .add_systems(PreUpdate, (tell_keys, tell_clicks).chain());
        let clicks = events.iter().filter(|event| matches!(event, WindowEvent::MouseButtonInput(_))).count();
        let (pos, button) = (egui::Pos2::ZERO, egui::PointerButton::Primary);
        let mut input = EguiInput::default();
        for _ in 0..clicks {
            let modifiers = Modifiers::NONE;
            input.events.push(Event::PointerButton { pos, button, pressed: true, modifiers });
        }
        let context = app.world_mut().spawn((PrimaryEguiContext, input)).id();
        app.world_mut().resource_mut::<Messages<WindowEvent>>().write_batch(events);
        app.update();
        let world: &mut World = app.world_mut();
        let keys = world.resource_mut::<Messages<EguiInputEvent>>().drain().map(|told| told.event).collect::<Vec<_>>();
        let buttons = world.get::<EguiInput>(context).map(|input| input.events.clone()).unwrap_or_default();
        keys.into_iter().chain(buttons).collect()
    }

    #[test]
    fn a_key_has_the_modifiers_of_its_time_however_long_the_frame_was() {
        let o = || Key::Character("o".into());
        let (down, up) = (ButtonState::Pressed, ButtonState::Released);
        let told =
            told(vec![key(Key::Control, down), key(o(), down), key(o(), up), key(Key::Control, up), key(o(), down)]);
        let pressed: Vec<bool> = told
            .iter()
            .filter_map(|event| match event {
                Event::Key { key: egui::Key::O, pressed: true, modifiers, .. } => Some(modifiers.command),
                _ => None,
            })
            .collect();
        assert_eq!(pressed, [true, false], "Ctrl+O, then O: {told:?}");
        let texts = told.iter().filter(|event| matches!(event, Event::Text(_))).count();
        assert_eq!(texts, 1, "only the bare O is typed: {told:?}");
    }

    #[test]
    fn a_click_has_the_modifiers_of_its_time() {
        let (down, up) = (ButtonState::Pressed, ButtonState::Released);
        let told = told(vec![key(Key::Control, down), click(down), click(up), key(Key::Control, up), click(down)]);
        let held: Vec<bool> = told
            .iter()
            .filter_map(|event| match event {
                Event::PointerButton { modifiers, .. } => Some(modifiers.ctrl),
                _ => None,
            })
            .collect();
        assert_eq!(held, [true, true, false]);
    }
}
