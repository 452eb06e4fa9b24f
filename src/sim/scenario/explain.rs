//! What RON says about a file, told to the person who wrote it: where, what was expected, what to try.

use ron::error::{Error as Code, SpannedError};

use super::outline::{Outline, Span};
use crate::{
    error::Error,
    sim::params::{NOT_A_NAME, legible, no_such_choice, refused},
};

/// The error for a text that RON does not read.
pub(super) fn explain(outline: &Outline, error: SpannedError) -> Error {
    let cursor = outline.offset(error.span.end);
    let (offset, told) =
        if is_cut_off(outline, cursor, &error.code) { cut_off(outline) } else { told(outline, cursor, error.code) };
    let (line, column) = outline.line_column(offset);
    told.at(line, column)
}

/// Whether the reader stopped because the text ends too early. Its complaint is then about something unfinished.
fn is_cut_off(outline: &Outline, cursor: usize, code: &Code) -> bool {
    outline.is_empty()
        || outline.unended.is_some_and(|start| cursor >= start)
        || (outline.is_end(cursor) && (outline.num_open > 0 || matches!(code, Code::Eof)))
        || (outline.num_open > 0 && outline.token_after(cursor).is_some_and(|half| half.end() == outline.end()))
}

fn cut_off(outline: &Outline) -> (usize, Error) {
    if outline.is_empty() && outline.unended.is_none() {
        let error = Error::input("the file holds no scenario");
        return (0, error.hint("a scenario looks like `(version: 1, name: \"…\", …)`"));
    }
    let error = match outline.unended {
        Some(start) => return (start, Error::input("the file ends inside the string or comment that begins here")),
        None => Error::input("the file ends in the middle of the scenario"),
    };
    let hint = match outline.num_open {
        0 | 1 => "the last `)` is missing".to_string(),
        open => format!("{open} brackets are still open"),
    };
    (outline.end(), error.hint(hint))
}

/// The offset to point at and the message, for a text that is complete.
fn told(outline: &Outline, cursor: usize, code: Code) -> (usize, Error) {
    // The cursor stands between the last token that was read, which may be the one refused, and the first that was not.
    let read = outline.token_before(cursor).unwrap_or(Span::new(cursor, cursor));
    let unread = outline.token_after(cursor).unwrap_or(Span::new(cursor, cursor));
    let found = legible(outline.slice(unread));
    match code {
        Code::InvalidValueForType { expected, found } if found == NOT_A_NAME => {
            let (offset, error) = unfit(outline, unread, &expected);
            let is_quoted = outline.slice(unread).starts_with('"');
            (offset, if is_quoted { error.hint("names are written without quotes") } else { error })
        }
        Code::InvalidValueForType { expected, .. } => unfit(outline, read, &expected),
        Code::ExpectedDifferentLength { expected, .. } => unfit(outline, whole(outline, read), &expected),
        Code::NoSuchEnumVariant { .. } if outline.is_key(read) => unfit(outline, read, ""),
        Code::NoSuchEnumVariant { expected, found, .. } => {
            let (key, _) = outline.key_around(read.start()).unwrap_or(("value", read));
            (read.start(), no_such_choice(key, &found, expected))
        }
        Code::NoSuchStructField { expected, found, .. } => {
            let error = Error::input(format!("unknown key `{}`", legible(&found)));
            (read.start(), error.did_you_mean(&found, expected.iter().copied()))
        }
        Code::DuplicateStructField { field, .. } => (read.start(), Error::input(format!("`{field}` is given twice"))),
        Code::MissingStructField { field, .. } => {
            (unread.start(), Error::input(format!("key `{field}` is missing")).hint(format!("add `{field}: …,`")))
        }
        Code::Message(message) => (read.start(), Error::input(message)),
        Code::ExpectedStructLike | Code::ExpectedNamedStructLike(_) => {
            unfit(outline, unread, "a group `(key: value, …)`")
        }
        Code::ExpectedDifferentStructName { found, .. } => {
            let error = Error::input(format!("expected `(`, found `{}`", legible(&found)));
            let is_key = outline.is_key(read);
            (read.start(), if is_key { error.hint(format!("write `({found}: …)`")) } else { error })
        }
        Code::ExpectedMap => unfit(outline, unread, "a map `{ \"name\": value, … }`"),
        Code::ExpectedComma if unread.start() < cursor => {
            (unread.start(), Error::input(format!("`{found}` is not a value")))
        }
        Code::ExpectedComma | Code::ExpectedStructLikeEnd | Code::ExpectedArrayEnd | Code::ExpectedMapEnd => {
            (unread.start(), Error::input(format!("expected `,` or a closing bracket, found `{found}`")))
        }
        Code::ExpectedMapColon => {
            let key = legible(outline.slice(read));
            (unread.start(), Error::input(format!("expected `:` after `{key}`, found `{found}`")))
        }
        Code::ExpectedIdentifier => (unread.start(), Error::input(format!("expected a name, found `{found}`"))),
        Code::ExpectedString => {
            let error = Error::input(format!("expected a text in quotes, found `{found}`"));
            (unread.start(), error.hint(format!("write `\"{found}\"`")))
        }
        Code::UnexpectedChar(_) => (unread.start(), Error::input(format!("expected a value, found `{found}`"))),
        Code::SuggestRawIdentifier(name) => {
            let error = Error::input(format!("`{}` is not a name", legible(&name)));
            (unread.start(), error.hint("names are made of letters, digits and `_`"))
        }
        Code::TrailingCharacters => {
            (unread.start(), Error::input(format!("the scenario ends before `{found}`")).hint("remove what follows it"))
        }
        Code::ExceededRecursionLimit => (unread.start(), Error::input("brackets are nested too deep")),
        code => (cursor, Error::input(lower_first(&code.to_string()))),
    }
}

/// The value that a token is part of.
fn whole(outline: &Outline, token: Span) -> Span {
    outline.key_around(token.start()).map_or(token, |(_, value)| value)
}

/// A value that cannot be used: `token` is part of it.
fn unfit(outline: &Outline, token: Span, expected: &str) -> (usize, Error) {
    let found = outline.slice(token);
    let Some((key, value)) = outline.key_around(token.start()) else {
        return (token.start(), Error::input(format!("expected {expected}, found `{}`", legible(found))));
    };
    let is_list = outline.slice(value).starts_with('[');
    let is_bracket = matches!(found, "(" | ")" | "[" | "]" | "{" | "}");
    let is_outermost = token == value || is_bracket && (token.start() == value.start() || token.end() == value.end());
    let error = if outline.is_key(token) {
        Error::input(format!("expected a value or a closing bracket, found the key `{}`", legible(found)))
    } else if is_outermost {
        // A bracket alone would tell the user nothing, so the whole value is quoted.
        return (value.start(), refused(key, expected, outline.slice(value)));
    } else if is_list {
        Error::input(format!("an entry of `{}` must be {expected}, found `{}`", legible(key), legible(found)))
    } else {
        refused(key, expected, found)
    };
    (token.start(), error)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
