//! Files of traces, unpacked on the way where they are packed with gzip, as archives of logs hand them out.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use crate::{
    error::{Error, Result},
    text,
};

/// How a file that is packed with gzip begins.
const GZIP: &[u8] = b"\x1f\x8b";

/// Most bytes that a packed file may come to: a thousand times what it takes on the disk is possible, and no log is that long.
const MAX_UNPACKED: u64 = 1 << 30;

/// Opens a file for reading line by line.
///
/// # Errors
/// A file that cannot be opened, a folder, and what begins like an archive that is not read here.
pub(super) fn open(file: &Path) -> Result<Box<dyn BufRead>> {
    let unopened = |error: io::Error| Error::input(format!("cannot be read: {error}")).in_file(file);
    let opened = File::open(file).map_err(unopened)?;
    if opened.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Error::input("this is a folder").in_file(file).hint("name a file in it"));
    }
    unpacked(BufReader::new(opened), MAX_UNPACKED).map_err(|error| error.in_file(file))
}

/// The text that a source holds, packed or not.
fn unpacked(mut source: impl BufRead + 'static, most: u64) -> Result<Box<dyn BufRead>> {
    let start = source.fill_buf().map_err(|error| Error::system(format!("cannot be read: {error}")))?;
    if start.starts_with(GZIP) {
        let bounded = Bounded { source: MultiGzDecoder::new(source), most, left: most };
        return Ok(Box::new(BufReader::new(bounded)));
    }
    match text::kind(start) {
        Some((what, hint)) => Err(Error::input(what).hint(hint)),
        None => Ok(Box::new(source)),
    }
}

/// Gives no more bytes than it may.
struct Bounded<R> {
    source: R,
    most: u64,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let what = format!("it unpacks to more than {} MiB, which no trace is; cut it first", self.most >> 20);
            io::Error::new(ErrorKind::InvalidData, what)
        })?;
        Ok(read)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn read(bytes: Vec<u8>, most: u64) -> io::Result<String> {
        let mut text = String::new();
        unpacked(io::Cursor::new(bytes), most).unwrap().read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn what_is_packed_reads_like_what_is_not() {
        assert_eq!(read(b"a\nb\n".to_vec(), 100).unwrap(), "a\nb\n");
        assert_eq!(read([packed(b"a\n"), packed(b"b\n")].concat(), 100).unwrap(), "a\nb\n");
        assert_eq!(read(Vec::new(), 100).unwrap(), "");
    }

    #[test]
    fn a_bomb_is_stopped_at_its_bound_and_damage_is_told() {
        let bomb = packed(&vec![b'\n'; 3 << 20]);
        assert!(bomb.len() < 10_000);
        assert!(read(bomb.clone(), 1 << 20).unwrap_err().to_string().contains("more than 1 MiB"));
        let mut cut = bomb;
        cut.truncate(1000);
        assert_eq!(read(cut, 1 << 30).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn other_archives_are_told_by_name() {
        let refused = unpacked(io::Cursor::new(b"PK\x03\x04".to_vec()), 100).err().unwrap();
        assert!(refused.to_string().contains("zip archive") && refused.exit_code() == 2, "{refused}");
    }
}
