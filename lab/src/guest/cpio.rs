//! Writes and reads cpio archives of the kind Linux unpacks at boot ("newc"), for what goes into a domain and what comes out.
//!
//! The format is that of the kernel's Documentation/driver-api/early-userspace/buffer-format.rst: a 110-byte header of hexadecimal
//! text, the name, the data, each padded to four bytes; several archives may follow one another.

use anyhow::{Context, Result, bail, ensure};

const MAGIC: &[u8] = b"070701";
const HEADER: usize = 110;
const TRAILER: &str = "TRAILER!!!";

/// Directories and regular files, by the bits of `st_mode`.
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const CHARACTER: u32 = 0o020_000;
const KIND: u32 = 0o170_000;

/// An archive that grows in memory.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    inode: u32,
}

impl Writer {
    /// Adds a directory; parents have to be added first.
    pub fn directory(&mut self, path: &str) {
        self.entry(path, DIRECTORY | 0o755, (0, 0), b"");
    }

    /// Adds a file that may be read, and run if `executable`.
    pub fn file(&mut self, path: &str, executable: bool, data: &[u8]) {
        let mode = if executable { 0o755 } else { 0o644 };
        self.entry(path, REGULAR | mode, (0, 0), data);
    }

    /// Adds a character device, as /dev/console: the kernel opens it for the first process before anything is mounted.
    pub fn character_device(&mut self, path: &str, major: u32, minor: u32) {
        self.entry(path, CHARACTER | 0o600, (major, minor), b"");
    }

    /// Ends the archive. What is appended to the result is read as a further archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry(TRAILER, 0, (0, 0), b"");
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), data: &[u8]) {
        self.inode += 1;
        let name = path.trim_start_matches('/');
        let (major, minor) = device;
        // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        let fields = [self.inode, mode, 0, 0, 1, 0, data.len() as u32, 0, 0, major, minor, name.len() as u32 + 1, 0];
        self.bytes.extend_from_slice(MAGIC);
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// A regular file found in an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// Its path, without a leading `./` or `/`.
    pub path: String,
    /// What is in it.
    pub data: Vec<u8>,
}

/// Reads every regular file of one archive, and of those that follow it behind any number of zeros.
///
/// # Errors
/// When the bytes are not an archive, or end before the archive does.
pub fn read(bytes: &[u8]) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let mut at = 0;
    loop {
        let header = bytes.get(at..at + HEADER).with_context(|| format!("archive ends in a header at byte {at}"))?;
        ensure!(header.starts_with(MAGIC), "no archive entry at byte {at}");
        let field = |index: usize| -> Result<usize> {
            let text = std::str::from_utf8(&header[6 + 8 * index..14 + 8 * index])?;
            Ok(usize::from_str_radix(text, 16)?)
        };
        let (mode, size, name_size) = (field(1)?, field(6)?, field(11)?);
        let name_at = at + HEADER;
        let data_at = (name_at + name_size).next_multiple_of(4);
        let (Some(name), Some(data)) =
            (bytes.get(name_at..name_at + name_size.saturating_sub(1)), bytes.get(data_at..data_at + size))
        else {
            bail!("archive ends inside an entry of {size} bytes at byte {at}");
        };
        let name = String::from_utf8_lossy(name).into_owned();
        if name == TRAILER {
            match bytes[data_at + size..].iter().position(|byte| *byte != 0) {
                None => return Ok(files),
                Some(zeros) => at = data_at + size + zeros,
            }
            continue;
        }
        if mode as u32 & KIND == REGULAR {
            files.push(File { path: name.trim_start_matches("./").trim_start_matches('/').into(), data: data.to_vec() });
        }
        at = (data_at + size).next_multiple_of(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<u8> {
        let mut writer = Writer::default();
        writer.directory("/out");
        writer.file("/out/odd", true, b"abc");
        writer.character_device("/out/console", 5, 1);
        writer.file("/out/empty", false, b"");
        writer.finish()
    }

    #[test]
    fn what_is_written_can_be_read_back() {
        let files = read(&archive()).unwrap();
        let seen: Vec<_> = files.iter().map(|f| (f.path.as_str(), &f.data[..])).collect();
        assert_eq!(seen, [("out/odd", &b"abc"[..]), ("out/empty", &b""[..])]);
    }

    #[test]
    fn an_archive_behind_zeros_is_read_too_and_anything_else_there_is_an_error() {
        let with = |end: &[u8]| [&archive()[..], &[0; 512], end].concat();
        let files = read(&with(&archive())).unwrap();
        assert_eq!(files.iter().filter(|file| file.path == "out/odd").count(), 2);
        assert_eq!(read(&with(&[])).unwrap().len(), 2);
        assert!(read(&with(&archive()[..200])).is_err());
        assert!(read(&with(b"what is no archive")).is_err());
    }

    #[test]
    fn every_cut_is_an_error_and_not_a_shorter_list() {
        let whole = archive();
        // The last bytes only pad the trailer's name.
        for end in 0..whole.len() - 4 {
            assert!(read(&whole[..end]).is_err(), "cut at {end}");
        }
    }
}
