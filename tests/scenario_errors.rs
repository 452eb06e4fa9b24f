//! What a person reads who made a mistake in a scenario file, and that no file at all makes agon panic.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use agon::{
    error::{Error, Result},
    sim::{
        params::{Params, When, choices, names_of, params},
        scenario::{DomainConfig, MAX_BYTES, Scenario, place_of},
    },
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

choices! {
    /// How the flock flies.
    pub enum Flight {
        /// Not at all.
        Hover = "hover",
        /// Wherever.
        RandomWalk = "random_walk",
    }
}

choices! {
    /// What the flock eats.
    pub enum Food {
        /// Seeds.
        Seeds = "seeds",
        /// Worms.
        Worms = "worms",
    }
}

params! {
    /// What is paid for.
    pub struct Reward {
        /// Weight of the height.
        height: f64 = 1.0, range -10.0..=10.0, live;
        /// Weight of the distance.
        distance: f64 = 0.5, range -10.0..=10.0, live;
    }
}

params! {
    /// A flock of birds.
    pub struct Flock {
        /// Birds in the flock.
        num_birds: usize = 10, range 1..=1000, next_reset;
        /// Birds that lead.
        num_leaders: usize = 1, range 0..=1000, next_reset;
        /// Top speed.
        speed_mps: f64 = 8.0, unit "m/s", range 0.0..=50.0, live;
        /// How the flock flies.
        flight: Flight = Flight::RandomWalk, choice, next_reset;
        /// What the flock eats.
        food: Vec<Food> = vec![Food::Seeds], list 1..=4, choice, next_reset;
        /// When it turns.
        turns_s: Vec<f64> = Vec::new(), list 0..=3, unit "s", range 0.0..=600.0, next_reset;
        /// Whether it sings.
        sings: bool = false, flag, live;
        /// Height it may not pass.
        ceiling_m: Option<f64> = None, optional, unit "m", range 1.0..=9000.0, live;
        /// What is paid for.
        reward: Reward = Reward::default(), group, live;
    }
}

