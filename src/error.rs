//! The one error type: what went wrong, where, and what to try.
//!
//! An error is handled exactly once, logged or returned. Bad input (a scenario, a flag, a damaged file) ends a command
//! with exit code 2, everything else that fails with exit code 1; [`Error::exit_code`] tells them apart. A command that
//! checks something has codes of its own for what it finds.

use std::{fmt, path::PathBuf};

/// Result of everything that can fail on outside causes.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure told to a person: what, where, what to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    what: String,
    place: Option<Place>,
    hint: Option<String>,
}

/// Whose fault it is, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The user gave something that cannot be used: exit code 2.
    Input,
    /// The machine failed (disk full, permission, a missing library): exit code 1.
    System,
    /// What was checked is not what it says: exit code 3.
    Different,
    /// What was checked is good as far as it goes, and not all there: exit code 4.
    Incomplete,
}

/// A place in a file; line and column count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// Line and column, where they are known.
    pub at: Option<(usize, usize)>,
}

impl Error {
    /// Something the user gave cannot be used.
    pub fn input(what: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Input, what: what.into(), place: None, hint: None }
    }

    /// The machine failed to do what was asked.
    pub fn system(what: impl Into<String>) -> Self {
        Self { kind: ErrorKind::System, ..Self::input(what) }
    }

    /// A failure of this kind.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self { kind, ..Self::input(what) }
    }

    /// Names the file this is about.
    pub fn in_file(mut self, file: impl Into<PathBuf>) -> Self {
        let at = self.place.and_then(|place| place.at);
        self.place = Some(Place { file: file.into(), at });
        self
    }

    /// Names line and column, counted from 1; the file stays as it was.
    pub fn at(mut self, line: usize, column: usize) -> Self {
        let file = self.place.map(|place| place.file).unwrap_or_default();
        self.place = Some(Place { file, at: Some((line, column)) });
        self
    }

    /// Says what to try.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Suggests the nearest of the valid names, or lists them when none is near.
    pub fn did_you_mean<'a>(self, wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Self {
        let valid: Vec<&str> = valid.into_iter().collect();
        let nearest = valid
            .iter()
            .map(|name| (strsim::jaro_winkler(wrong, name), *name))
            .filter(|(score, _)| *score > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        match nearest {
            Some((_, name)) => self.hint(format!("did you mean `{name}`?")),
            None if valid.is_empty() => self,
            None => self.hint(format!("valid names: {}", valid.join(", "))),
        }
    }

    /// Whose fault it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where it is, if that is known.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The code the process ends with.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            ErrorKind::Input => 2,
            ErrorKind::System => 1,
            ErrorKind::Different => 3,
            ErrorKind::Incomplete => 4,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}", place.file.display())?;
            if let Some((line, column)) = place.at {
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": ")?;
        }
        write!(f, "{}", self.what)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_and_what_to_try() {
        let error = Error::input("unknown key `drone_cout`")
            .at(14, 9)
            .in_file("scenarios/jamming/ring.ron")
            .did_you_mean("drone_cout", ["drone_count", "arena_m"]);
        assert_eq!(
            error.to_string(),
            "scenarios/jamming/ring.ron:14:9: unknown key `drone_cout`; did you mean `drone_count`?"
        );
        assert_eq!(error.exit_code(), 2);
        assert_eq!(Error::system("disk full").exit_code(), 1);
    }

    #[test]
    fn a_name_that_is_near_nothing_gets_the_list() {
        let error = Error::input("unknown policy `zzz`").did_you_mean("zzz", ["hold", "random"]);
        assert_eq!(error.to_string(), "unknown policy `zzz`; valid names: hold, random");
    }
}
