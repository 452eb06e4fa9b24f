#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::{Kind, Params, When, choices, legible, names_of, params};

choices! {
    /// What moves the swarm.
    enum Wind {
        /// Nothing does.
        Still = "still",
        /// A steady
        /// breeze.
        Breeze = "breeze",
    }
}

params! {
    /// Weights.
    struct Weights {
        /// Weight of the way.
        way: f64 = 1.0, range 0.0..=2.0, live;
        /// Weight of the wait.
        wait: f64 = 0.25, range 1e-9..=1e9, live;
    }
}

params! {
    /// One of everything.
    struct Everything {
        /// A byte.
        byte: u8 = 1, range 0..=200, next_reset;
        /// A short.
        short: u16 = 2, range 0..=u16::MAX, next_reset;
        /// A word
        /// of two lines.
        word: u32 = 3, unit "ticks", range 1..=100, live;
        /// A long.
        long: u64 = u64::MAX, range 0..=u64::MAX, live;
        /// A size.
        size: usize = 5, range 5..=5, live;
        /// An integer.
        int: i32 = -6, range -10..=10, live;
        /// A long integer.
        big: i64 = i64::MIN, range i64::MIN..=i64::MAX, live;
        /// A number.
        number: f64 = 7.5, unit "m", range -1e300..=1e300, live;
        /// A flag.
        flag: bool = true, flag, live;
        /// A choice.
        wind: Wind = Wind::Breeze, choice, next_reset;
        /// Some choices.
        winds: Vec<Wind> = vec![Wind::Still], list 1..=3, choice, next_reset;
        /// Some pairs of weights.
        weightings: Vec<Weights> = vec![], list 0..=2, group, next_reset;
        /// A number or none.
        limit: Option<f64> = None, optional, unit "s", range 0.0..=1.0, live;
        /// A choice or none.
        gust: Option<Wind> = Some(Wind::Still), optional, choice, live;
        /// A flag or none.
        maybe: Option<bool> = None, optional, flag, live;
        /// Weights.
        weights: Weights = Weights { way: 2.0, ..Weights::default() }, group, live;
    }
}

fn param(name: &str) -> &'static super::Param {
    Everything::declarations().iter().find(|param| param.name == name).unwrap()
}

#[test]
fn defaults_are_within_their_own_ranges() {
    Everything::default().check().unwrap();
}

#[test]
fn a_declaration_knows_all_that_its_line_says() {
    let word = param("word");
    assert_eq!((word.doc, word.unit(), &*word.default, word.when), ("A word of two lines.", "ticks", "3", When::Live));
    assert_eq!(word.kind, Kind::Whole { low: 1, high: 100, unit: "ticks" });
    assert_eq!(
        param("wind").kind,
        Kind::Choice { names: &["still", "breeze"], docs: &["Nothing does.", "A steady breeze."] }
    );
    assert_eq!((param("wind").when, &*param("wind").default), (When::NextReset, "breeze"));
    assert_eq!(param("limit").unit(), "s");
    assert_eq!(param("weights").kind, Kind::Group(Weights::declarations()));
    assert_eq!(Wind::ALL.iter().map(|wind| wind.name()).collect::<Vec<_>>(), Wind::NAMES);
    assert_eq!(Everything::default().declared(), Everything::declarations());
}

#[test]
fn what_is_expected_is_told_in_words() {
    for (name, words) in [
        ("byte", "a whole number from 0 to 200"),
        ("word", "a whole number from 1 to 100 ticks"),
        ("long", "a whole number from 0 to 18446744073709551615"),
        ("size", "5"),
        ("big", "a whole number from -9223372036854775808 to 9223372036854775807"),
        ("number", "a number from -1e300 to 1e300 m"),
        ("flag", "`true` or `false`"),
        ("wind", "one of still, breeze"),
        ("winds", "a list of 1 to 3 values, each one of still, breeze"),
        ("weightings", "a list of 0 to 2 values, each a group `(key: value, …)`"),
        ("limit", "`None` or a number from 0 to 1 s"),
        ("weights", "a group `(key: value, …)`"),
    ] {
        assert_eq!(param(name).kind.to_string(), words);
    }
    let Kind::Group(weights) = &param("weights").kind else { panic!("weights are a group") };
    assert_eq!(weights[1].kind.to_string(), "a number from 1e-9 to 1e9");
}

