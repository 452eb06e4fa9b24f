//! The two files of a shared policy: written so that they belong together, read so that nothing else does.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{Actions, Axis, Card, MAX_CARD_BYTES, Selection, VERSION};
use crate::{
    durable::{Durability, Folder, create_dir, files_in, read_capped},
    error::{Error, Result},
    policy::{
        network::Network,
        tensor::NamedTensor,
        tensors::{MAX_FILE_BYTES, from_safetensors, to_safetensors},
    },
    sim::GroupSpec,
};

/// Name of the card within its folder.
pub const CARD_FILE: &str = "card.ron";
/// Name of the weights within their folder.
pub const WEIGHTS_FILE: &str = "policy.safetensors";

/// Metadata key of the weights under which they carry their card.
const METADATA_KEY: &str = "agon.card";

/// A policy with its card.
#[derive(Clone, Debug)]
pub struct Shared {
    /// What it is.
    pub card: Card,
    /// What acts.
    pub network: Network,
}

impl Shared {
    /// A network that has learned to act for `group` in a scenario, with a card that says no more than what it is good for.
    pub fn new(network: Network, domain: &str, scenario: &str, group: &GroupSpec) -> Self {
        let shape = network.shape();
        let card = Card {
            version: VERSION,
            name: scenario.to_owned(),
            domain: domain.to_owned(),
            scenario: scenario.to_owned(),
            group: group.name.to_owned(),
            layout: group.layout.to_owned(),
            observation: group.observation.len(),
            hidden: shape.hidden,
            activation: shape.activation,
            team: network.team(),
            actions: Actions::of(&group.action),
            algorithm: String::new(),
            seed: 0,
            env_steps: 0,
            minutes: 0.0,
            results: Vec::new(),
            agon: env!("CARGO_PKG_VERSION").to_owned(),
            sha256: String::new(),
        };
        Self { card, network }
    }
}

/// Writes a policy into the folder `dir`: the weights, then the card. The card's checksum is filled in here.
///
/// Each file appears complete or not at all. A crash between the two leaves weights without the right card, which
/// [`load`] refuses for the folder and accepts for the file of weights alone.
///
/// # Errors
/// A card that does not describe the network or cannot be read back, weights that are not finite, or what the file
/// system reports.
pub fn save(dir: &Path, network: &Network, card: &Card) -> Result<Durability> {
    let files = Files::of(network, card)?;
    let made = create_dir(dir)?;
    Ok(made.and(files.write(&Folder::open(dir)?)?))
}

/// The same in a folder that is held open.
///
/// # Errors
/// As [`save`].
pub fn save_in(folder: &Folder, network: &Network, card: &Card) -> Result<Durability> {
    Files::of(network, card)?.write(folder)
}

/// What is in the two files.
struct Files {
    weights: Vec<u8>,
    card: String,
}

impl Files {
    fn of(network: &Network, card: &Card) -> Result<Self> {
        if (card.shape(), card.team) != (network.shape().clone(), network.team()) {
            return Err(Error::input(format!(
                "the card describes {:?} for {:?}, the network is {:?} for {:?}",
                card.shape(),
                card.team,
                network.shape(),
                network.team()
            )));
        }
        let carried = Card { sha256: String::new(), ..card.clone() }.to_ron()?;
        let weights = to_safetensors(&network.tensors(), &BTreeMap::from([(METADATA_KEY.to_owned(), carried)]))?;
        let card = Card { sha256: sha256(&weights), ..card.clone() }.to_ron()?;
        Ok(Self { weights, card })
    }

    fn write(&self, folder: &Folder) -> Result<Durability> {
        let weights = folder.replace(WEIGHTS_FILE, &self.weights)?;
        Ok(weights.and(folder.replace(CARD_FILE, self.card.as_bytes())?))
    }
}

/// Reads a policy: a folder with a card (a run folder is one), its card, or a file of weights.
///
/// # Errors
/// Files that are missing, damaged, of another tool or a newer agon, or that do not belong together; numbers that are not
/// finite; what the file system reports.
pub fn load(path: &Path) -> Result<Shared> {
    if path.is_dir() {
        load_folder(path)
    } else if path.file_name().is_some_and(|name| name == CARD_FILE) {
        load_folder(path.parent().unwrap_or(Path::new("")))
    } else {
        load_weights(path)
    }
}

/// The policies in `path`: itself, or, where it is a folder for several groups, the folder of each of them.
///
/// # Errors
/// What the file system reports.
pub fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    let is_policy = |path: &PathBuf| path.join(CARD_FILE).is_file();
    if !path.is_dir() || path.join(CARD_FILE).exists() {
        return Ok(vec![path.to_owned()]);
    }
    let own: Vec<PathBuf> = files_in(path)?.into_iter().filter(is_policy).collect();
    Ok(if own.is_empty() { vec![path.to_owned()] } else { own })
}

/// Reads the card in the folder `dir` without its weights.
///
/// # Errors
/// A card that is missing, damaged or of a newer agon.
pub fn load_card(dir: &Path) -> Result<Card> {
    let path = dir.join(CARD_FILE);
    if !path.exists() {
        let what =
            if dir.join(WEIGHTS_FILE).exists() { "there is no card beside the weights" } else { "no policy is here" };
        return Err(Error::input(what).in_file(dir).hint(format!(
            "a policy is a folder with `{CARD_FILE}` and `{WEIGHTS_FILE}`, or a `.safetensors` file of agon"
        )));
    }
    Card::parse(&read_capped(&path, MAX_CARD_BYTES as u64)?).map_err(|error| error.in_file(path))
}

