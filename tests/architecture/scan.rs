//! Finds every path that a Rust file names, with its line, without a parser crate: comments and literals are skipped, use
//! trees are unfolded, `crate`, `self` and `super` are resolved, and what only tests compile is left out. And every word, those of
//! literals too.

/// A path as named in a file: `["crate", "sim", "Batch"]` or `["std", "fs", "read"]`, never starting with `self` or `super`.
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

#[derive(Clone, PartialEq, Debug)]
enum Kind {
    Word(String),
    /// A text between quotes.
    Literal(String),
    PathSep,
    Mark(char),
}

#[derive(Clone)]
struct Token {
    kind: Kind,
    line: usize,
}

/// The paths named in `text`, a file whose own module is `module` (`["sim", "batch"]` for `src/sim/batch.rs`).
pub(crate) fn named_paths(text: &str, module: &[&str]) -> Vec<Named> {
    let tokens = without_test_items(tokens(text));
    let mut scan =
        Scan { tokens: &tokens, at: 0, modules: module.iter().map(ToString::to_string).collect(), found: vec![] };
    scan.file();
    scan.found
}

/// The words in `text` with their lines, those between quotes too.
pub(crate) fn named_words(text: &str) -> Vec<(String, usize)> {
    let words = without_test_items(tokens(text)).into_iter().flat_map(|Token { kind, line }| match kind {
        Kind::Word(word) => vec![(word, line)],
        Kind::Literal(text) => {
            let words = text.split(|c: char| c != '_' && !c.is_alphanumeric());
            words.filter(|word| !word.is_empty()).map(|word| (word.to_owned(), line)).collect()
        }
        Kind::PathSep | Kind::Mark(_) => vec![],
    });
    words.collect()
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let peek = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut out, mut i, mut line) = (vec![], 0, 1);
    while i < chars.len() {
        let start = i;
        let first = chars[i];
        if first == '/' && peek(i + 1) == '/' {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if first == '/' && peek(i + 1) == '*' {
            i = end_of_block_comment(&chars, i);
        } else if let Some(end) = end_of_string(&chars, i) {
            out.push(Token { kind: Kind::Literal(chars[i..end].iter().collect()), line });
            i = end;
        } else if let Some(end) = end_of_char(&chars, i) {
            i = end;
        } else if first == '_' || first.is_alphanumeric() {
            // `r#type` is the word `type`.
            let raw = first == 'r' && peek(i + 1) == '#';
            i += if raw { 2 } else { 0 };
            let word = i;
            while peek(i) == '_' || peek(i).is_alphanumeric() {
                i += 1;
            }
            out.push(Token { kind: Kind::Word(chars[word..i].iter().collect()), line });
        } else if first == ':' && peek(i + 1) == ':' {
            out.push(Token { kind: Kind::PathSep, line });
            i += 2;
        } else {
            if !first.is_whitespace() {
                out.push(Token { kind: Kind::Mark(first), line });
            }
            i += 1;
        }
        line += chars[start..i].iter().filter(|c| **c == '\n').count();
    }
    out
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    loop {
        match chars.get(i..i + 2) {
            Some(['/', '*']) => (depth, i) = (depth + 1, i + 2),
            Some(['*', '/']) => (depth, i) = (depth - 1, i + 2),
            Some(_) => i += 1,
            None => return chars.len(),
        }
        if depth == 0 {
            return i;
        }
    }
}

/// Where the string that starts at `start` ends (`"…"`, `b"…"`, `c"…"`, `r#"…"#` and so on), if one starts there.
fn end_of_string(chars: &[char], start: usize) -> Option<usize> {
    let mut i = start;
    if matches!(chars[i], 'b' | 'c') {
        i += 1;
    }
    let raw = chars.get(i) == Some(&'r');
    i += usize::from(raw);
    let fence = if raw { chars[i..].iter().take_while(|c| **c == '#').count() } else { 0 };
    i += fence;
    if chars.get(i) != Some(&'"') {
        return None;
    }
    i += 1;
    while i < chars.len() {
        if !raw && chars[i] == '\\' {
            i += 1;
        } else if chars[i] == '"' && chars[i + 1..].iter().take(fence).filter(|c| **c == '#').count() == fence {
            return Some(i + 1 + fence);
        }
        i += 1;
    }
    Some(chars.len())
}

/// Where the character literal or lifetime that starts at `start` ends, if one starts there.
fn end_of_char(chars: &[char], start: usize) -> Option<usize> {
    let quote = if chars[start] == 'b' { start + 1 } else { start };
    if chars.get(quote) != Some(&'\'') {
        return None;
    }
    if chars.get(quote + 1) == Some(&'\\') {
        // The escaped character itself may be a quote.
        return chars.iter().skip(quote + 3).position(|c| *c == '\'').map(|n| quote + 4 + n);
    }
    if chars.get(quote + 2) == Some(&'\'') {
        return Some(quote + 3);
    }
    let lifetime = chars[quote + 1..].iter().take_while(|c| **c == '_' || c.is_alphanumeric()).count();
    Some(quote + 1 + lifetime)
}

