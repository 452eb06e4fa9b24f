//! What all readers of text from outside forgive, and what they call the rest: one policy for traces, scenarios and requests.
//!
//! A byte order mark is passed over, since programs of Windows begin files with one. Bytes that are not UTF-8 are refused by
//! name: whoever gives an archive, a database or UTF-16 is told so instead of at which byte it stopped being text. Words that
//! data frames write for what is missing are blanks wherever a blank may be.

use std::fmt;

use crate::error::Error;

/// The byte order mark in UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// How files begin that are taken for text by mistake, what they are, and what to do about it.
const KINDS: [(&[u8], &str, &str); 8] = [
    (b"\x1f\x8b", "this is packed with gzip, not text", UNPACK),
    (b"PK\x03\x04", "this is a zip archive, not text", UNPACK),
    (b"\xfd7zXZ", "this is packed with xz, not text", UNPACK),
    (b"\x28\xb5\x2f\xfd", "this is packed with zstd, not text", UNPACK),
    (b"BZh91AY&SY", "this is packed with bzip2, not text", UNPACK),
    (
        b"SQLite format 3",
        "this is a database of SQLite, not text",
        "export a table of it, or name the format that reads it",
    ),
    (b"\xff\xfe", "this is text in UTF-16", SAVE),
    (b"\xfe\xff", "this is text in UTF-16", SAVE),
];
/// What bytes are that are none of these and no text.
const BROKEN: &str = "not text in UTF-8";
const UNPACK: &str = "unpack it first";
const SAVE: &str = "save it as UTF-8";

/// Words for what is missing, in any case: those of R, pandas, SQL, JSON and Python.
const BLANKS: [&str; 6] = ["", "na", "n/a", "nan", "null", "none"];

/// Why bytes are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotText {
    /// What is wrong.
    pub what: &'static str,
    /// What to try.
    pub hint: &'static str,
    /// Bytes before the first that is wrong; 0 where all are.
    pub valid_up_to: usize,
}

impl NotText {
    /// The same as an error; the place is for whoever knows it.
    pub fn into_error(self) -> Error {
        Error::input(self.what).hint(self.hint)
    }
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            BROKEN => write!(f, "{BROKEN} after {} bytes", self.valid_up_to),
            what => write!(f, "{what}; {}", self.hint),
        }
    }
}

/// What stands behind the byte order mark, where there is one.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// The text that bytes are, without a byte order mark.
///
/// # Errors
/// Bytes that are not UTF-8; `valid_up_to` counts from behind the mark.
pub fn utf8(bytes: &[u8]) -> Result<&str, NotText> {
    let bytes = without_mark(bytes);
    std::str::from_utf8(bytes).map_err(|error| match kind(bytes) {
        Some((what, hint)) => NotText { what, hint, valid_up_to: 0 },
        None => NotText { what: BROKEN, hint: SAVE, valid_up_to: error.valid_up_to() },
    })
}

/// What bytes are that begin like something else than text, and what to do about it.
pub fn kind(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    KINDS.iter().find(|(start, ..)| bytes.starts_with(start)).map(|(_, what, hint)| (*what, *hint))
}

/// Whether a field says that something is missing.
pub fn is_blank(field: &str) -> bool {
    BLANKS.iter().any(|blank| field.trim().eq_ignore_ascii_case(blank))
}

/// A name that fits into files and commands, made of any text: lower-case letters, digits and `-`, at most 64 of them. Nothing
/// where no letter and no digit of the text fits.
pub fn fit_name(text: &str) -> Option<String> {
    const MOST: usize = 64;
    let mut name = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if name.len() == MOST {
            break;
        }
    }
    let fit = name.trim_end_matches('-');
    (!fit.is_empty()).then(|| fit.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_passed_over_and_only_at_the_beginning() {
        assert_eq!(utf8(b"\xEF\xBB\xBFtext"), Ok("text"));
        assert_eq!(utf8(b"text\xEF\xBB\xBF"), Ok("text\u{FEFF}"));
        assert_eq!(utf8(b""), Ok(""));
    }

    #[test]
    fn what_is_no_text_is_told_by_name() {
        for (bytes, what) in [
            (&b"\x1f\x8b\x08\0"[..], "gzip"),
            (b"PK\x03\x04\xff", "zip"),
            (b"SQLite format 3\0\x10\xff", "SQLite"),
            (b"\xff\xfea\0", "UTF-16"),
            (b"abc\xff", "not text in UTF-8"),
        ] {
            let found = utf8(bytes).unwrap_err();
            assert!(found.what.contains(what), "{found}");
        }
        assert_eq!(utf8(b"abc\xff").unwrap_err().to_string(), "not text in UTF-8 after 3 bytes");
    }

    #[test]
    fn words_for_what_is_missing_are_blanks() {
        for blank in ["", " ", "NA", "NaN", "nan", "null", "NULL", "None", "N/A"] {
            assert!(is_blank(blank), "{blank}");
        }
        for text in ["0", "-", "nano", "NAN1"] {
            assert!(!is_blank(text), "{text}");
        }
    }

    #[test]
    fn names_of_data_sets_are_made_fit() {
        for (text, name) in [
            ("HPC2N", "hpc2n"),
            ("openb_pod_list_default", "openb-pod-list-default"),
            ("HPC2N-2002-2.2.1-cln", "hpc2n-2002-2-2-1-cln"),
            ("__Huawei East (1)__", "huawei-east-1"),
            ("fit-already-7", "fit-already-7"),
            ("Universität", "universit-t"),
        ] {
            assert_eq!(fit_name(text).as_deref(), Some(name));
        }
        assert_eq!(fit_name("日本"), None);
        assert_eq!(fit_name(&"x".repeat(100)).unwrap().len(), 64);
    }
}