fn load_folder(dir: &Path) -> Result<Shared> {
    let card = load_card(dir)?;
    let path = dir.join(WEIGHTS_FILE);
    let bytes = read_capped(&path, MAX_FILE_BYTES)?;
    belonging(dir, card, &bytes)
}

/// Reads the policy in a folder that is held open; no link in it is followed.
///
/// # Errors
/// As [`load`].
pub fn load_in(folder: &Folder) -> Result<Shared> {
    let text = folder.read(CARD_FILE, MAX_CARD_BYTES as u64)?;
    let card = Card::parse(&text).map_err(|error| error.in_file(folder.path_of(CARD_FILE)))?;
    let bytes = folder.read(WEIGHTS_FILE, MAX_FILE_BYTES)?;
    belonging(folder.path(), card, &bytes)
}

/// The policy that a card and the weights beside it are, if they belong together.
fn belonging(dir: &Path, card: Card, bytes: &[u8]) -> Result<Shared> {
    let path = dir.join(WEIGHTS_FILE);
    // Read before the checksums are compared: what is wrong with a damaged file is better told by its own reader.
    let mut weights = from_safetensors(bytes, &path)?;
    if sha256(bytes) != card.sha256 {
        return Err(Error::input(format!("these are not the weights that `{CARD_FILE}` beside them describes"))
            .in_file(path)
            .hint("fetch both files again, or name the file of weights alone if it is the one you mean"));
    }
    if let Some(text) = weights.metadata.remove(METADATA_KEY) {
        let carried = Card::parse(text.as_bytes()).map_err(|error| error.in_file(&path))?;
        check_unchanged(&card, &carried).map_err(|error| error.in_file(dir.join(CARD_FILE)))?;
    }
    let network = network_of(&card, &weights.tensors, &path)?;
    Ok(Shared { card, network })
}

/// The copy of the card in the weights is under their checksum, the card itself under none: in what decides how the policy
/// acts, they must agree. Name, results and origin are free to be edited.
fn check_unchanged(card: &Card, carried: &Card) -> Result<()> {
    let (found, written) = (card.acting(), carried.acting());
    let names = written.keys().chain(found.keys());
    let Some(name) = names.into_iter().find(|name| written.get(*name) != found.get(*name)) else { return Ok(()) };
    let shown = |fields: &BTreeMap<String, String>| fields.get(name).cloned().unwrap_or_else(|| "nothing".to_owned());
    Err(Error::input(format!(
        "`{name}` is {} here, but the weights were written with {}",
        shown(&found),
        shown(&written)
    ))
    .hint(format!(
        "fetch both files again, or name `{WEIGHTS_FILE}` itself, which acts by the card it was written with"
    )))
}

/// A file of weights alone: its card is the one it carries, or the one beside it.
fn load_weights(path: &Path) -> Result<Shared> {
    let bytes = read_capped(path, MAX_FILE_BYTES)?;
    let mut weights = from_safetensors(&bytes, path)?;
    let card = match weights.metadata.remove(METADATA_KEY) {
        Some(text) => Card::parse(text.as_bytes()).map_err(|error| error.in_file(path))?,
        None => {
            let card = load_card(path.parent().unwrap_or(Path::new(""))).map_err(|_| {
                Error::input("these weights carry no card, so nobody knows what they observe and do")
                    .in_file(path)
                    .hint(format!("put the `{CARD_FILE}` they came with beside them"))
            })?;
            if sha256(&bytes) != card.sha256 {
                return Err(Error::input(format!("`{CARD_FILE}` beside these weights belongs to other ones"))
                    .in_file(path)
                    .hint("fetch both files again"));
            }
            card
        }
    };
    let network = network_of(&card, &weights.tensors, path)?;
    Ok(Shared { card, network })
}

fn network_of(card: &Card, tensors: &[NamedTensor], path: &Path) -> Result<Network> {
    Network::for_team(card.shape(), card.team, tensors).map_err(|error| error.in_file(path))
}

impl Card {
    /// What decides how the policy acts, as text by name.
    fn acting(&self) -> BTreeMap<String, String> {
        let Self { domain, group, layout, actions, .. } = self;
        let mut fields = BTreeMap::from([
            ("domain".to_owned(), domain.clone()),
            ("group".to_owned(), group.clone()),
            ("layout".to_owned(), layout.clone()),
            ("observation".to_owned(), self.observation.to_string()),
            ("hidden".to_owned(), self.hidden.to_string()),
            ("activation".to_owned(), in_ron(&self.activation)),
            ("team".to_owned(), in_ron(&self.team)),
            ("bins".to_owned(), actions.bins.to_string()),
        ]);
        for (at, Axis { name, unit, low, high }) in actions.continuous.iter().enumerate() {
            fields.insert(
                format!("continuous.{at}"),
                format!("`{name}` from {low} to {high} {unit}").trim_end().to_owned(),
            );
        }
        for (at, Selection { name, choices }) in actions.discrete.iter().enumerate() {
            fields.insert(format!("discrete.{at}"), format!("`{name}` of {}", choices.join("/")));
        }
        fields
    }
}

fn in_ron(value: &impl serde::Serialize) -> String {
    ron::to_string(value).unwrap_or_default()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
