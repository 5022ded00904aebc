//! What a kernel is once it is there: the files that boot.

use std::path::PathBuf;

/// A kernel, ready to boot.
#[derive(Debug)]
pub struct Kernel {
    /// The image that boots.
    pub image: PathBuf,
    /// The same with symbols and DWARF, if it was built here.
    pub vmlinux: Option<PathBuf>,
    /// Modules to load at boot, in this order.
    pub modules: Vec<PathBuf>,
}
