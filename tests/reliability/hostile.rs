//! Damaged and hostile files are refused in a sentence: no panic, no memory on a file's word, no wrong content.

use std::{
    collections::BTreeMap,
    fs,
    panic::{self, AssertUnwindSafe},
    path::Path,
    time::{Duration, Instant},
};

use agon::{
    durable,
    error::Result,
    policy::{
        tensor::NamedTensor,
        tensors::{Tensors, from_safetensors, to_safetensors},
    },
    session::generation::Generation,
};
use proptest::prelude::*;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

use super::{allocations::peak_during, victim::sample};

const CASES: u32 = 20_000;

/// The memory that reading a file of this length may take.
fn allowed(len: usize) -> usize {
    8 * len + (4 << 20)
}

/// Reads `bytes` within the bounds that hold for every file, whatever is in it.
fn guarded<T>(case: &str, bytes: &[u8], read: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let (outcome, peak) = peak_during(|| panic::catch_unwind(AssertUnwindSafe(|| read(bytes))));
    let outcome = outcome.unwrap_or_else(|_| panic!("{case}: a panic instead of an error"));
    assert!(peak <= allowed(bytes.len()), "{case}: {peak} bytes of memory for a file of {}", bytes.len());
    assert!(started.elapsed() < Duration::from_secs(2), "{case}: took {:?}", started.elapsed());
    outcome.inspect_err(|error| {
        let text = error.to_string();
        assert!(text.len() < 1000 && !text.contains(char::is_control), "{case}: {text:?}");
    })
}

/// Calls `look` with every prefix of `file`, every bit flipped, every byte missing or doubled, and lies over every number.
fn damage(file: &[u8], mut look: impl FnMut(&str, &[u8])) -> u32 {
    let mut cases = 0;
    let mut case = |what: &str, bytes: &[u8]| {
        cases += 1;
        look(what, bytes);
    };
    for len in 0..file.len() {
        case(&format!("the first {len} bytes"), &file[..len]);
    }
    let mut bytes = file.to_vec();
    for bit in 0..file.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        case(&format!("bit {bit} flipped"), &bytes);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    for at in 0..file.len() {
        for lie in [0, u64::MAX, 1 << 62, u64::from(u32::MAX), 1 << 31, file.len() as u64] {
            let mut bytes = file.to_vec();
            let end = (at + 8).min(file.len());
            bytes[at..end].copy_from_slice(&lie.to_le_bytes()[..end - at]);
            if bytes != file {
                case(&format!("{lie} written at {at}"), &bytes);
            }
        }
        case(&format!("byte {at} missing"), &[&file[..at], &file[at + 1..]].concat());
        case(&format!("byte {at} doubled"), &[&file[..=at], &file[at..]].concat());
    }
    cases
}

fn tensors() -> Vec<NamedTensor> {
    let tensor = |name: &str, shape: &[usize]| NamedTensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        data: (0..shape.iter().product()).map(|at: usize| (at as f32 - 17.0) / 3.0).collect(),
    };
    vec![
        tensor("actor.0.weight", &[5, 32]),
        tensor("actor.0.bias", &[32]),
        tensor("actor.1.weight", &[32, 6]),
        tensor("actor.log_std", &[]),
        tensor("normaliser.mean", &[0]),
    ]
}

fn metadata() -> BTreeMap<String, String> {
    [("scenario", "jamming/ring"), ("activation", "tanh")].map(|(key, text)| (key.to_owned(), text.to_owned())).into()
}

fn read_tensors(bytes: &[u8]) -> Result<Tensors> {
    from_safetensors(bytes, Path::new("policy.safetensors"))
}

/// A checkpoint with this content under a right checksum, as a hostile author would write it.
fn sealed(hashed: &[u8]) -> Vec<u8> {
    let mut file = Generation::default().encode(0).unwrap()[..56].to_vec();
    file[16..24].copy_from_slice(&(56 + hashed.len() as u64).to_le_bytes());
    file[24..56].copy_from_slice(&Sha256::digest(hashed));
    [file.as_slice(), hashed].concat()
}

#[test]
fn no_damage_to_a_checkpoint_goes_unnoticed() {
    let file = sample(7, 2200).encode(7).unwrap();
    assert!(Generation::decode(&file).is_ok());
    let cases = damage(&file, |case, bytes| {
        assert!(guarded(case, bytes, Generation::decode).is_err(), "{case}: accepted");
    });
    assert!(cases >= CASES, "{cases}");
}

#[test]
fn a_checkpoint_with_a_forged_checksum_is_read_exactly_or_not_at_all() {
    let file = sample(7, 2200).encode(7).unwrap();
    let mut num_accepted = 0;
    damage(&file[56..], |case, hashed| {
        let forged = sealed(hashed);
        if let Ok((step, generation)) = guarded(case, &forged, Generation::decode) {
            assert!(generation.encode(step).unwrap() == forged, "{case}: read as something else");
            num_accepted += 1;
        }
    });
    assert!(num_accepted > CASES / 2, "content is the author's business: {num_accepted}");
}

