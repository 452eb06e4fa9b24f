//! Parameters as safetensors files, read with a bound on everything a file may claim.
//!
//! The format (an eight-byte length, a JSON header, numbers) is that of every other tool, so that weights can be opened
//! anywhere. agon reads it more strictly: 32-bit floats only, no name twice, every number finite. It also writes a
//! checksum into the header's metadata, because the format itself cannot notice damage: [`CHECKSUM_KEY`] holds the
//! SHA-256 of all other metadata, names, shapes and numbers. Files of other tools need none.
//!
//! Only bytes come in and go out; where they are kept is the caller's business.

use std::{collections::BTreeMap, path::Path};

use self::header::{F32, Header, Info};
use super::tensor::NamedTensor;
use crate::error::{Error, Result};

mod header;

/// The longest file that is written or read.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// Metadata key under which agon marks the files it writes; they are refused without a right checksum.
pub const FORMAT_KEY: &str = "agon.format";
/// Metadata key of the checksum, 64 hexadecimal digits.
pub const CHECKSUM_KEY: &str = "agon.sha256";

const FORMAT: &str = "1";
const MAX_HEADER_BYTES: usize = 1 << 20;

/// The content of a safetensors file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensors {
    /// The tensors in the order in which their numbers are stored.
    pub tensors: Vec<NamedTensor>,
    /// Free text by key, without agon's own two keys.
    pub metadata: BTreeMap<String, String>,
    /// Whether a checksum was there, and right. False for files of other tools.
    pub is_verified: bool,
}

impl Tensors {
    /// The tensor `name`, which must have this shape.
    ///
    /// # Errors
    /// It is missing, or shaped differently.
    pub fn expect(&self, name: &str, shape: &[usize]) -> Result<&NamedTensor> {
        let Some(tensor) = self.tensors.iter().find(|tensor| tensor.name == name) else {
            return Err(Error::input(format!("the tensor `{name}` is missing"))
                .did_you_mean(name, self.tensors.iter().map(|tensor| tensor.name.as_str())));
        };
        if tensor.shape != shape {
            return Err(Error::input(format!("the tensor `{name}` has shape {:?} instead of {shape:?}", tensor.shape))
                .hint("use weights of a network of the same sizes"));
        }
        Ok(tensor)
    }
}

/// The bytes of a safetensors file with a checksum. The same input always gives the same bytes.
///
/// # Errors
/// Something that [`from_safetensors`] would refuse: a number that is not finite, a name twice, a shape that does not fit
/// its numbers, metadata under one of agon's own keys, or more than a file may hold.
pub fn to_safetensors(tensors: &[NamedTensor], metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut header = Header { metadata: metadata.clone(), tensors: Vec::with_capacity(tensors.len()) };
    for key in [FORMAT_KEY, CHECKSUM_KEY] {
        if metadata.contains_key(key) {
            return Err(Error::input(format!("the metadata key `{key}` is agon's own")));
        }
    }
    header.metadata.insert(FORMAT_KEY.to_owned(), FORMAT.to_owned());
    let mut data = Vec::new();
    for tensor in tensors {
        let NamedTensor { name, shape, data: numbers } = tensor;
        check_finite(name, numbers)?;
        let begin = data.len() as u64;
        data.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        let info = Info { dtype: F32.to_owned(), shape: shape.clone(), data_offsets: [begin, data.len() as u64] };
        header.tensors.push((name.clone(), info));
    }
    header.check(data.len() as u64)?;
    // The checksum covers all metadata but itself, so it goes in last.
    let checksum = header.checksum(&data);
    header.metadata.insert(CHECKSUM_KEY.to_owned(), checksum);
    let mut text = serde_json::to_vec(&header).map_err(|error| Error::system(format!("no header: {error}")))?;
    // Spaces up to a multiple of eight, as the format asks for.
    text.resize(text.len().next_multiple_of(8), b' ');
    if text.len() > MAX_HEADER_BYTES || (text.len() + data.len()) as u64 + 8 > MAX_FILE_BYTES {
        return Err(Error::input("these tensors do not fit into one file"));
    }
    Ok([&(text.len() as u64).to_le_bytes(), text.as_slice(), data.as_slice()].concat())
}

