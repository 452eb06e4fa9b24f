//! Where things stand in the text of a scenario: tokens, brackets and keys with their values.
//!
//! RON's own reader decides what a file means; this outline only tells at which line and column a key or a value is, also
//! in files that RON refuses. It accepts any text, in one pass and without recursion.

use ron::error::Position;

/// A piece of the text, in bytes; small, as a hostile file has a million of them.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// Tokens and keys of a text.
pub(super) struct Outline<'t> {
    text: &'t str,
    tokens: Vec<Span>,
    keys: Vec<Key>,
    /// Brackets that are never closed.
    pub(super) num_open: usize,
    /// Start of a string or comment that never ends.
    pub(super) unended: Option<usize>,
}

/// A key, `name: value`.
struct Key {
    name: Span,
    /// From the first to the last token of the value; empty where the text ends before it.
    value: Span,
    /// The key whose value this one is inside of.
    parent: Option<u32>,
}

/// What stands between two brackets.
#[derive(Clone, Copy)]
struct Frame {
    /// The key whose value is being read.
    key: Option<u32>,
    /// The key whose value these brackets are in.
    owner: Option<u32>,
}

impl Span {
    /// The piece between two offsets of a text that is short enough for a scenario.
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub(super) fn start(self) -> usize {
        self.start as usize
    }

    pub(super) fn end(self) -> usize {
        self.end as usize
    }
}

impl<'t> Outline<'t> {
    /// The outline of a text of at most [`super::MAX_BYTES`].
    pub(super) fn new(text: &'t str) -> Self {
        let mut lexer = Lexer { text, at: 0, unended: None };
        let tokens: Vec<Span> = std::iter::from_fn(|| lexer.token()).collect();
        let (keys, num_open) = keys_of(text, &tokens);
        Self { text, tokens, keys, num_open, unended: lexer.unended }
    }

    /// Whether the text holds no value at all.
    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whether nothing but space and comments follows.
    pub(super) fn is_end(&self, offset: usize) -> bool {
        self.tokens.last().is_none_or(|last| last.end() <= offset)
    }

    /// Whether what stands at `offset` is of no value, key or bracket: space, or a comment.
    pub(super) fn is_passed_over(&self, offset: usize) -> bool {
        self.unended.is_none() && self.token_after(offset).is_none_or(|token| token.start() > offset)
    }

    /// Where the text ends.
    pub(super) fn end(&self) -> usize {
        self.text.len()
    }

    /// The text of a piece.
    pub(super) fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.start()..span.end()).unwrap_or_default()
    }

    /// The last token that begins before `offset`.
    pub(super) fn token_before(&self, offset: usize) -> Option<Span> {
        let next = self.tokens.partition_point(|token| token.start() < offset);
        self.tokens.get(next.checked_sub(1)?).copied()
    }

    /// The first token that ends after `offset`.
    pub(super) fn token_after(&self, offset: usize) -> Option<Span> {
        self.tokens.get(self.tokens.partition_point(|token| token.end() <= offset)).copied()
    }

    /// The value of the key at `path`, from the outermost key inwards.
    pub(super) fn value_at(&self, path: &[&str]) -> Option<Span> {
        let found = self.keys.iter().find(|key| self.is_at(key, path))?;
        Some(found.value)
    }

    /// Whether a token is a key.
    pub(super) fn is_key(&self, token: Span) -> bool {
        self.keys.iter().any(|key| key.name == token)
    }

    /// The innermost key around `offset`, with its name and value.
    pub(super) fn key_around(&self, offset: usize) -> Option<(&'t str, Span)> {
        let key = self.keys.iter().rfind(|key| (key.name.start()..key.value.end()).contains(&offset))?;
        Some((self.name(key), key.value))
    }

    /// Byte offset of a line and column counted from 1, as RON gives them.
    pub(super) fn offset(&self, position: Position) -> usize {
        let line_start = match position.line {
            0 | 1 => 0,
            line => self.text.match_indices('\n').nth(line - 2).map_or(self.text.len(), |(at, _)| at + 1),
        };
        let rest = &self.text[line_start..];
        let column = rest.char_indices().nth(position.col.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
        line_start + column
    }

    /// Line and column of a byte offset, counted from 1.
    pub(super) fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (1 + before.matches('\n').count(), 1 + before[line_start..].chars().count())
    }

    fn name(&self, key: &Key) -> &'t str {
        let name = self.slice(key.name);
        let unquoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        unquoted.or_else(|| name.strip_prefix("r#")).unwrap_or(name)
    }

    fn is_at(&self, key: &Key, path: &[&str]) -> bool {
        let Some((name, outer)) = path.split_last() else { return false };
        self.name(key) == *name
            && match key.parent {
                None => outer.is_empty(),
                Some(parent) => self.is_at(&self.keys[parent as usize], outer),
            }
    }
}

