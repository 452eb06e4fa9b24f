#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path};

use super::{files::sha256, *};
use crate::{
    policy::{network::Network, tensor::NamedTensor, tensors::to_safetensors},
    sim::field,
};

/// A group of any size that sees `width` numbers of `layout` and steers with one axis and one choice of three.
pub(in crate::policy) fn group(layout: &'static str, width: usize, top: f32) -> GroupSpec {
    GroupSpec {
        name: "birds",
        agents: 3,
        layout,
        observation: (0..width).map(|i| field(format!("x{i}"), "m", -1.0..=1.0)).collect(),
        action: ActionSpace {
            continuous: vec![field("turn", "rad/s", -top..=top)],
            discrete: vec![DiscreteSpec { name: "call", choices: vec!["none", "low", "high"] }],
        },
        reward_terms: vec![],
        reward_clip: None,
        is_masked: false,
        default: "",
        reference: None,
    }
}

/// A small network for [`group`], different for every `seed`, and its card.
pub(in crate::policy) fn shared(group: &GroupSpec, seed: u32) -> Shared {
    binned(group, seed, 0)
}

/// The same with an axis of so many settings.
pub(in crate::policy) fn binned(group: &GroupSpec, seed: u32, bins: usize) -> Shared {
    let card = Card {
        version: VERSION,
        name: "starling".into(),
        domain: "sky".into(),
        scenario: "dusk".into(),
        group: group.name.into(),
        layout: group.layout.into(),
        observation: group.observation.len(),
        hidden: 8,
        activation: Activation::Tanh,
        team: Team::Any,
        actions: Actions { bins, ..Actions::of(&group.action) },
        algorithm: "mappo".into(),
        seed: 7,
        env_steps: 1_000_000,
        minutes: 2.5,
        results: vec![Score { metric: "height".into(), mean: 1.5, lo: 1.25, hi: 1.75, n: 200 }],
        agon: "0.1.0".into(),
        sha256: String::new(),
    };
    let mut state = seed;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    let shape = card.shape();
    let mut tensors = Vec::new();
    let mut tensor = |name: &str, shape: &[usize], value: &mut dyn FnMut() -> f32| {
        let data = (0..shape.iter().product()).map(|_| value()).collect();
        tensors.push(NamedTensor { name: name.to_owned(), shape: shape.to_vec(), data });
    };
    for (index, (inputs, outputs)) in shape.layers().into_iter().enumerate() {
        tensor(&format!("actor.{index}.weight"), &[inputs, outputs], &mut number);
        tensor(&format!("actor.{index}.bias"), &[outputs], &mut number);
    }
    tensor("actor.log_std", &[shape.continuous], &mut number);
    tensor("normaliser.mean", &[shape.observation], &mut || 0.0);
    tensor("normaliser.std", &[shape.observation], &mut || 1.0);
    Shared { network: Network::from_tensors(shape, &tensors).unwrap(), card }
}

#[track_caller]
fn refused(path: &Path, because: &str) {
    let error = load(path).unwrap_err();
    assert!(error.to_string().contains(because), "{error}");
    assert_eq!(error.exit_code(), 2, "{error}");
    assert!(error.place().is_some(), "{error}");
}

#[test]
fn a_policy_is_read_back_from_its_folder_its_card_and_its_weights() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("checkpoints/sky/starling");
    let shared = shared(&group("local", 4, 2.0), 1);
    assert!(save(&folder, &shared.network, &shared.card).unwrap().is_promised());
    for path in [folder.clone(), folder.join(CARD_FILE), folder.join(WEIGHTS_FILE)] {
        let back = load(&path).unwrap();
        assert_eq!(back.network.tensors(), shared.network.tensors());
        assert_eq!(Card { sha256: String::new(), ..back.card }, shared.card);
    }
    let alone = dir.path().join("alone.safetensors");
    fs::copy(folder.join(WEIGHTS_FILE), &alone).unwrap();
    assert_eq!(load(&alone).unwrap().card, shared.card);
    assert_eq!(load_card(&folder).unwrap().sha256, sha256(&fs::read(alone).unwrap()));
}

