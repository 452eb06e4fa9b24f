//! Commands that agon prints, written so that they can be pasted into a POSIX shell.

use std::{borrow::Cow, path::Path};

/// An `agon` command with these words, quoted where a shell would read them otherwise.
///
/// ```
/// use agon::shell::command;
///
/// assert_eq!(command(["verify", "it's mine.mcap"]), r"agon verify 'it'\''s mine.mcap'");
/// ```
pub fn command<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    line(["agon"].into_iter().chain(words))
}

/// Any command: the program, then its arguments.
pub fn line<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(word).collect::<Vec<_>>().join(" ")
}

/// A text as one word of a shell: as it is where that is safe, otherwise in single quotes.
pub fn word(text: &str) -> Cow<'_, str> {
    // A word that begins with `=` names a program in zsh; one that begins with `~` is not among the safe ones anyway.
    let is_safe = |c: char| c.is_alphanumeric() || "%+,-./:=@_".contains(c);
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(is_safe) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

/// A path as an argument, not yet quoted: one that begins with `-` gets `./` before it, so that it is no option.
pub fn path(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.starts_with('-') { format!("./{text}") } else { text.into_owned() }
}

/// The path of a policy as an argument, not yet quoted: one without a `/` gets `./` before it, so that it is no baseline
/// and no checkpoint that has the same name.
pub fn policy(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.contains('/') { self::path(path) } else { format!("./{text}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_every_word_back_as_it_was() {
        for text in [
            "",
            "plain",
            "runs/lr=0.1,seed=2",
            "it's mine/run 1",
            "$(echo no) `echo no` ${HOME}",
            "two\nlines",
            "\"quoted\" \\ # ; & | > < * ? [a] {b,c} !",
            "~",
            "=ls",
            "ärger",
        ] {
            let line = format!("printf %s {}", word(text));
            let output = std::process::Command::new("sh").arg("-c").arg(line).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }

    #[test]
    fn what_needs_no_quotes_gets_none() {
        let words = ["eval", "skirmish", "--policy", "runs/2026-01-02-skirmish-mappo-s1,lr=0.1", "--episodes", "200"];
        assert_eq!(command(words), format!("agon {}", words.join(" ")));
    }

    #[test]
    fn no_path_is_an_option_and_no_folder_a_baseline() {
        assert_eq!([path(Path::new("-x")), path(Path::new("x")), path(Path::new("/-x"))], ["./-x", "x", "/-x"]);
        let policies = ["-x", "hold", "runs/hold", "-x/y"].map(|text| policy(Path::new(text)));
        assert_eq!(policies, ["./-x", "./hold", "runs/hold", "./-x/y"]);
    }
}
