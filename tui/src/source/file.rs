//! A file as an input.

use std::fs::{File, OpenOptions};
use std::io::Seek;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use grantscope_analysis::recording::end_ns;
use grantscope_output::FileId;
use nix::fcntl::OFlag;

use crate::remote::address::Address;
use crate::source::frames::{Again, Input, Origin};
use crate::source::not_written::is_not_written;
use crate::source::serial::set_raw;
use crate::source::stream::bytes;

/// A regular file is a recording of the past; anything else that has a name (pipe, socket, serial line) is live.
///
/// # Errors
/// It cannot be opened.
pub fn input(path: &Path) -> Result<Input> {
    let file = open_file(path)?;
    let kind = file.metadata().with_context(|| format!("{}: its kind cannot be read", path.display()))?;
    let (origin, end_ns) = if kind.is_file() { (Origin::Replay, end_ns(&file)) } else { (Origin::Live, None) };
    if kind.is_file() {
        (&file).rewind().with_context(|| format!("{}: cannot be read from its beginning", path.display()))?;
    }
    let name = if Address::named(path).is_some() { Some(path.as_os_str()) } else { path.file_name() };
    let name = name.map(|name| name.to_string_lossy().into_owned());
    let owned = path.to_owned();
    let again = kind.is_file().then(|| Again::new(move || Ok(bytes(open_file(&owned)?, Origin::Replay))));
    Ok(Input { origin, name, end_ns, again, source: bytes(file, origin), tee: None })
}

/// Opens a file; a serial line in raw mode. Connects to a recorder where the name is an address.
///
/// # Errors
/// It cannot be opened, is a directory, or is what standard output goes to; nobody listens there.
pub fn open_file(path: &Path) -> Result<File> {
    if let Some(address) = Address::named(path) {
        return address
            .map_err(|advice| anyhow!("{}: is no address: {advice}; of a file, give ./{0}", path.display()))?
            .connect();
    }
    // A terminal that is opened is not to become the one that controls this program.
    let options = OpenOptions::new().read(true).custom_flags(OFlag::O_NOCTTY.bits()).to_owned();
    let file = options.open(path).with_context(|| format!("{}: cannot be opened; check the path", path.display()))?;
    if file.metadata().is_ok_and(|kind| kind.is_dir()) {
        bail!("{}: is a directory; give a file written by `grantscope record -o FILE`", path.display());
    }
    is_not_written(FileId::of(&file), &path.display().to_string())?;
    set_raw(&file, path)?;
    Ok(file)
}