#[test]
fn a_card_reads_back_equal_even_when_a_metric_was_not_measured() {
    let mut card = shared(&group("local", 4, 2.0), 1).card;
    card.results.push(Score::new("never", Interval { mean: f64::NAN, lo: f64::NAN, hi: f64::NAN, n: 0 }));
    let back = Card::parse(card.to_ron().unwrap().as_bytes()).unwrap();
    assert!(back.results[1].mean.is_nan());
    card.results.truncate(1);
    assert_eq!(Card { results: back.results[..1].to_vec(), ..back }, card);
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let (dir, group) = (tempfile::tempdir().unwrap(), group("local", 4, 2.0));
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    for (folder, seed) in [(&one, 1), (&two, 2)] {
        let shared = shared(&group, seed);
        save(folder, &shared.network, &shared.card).unwrap().is_promised();
    }
    fs::copy(two.join(WEIGHTS_FILE), one.join(WEIGHTS_FILE)).unwrap();
    refused(&one, "not the weights that `card.ron` beside them describes");
    assert!(load(&one.join(WEIGHTS_FILE)).is_ok(), "the weights know what they are");
}

#[test]
fn missing_truncated_and_foreign_files_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(&group("local", 4, 2.0), 1);
    let (folder, weights) = (dir.path().to_path_buf(), dir.path().join(WEIGHTS_FILE));
    refused(&folder, "no policy is here");
    refused(&folder.join("missing.safetensors"), "cannot read");
    save(&folder, &shared.network, &shared.card).unwrap().is_promised();
    let whole = fs::read(&weights).unwrap();
    for len in [0, 4, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&weights, &whole[..len]).unwrap();
        for path in [&folder, &weights] {
            assert_eq!(load(path).unwrap_err().exit_code(), 2, "cut to {len} bytes");
        }
    }
    fs::write(&weights, b"PK\x03\x04 a zip file, as other tools write").unwrap();
    refused(&folder, "not a safetensors file");
    fs::write(&weights, &whole).unwrap();
    fs::remove_file(folder.join(CARD_FILE)).unwrap();
    refused(&folder, "there is no card beside the weights");
}

#[test]
fn weights_of_another_tool_need_a_card_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(&group("local", 4, 2.0), 1);
    let path = dir.path().join("exported.safetensors");
    let bytes = to_safetensors(&shared.network.tensors(), &BTreeMap::new()).unwrap();
    fs::write(&path, &bytes).unwrap();
    refused(&path, "carry no card");
    let card = Card { sha256: sha256(&bytes), ..shared.card };
    fs::write(dir.path().join(CARD_FILE), card.to_ron().unwrap()).unwrap();
    assert_eq!(load(&path).unwrap().card, card);
    let other = Card { sha256: sha256(b"other"), ..card };
    fs::write(dir.path().join(CARD_FILE), other.to_ron().unwrap()).unwrap();
    refused(&path, "belongs to other ones");
}

#[test]
fn a_card_that_lies_about_the_network_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(&group("local", 4, 2.0), 1);
    assert!(save(dir.path(), &shared.network, &Card { hidden: 16, ..shared.card.clone() }).is_err());
    assert!(!dir.path().join(WEIGHTS_FILE).exists());
    save(dir.path(), &shared.network, &shared.card).unwrap().is_promised();
    let path = dir.path().join(CARD_FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("hidden: 8", "hidden: 16")).unwrap();
    refused(dir.path(), "`hidden` is 16 here, but the weights were written with 8");
}

/// The card is under no checksum; its copy in the weights is.
#[test]
fn a_card_that_acts_otherwise_than_it_was_written_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(&group("local", 4, 2.0), 1);
    save(dir.path(), &shared.network, &shared.card).unwrap().is_promised();
    let (path, weights) = (dir.path().join(CARD_FILE), dir.path().join(WEIGHTS_FILE));
    let good = fs::read_to_string(&path).unwrap();
    for (from, to, named) in [
        ("high: 2.0", "high: 1.5", "`turn` from -2 to 1.5 rad/s here"),
        ("low: -2.0", "low: -2.5", "`turn` from -2.5 to 2 rad/s here"),
        ("activation: tanh", "activation: relu", "`activation` is relu here"),
        ("layout: \"local\"", "layout: \"lokal\"", "`layout` is lokal here"),
        ("\"low\", \"high\"]", "\"mid\", \"high\"]", "none/mid/high here"),
        ("team: Any", "team: Each(3)", "`team` is Each(3) here"),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good, "`{from}` is not in {good}");
        fs::write(&path, changed).unwrap();
        refused(dir.path(), named);
        assert_eq!(load(&weights).unwrap().card, shared.card, "the weights alone act as they were written");
    }
    // What says nothing of how it acts may be edited.
    fs::write(&path, good.replacen("name: \"starling\"", "name: \"bird\"", 1) + "// A note.\n").unwrap();
    assert_eq!(load(dir.path()).unwrap().card.name, "bird");
}