#[test]
fn no_damage_to_a_policy_file_goes_unnoticed() {
    let file = to_safetensors(&tensors(), &metadata()).unwrap();
    let whole = read_tensors(&file).unwrap();
    let cases = damage(&file, |case, bytes| {
        if let Ok(read) = guarded(case, bytes, read_tensors) {
            assert!(read == whole, "{case}: accepted, but different");
        }
    });
    assert!(cases >= CASES, "{cases}");
}

#[test]
fn a_policy_file_of_another_tool_is_read_as_that_tool_reads_it() {
    let data = tensors();
    let bytes: Vec<Vec<u8>> =
        data.iter().map(|tensor| tensor.data.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let views = data.iter().zip(&bytes).map(|(tensor, bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, tensor.shape.clone(), bytes);
        (tensor.name.as_str(), view.unwrap())
    });
    let file = safetensors::serialize(views, None).unwrap();
    let mut read = read_tensors(&file).unwrap();
    assert!(!read.is_verified);
    read.tensors.sort_by_key(|tensor| data.iter().position(|original| original.name == tensor.name));
    assert_eq!(read.tensors, data);
    damage(&file, |case, bytes| {
        if let Ok(read) = guarded(case, bytes, read_tensors) {
            assert!(agrees(&read, bytes), "{case}");
        }
    });
}

/// Whether the format's own library reads the same tensors from the same bytes.
fn agrees(read: &Tensors, bytes: &[u8]) -> bool {
    let Ok(reference) = SafeTensors::deserialize(bytes) else { return false };
    reference.len() == read.tensors.len()
        && read.tensors.iter().all(|tensor| {
            let view = reference.tensor(&tensor.name).unwrap();
            let bits: Vec<u8> = tensor.data.iter().flat_map(|number| number.to_le_bytes()).collect();
            view.dtype() == safetensors::Dtype::F32 && view.shape() == tensor.shape && view.data() == bits
        })
}

#[test]
fn files_that_claim_more_than_they_hold_cost_nothing() {
    let many = |count: usize, entry: &str| vec![entry; count].join(",");
    let info = r#"{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#;
    for text in [
        "[".repeat(1_000_000),
        "{\"a\":".repeat(200_000),
        format!("{{\"a\":{{\"shape\":[{}]}}}}", many(500_000, "1")),
        format!("{{\"a\":{{\"shape\":[{}]}}}}", many(100, "99999999999999999999999999")),
        format!("{{{}}}", many(20_000, &format!("\"a\":{info}"))),
        format!("{{\"__metadata__\":{{{}}}}}", many(60_000, "\"a\":\"b\"")),
        format!("{{\"{}\":{info}}}", "a".repeat(1_000_000)),
        format!("{{\"a\":{{\"dtype\":\"{}\",\"shape\":[0],\"data_offsets\":[0,0]}}}}", "F".repeat(1_000_000)),
    ] {
        let file = [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        let shown: String = text.chars().take(40).collect();
        assert!(guarded(&shown, &file, read_tensors).is_err(), "{shown}");
    }
    let mut lies = 5_u64.to_le_bytes().to_vec();
    lies.extend(u32::MAX.to_le_bytes());
    lies.extend([0; 100]);
    assert!(guarded("2^32 sections", &sealed(&lies), Generation::decode).is_err());
    let named = |len: u64| {
        [&5_u64.to_le_bytes()[..], &1_u32.to_le_bytes(), &1_u32.to_le_bytes(), &len.to_le_bytes(), b"w"].concat()
    };
    for len in [1, 1 << 30, u64::MAX] {
        assert!(guarded("a section of many bytes", &sealed(&named(len)), Generation::decode).is_err());
    }
    assert!(guarded("an empty section", &sealed(&named(0)), Generation::decode).is_ok());
    let sections = |names: &[String]| {
        let mut hashed = [&5_u64.to_le_bytes()[..], &(names.len() as u32).to_le_bytes()].concat();
        for name in names {
            hashed.extend((name.len() as u32).to_le_bytes());
            hashed.extend(0_u64.to_le_bytes());
            hashed.extend(name.as_bytes());
        }
        sealed(&hashed)
    };
    let numbered = |count: usize| -> Vec<String> { (0..count).map(|index| format!("{index:04}")).collect() };
    assert!(guarded("many sections", &sections(&numbered(4096)), Generation::decode).is_ok());
    assert!(guarded("too many sections", &sections(&numbered(4097)), Generation::decode).is_err());
    let twice = ["w".to_owned(), "w".to_owned()];
    assert!(guarded("a section twice", &sections(&twice), Generation::decode).is_err());
}

#[test]
fn what_the_fuzzer_starts_from_or_once_broke_is_read_or_refused() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let num_read = |target: &str, read: &dyn Fn(&[u8]) -> bool| {
        let files = durable::files_in(&seeds.join(target)).unwrap();
        files.iter().filter(|path| read(&fs::read(path).unwrap())).count()
    };
    assert!(num_read("checkpoint", &|bytes| guarded("a seed", bytes, Generation::decode).is_ok()) >= 2);
    assert!(num_read("safetensors", &|bytes| guarded("a seed", bytes, read_tensors).is_ok()) >= 2);
}

