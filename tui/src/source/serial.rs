//! A serial line as an input: its line discipline must not touch the bytes.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

/// Where a terminal is opened: in raw mode, in which it stays, so that the next reader too gets bytes as they come. Anything else is left
/// as it is.
///
/// # Errors
/// It is the terminal that this program runs in, or cannot be set.
pub fn set_raw(file: &File, path: &Path) -> Result<()> {
    if !file.is_terminal() {
        return Ok(());
    }
    if is_own(file)? {
        bail!(
            "{}: is the terminal that this runs in; give a serial line, or pipe a stream in (`| grantscope top -`)",
            path.display()
        );
    }
    let unset = || format!("{}: cannot be set to raw mode; do it with `stty -F {} raw -echo`", path.display(), path.display());
    let mut settings = tcgetattr(file).with_context(unset)?;
    cfmakeraw(&mut settings);
    // What has come before is read all the same: nobody knows whether it was changed.
    tcsetattr(file, SetArg::TCSANOW, &settings).with_context(unset)
}

/// Whether standard input, output or error is this terminal, or it is named as the controlling one (/dev/tty).
fn is_own(file: &File) -> io::Result<bool> {
    const CONTROLLING: nix::libc::dev_t = nix::libc::makedev(5, 0);
    let device = |path: &Path| path.metadata().map(|kind| kind.rdev()).ok();
    let own = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];
    let rdev = file.metadata()?.rdev();
    Ok(rdev == CONTROLLING || own.iter().any(|path| device(Path::new(path)) == Some(rdev)))
}