/// Leaves out every item behind `#[cfg(test)]`, `#[cfg(all(test, …))]` or `#[test]`: tests may measure time, read files and
/// compare domains.
fn without_test_items(tokens: Vec<Token>) -> Vec<Token> {
    let spell = |from: usize, length: usize| -> String {
        let piece = tokens.iter().skip(from).take(length);
        piece.map(|t| if let Kind::Word(word) = &t.kind { word.clone() } else { mark(t).to_string() }).collect()
    };
    let (mut kept, mut i) = (vec![], 0);
    while i < tokens.len() {
        if spell(i, 7) == "#[cfg(test)]" || spell(i, 7) == "#[cfg(all(test" || spell(i, 4) == "#[test]" {
            i = end_of_item(&tokens, i);
        } else {
            kept.push(tokens[i].clone());
            i += 1;
        }
    }
    kept
}

/// An item ends with the first `;` or the first closed `{…}` outside of brackets.
fn end_of_item(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0_usize;
    for (i, token) in tokens.iter().enumerate().skip(start) {
        match mark(token) {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            // The end of what holds the item: it was the last field or the last arm.
            '}' if depth == 0 => return i,
            '}' if depth == 1 => return i + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return i + 1,
            _ => {}
        }
    }
    tokens.len()
}

fn mark(token: &Token) -> char {
    if let Kind::Mark(mark) = token.kind { mark } else { '\0' }
}

struct Scan<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Module of the current position, inline modules included.
    modules: Vec<String>,
    found: Vec<Named>,
}

impl Scan<'_> {
    fn file(&mut self) {
        // For each open brace: does it close an inline module?
        let mut braces = vec![];
        while self.at < self.tokens.len() {
            if let (Some("mod"), Some(name)) = (self.word(0), self.word(1))
                && self.mark(2) == '{'
            {
                self.modules.push(name.to_owned());
                braces.push(true);
                self.at += 3;
            } else if self.mark(0) == '{' {
                braces.push(false);
                self.at += 1;
            } else if self.mark(0) == '}' {
                if braces.pop() == Some(true) {
                    self.modules.pop();
                }
                self.at += 1;
            } else if self.starts_path() {
                self.tree(&[]);
            } else {
                self.at += 1;
            }
        }
    }

    /// A word that goes on neither a path (`a::b`, `<T>::b`) nor a value (`a.b`). `::std` starts one.
    fn starts_path(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).map(|i| &self.tokens[i].kind);
        let goes_on = match before(1) {
            Some(Kind::Mark('.')) => true,
            Some(Kind::PathSep) => match before(2) {
                Some(Kind::Word(word)) => {
                    !matches!(word.as_str(), "use" | "return" | "as" | "dyn" | "impl" | "for" | "in" | "mut")
                }
                // The arrow of a return type, not the end of `<T>`.
                Some(Kind::Mark('>')) => before(3) != Some(&Kind::Mark('-')),
                _ => false,
            },
            _ => false,
        };
        self.word(0).is_some() && !goes_on
    }

    /// Reads a path, or the whole tree of a use declaration, each branch put behind `prefix`.
    fn tree(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        let mut line = self.tokens[self.at].line;
        loop {
            if let Some(word) = self.word(0) {
                // `a::{self}` names `a`.
                if word != "self" || path.is_empty() {
                    path.push(word.to_owned());
                }
                line = self.tokens[self.at].line;
                self.at += 1;
            } else if self.mark(0) == '*' {
                self.at += 1;
            } else if self.mark(0) == '{' {
                self.at += 1;
                self.branches(&path);
                return;
            }
            let goes_on = self.is_path_sep(0) && (self.word(1).is_some() || matches!(self.mark(1), '{' | '*'));
            if !goes_on {
                break;
            }
            self.at += 1;
        }
        let path = self.resolved(path);
        self.found.push(Named { path, line });
    }

    fn branches(&mut self, prefix: &[String]) {
        while self.at < self.tokens.len() && self.mark(0) != '}' {
            if self.word(0).is_some() || matches!(self.mark(0), '{' | '*') {
                self.tree(prefix);
            } else {
                self.at += 1;
            }
            // The name behind `as` is no path.
            if self.word(0) == Some("as") {
                self.at += 2;
            }
        }
        self.at += 1;
    }

    fn resolved(&self, path: Vec<String>) -> Vec<String> {
        let supers = path.iter().take_while(|word| *word == "super").count();
        let here = if path.first().is_some_and(|word| word == "self") { 1 } else { 0 };
        if supers + here == 0 {
            return path;
        }
        let known = self.modules.len().saturating_sub(supers);
        let outer = self.modules.iter().take(known).cloned();
        std::iter::once("crate".to_owned()).chain(outer).chain(path.into_iter().skip(supers + here)).collect()
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        match self.tokens.get(self.at + ahead).map(|token| &token.kind) {
            Some(Kind::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn mark(&self, ahead: usize) -> char {
        self.tokens.get(self.at + ahead).map_or('\0', mark)
    }

    fn is_path_sep(&self, ahead: usize) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|token| token.kind == Kind::PathSep)
    }
}
