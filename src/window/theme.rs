//! The window's panels under the theme of the pictures.

use bevy_egui::egui::{Color32, Context, CornerRadius, Stroke, Visuals};

use crate::picture::{Colour, Dash, Rgb, Theme, Token};

/// Patterns that tell curves apart beside their colours.
const DASHES: [Dash; 3] = [Dash::Solid, Dash::Dashed, Dash::Dotted];

/// Colours that panels use by hand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Palette {
    /// Words.
    pub text: Color32,
    /// Words that matter less.
    pub muted: Color32,
    /// What lies around everything.
    pub page: Color32,
    /// The ground of the arena.
    pub ground: Color32,
    /// What is selected.
    pub selected: Color32,
    /// What is not as one would want it.
    pub warning: Color32,
    /// What was not done.
    pub error: Color32,
    series: Vec<Color32>,
    theme: Theme,
}

impl Palette {
    /// The colours of a theme.
    pub(super) fn of(theme: &Theme) -> Self {
        let token = |token| colour(theme.token(token));
        let series: Vec<Color32> = (0..7).map(|kind| colour(theme.rgb(Colour::Category(kind)))).collect();
        let last = series.last().copied().unwrap_or_default();
        Self {
            text: token(Token::Text),
            muted: token(Token::Muted),
            page: token(Token::Page),
            ground: token(Token::Ground),
            selected: token(Token::Goal),
            warning: token(Token::Goal),
            error: last,
            series,
            theme: theme.clone(),
        }
    }

    /// The theme that the colours are of.
    pub(super) fn theme(&self) -> &Theme {
        &self.theme
    }

    /// Colour and pattern of curve number `index`: no two of the first 21 look alike.
    pub(super) fn series(&self, index: usize) -> (Color32, Dash) {
        let colours = self.series.len().max(1);
        let colour = self.series.get(index % colours).copied().unwrap_or(self.text);
        (colour, DASHES[index / colours % DASHES.len()])
    }
}

/// Makes panels look like the pictures.
pub(super) fn apply(ctx: &Context, theme: &Theme) {
    let token = |token| colour(theme.token(token));
    let is_dark = theme.token(Token::Page).luminance() < 0.5;
    let mut visuals = if is_dark { Visuals::dark() } else { Visuals::light() };
    let (page, ground, text) = (token(Token::Page), token(Token::Ground), token(Token::Text));
    let raised = colour(theme.token(Token::Ground).towards(theme.token(Token::Border), 0.45));
    visuals.panel_fill = page;
    visuals.window_fill = page;
    visuals.extreme_bg_color = ground;
    visuals.faint_bg_color = ground;
    visuals.code_bg_color = ground;
    visuals.window_stroke = Stroke::new(1.0, token(Token::Border));
    visuals.selection.bg_fill = colour(theme.token(Token::Ground).towards(theme.rgb(Colour::Category(5)), 0.45));
    visuals.selection.stroke = Stroke::new(1.0, text);
    visuals.hyperlink_color = colour(theme.rgb(Colour::Category(1)));
    visuals.weak_text_color = Some(token(Token::Muted));
    let widgets = &mut visuals.widgets;
    for (widget, fill) in [
        (&mut widgets.noninteractive, page),
        (&mut widgets.inactive, raised),
        (&mut widgets.hovered, token(Token::Border)),
        (&mut widgets.active, token(Token::Border)),
        (&mut widgets.open, raised),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.corner_radius = CornerRadius::same(3);
    }
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, token(Token::Border));
    ctx.all_styles_mut(|style| style.visuals = visuals.clone());
}

/// A colour of a theme as panels have it.
pub(super) fn colour(rgb: Rgb) -> Color32 {
    Color32::from_rgb(rgb.r, rgb.g, rgb.b)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn no_two_of_many_curves_look_alike() {
        for name in Theme::names() {
            let palette = Palette::of(&Theme::named(name).unwrap());
            let looks: Vec<_> = (0..21).map(|index| palette.series(index)).collect();
            for (index, look) in looks.iter().enumerate() {
                assert!(!looks[..index].contains(look), "{name}: curve {index}");
            }
        }
    }
}