/// The content of a safetensors file; `file` only names it in errors.
///
/// # Errors
/// Anything but a well-formed file of finite 32-bit floats within the limits; a file written by agon whose checksum is
/// missing or wrong; no memory.
pub fn from_safetensors(bytes: &[u8], file: &Path) -> Result<Tensors> {
    read(bytes).map_err(|error| error.in_file(file))
}

fn read(bytes: &[u8]) -> Result<Tensors> {
    let (mut header, data) = split(bytes)?;
    header.tensors.sort_by_key(|(_, info)| info.data_offsets);
    header.check(data.len() as u64)?;
    let expected = header.metadata.remove(CHECKSUM_KEY);
    let format = header.metadata.get(FORMAT_KEY);
    if format.is_some_and(|format| format != FORMAT) {
        return Err(Error::input("written by a newer agon").hint("use the agon that wrote it, or a newer one"));
    }
    let is_verified = expected.is_some() || format.is_some();
    if is_verified && expected != Some(header.checksum(data)) {
        return Err(Error::input("damaged: its checksum does not match its content")
            .hint("fetch the file again, or export it again from its run"));
    }
    header.metadata.remove(FORMAT_KEY);
    let mut rest = data;
    let mut tensors = Vec::with_capacity(header.tensors.len());
    for (name, info) in header.tensors {
        let [begin, end] = info.data_offsets;
        let split = usize::try_from(end - begin).ok().and_then(|len| rest.split_at_checked(len));
        let (own, after) = split.ok_or_else(|| damaged("the numbers of a tensor are missing"))?;
        rest = after;
        let numbers = decode(own)?;
        check_finite(&name, &numbers)?;
        tensors.push(NamedTensor { name, shape: info.shape, data: numbers });
    }
    Ok(Tensors { tensors, metadata: header.metadata, is_verified })
}

/// Header and numbers of a file.
fn split(bytes: &[u8]) -> Result<(Header, &[u8])> {
    let foreign = |what: &str| {
        Error::input(format!("this is not a safetensors file: {what}")).hint("name a file that ends in `.safetensors`")
    };
    let (len, rest) = bytes.split_first_chunk().ok_or_else(|| foreign("it has fewer than 8 bytes"))?;
    let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
    if len > MAX_HEADER_BYTES {
        return Err(foreign(&format!("its header claims {len} bytes, the most is {MAX_HEADER_BYTES}")));
    }
    let (text, data) = rest.split_at_checked(len).ok_or_else(|| damaged("it ends inside its header"))?;
    if !text.starts_with(b"{") {
        return Err(foreign("its header does not begin with `{`"));
    }
    match serde_json::from_slice(text) {
        Ok(header) => Ok((header, data)),
        // The parser quotes the file, which may hold anything.
        Err(error) => Err(damaged(&format!("its header cannot be read ({})", header::printable(&error.to_string())))),
    }
}

/// Numbers from their bytes, which need not be aligned.
fn decode(bytes: &[u8]) -> Result<Vec<f32>> {
    let mut numbers = Vec::new();
    numbers
        .try_reserve_exact(bytes.len() / size_of::<f32>())
        .map_err(|_| Error::system("no memory for these tensors").hint("close other programs and try again"))?;
    let (chunks, _) = bytes.as_chunks();
    numbers.extend(chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)));
    Ok(numbers)
}

fn check_finite(name: &str, numbers: &[f32]) -> Result<()> {
    match numbers.iter().position(|number| !number.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::input(format!("the tensor `{name}` is not finite at index {at}"))
            .hint("the training that made it diverged: use an earlier checkpoint, or a lower learning rate")),
    }
}