#[test]
fn hostile_cards_are_refused_with_a_reason() {
    let good = shared(&group("local", 4, 2.0), 1).card.to_ron().unwrap();
    assert!(Card::parse(good.as_bytes()).is_ok());
    let edited = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} in {good}");
        Card::parse(good.replace(from, to).as_bytes()).unwrap_err().to_string()
    };
    assert!(edited("version: 1", "version: 2").contains("newer than this agon"));
    assert!(edited("version: 1", "version: 2, later: 1").contains("newer than this agon"));
    assert!(edited("version: 1", "version: 0").contains("`version` must be"));
    assert!(edited("hidden: 8", "hidden: 99999999").contains("hidden layer"));
    assert!(edited("observation: 4", "observation: 0").contains("observation"));
    assert!(edited("high: 2.0", "high: inf").contains("cannot go from"));
    assert!(edited("high: 2.0", "high: -3.0").contains("cannot go from"));
    assert!(edited("minutes: 2.5", "minutes: NaN").contains("`minutes`"));
    assert!(edited("\"starling\"", "\"\"").contains("`name` is empty"));
    assert!(edited("\"starling\"", "\"\\u{1b}[2J\"").contains("`name` must be a text"));
    assert!(edited("sha256: \"\"", "sha256: \"xyz\"").contains("hexadecimal"));
    assert!(edited("seed: 7", "sed: 7").contains("sed"));
    assert!(Card::parse(&vec![b'('; 1 << 20]).unwrap_err().to_string().contains("longer than"));
    assert!(Card::parse(&[b'('; 2000]).is_err());
    assert!(Card::parse(b"\xff\xfe").is_err());
}

#[test]
fn a_policy_fits_any_number_of_agents_but_no_other_layout_or_action() {
    let card = shared(&group("local", 4, 2.0), 1).card;
    let fit = |group: &GroupSpec| card.check_fit(group).map_err(|error| error.to_string());
    assert!(fit(&GroupSpec { agents: 1000, ..group("local", 4, 2.0) }).is_ok());
    assert!(fit(&group("local", 4, 5.0)).is_ok(), "wider bounds hold the policy's own");
    let error = fit(&group("distant", 4, 2.0)).unwrap_err();
    assert!(error.contains("`local` (4 numbers)") && error.contains("`distant` (4 numbers)"), "{error}");
    assert!(fit(&group("local", 5, 2.0)).unwrap_err().contains("(5 numbers)"));
    assert!(fit(&group("local", 4, 1.0)).unwrap_err().contains("`turn` goes from -2 to 2 rad/s"));
    assert!(fit(&GroupSpec { name: "bats", ..group("local", 4, 2.0) }).unwrap_err().contains("`bats`"));
    let mut louder = group("local", 4, 2.0);
    louder.action.discrete[0].choices.push("shriek");
    assert!(fit(&louder).unwrap_err().contains("none/low/high/shriek"));
}

#[test]
fn a_policy_of_a_fixed_team_refuses_another_number_of_agents() {
    let group = group("local", 4, 2.0);
    let of_team = |team| Card { team, ..shared(&group, 1).card };
    for team in [Team::Any, Team::Each(3), Team::Whole(3)] {
        of_team(team).check_fit(&group).unwrap();
    }
    for team in [Team::Each(4), Team::Whole(2)] {
        let error = of_team(team).check_fit(&group).unwrap_err().to_string();
        assert!(error.contains("agents, and here are 3") && error.contains("exactly"), "{error}");
    }
    assert_eq!(of_team(Team::Whole(3)).shape().observation, 3 * 4);
}

#[test]
fn cards_from_before_there_were_teams_are_still_read() {
    let card = Card { sha256: "0".repeat(64), ..shared(&group("local", 4, 2.0), 1).card };
    let text = card.to_ron().unwrap();
    let without: String = text.lines().filter(|line| !line.contains("team:")).map(|line| format!("{line}\n")).collect();
    assert!(without.len() < text.len());
    assert_eq!(Card::parse(without.as_bytes()).unwrap(), card);
}
