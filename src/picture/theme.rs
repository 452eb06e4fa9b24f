//! Themes: what the colours of a picture look like.
//!
//! A theme is a RON file with a colour for each [`Token`], the list of categories and two colour maps, and nothing else.
//! Three come with the program, compiled in, so that a theme is at hand wherever it runs.

use serde::{Deserialize, Deserializer, de::Error as _};

use super::colour::{Colour, Rgb, Token, along};
use crate::error::{Error, Result};

/// Longest theme file that is read.
pub const MAX_THEME_BYTES: u64 = 64 * 1024;

/// Version of the format.
const VERSION: u32 = 1;

/// Names and texts of the themes that come with the program; the first is the default.
const SHIPPED: [(&str, &str); 3] = [
    ("dark", include_str!("../../assets/themes/dark.ron")),
    ("light", include_str!("../../assets/themes/light.ron")),
    ("contrast", include_str!("../../assets/themes/contrast.ron")),
];

/// Fewest and most colours in a list.
const LIST: std::ops::RangeInclusive<usize> = 2..=64;

/// What colours look like.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    version: u32,
    #[serde(deserialize_with = "read_colour")]
    page: Rgb,
    #[serde(deserialize_with = "read_colour")]
    ground: Rgb,
    #[serde(deserialize_with = "read_colour")]
    grid: Rgb,
    #[serde(deserialize_with = "read_colour")]
    border: Rgb,
    #[serde(deserialize_with = "read_colour")]
    text: Rgb,
    #[serde(deserialize_with = "read_colour")]
    muted: Rgb,
    #[serde(deserialize_with = "read_colour")]
    neutral: Rgb,
    #[serde(deserialize_with = "read_colour")]
    broken: Rgb,
    #[serde(deserialize_with = "read_colour")]
    goal: Rgb,
    #[serde(deserialize_with = "read_list")]
    categories: Vec<Rgb>,
    #[serde(deserialize_with = "read_list")]
    diverging: Vec<Rgb>,
    #[serde(deserialize_with = "read_list")]
    sequential: Vec<Rgb>,
}

impl Default for Theme {
    /// The theme `dark`.
    fn default() -> Self {
        Self::parse(SHIPPED[0].1).expect("a test reads every theme that is compiled in")
    }
}

impl Theme {
    /// Names of the themes that come with the program, the default first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// The theme that comes with the program under this name.
    ///
    /// # Errors
    /// No theme has this name; the nearest one that there is.
    pub fn named(name: &str) -> Result<Self> {
        match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            Some((_, text)) => Self::parse(text),
            None => {
                Err(Error::input(format!("unknown theme `{}`", name.escape_debug())).did_you_mean(name, Self::names()))
            }
        }
    }

    /// Reads a theme from the text of a file.
    ///
    /// # Errors
    /// Anything but a complete theme of this version, with line and column; the caller names the file.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let theme: Self = ron::from_str(text).map_err(|error| explain(&error))?;
        if theme.version != VERSION {
            return Err(Error::input(format!("a theme of version {}, this agon reads {VERSION}", theme.version)));
        }
        Ok(theme)
    }

    /// What `colour` looks like.
    pub fn rgb(&self, colour: Colour) -> Rgb {
        match colour {
            Colour::Token(token) => self.token(token),
            Colour::Category(kind) => self.categories[kind % self.categories.len()],
            Colour::Diverging(value) => along(&self.diverging, 0.5 + 0.5 * value),
            Colour::Sequential(value) => along(&self.sequential, value),
        }
    }

    /// What `token` looks like.
    pub fn token(&self, token: Token) -> Rgb {
        match token {
            Token::Page => self.page,
            Token::Ground => self.ground,
            Token::Grid => self.grid,
            Token::Border => self.border,
            Token::Text => self.text,
            Token::Muted => self.muted,
            Token::Neutral => self.neutral,
            Token::Broken => self.broken,
            Token::Goal => self.goal,
        }
    }

    /// The colours it is made of: tokens, categories, stops of the two maps.
    pub fn colours(&self) -> impl Iterator<Item = Rgb> {
        let tokens = Token::ALL.into_iter().map(|token| self.token(token));
        tokens.chain([&self.categories, &self.diverging, &self.sequential].into_iter().flatten().copied())
    }
}

fn read_colour<'de, D: Deserializer<'de>>(source: D) -> Result<Rgb, D::Error> {
    let text = String::deserialize(source)?;
    Rgb::from_hex(&text).ok_or_else(|| not_a_colour(&text))
}

fn read_list<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Rgb>, D::Error> {
    let texts = Vec::<String>::deserialize(source)?;
    if !LIST.contains(&texts.len()) {
        return Err(D::Error::custom(format!("{} colours, expected {} to {}", texts.len(), LIST.start(), LIST.end())));
    }
    texts.iter().map(|text| Rgb::from_hex(text).ok_or_else(|| not_a_colour(text))).collect()
}

fn not_a_colour<E: serde::de::Error>(text: &str) -> E {
    let start: String = text.chars().take(40).collect();
    E::custom(format!("`{}` is not a colour such as `#e69f00`", start.escape_debug()))
}

fn explain(error: &ron::error::SpannedError) -> Error {
    let at = error.span.start;
    let told = match &error.code {
        ron::Error::NoSuchStructField { expected, found, .. } => {
            Error::input(format!("unknown key `{}`", found.escape_debug()))
                .did_you_mean(found, expected.iter().copied())
        }
        ron::Error::MissingStructField { field, .. } => Error::input(format!("the theme has no `{field}`"))
            .hint(format!("add `{field}: \"#rrggbb\"` or a list of such")),
        other => Error::input(other.to_string()),
    };
    told.at(at.line, at.col)
}

#[cfg(test)]
mod tests;