fn damaged(how: &str) -> Error {
    Error::input(format!("damaged: {how}")).hint("fetch the file again, or export it again from its run")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[usize], data: &[f32]) -> NamedTensor {
        NamedTensor { name: name.to_owned(), shape: shape.to_vec(), data: data.to_vec() }
    }

    fn sample() -> (Vec<NamedTensor>, BTreeMap<String, String>) {
        let tensors = vec![
            tensor("actor.1.weight", &[2, 3], &[1.0, -0.0, f32::MIN_POSITIVE / 2.0, f32::MAX, 0.1, -7.5]),
            tensor("actor.0.bias", &[0], &[]),
            tensor("log_std", &[], &[-0.5]),
        ];
        let metadata = [("scenario", "jamming/ring"), ("note", "\"quoted\"\n")];
        (tensors, metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
    }

    fn read(bytes: &[u8]) -> Result<Tensors> {
        from_safetensors(bytes, Path::new("policy.safetensors"))
    }

    /// A file with this header and `zeros` bytes of numbers.
    fn file(header: &str, zeros: usize) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; zeros]].concat()
    }

    #[track_caller]
    fn refused(bytes: &[u8], because: &str) {
        let error = read(bytes).unwrap_err();
        assert!(error.to_string().starts_with("policy.safetensors: "), "{error}");
        assert!(error.to_string().contains(because), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn what_is_written_is_read_back_bit_for_bit() {
        let (tensors, metadata) = sample();
        let bytes = to_safetensors(&tensors, &metadata).unwrap();
        let back = read(&bytes).unwrap();
        assert!(back.is_verified);
        assert_eq!((&back.tensors, &back.metadata), (&tensors, &metadata));
        assert_eq!(back.tensors[0].data[1].to_bits(), (-0.0_f32).to_bits());
        assert_eq!(to_safetensors(&back.tensors, &back.metadata).unwrap(), bytes);
    }

    #[test]
    fn a_tensor_is_found_by_name_and_shape() {
        let (tensors, metadata) = sample();
        let file = read(&to_safetensors(&tensors, &metadata).unwrap()).unwrap();
        assert_eq!(file.expect("log_std", &[]).unwrap().data, [-0.5]);
        let error = file.expect("actor.1.weight", &[3, 2]).unwrap_err().to_string();
        assert!(error.contains("[2, 3] instead of [3, 2]"), "{error}");
        let error = file.expect("actor.1.weights", &[2, 3]).unwrap_err().to_string();
        assert!(error.contains("did you mean `actor.1.weight`?"), "{error}");
    }

    #[test]
    fn what_would_be_refused_is_not_written() {
        let none = BTreeMap::new();
        for (tensors, because) in [
            (vec![tensor("w", &[2], &[1.0, f32::NAN])], "`w` is not finite at index 1"),
            (vec![tensor("w", &[3], &[1.0])], "shape [3]"),
            (vec![tensor("w", &[1], &[1.0]), tensor("w", &[1], &[1.0])], "`w` is there twice"),
            (vec![tensor("", &[1], &[1.0])], "printable name"),
            (vec![tensor("__metadata__", &[1], &[1.0])], "printable name"),
            (vec![tensor("w", &[1; 9], &[1.0])], "`w` of shape"),
        ] {
            let error = to_safetensors(&tensors, &none).unwrap_err();
            assert!(error.to_string().contains(because), "{error}");
        }
        for key in [CHECKSUM_KEY, FORMAT_KEY] {
            let own = [(key.to_owned(), String::new())].into();
            assert!(to_safetensors(&[], &own).unwrap_err().to_string().contains(key));
        }
        let long_names: Vec<NamedTensor> =
            (0..4096).map(|index| tensor(&format!("{index:0>256}"), &[0], &[])).collect();
        assert!(to_safetensors(&long_names, &none).unwrap_err().to_string().contains("do not fit"));
    }

    #[test]
    fn files_of_other_tools_are_read_without_a_checksum() {
        let info = r#"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
        let back = read(&file(&format!(r#"{{"__metadata__":{{"format":"pt"}},"w":{info}}}"#), 8)).unwrap();
        assert!(!back.is_verified);
        assert_eq!(back.tensors, [tensor("w", &[2], &[0.0, 0.0])]);
        assert_eq!(back.metadata, [("format".to_owned(), "pt".to_owned())].into());
    }

    #[test]
    fn the_order_of_the_header_does_not_matter() {
        let info = |begin: usize| format!(r#"{{"dtype":"F32","shape":[1],"data_offsets":[{begin},{}]}}"#, begin + 4);
        let mut bytes = file(&format!(r#"{{"second":{},"first":{}}}"#, info(4), info(0)), 8);
        *bytes.iter_mut().nth_back(0).unwrap() = 0x40;
        assert_eq!(read(&bytes).unwrap().tensors, [tensor("first", &[1], &[0.0]), tensor("second", &[1], &[2.0])]);
    }

    #[test]
    fn hostile_headers_are_refused_with_a_reason() {
        let one = |info: &str| file(&format!("{{\"w\":{info}}}"), 8);
        let good = r#"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
        assert!(read(&one(good)).is_ok());
        refused(b"", "not a safetensors file");
        refused(&u64::MAX.to_le_bytes(), "its header claims");
        refused(
            &[&(2_u64 << 20).to_le_bytes(), vec![b' '; 2 << 20].as_slice()].concat(),
            "its header claims 2097152 bytes",
        );
        refused(&[&100_u64.to_le_bytes(), b"{".as_slice()].concat(), "ends inside its header");
        refused(&file("[]", 0), "does not begin with `{`");
        refused(&file(&"{\"a\":".repeat(1000), 0), "its header cannot be read");
        refused(&one(r#"{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}"#), "holds BF16 numbers");
        refused(&one(r#"{"dtype":"F32","shape":[9223372036854775808,0],"data_offsets":[0,0]}"#), "cannot lie");
        refused(&one(r#"{"dtype":"F32","shape":[4294967296,0],"data_offsets":[0,0]}"#), "cannot lie");
        refused(&one(r#"{"dtype":"F32","shape":[4294967295,4294967295],"data_offsets":[0,8]}"#), "cannot lie");
        refused(&one(r#"{"dtype":"F32","shape":[2],"data_offsets":[8,0]}"#), "cannot lie");
        refused(&one(r#"{"dtype":"F32","shape":[2],"data_offsets":[0,8],"extra":1}"#), "unknown field");
        refused(&one(r#"{"dtype":"F32","shape":[1],"data_offsets":[4,8]}"#), "cannot lie");
        refused(&one(r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#), "8 bytes of numbers instead of 4");
        refused(&file(&format!("{{\"w\":{good},\"w\":{good}}}"), 8), "twice");
        refused(&file(&format!("{{\"w\":{good},\"v\":{good}}}"), 8), "cannot lie");
        refused(&file(r#"{"__metadata__":{"a":"1","a":"2"}}"#, 0), "a second value");
        refused(&file(r#"{"__metadata__":{},"__metadata__":{}}"#, 0), "duplicate");
        let mut not_finite = one(good);
        *not_finite.last_mut().unwrap() = 0x7f;
        *not_finite.iter_mut().nth_back(1).unwrap() = 0xc0;
        refused(&not_finite, "`w` is not finite at index 1");
    }

    #[test]
    fn quoting_a_hostile_file_does_not_reach_the_terminal() {
        let error = read(&file("{\"w\":{\"\\u001b[2Jx\":0}}", 0)).unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error:?}");
        let error = read(&file(&format!("{{\"w\":{{\"{}\":0}}}}", "x".repeat(100_000)), 0)).unwrap_err();
        assert!(error.to_string().len() < 400);
    }

    #[test]
    fn thousands_of_tensors_are_too_many() {
        let info = r#"{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#;
        let header = |count: usize| {
            let entries: Vec<String> = (0..count).map(|index| format!("\"{index}\":{info}")).collect();
            file(&format!("{{{}}}", entries.join(",")), 0)
        };
        assert_eq!(read(&header(4096)).unwrap().tensors.len(), 4096);
        refused(&header(4097), "4096 tensors at the most");
    }

    #[test]
    fn an_agon_file_without_its_checksum_is_refused() {
        let (tensors, metadata) = sample();
        let bytes = to_safetensors(&tensors, &metadata).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let at = text.find(CHECKSUM_KEY).unwrap();
        let mut renamed = bytes.clone();
        renamed[at] = b'b';
        refused(&renamed, "damaged");
        let mut transposed = bytes.clone();
        let at = text.find("[2,3]").unwrap();
        transposed[at..at + 5].copy_from_slice(b"[3,2]");
        refused(&transposed, "checksum");
        let mut newer = bytes.clone();
        newer[text.find("\"1\"").unwrap() + 1] = b'2';
        refused(&newer, "newer agon");
        let mut other = bytes;
        *other.last_mut().unwrap() ^= 1;
        refused(&other, "checksum");
    }
}