params! {
    /// An empty sky.
    pub struct Sky {
        /// Wind from the west.
        wind_mps: f64 = 0.0, unit "m/s", range -100.0..=100.0, live;
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Domain {
    Flock(Flock),
    Sky(Sky),
}

impl DomainConfig for Domain {
    fn params(&self) -> &dyn Params {
        match self {
            Self::Flock(flock) => flock,
            Self::Sky(sky) => sky,
        }
    }

    fn params_mut(&mut self) -> &mut dyn Params {
        match self {
            Self::Flock(flock) => flock,
            Self::Sky(sky) => sky,
        }
    }

    fn check(&self) -> Result<()> {
        match self {
            Self::Flock(flock) if flock.num_leaders > flock.num_birds => {
                Err(Error::input(format!("`num_leaders` is more than `num_birds`, which is {}", flock.num_birds)))
            }
            Self::Flock(_) | Self::Sky(_) => Ok(()),
        }
    }
}

const FILE: &str = "flock.ron";

const VALID: &str = r##"// A flock, for the tests.
(
    version: 1,
    name: "flock-1",
    title: "Flock",
    about: "Ten birds, \"in\" the ünïcode sky. /* no comment */",
    seed: 18446744073709551615, // the largest
    max_steps: 200,
    domain: Flock((
        num_birds: 12,
        /* a comment /* inside */ another */
        num_leaders: 2,
        speed_mps: 7.5,
        flight: hover,
        food: [seeds, worms],
        turns_s: [0, 1.5e1],
        sings: true,
        ceiling_m: 300,
        reward: (height: -0.25),
    )),
    train: { "learning_rate": 3e-4, "anneal_lr": "true" },
)
"##;

/// What to replace in [`VALID`], by what, and the message from the line number on.
type Mistakes<'m> = &'m [(&'m str, &'m str, &'m str)];

fn parse(text: &str) -> Result<Scenario<Domain>> {
    Scenario::parse(text, FILE)
}

fn message(text: &str) -> String {
    match parse(text) {
        Ok(_) => format!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

fn valid() -> Scenario<Domain> {
    parse(VALID).unwrap()
}

fn edited(from: &str, to: &str) -> String {
    assert!(VALID.contains(from), "{from}");
    VALID.replacen(from, to, 1)
}

fn assert_explained(mistakes: Mistakes) {
    for (from, to, expected) in mistakes {
        assert_eq!(message(&edited(from, to)), format!("{FILE}:{expected}"), "after {from:?} became {to:?}");
    }
}

fn flock(scenario: &Scenario<Domain>) -> &Flock {
    match &scenario.domain {
        Domain::Flock(flock) => flock,
        Domain::Sky(sky) => panic!("{sky:?} is no flock"),
    }
}

#[test]
fn a_valid_file_means_what_it_says() {
    let scenario = valid();
    assert_eq!(scenario.seed, u64::MAX);
    assert_eq!(scenario.about, "Ten birds, \"in\" the ünïcode sky. /* no comment */");
    assert_eq!(
        *flock(&scenario),
        Flock {
            num_birds: 12,
            num_leaders: 2,
            speed_mps: 7.5,
            flight: Flight::Hover,
            food: vec![Food::Seeds, Food::Worms],
            turns_s: vec![0.0, 15.0],
            sings: true,
            ceiling_m: Some(300.0),
            reward: Reward { height: -0.25, distance: 0.5 },
        }
    );
    let train: Vec<(&str, &str)> = scenario.train.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(train, [("anneal_lr", "true"), ("learning_rate", "3e-4")], "quotes around a value mean nothing");
}

#[test]
fn ron_may_be_written_in_other_ways() {
    for (from, to) in [
        ("ceiling_m: 300", "ceiling_m: Some(300)"),
        ("Flock((", "Flock(Flock("),
        ("(\n    version", "Scenario(\n    version"),
        ("(\n    version", "#![enable(implicit_some)]\n(\n    version"),
        ("// A flock", "\u{FEFF}// A flock"),
        ("\"true\"", "true"),
        ("num_birds: 12", "num_birds: 0xC"),
    ] {
        assert_eq!(parse(&edited(from, to)), Ok(valid()), "{to}");
    }
}

#[test]
fn keys_that_are_left_out_keep_their_default() {
    let text = "(version: 1, name: \"f\", title: \"F\", about: \"f\", seed: 0, max_steps: 1, domain: Flock(()))";
    let scenario = parse(text).unwrap();
    assert_eq!(*flock(&scenario), Flock::default());
    assert!(scenario.train.is_empty());
}

#[test]
fn wrong_keys_are_named_with_the_nearest_right_one() {
    assert_explained(&[
        ("num_birds", "num_brids", "10:9: unknown key `num_brids`; did you mean `num_birds`?"),
        (
            "num_birds",
            "zzz",
            "10:9: unknown key `zzz`; valid names: num_birds, num_leaders, speed_mps, flight, food, turns_s, sings, ceiling_m, reward",
        ),
        ("max_steps: 200,", "max_step: 200,", "8:5: unknown key `max_step`; did you mean `max_steps`?"),
        ("max_steps: 200,", "", "22:1: key `max_steps` is missing; add `max_steps: …,`"),
        ("max_steps: 200,", "max_steps: 200, max_steps: 200,", "8:21: `max_steps` is given twice"),
        ("version: 1,", "", "22:1: key `version` is missing; add `version: …,`"),
        ("num_birds: 12,", "num_birds: 1, num_birds: 2,", "10:23: `num_birds` is given twice"),
        ("num_birds: 12,", "speed_mps: 1, ", "13:9: `speed_mps` is given twice"),
        ("reward: (height: -0.25)", "reward: (heigt: 3)", "19:18: unknown key `heigt`; did you mean `height`?"),
        ("domain: Flock((", "domain: Sky((", "10:9: unknown key `num_birds`; valid names: wind_mps"),
        (r#""anneal_lr""#, r#""learning_rate""#, "21:37: `learning_rate` is given twice"),
        (r#""anneal_lr""#, r#""anneal lr""#, "21:37: `anneal lr` is not the name of a hyperparameter"),
        (r#""anneal_lr""#, "\"\u{1b}[2J\"", r#"21:37: `\u{1b}[2J` is not the name of a hyperparameter"#),
        (r#""anneal_lr""#, r#""learning_r\u{61}te""#, "21:37: `learning_rate` is given twice"),
    ]);
}

#[test]
fn wrong_numbers_are_told_the_range() {
    assert_explained(&[
        (
            "num_birds: 12",
            r#"num_birds: "12""#,
            r#"10:20: `num_birds` must be a whole number from 1 to 1000, found `"12"`"#,
        ),
        ("num_birds: 12", "num_birds: 12.0", "10:20: `num_birds` must be a whole number from 1 to 1000, found `12.0`"),
        ("num_birds: 12", "num_birds: -12", "10:20: `num_birds` must be a whole number from 1 to 1000, found `-12`"),
        ("num_birds: 12", "num_birds: 1001", "10:20: `num_birds` must be a whole number from 1 to 1000, found `1001`"),
        ("num_birds: 12", "num_birds: many", "10:20: `num_birds` must be a whole number from 1 to 1000, found `many`"),
        ("num_birds: 12", "num_birds: [12]", "10:20: `num_birds` must be a whole number from 1 to 1000, found `[12]`"),
        ("num_birds: 12", "num_birds: (12)", "10:20: `num_birds` must be a whole number from 1 to 1000, found `(12)`"),
        ("speed_mps: 7.5", "speed_mps: NaN", "13:20: `speed_mps` must be a number from 0 to 50 m/s, found `NaN`"),
        ("speed_mps: 7.5", "speed_mps: inf", "13:20: `speed_mps` must be a number from 0 to 50 m/s, found `inf`"),
        ("speed_mps: 7.5", "speed_mps: -inf", "13:20: `speed_mps` must be a number from 0 to 50 m/s, found `-inf`"),
        ("speed_mps: 7.5", "speed_mps: 1e999", "13:20: `speed_mps` must be a number from 0 to 50 m/s, found `1e999`"),
        (
            "speed_mps: 7.5",
            "speed_mps: 50.000001",
            "13:20: `speed_mps` must be a number from 0 to 50 m/s, found `50.000001`",
        ),
        ("speed_mps: 7.5", "speed_mps: fast", "13:20: `speed_mps` must be a number from 0 to 50 m/s, found `fast`"),
        ("speed_mps: 7.5", "speed_mps: true", "13:20: `speed_mps` must be a number from 0 to 50 m/s, found `true`"),
        ("speed_mps: 7.5", "speed_mps: 1..2", "13:20: `speed_mps` must be a number from 0 to 50 m/s, found `1..2`"),
        ("[0, 1.5e1]", "[0, -1]", "16:22: an entry of `turns_s` must be a number from 0 to 600 s, found `-1`"),
        ("[0, 1.5e1]", "[0, [1]]", "16:22: an entry of `turns_s` must be a number from 0 to 600 s, found `[`"),
        ("[0, 1.5e1]", "[0, x]", "16:22: an entry of `turns_s` must be a number from 0 to 600 s, found `x`"),
        (
            "[0, 1.5e1]",
            "[0, 1, 2, 3]",
            "16:18: `turns_s` must be a list of 0 to 3 values, each a number from 0 to 600 s, found `[0, 1, 2, 3]`",
        ),
        ("sings: true", "sings: yes", "17:16: `sings` must be `true` or `false`, found `yes`"),
        ("sings: true", "sings: 1", "17:16: `sings` must be `true` or `false`, found `1`"),
        ("ceiling_m: 300", "ceiling_m: none", "18:20: `ceiling_m` must be a number from 1 to 9000 m, found `none`"),
        ("ceiling_m: 300", "ceiling_m: 0", "18:20: `ceiling_m` must be a number from 1 to 9000 m, found `0`"),
        ("ceiling_m: 300", "ceiling_m: Some(0)", "18:25: `ceiling_m` must be a number from 1 to 9000 m, found `0`"),
        (
            "reward: (height: -0.25)",
            "reward: (height: 11)",
            "19:26: `height` must be a number from -10 to 10, found `11`",
        ),
    ]);
}

#[test]
fn wrong_names_are_told_the_choices() {
    assert_explained(&[
        ("flight: hover", "flight: hovr", "14:17: `flight` cannot be `hovr`; did you mean `hover`?"),
        (
            "flight: hover",
            r#"flight: "hover""#,
            r#"14:17: `flight` must be one of hover, random_walk, found `"hover"`; names are written without quotes"#,
        ),
        ("flight: hover", "flight: 3", "14:17: `flight` must be one of hover, random_walk, found `3`"),
        ("[seeds, worms]", "[]", "15:15: `food` must be a list of 1 to 4 values, each one of seeds, worms, found `[]`"),
        (
            "[seeds, worms]",
            "seeds",
            "15:15: `food` must be a list of 1 to 4 values, each one of seeds, worms, found `seeds`",
        ),
        ("[seeds, worms]", "[seeds, wurms]", "15:23: `food` cannot be `wurms`; did you mean `worms`?"),
        (
            "[seeds, worms]",
            "[seeds, seeds, seeds, seeds, seeds, seeds, seeds, seeds, seeds, seeds]",
            "15:15: `food` must be a list of 1 to 4 values, each one of seeds, worms, found `[seeds, seeds, seeds, seeds, seeds, seeds, seeds…`",
        ),
        ("domain: Flock((", "domain: Flok((", "9:13: `domain` cannot be `Flok`; did you mean `Flock`?"),
    ]);
}

#[test]
fn a_wrong_header_is_told_what_it_should_be() {
    assert_explained(&[
        (
            "version: 1",
            "version: 2",
            "3:14: version 2 of the scenario format is newer than this agon, which reads up to 1; update agon, or write the scenario for the older version",
        ),
        ("version: 1", "version: 0", "3:14: `version` must be 1, found `0`"),
        ("version: 1,", r#"version: "1","#, r#"3:14: `version` must be 1, found `"1"`"#),
        (
            r#"title: "Flock""#,
            r#"title: """#,
            r#"5:12: `title` must be a text of 1 to 100 characters on one line, found `""`"#,
        ),
        (
            r#"title: "Flock""#,
            r#"title: "Flock"#,
            r#"5:12: `title` must be a text of 1 to 100 characters on one line, found `"Flock, about: "`"#,
        ),
        (
            "max_steps: 200,",
            "max_steps: 0,",
            "8:16: `max_steps` must be a whole number from 1 to 10000000 ticks, found `0`",
        ),
        (
            "max_steps: 200,",
            "max_steps: 2.5,",
            "8:16: `max_steps` must be a whole number from 1 to 10000000 ticks, found `2.5`",
        ),
        (
            "max_steps: 200,",
            "max_steps: 99999999999999999999999999,",
            "8:16: `max_steps` must be a whole number from 1 to 10000000 ticks, found `99999999999999999999999999`",
        ),
        (
            "max_steps: 200,",
            "max_steps: two hundred,",
            "8:16: `max_steps` must be a whole number from 1 to 10000000 ticks, found `two`",
        ),
        (
            "seed: 1",
            "seed: -1",
            "7:11: `seed` must be a whole number from 0 to 18446744073709551615, found `-18446744073709551615`",
        ),
        (
            "seed: 1",
            "seed: 11",
            "7:11: `seed` must be a whole number from 0 to 18446744073709551615, found `118446744073709551615`",
        ),
    ]);
}

#[test]
fn broken_ron_is_told_where_it_breaks() {
    assert_explained(&[
        ("max_steps: 200,", "max_steps: 200", "9:5: expected `,` or a closing bracket, found `domain`"),
        ("max_steps: 200,", "max_steps 200,", "8:15: expected `:` after `max_steps`, found `200`"),
        ("max_steps: 200,", "max_steps: ,", "8:16: expected a value, found `,`"),
        ("max_steps: 200,", "max_steps: 200x,", "8:16: `200x` is not a value"),
        (
            "max_steps: 200,",
            "max-steps: 200,",
            "8:5: `max-steps` is not a name; names are made of letters, digits and `_`",
        ),
        ("max_steps: 200,", "200,", "8:5: `200` is not a name; names are made of letters, digits and `_`"),
        ("max_steps: 200,", "max_steps: %,", "8:16: expected a value, found `%`"),
        (
            r#"name: "flock-1""#,
            r#"name: "../flock""#,
            r#"4:11: `name` must be 1 to 64 lower-case letters, digits and `-`, found `"../flock"`"#,
        ),
        (
            r#"name: "flock-1""#,
            "name: flock",
            "4:11: `name` must be 1 to 64 lower-case letters, digits and `-`, found `flock`",
        ),
        (r#"title: "Flock""#, r#"title: "Fl\qck""#, "5:17: unknown escape character"),
        ("flight: hover", "flight: hover(1)", "14:22: expected `,` or a closing bracket, found `(`"),
        ("[seeds, worms]", "[seeds, worms", "16:9: expected a value or a closing bracket, found the key `turns_s`"),
        ("[seeds, worms]", "[seeds, worms)", "15:28: expected `,` or a closing bracket, found `)`"),
        ("reward: (height: -0.25)", "reward: 3", "19:17: `reward` must be a group `(key: value, …)`, found `3`"),
        (
            "reward: (height: -0.25)",
            "reward: (1, 2)",
            "19:18: `1` is not a name; names are made of letters, digits and `_`",
        ),
        ("domain: Flock((", "domain: ((", "9:13: expected a name, found `(`"),
        ("domain: Flock((", "domain: Flock(", "10:9: expected `(`, found `num_birds`; write `(num_birds: …)`"),
        ("domain: Flock((", "domain: Flock(((", "9:20: expected a name, found `(`"),
        (
            "train: {",
            "train: (",
            r#"21:12: `train` must be a map `{ "name": value, … }`, found `( "learning_rate": 3e-4, "anneal_lr": "true" }`"#,
        ),
        (
            r#""learning_rate": 3e-4"#,
            "learning_rate: 3e-4",
            r#"21:14: expected a text in quotes, found `learning_rate`; write `"learning_rate"`"#,
        ),
        ("(\n    version", "Scene(\n    version", "2:1: expected `(`, found `Scene`"),
        ("(\n    version", "#![enable(nonsense)]\n(\n    version", "2:19: no RON extension named `nonsense`"),
        ("},\n)\n", "},\n) x\n", "22:3: the scenario ends before `x`; remove what follows it"),
        ("},\n)\n", "},\n))\n", "22:2: the scenario ends before `)`; remove what follows it"),
        ("},\n)\n", "},\n}\n", "22:1: expected a name, found `}`"),
        ("(\n    version", "\n    version", "3:5: expected `(`, found `version`; write `(version: …)`"),
        ("[seeds, worms]", "[seeds worms]", "15:22: expected `,` or a closing bracket, found `worms`"),
    ]);
}

#[test]
fn a_file_that_is_cut_off_is_told_so() {
    assert_explained(&[
        ("},\n)\n", "},\n", "22:1: the file ends in the middle of the scenario; the last `)` is missing"),
        ("/* a comment", "/* /* a comment", "11:9: the file ends inside the string or comment that begins here"),
        ("true\" },", "tr", "21:50: the file ends inside the string or comment that begins here"),
        ("train: {", "/*", "21:5: the file ends inside the string or comment that begins here"),
    ]);
}

#[test]
fn parameters_that_do_not_go_together_are_told_where_one_of_them_is() {
    assert_explained(&[
        ("num_birds: 12", "num_birds: 1", "12:22: `num_leaders` is more than `num_birds`, which is 1"),
        ("num_leaders: 2", "num_leaders: 13", "12:22: `num_leaders` is more than `num_birds`, which is 12"),
    ]);
    let text = edited("num_leaders: 2,", "").replace("num_birds: 12", "num_birds: 1");
    assert!(parse(&text).is_ok(), "one leader of one bird");
}

#[test]
fn a_file_that_is_no_scenario_is_told_so() {
    for (text, expected) in [
        ("", r#"1:1: the file holds no scenario; a scenario looks like `(version: 1, name: "…", …)`"#),
        ("// nothing\n", r#"1:1: the file holds no scenario; a scenario looks like `(version: 1, name: "…", …)`"#),
        ("5", "1:1: expected a group `(key: value, …)`, found `5`"),
        ("hello", "1:1: expected `(`, found `hello`"),
        (r#"{ "version": 1 }"#, "1:1: expected a group `(key: value, …)`, found `{`"),
        ("(version: 1)", "1:12: key `name` is missing; add `name: …,`"),
        ("()", "1:2: key `version` is missing; add `version: …,`"),
        ("version: 1", "1:1: expected `(`, found `version`; write `(version: …)`"),
    ] {
        assert_eq!(message(text), format!("{FILE}:{expected}"), "{text:?}");
    }
}

#[test]
fn bytes_that_are_not_text_are_told_where() {
    let mut bytes = VALID.as_bytes().to_vec();
    bytes[30] = 0xFF;
    let error = Scenario::<Domain>::parse_bytes(&bytes, FILE).unwrap_err();
    assert_eq!(error.to_string(), "flock.ron:3:2: not text in UTF-8; save it as UTF-8");
    assert_eq!(error.exit_code(), 2);
    assert_eq!(Scenario::<Domain>::parse_bytes(VALID.as_bytes(), FILE), Ok(valid()));
    let packed = Scenario::<Domain>::parse_bytes(b"\x1f\x8b\x08\0", FILE).unwrap_err();
    assert_eq!(packed.to_string(), "flock.ron:1:2: this is packed with gzip, not text; unpack it first");
}

#[test]
fn comments_may_be_in_whatever_encoding() {
    let in_comment = [b"\xEF\xBB\xBF// caf\xe9\n/* caf\xe9 */", VALID.as_bytes(), b"// \xff\xe9"].concat();
    assert_eq!(Scenario::<Domain>::parse_bytes(&in_comment, FILE), Ok(valid()));
    for (open, close) in [("\"", "\""), ("/*", ""), ("", "")] {
        let elsewhere = [open.as_bytes(), b"\xe9", close.as_bytes(), VALID.as_bytes()].concat();
        let error = Scenario::<Domain>::parse_bytes(&elsewhere, FILE).unwrap_err().to_string();
        assert!(error.contains("not text in UTF-8"), "{error}");
    }
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let mut text = VALID.to_string();
    text.extend(std::iter::repeat_n(' ', MAX_BYTES - VALID.len()));
    assert_eq!(parse(&text), Ok(valid()), "the longest file");
    text.push(' ');
    let told = "flock.ron: the file is longer than 2048 KiB, which no scenario is";
    assert_eq!(message(&text), told);
    text.push('\u{FF}');
    let error = Scenario::<Domain>::parse_bytes(&text.as_bytes()[..text.len() - 1], FILE).unwrap_err();
    assert_eq!(error.to_string(), told, "before its text is looked at");
}

#[test]
fn text_of_a_file_does_not_steer_the_terminal() {
    for (from, to) in [
        ("flight: hover", "flight: \"\u{1b}[2J\u{202E}\""),
        ("\"anneal_lr\"", "\"\u{7}\u{1b}]0;x\u{7}\""),
        ("num_birds: 12", "num_birds: \"\u{9b}2J\n\""),
        ("Flock((", "Flock({\"\u{1b}[2J\": 1, "),
    ] {
        let message = message(&edited(from, to));
        assert!(!message.contains(|c: char| c.is_control() || c == '\u{202E}'), "{message:?}");
    }
}

#[test]
fn the_resolved_file_reads_back_equal() {
    let scenario = valid();
    let text = scenario.to_ron().unwrap();
    assert_eq!(parse(&text), Ok(scenario));
    for default in ["distance: 0.5", "height: -0.25", "ceiling_m: Some(300.0)", "version: 1"] {
        assert!(text.contains(default), "{default} is missing in {text}");
    }
}

#[test]
fn a_scenario_that_would_not_be_read_is_not_written() {
    let mut scenario = valid();
    scenario.name = "a/b".into();
    let told = "`name` must be 1 to 64 lower-case letters, digits and `-`, found `a/b`";
    assert_eq!(scenario.to_ron().unwrap_err().to_string(), told);

    let mut scenario = valid();
    scenario.domain = Domain::Sky(Sky { wind_mps: f64::NAN });
    let told = "`wind_mps` must be a number from -100 to 100 m/s, found `NaN`";
    assert_eq!(scenario.to_ron().unwrap_err().to_string(), told);
}

#[test]
fn values_are_set_by_name_as_in_the_file() {
    let mut scenario = valid();
    for (name, value) in [("seed", "7"), ("max_steps", "50"), ("speed_mps", "3"), ("reward.height", "2")] {
        scenario.set(name, value).unwrap();
    }
    assert_eq!((scenario.seed, scenario.max_steps), (7, 50));
    assert_eq!((flock(&scenario).speed_mps, flock(&scenario).reward.height), (3.0, 2.0));
    let before = scenario.clone();
    for (name, value, told) in [
        ("max_steps", "0", "`max_steps` must be a whole number from 1 to 10000000 ticks, found `0`"),
        ("seed", "x", "`seed` must be a whole number from 0 to 18446744073709551615, found `x`"),
        ("speed", "1", "unknown parameter `speed`; did you mean `speed_mps`?"),
        ("reward.heigt", "1", "unknown parameter `reward.heigt`; did you mean `height`?"),
        ("reward.height", "99", "`reward.height` must be a number from -10 to 10, found `99`"),
    ] {
        assert_eq!(scenario.set(name, value).unwrap_err().to_string(), told);
    }
    assert_eq!(scenario, before, "an error changes nothing");
}

#[test]
fn later_errors_can_be_placed_too() {
    assert_eq!(place_of(VALID, &["train", "learning_rate"]), Some((21, 31)));
    assert_eq!(place_of(VALID, &["domain", "reward", "height"]), Some((19, 26)));
    assert_eq!(place_of(VALID, &["seed"]), Some((7, 11)));
    for path in [&["train", "lr"][..], &["height"], &["domain", "seed"], &[]] {
        assert_eq!(place_of(VALID, path), None, "{path:?}");
    }
}

#[test]
fn declarations_know_what_panels_and_tables_need() {
    let scenario = valid();
    let params = scenario.domain.params().declared();
    assert_eq!(
        names_of(params),
        [
            "num_birds",
            "num_leaders",
            "speed_mps",
            "flight",
            "food",
            "turns_s",
            "sings",
            "ceiling_m",
            "reward.height",
            "reward.distance"
        ]
    );
    let speed = &params[2];
    assert_eq!((speed.doc, speed.unit(), &*speed.default, speed.when), ("Top speed.", "m/s", "8.0", When::Live));
}

#[test]
fn no_prefix_of_a_file_is_read_or_panics() {
    let complete = VALID.trim_end().len();
    for (end, _) in VALID.char_indices().filter(|(end, _)| *end < complete) {
        let error = parse(&VALID[..end]).unwrap_err();
        let place = error.place().and_then(|place| place.at);
        let message = error.to_string();
        assert!(place.is_some(), "{message}");
        assert!(
            message.contains("the file ends") || message.contains("the file holds no scenario"),
            "of {:?}: {message}",
            &VALID[..end]
        );
    }
}

#[test]
fn no_flipped_bit_panics_and_every_error_has_a_place() {
    for at in 0..VALID.len() {
        for bit in 0..8 {
            let mut bytes = VALID.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            assert_sound(&bytes);
        }
    }
}

#[test]
fn deep_and_long_files_are_refused_or_read_but_never_too_much() {
    let filled = |unit: &str| unit.repeat(MAX_BYTES / unit.len());
    for unit in [
        "(",
        "[",
        "{",
        "a(",
        "a:(",
        "Some(",
        "\"",
        "'",
        "r#\"",
        "r#",
        "/*",
        "/",
        "//",
        "\\",
        "1,",
        "a:1,",
        "\"a\":1,",
        "-",
        "#![enable(implicit_some)]",
        "..",
        "b'",
        "\u{85}",
        "é",
    ] {
        assert_sound(filled(unit).as_bytes());
        for (from, open) in [("num_birds: 12", "num_birds: "), ("[0, 1.5e1]", "["), ("\"anneal_lr\": ", "\"a\": ")] {
            let start = edited(from, open);
            let head = &start[..VALID.find(from).unwrap() + open.len()];
            let text = head.to_string() + &unit.repeat((MAX_BYTES - head.len()) / unit.len());
            assert_sound(text.as_bytes());
        }
    }
}

/// Reads bytes: an error has a place in a file that is short enough, what is accepted reads back equal.
fn assert_sound(bytes: &[u8]) {
    match Scenario::<Domain>::parse_bytes(bytes, FILE) {
        Ok(scenario) => assert_eq!(parse(&scenario.to_ron().unwrap()), Ok(scenario)),
        Err(error) => {
            let place = error.place().unwrap();
            assert_eq!(error.exit_code(), 2);
            assert!(place.at.is_some_and(|(line, column)| line > 0 && column > 0), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
    }
}

fn any_flock() -> impl Strategy<Value = Flock> {
    let numbers = (1usize..=1000, 0.0..=50.0f64, -10.0..=10.0f64, -10.0..=10.0f64);
    let lists = (
        prop::collection::vec(prop::sample::select(Food::ALL), 1..=4),
        prop::collection::vec(0.0..=600.0f64, 0..=3),
        prop::option::of(1.0..=9000.0f64),
    );
    (numbers, lists, any::<bool>(), prop::sample::select(Flight::ALL)).prop_map(
        |((num_birds, speed_mps, height, distance), (food, turns_s, ceiling_m), sings, flight)| Flock {
            num_birds,
            num_leaders: num_birds / 2,
            speed_mps,
            flight,
            food,
            turns_s,
            sings,
            ceiling_m,
            reward: Reward { height, distance },
        },
    )
}

/// A change of a file: cut, doubled, overwritten, or with something of RON put in.
fn mutated(start: &str, changes: &[(usize, u8, u8)]) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "(", ")", "[", "]", "{", "}", ",", ":", "\"", "'", "/*", "*/", "//", "r#\"", "NaN", "inf", "-", "Some(", "\\",
    ];
    let mut bytes = start.as_bytes().to_vec();
    for (at, what, value) in changes {
        let at = at % (bytes.len() + 1);
        let to = (at + usize::from(*value)).min(bytes.len());
        match what % 5 {
            0 => drop(bytes.drain(at..to)),
            1 => bytes.splice(at..at, bytes[at..to].to_vec()).for_each(drop),
            2 => bytes.splice(at..at, WORDS[usize::from(*value) % WORDS.len()].bytes()).for_each(drop),
            3 => bytes.insert(at, *value),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = *value),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        assert_sound(&bytes);
    }

    #[test]
    fn damaged_files_never_panic(changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..6)) {
        assert_sound(&mutated(VALID, &changes));
    }

    #[test]
    fn random_values_never_panic(name in prop::sample::select(vec!["num_birds", "speed_mps", "flight", "food", "turns_s", "sings", "ceiling_m", "reward", "seed"]), value in "\\PC{0,20}") {
        let mut scenario = valid();
        if scenario.set(name, &value).is_ok() {
            scenario.domain.params().check().unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_scenario_is_written_and_read_back_bit_for_bit(
        flock in any_flock(),
        seed in any::<u64>(),
        max_steps in 1u32..=10_000_000,
        about in "[^\\p{Cc}]{1,60}(\n[^\\p{Cc}]{0,20})?",
        rate in any::<f64>(),
    ) {
        let mut scenario = valid();
        (scenario.seed, scenario.max_steps, scenario.about, scenario.domain) = (seed, max_steps, about, Domain::Flock(flock));
        scenario.train.insert("learning_rate".into(), format!("{rate:?}"));
        prop_assert_eq!(parse(&scenario.to_ron().unwrap()), Ok(scenario));
    }

    #[test]
    fn what_get_says_set_takes(flock in any_flock()) {
        let mut copy = Flock::default();
        for name in names_of(Flock::declarations()) {
            copy.set(&name, &flock.get(&name).unwrap()).unwrap();
        }
        prop_assert_eq!(copy, flock);
    }
}
