//! The two files of a shared policy: written so that they belong together, read so that nothing else does.

use std::{collections::BTreeMap, path::Path};

use sha2::{Digest, Sha256};

use super::{Card, MAX_CARD_BYTES};
use crate::{
    durable::{Durability, create_dir, read_capped, write_atomic},
    error::{Error, Result},
    policy::{
        network::Network,
        tensors::{MAX_FILE_BYTES, from_safetensors, to_safetensors},
    },
};

/// Name of the card within its folder.
pub const CARD_FILE: &str = "card.ron";
/// Name of the weights within their folder.
pub const WEIGHTS_FILE: &str = "policy.safetensors";

/// Metadata key of the weights under which they carry their card.
const METADATA_KEY: &str = "agon.card";

/// A policy that was read from its files.
#[derive(Clone, Debug)]
pub struct Shared {
    /// What it is.
    pub card: Card,
    /// What acts.
    pub network: Network,
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
    let text = Card { sha256: sha256(&weights), ..card.clone() }.to_ron()?;
    let folder = create_dir(dir)?;
    let weights = write_atomic(&dir.join(WEIGHTS_FILE), &weights)?;
    let card = write_atomic(&dir.join(CARD_FILE), text.as_bytes())?;
    Ok(folder.and(weights).and(card))
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
    // Read before the checksums are compared: what is wrong with a damaged file is better told by its own reader.
    let network = network_of(&card, &bytes, &path)?;
    if sha256(&bytes) != card.sha256 {
        return Err(Error::input(format!("these are not the weights that `{CARD_FILE}` beside them describes"))
            .in_file(path)
            .hint("fetch both files again, or name the file of weights alone if it is the one you mean"));
    }
    Ok(Shared { card, network })
}

/// A file of weights alone: its card is the one it carries, or the one beside it.
fn load_weights(path: &Path) -> Result<Shared> {
    let bytes = read_capped(path, MAX_FILE_BYTES)?;
    let carried = from_safetensors(&bytes, path)?.metadata.remove(METADATA_KEY);
    let card = match carried {
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
    let network = network_of(&card, &bytes, path)?;
    Ok(Shared { card, network })
}

fn network_of(card: &Card, bytes: &[u8], path: &Path) -> Result<Network> {
    let tensors = from_safetensors(bytes, path)?.tensors;
    Network::for_team(card.shape(), card.team, &tensors).map_err(|error| error.in_file(path))
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
