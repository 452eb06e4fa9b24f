//! The JSON header of a safetensors file: what it may say, and the checksum over it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The one kind of number that is read.
pub(super) const F32: &str = "F32";

const METADATA: &str = "__metadata__";
const MAX_TENSORS: usize = 4096;
const MAX_RANK: usize = 8;
const MAX_NAME_BYTES: usize = 256;

/// The JSON object in front of the numbers.
pub(super) struct Header {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tensors: Vec<(String, Info)>,
}

/// One tensor in the header.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Info {
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    /// First byte and the one after the last, counted from the end of the header.
    pub(super) data_offsets: [u64; 2],
}

impl Header {
    /// Checks limits, shapes, and that the tensors in this order fill `data_len` bytes without gap or overlap.
    pub(super) fn check(&self, data_len: u64) -> Result<()> {
        if self.tensors.len() > MAX_TENSORS {
            return Err(Error::input(format!("{} tensors, the most is {MAX_TENSORS}", self.tensors.len())));
        }
        let mut names = BTreeSet::new();
        let mut expected_begin = 0;
        for (name, info) in &self.tensors {
            let refuse = |what: String| Err(Error::input(format!("the tensor `{name}` {what}")));
            let [begin, end] = info.data_offsets;
            if !is_name(name) {
                return Err(Error::input(format!("a tensor needs a printable name of 1 to {MAX_NAME_BYTES} bytes")));
            }
            if !names.insert(name) {
                return refuse("is there twice".to_owned());
            }
            if info.dtype != F32 {
                return refuse(format!("holds {} numbers, only {F32} is read", printable(&info.dtype)))
                    .map_err(|error: Error| error.hint("convert the file to 32-bit floats"));
            }
            if begin != expected_begin || info.shape.len() > MAX_RANK || info.bytes() != end.checked_sub(begin) {
                return refuse(format!("of shape {:?} cannot lie at bytes {begin} to {end}", info.shape));
            }
            expected_begin = end;
        }
        if expected_begin == data_len {
            Ok(())
        } else {
            Err(super::damaged(&format!("{data_len} bytes of numbers instead of {expected_begin}")))
        }
    }

    /// SHA-256 of everything that matters, in hexadecimal digits.
    pub(super) fn checksum(&self, data: &[u8]) -> String {
        let mut hasher = Sha256::new();
        let number = |hasher: &mut Sha256, number: usize| hasher.update((number as u64).to_le_bytes());
        let text = |hasher: &mut Sha256, text: &str| {
            number(hasher, text.len());
            hasher.update(text);
        };
        number(&mut hasher, self.metadata.len());
        for (key, value) in &self.metadata {
            text(&mut hasher, key);
            text(&mut hasher, value);
        }
        number(&mut hasher, self.tensors.len());
        for (name, info) in &self.tensors {
            text(&mut hasher, name);
            number(&mut hasher, info.shape.len());
            info.shape.iter().for_each(|&size| number(&mut hasher, size));
        }
        hasher.update(data);
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Info {
    /// Bytes of the numbers; `None` when no file can hold them.
    fn bytes(&self) -> Option<u64> {
        let numbers = self.shape.iter().try_fold(size_of::<f32>(), |product, &size| {
            // Any one size fits the signed 64-bit sizes of other libraries, also where another size is 0.
            let bounded = u32::try_from(size).is_ok();
            bounded.then(|| product.checked_mul(size)).flatten()
        });
        numbers.map(|numbers| numbers as u64)
    }
}

/// Text from a file, safe to print: without control characters, and no longer than a line or two.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(200).collect()
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name != METADATA && !name.contains(char::is_control)
}

impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.tensors.len() + 1))?;
        map.serialize_entry(METADATA, &self.metadata)?;
        for (name, info) in &self.tensors {
            map.serialize_entry(name, info)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> de::Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one entry per tensor")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut metadata = None;
        let mut tensors = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA {
                if metadata.replace(map.next_value::<UniqueTexts>()?.0).is_some() {
                    return Err(de::Error::duplicate_field(METADATA));
                }
            } else if tensors.len() == MAX_TENSORS {
                return Err(de::Error::invalid_length(MAX_TENSORS + 1, &"4096 tensors at the most"));
            } else {
                tensors.push((name, map.next_value()?));
            }
        }
        Ok(Header { metadata: metadata.unwrap_or_default(), tensors })
    }
}

/// Texts by key, none of them twice: a plain map would silently keep the last.
struct UniqueTexts(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for UniqueTexts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> de::Visitor<'de> for TextsVisitor {
    type Value = UniqueTexts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<UniqueTexts, A::Error> {
        let mut texts = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if let Some(twice) = texts.insert(key, value) {
                return Err(de::Error::custom(format_args!("a second value beside `{twice}`")));
            }
        }
        Ok(UniqueTexts(texts))
    }
}