#[test]
fn values_are_set_from_ron() {
    let mut values = Everything::default();
    for (name, text) in [
        ("byte", "0x10"),
        ("number", "3"),
        ("flag", " false "),
        ("wind", "still"),
        ("winds", "[breeze, still]"),
        ("weightings", "[(way: 0), ()]"),
        ("limit", "0.5"),
        ("gust", "None"),
        ("maybe", "Some(true)"),
        ("weights.way", "1e-3"),
    ] {
        values.set(name, text).unwrap();
    }
    let expected = Everything {
        byte: 16,
        number: 3.0,
        flag: false,
        wind: Wind::Still,
        winds: vec![Wind::Breeze, Wind::Still],
        weightings: vec![Weights { way: 0.0, ..Weights::default() }, Weights::default()],
        limit: Some(0.5),
        gust: None,
        maybe: Some(true),
        weights: Weights { way: 1e-3, ..Weights::default() },
        ..Everything::default()
    };
    assert_eq!(values, expected);
}

#[test]
fn a_group_set_as_a_whole_starts_from_its_defaults() {
    let mut values = Everything::default();
    values.set("weights", "(wait: 0.5)").unwrap();
    assert_eq!(values.weights, Weights { way: 1.0, wait: 0.5 });
}

#[test]
fn what_cannot_be_set_is_told_and_changes_nothing() {
    let mut values = Everything::default();
    for (name, text, told) in [
        ("byte", "201", "`byte` must be a whole number from 0 to 200, found `201`"),
        ("byte", "256", "`byte` must be a whole number from 0 to 200, found `256`"),
        ("byte", "-1", "`byte` must be a whole number from 0 to 200, found `-1`"),
        ("int", "3000000000", "`int` must be a whole number from -10 to 10, found `3000000000`"),
        ("size", "5.0", "`size` must be 5, found `5.0`"),
        ("size", "", "`size` must be 5, found ``"),
        ("size", "5 5", "`size` must be 5, found `5 5`"),
        ("number", "NaN", "`number` must be a number from -1e300 to 1e300 m, found `NaN`"),
        ("number", "inf", "`number` must be a number from -1e300 to 1e300 m, found `inf`"),
        ("number", "1e999", "`number` must be a number from -1e300 to 1e300 m, found `1e999`"),
        ("number", "\"1\"", "`number` must be a number from -1e300 to 1e300 m, found `\"1\"`"),
        ("flag", "1", "`flag` must be `true` or `false`, found `1`"),
        ("wind", "brezee", "`wind` cannot be `brezee`; did you mean `breeze`?"),
        ("wind", "1", "`wind` must be one of still, breeze, found `1`"),
        ("winds", "[]", "`winds` must be a list of 1 to 3 values, each one of still, breeze, found `[]`"),
        ("winds", "[x]", "`winds` cannot be `x`; valid names: still, breeze"),
        ("limit", "2", "`limit` must be `None` or a number from 0 to 1 s, found `2`"),
        ("limit", "none", "`limit` must be `None` or a number from 0 to 1 s, found `none`"),
        ("weights", "(way: 3)", "`weights` must be a group `(key: value, …)`, found `(way: 3)`"),
        ("weights.way", "3", "`weights.way` must be a number from 0 to 2, found `3`"),
        ("weights.wax", "3", "unknown parameter `weights.wax`; did you mean `way`?"),
        ("weigths.way", "3", "unknown parameter `weigths.way`; did you mean `weights.way`?"),
        ("flga", "true", "unknown parameter `flga`; did you mean `flag`?"),
    ] {
        let error = values.set(name, text).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit_code()), (told, 2));
    }
    assert_eq!(values, Everything::default());
}

