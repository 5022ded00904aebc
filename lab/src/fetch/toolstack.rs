//! Xen's toolstack for dom0.

use std::path::PathBuf;

use anyhow::Result;

use super::linked::{self, Choice};
use crate::{cache::Cache, platform::Architecture};

const TOOLSTACK: Choice = Choice {
    name: "toolstack",
    // That of the hypervisor: a toolstack has to be of its version.
    suite: "bookworm",
    packages: &["xen-utils-4.17", "xenstore-utils"],
    programs: &[
        "usr/lib/xen-4.17/bin/xenstored",
        "usr/lib/xen-4.17/bin/xenconsoled",
        "usr/lib/xen-4.17/bin/xen-init-dom0",
        "usr/lib/xen-4.17/bin/xl",
        "usr/bin/xenstore-read",
        "usr/bin/xenstore-write",
    ],
};

/// The tree, as it is to lie in dom0's root.
///
/// # Errors
/// When the packages cannot be fetched, or lack a program or a library.
pub fn ensure(cache: &Cache, architecture: Architecture) -> Result<PathBuf> {
    linked::ensure(cache, architecture, &TOOLSTACK)
}
