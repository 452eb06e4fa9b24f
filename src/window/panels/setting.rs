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
    /// A number beyond its range, which was typed and is not taken.
    Refused(f64),
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
            let range = Range { low: *low as f64, high: (*high).min(1 << 52) as f64, unit, decimals: 0 };
            ranged(ui, name, text.parse().ok()?, &range, drafts).map(|value| format!("{value:.0}"))
        }
        Kind::Number { low, high, unit } => {
            let range = Range { low: *low, high: *high, unit, decimals: 6 };
            ranged(ui, name, text.parse().ok()?, &range, drafts).map(|value| format!("{value:?}"))
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

/// Where a number may lie.
pub(super) struct Range<'a> {
    /// Least.
    pub low: f64,
    /// Greatest.
    pub high: f64,
    /// What it is counted in.
    pub unit: &'a str,
    /// Most digits behind the point; 0 for whole numbers.
    pub decimals: usize,
}

impl Range<'_> {
    fn text(&self, value: f64) -> String {
        let space = if self.unit.is_empty() || self.unit == "×" { "" } else { " " };
        format!("{value}{space}{}", self.unit)
    }

    /// Both ends in words.
    fn ends(&self) -> String {
        format!("{} to {}", self.low, self.text(self.high))
    }
}

/// A slider whose value is asked for when it is let go. A number beyond the range that is typed into it is not taken: the range and
/// the number that stays in force are told below.
pub(super) fn ranged(ui: &mut Ui, name: &str, current: f64, range: &Range<'_>, drafts: &mut Drafts) -> Option<f64> {
    let mut value = match drafts.get(name) {
        Some(Draft::Number(value)) => *value,
        _ => current,
    };
    let is_wide = range.high - range.low > LOGARITHMIC * current.abs().max(1e-3);
    let suffix = range.text(0.0).trim_start_matches('0').to_owned();
    ui.spacing_mut().slider_width = 90.0;
    let mut slider = egui::Slider::new(&mut value, range.low..=range.high)
        .suffix(suffix)
        .logarithmic(is_wide)
        .max_decimals(range.decimals)
        .clamping(egui::SliderClamping::Never);
    if range.decimals == 0 {
        slider = slider.integer();
    }
    let response = ui.add(slider).on_hover_text(range.ends());
    if !response.has_focus() && !matches!(drafts.get(name), Some(Draft::Number(_))) {
        // What is dragged stops at the ends, where it is seen to stop; only what is typed can be beyond them.
        value = value.clamp(range.low, range.high);
    }
    let is_going_on = response.dragged() || response.has_focus();
    if response.changed() && is_going_on {
        if response.dragged() {
            value = value.clamp(range.low, range.high);
        }
        drafts.insert(name.to_owned(), Draft::Number(value));
        return None;
    }
    if let Some(Draft::Refused(refused)) = drafts.get(name) {
        let told = format!("{refused} is not within {}; {} is in force", range.ends(), range.text(current));
        ui.label(egui::RichText::new(told).small().italics());
    }
    let is_over = response.changed() || (!is_going_on && matches!(drafts.get(name), Some(Draft::Number(_))));
    if !is_over {
        return None;
    }
    drafts.remove(name);
    if !(range.low..=range.high).contains(&value) {
        drafts.insert(name.to_owned(), Draft::Refused(value));
        return None;
    }
    (value != current).then_some(value)
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