#[test]
fn values_assigned_in_code_are_checked_too() {
    type Change = fn(&mut Everything);
    let changes: [(Change, &str); 6] = [
        (|v| v.byte = 201, "`byte` must be a whole number from 0 to 200, found `201`"),
        (|v| v.number = f64::NAN, "`number` must be a number from -1e300 to 1e300 m, found `NaN`"),
        (|v| v.winds.clear(), "`winds` must be a list of 1 to 3 values, each one of still, breeze, found `[]`"),
        (|v| v.limit = Some(f64::INFINITY), "`limit` must be `None` or a number from 0 to 1 s, found `Some(inf)`"),
        (|v| v.weights.way = -1.0, "`weights.way` must be a number from 0 to 2, found `-1.0`"),
        (
            |v| v.weightings.push(Weights { way: 9.0, wait: 0.5 }),
            "`weightings` must be a list of 0 to 2 values, each a group `(key: value, …)`, \
             found `[(way:9.0,wait:0.5)]`",
        ),
    ];
    for (change, told) in changes {
        let mut values = Everything::default();
        change(&mut values);
        assert_eq!(values.check().unwrap_err().to_string(), told);
    }
}

#[test]
fn every_name_can_be_got_and_set() {
    let mut values = Everything::default();
    let names = names_of(Everything::declarations());
    assert!(names.contains(&"weights.wait".to_string()) && !names.contains(&"weights".to_string()));
    for name in names {
        let text = values.get(&name).unwrap();
        values.set(&name, &text).unwrap();
    }
    assert_eq!(values, Everything::default());
    assert_eq!(values.get("weights"), Some("(way:2.0,wait:0.25)".to_string()));
    for unknown in ["", ".", "no", "weights.no", "byte.way", "weights.way.x"] {
        assert_eq!(values.get(unknown), None, "{unknown}");
    }
}

#[test]
fn every_format_keeps_the_values_and_refuses_bad_ones() {
    let values = Everything { limit: Some(0.1), weightings: vec![Weights::default()], ..Everything::default() };
    let json = serde_json::to_string(&values).unwrap();
    assert_eq!(serde_json::from_str::<Everything>(&json).unwrap(), values);
    let bytes = postcard::to_stdvec(&values).unwrap();
    assert_eq!(postcard::from_bytes::<Everything>(&bytes).unwrap(), values);
    assert_eq!(ron::from_str::<Everything>(&ron::to_string(&values).unwrap()).unwrap(), values);

    for end in 0..bytes.len() {
        assert!(postcard::from_bytes::<Everything>(&bytes[..end]).is_err(), "cut at {end}");
    }
    let high = Everything { byte: 201, ..values };
    assert!(postcard::from_bytes::<Everything>(&postcard::to_stdvec(&high).unwrap()).is_err());
    for json in [r#"{"byte":201}"#, r#"{"byte":1,"byte":1}"#, r#"{"bite":1}"#, r#"{"byte":null}"#, r#"{"wind":2}"#] {
        assert!(serde_json::from_str::<Everything>(json).is_err(), "{json}");
    }
}

#[test]
fn text_in_messages_is_short_and_harmless() {
    assert_eq!(legible("  a \n\t b "), "a b");
    assert_eq!(legible("\u{1b}[2J\u{202E}x"), "\\u{1b}[2J\\u{202e}x");
    assert_eq!(legible(&"ü".repeat(60)), "ü".repeat(48) + "…");
}

proptest! {
    #[test]
    fn no_text_panics_or_gets_past_the_check(name in prop::sample::select(names_of(Everything::declarations())), text in "\\PC{0,12}") {
        let mut values = Everything::default();
        match values.set(&name, &text) {
            Ok(()) => prop_assert_eq!(values.check(), Ok(())),
            Err(_) => prop_assert_eq!(values, Everything::default()),
        }
    }

    #[test]
    fn numbers_in_range_pass_and_others_do_not(value in prop::num::f64::ANY) {
        let mut weights = Weights::default();
        prop_assert_eq!(weights.set("way", &format!("{value:?}")).is_ok(), (0.0..=2.0).contains(&value));
        weights.way = value;
        prop_assert_eq!(weights.check().is_ok(), (0.0..=2.0).contains(&value));
    }
}