/// Sizes and offsets at which bounds are decided.
fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..40_u64,
        Just(1 << 31),
        Just(u64::from(u32::MAX)),
        Just(1 << 32),
        Just(1 << 61),
        Just(1 << 63),
        Just(u64::MAX)
    ]
}

/// The JSON of one tensor, more often right than wrong.
fn entry() -> impl Strategy<Value = String> {
    let name = prop_oneof![4 => "[abc]", 1 => ".{0,3}", 1 => Just("__metadata__".to_owned())];
    let dtype = prop_oneof![9 => Just("F32"), 1 => Just("F16"), 1 => Just("I64")];
    (name, dtype, prop::collection::vec(edge(), 0..4), edge(), edge(), 0..20_u64).prop_map(
        |(name, dtype, shape, begin, end, right)| {
            let numbers = shape.iter().try_fold(4_u64, |product, &size| product.checked_mul(size));
            let (begin, end) = if right < 15 { (0, numbers.unwrap_or(end)) } else { (begin, end) };
            let name = serde_json::to_string(&name).unwrap();
            format!(r#"{name}:{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{begin},{end}]}}"#)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn any_header_is_read_as_the_format_says_or_refused(
        entries in prop::collection::vec(entry(), 0..3),
        data in prop::collection::vec(0..100_u8, 0..200),
        seed in any::<u8>(),
    ) {
        let text = format!("{{{}}}", entries.join(","));
        // Most often as many numbers as the first tensor asks for, so that something is accepted.
        let asked = entries.first().and_then(|entry| entry.rsplit_once(',')?.1.strip_suffix("]}")?.parse().ok());
        let len = asked.filter(|&len| seed > 40 && len < 200).unwrap_or(data.len());
        let mut file = [&(text.len() as u64).to_le_bytes(), text.as_bytes(), &data].concat();
        file.resize(8 + text.len() + len, 0);
        if let Ok(read) = guarded(&text, &file, read_tensors) {
            prop_assert!(agrees(&read, &file), "{text}");
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), header in any::<bool>()) {
        let file = if header { [&(bytes.len() as u64 / 2).to_le_bytes(), b"{".as_slice(), &bytes].concat() } else { bytes };
        let _ = guarded("a policy", &file, read_tensors);
        let _ = guarded("a checkpoint", &file, Generation::decode);
        if let Ok((step, generation)) = guarded("a forged checkpoint", &sealed(&file), Generation::decode) {
            prop_assert_eq!(generation.encode(step).unwrap(), sealed(&file));
        }
    }

    #[test]
    fn any_checkpoint_comes_back(
        step in any::<u64>(),
        sections in prop::collection::btree_map("[!-~]{1,12}", prop::collection::vec(any::<u8>(), 0..60), 0..6),
    ) {
        let generation = Generation { sections };
        let file = generation.encode(step).unwrap();
        prop_assert_eq!(guarded("a checkpoint", &file, Generation::decode), Ok((step, generation)));
    }

    #[test]
    fn any_tensors_come_back_and_are_what_the_format_says(
        shapes in prop::collection::btree_map("[^\\p{Cc}]{1,9}", prop::collection::vec(0..4_usize, 0..4), 0..5),
        metadata in prop::collection::btree_map(".{0,5}", ".{0,9}", 0..3),
        seed in any::<u32>(),
    ) {
        let number = |at: usize| f32::from_bits((at as u32).wrapping_mul(0x9E37_79B1) ^ seed);
        let tensors: Vec<NamedTensor> = shapes.into_iter().map(|(name, shape)| {
            let numbers = (0..shape.iter().product()).map(number);
            NamedTensor { name, shape, data: numbers.map(|x| if x.is_finite() { x } else { 0.0 }).collect() }
        }).collect();
        let file = to_safetensors(&tensors, &metadata).unwrap();
        let read = guarded("a policy", &file, read_tensors).unwrap();
        prop_assert!(agrees(&read, &file) && read.is_verified);
        prop_assert_eq!((read.tensors, read.metadata), (tensors, metadata));
    }
}
