//! One parameter, as a widget made from its declaration.

use std::collections::BTreeMap;

use bevy_egui::egui::{self, Ui};

use crate::sim::params::{Kind, Param};

/// Texts and numbers that are being changed and were not asked for yet.
pub(super) type Drafts = BTreeMap<String, Draft>;

/// What a widget holds while it is being changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Draft {
    /// A number that is being dragged.
    Number(f64),
    /// A text that is being typed.
    Text(String),
}

/// Ranges from this ratio on are gone through by orders of magnitude.
const LOGARITHMIC: f64 = 1000.0;

/// Shows the parameter called `name`, whose value is `text`, and returns the value that was asked for.
pub(super) fn setting(ui: &mut Ui, param: &Param, name: &str, text: &str, drafts: &mut Drafts) -> Option<String> {
    match &param.kind {
        Kind::Flag => {
            let mut is_on = text == "true";
            ui.checkbox(&mut is_on, "").changed().then(|| is_on.to_string())
        }
        Kind::Choice { names, docs } => choice(ui, name, text, names, docs),
        Kind::Whole { low, high, unit } => {
            let range = (*low as f64, (*high).min(1 << 52) as f64);
            number(ui, name, text, range, unit, true, drafts).map(|value| format!("{value:.0}"))
        }
        Kind::Number { low, high, unit } => {
            number(ui, name, text, (*low, *high), unit, false, drafts).map(|value| format!("{value:?}"))
        }
        Kind::List { .. } | Kind::Optional(_) => typed(ui, name, text, drafts),
        Kind::Group(_) => None,
    }
}

fn choice(ui: &mut Ui, name: &str, text: &str, names: &[&str], docs: &[&str]) -> Option<String> {
    let mut chosen = None;
    egui::ComboBox::from_id_salt(name).selected_text(text).width(130.0).show_ui(ui, |ui| {
        for (choice, doc) in names.iter().zip(docs) {
            if ui.selectable_label(*choice == text, *choice).on_hover_text(*doc).clicked() && *choice != text {
                chosen = Some((*choice).to_owned());
            }
        }
    });
    chosen
}

/// A slider whose value is asked for when it is let go.
fn number(
    ui: &mut Ui,
    name: &str,
    text: &str,
    (low, high): (f64, f64),
    unit: &str,
    is_whole: bool,
    drafts: &mut Drafts,
) -> Option<f64> {
    let current: f64 = text.parse().ok()?;
    let mut value = match drafts.get(name) {
        Some(Draft::Number(value)) => *value,
        _ => current,
    };
    let is_wide = high - low > LOGARITHMIC * current.abs().max(1e-3);
    let suffix = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    ui.spacing_mut().slider_width = 90.0;
    let mut slider = egui::Slider::new(&mut value, low..=high).suffix(suffix).logarithmic(is_wide).max_decimals(6);
    if is_whole {
        slider = slider.integer();
    }
    let response = ui.add(slider);
    let is_going_on = response.dragged() || response.has_focus();
    if response.changed() && is_going_on {
        drafts.insert(name.to_owned(), Draft::Number(value));
        return None;
    }
    let is_over = response.changed() || (!is_going_on && drafts.contains_key(name));
    if is_over {
        drafts.remove(name);
    }
    (is_over && value != current).then_some(value)
}

/// A value as RON text, asked for with Enter.
fn typed(ui: &mut Ui, name: &str, text: &str, drafts: &mut Drafts) -> Option<String> {
    let mut value = match drafts.get(name) {
        Some(Draft::Text(value)) => value.clone(),
        _ => text.to_owned(),
    };
    let response = ui.add(egui::TextEdit::singleline(&mut value).desired_width(150.0));
    if response.changed() {
        drafts.insert(name.to_owned(), Draft::Text(value));
        return None;
    }
    let is_over = response.lost_focus();
    if is_over {
        drafts.remove(name);
    }
    (is_over && value != text).then_some(value)
}