/// Finds `name: value` pairs and counts the brackets left open.
fn keys_of(text: &str, tokens: &[Span]) -> (Vec<Key>, usize) {
    let mut keys: Vec<Key> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut frame = Frame { key: None, owner: None };
    for (index, &token) in tokens.iter().enumerate() {
        match &text[token.start()..token.end()] {
            "(" | "[" | "{" => {
                extend(&mut keys, frame.key, token);
                frames.push(frame);
                frame = Frame { key: None, owner: frame.key.or(frame.owner) };
            }
            ")" | "]" | "}" => {
                if let Some(outer) = frames.pop() {
                    frame = outer;
                    extend(&mut keys, frame.key, token);
                }
            }
            "," => frame.key = None,
            ":" => {
                let Some(name) = index.checked_sub(1).map(|before| tokens[before]) else { continue };
                frame.key = Some(keys.len() as u32);
                keys.push(Key { name, value: Span::new(token.end(), token.end()), parent: frame.owner });
            }
            _ => extend(&mut keys, frame.key, token),
        }
    }
    let num_open = frames.len();
    for key in frames.into_iter().chain([frame]).filter_map(|frame| frame.key) {
        keys[key as usize].value.end = text.len() as u32;
    }
    (keys, num_open)
}

fn extend(keys: &mut [Key], key: Option<u32>, token: Span) {
    if let Some(key) = key.and_then(|key| keys.get_mut(key as usize)) {
        if key.value.start == key.value.end {
            key.value.start = token.start;
        }
        key.value.end = token.end;
    }
}

/// Cuts a text into tokens: punctuation, strings, and words (names and numbers).
struct Lexer<'t> {
    text: &'t str,
    at: usize,
    unended: Option<usize>,
}

impl Lexer<'_> {
    fn token(&mut self) -> Option<Span> {
        self.skip_space();
        let start = self.at;
        let rest = &self.text[start..];
        let len = match rest.chars().next()? {
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | ':' => Some(1),
            '"' => string_len(rest, 1),
            'b' if rest.starts_with("b\"") => string_len(rest, 2),
            '\'' => char_len(rest, 1),
            'b' if rest.starts_with("b'") => char_len(rest, 2),
            'r' | 'b' => raw_string_len(rest).unwrap_or_else(|| Some(word_len(rest))),
            _ => Some(word_len(rest)),
        };
        if len.is_none() {
            self.unended = Some(start);
        }
        self.at = len.map_or(self.text.len(), |len| start + len);
        Some(Span::new(start, self.at))
    }

    fn skip_space(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let space = rest.find(|c| !is_space(c)).unwrap_or(rest.len());
            self.at += space;
            let rest = &rest[space..];
            let comment = if rest.starts_with("//") {
                Some(rest.find('\n').unwrap_or(rest.len()))
            } else if rest.starts_with("/*") {
                Some(block_comment_len(rest).unwrap_or_else(|| {
                    self.unended = Some(self.at);
                    rest.len()
                }))
            } else {
                None
            };
            match comment {
                Some(len) => self.at += len,
                None => return,
            }
        }
    }
}

/// What RON calls white space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200E}' | '\u{200F}')
}

/// Length of a comment that may hold others; `None` if it does not end.
fn block_comment_len(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut at = 0;
    loop {
        let rest = text.as_bytes().get(at..)?;
        let step = if rest.starts_with(b"/*") {
            depth += 1;
            2
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            2
        } else {
            rest.first()?;
            1
        };
        at += step;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Length of a string whose contents begin at `from`; `None` if it does not end.
fn string_len(text: &str, from: usize) -> Option<usize> {
    quoted_len(text.as_bytes(), from, b'"')
}

/// Length of a character; a lone quote is a token of its own, so that the text after it is still seen.
fn char_len(text: &str, from: usize) -> Option<usize> {
    const LONGEST: usize = "\\u{10FFFF}'".len();
    let near = text.as_bytes().get(..from + LONGEST).unwrap_or(text.as_bytes());
    quoted_len(near, from, b'\'').or(Some(from))
}

fn quoted_len(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            found if *found == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Length of `r#"…"#` with any number of `#`: `None` if it is none, `Some(None)` if it does not end.
fn raw_string_len(text: &str) -> Option<Option<usize>> {
    let hashed = text.strip_prefix('b').unwrap_or(text).strip_prefix('r')?;
    let num_hashes = hashed.bytes().take_while(|byte| *byte == b'#').count();
    let contents = hashed[num_hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(num_hashes));
    let before = text.len() - contents.len();
    Some(contents.find(&end).map(|at| before + at + end.len()))
}

/// Length of a name or number, or of one character that is neither.
fn word_len(text: &str) -> usize {
    let is_end = |c: char| is_space(c) || matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | ',' | ':' | '"' | '/');
    let first = text.chars().next().map_or(0, char::len_utf8);
    text[first..].find(is_end).map_or(text.len(), |at| first + at)
}
