//! Xen's toolstack for dom0.

use std::path::PathBuf;

use anyhow::Result;

use super::linked::{self, Choice};
use crate::{
    cache::Cache,
    platform::{Architecture, Hypervisor},
};

/// Where its programs lie.
const PROGRAMS: [&str; 4] = ["xenstored", "xenconsoled", "xen-init-dom0", "xl"];

/// The tree, as it is to lie in dom0's root: a toolstack has to be of the hypervisor's version.
///
/// # Errors
/// When the packages cannot be fetched, or lack a program or a library.
pub fn ensure(cache: &Cache, architecture: Architecture, hypervisor: Hypervisor) -> Result<PathBuf> {
    let Hypervisor { suite, version } = hypervisor;
    let mut programs = PROGRAMS.map(|program| format!("usr/lib/xen-{version}/bin/{program}")).to_vec();
    programs.extend(["usr/bin/xenstore-read", "usr/bin/xenstore-write"].map(str::to_owned));
    let programs: Vec<_> = programs.iter().map(String::as_str).collect();
    let packages = [&*format!("xen-utils-{version}"), "xenstore-utils"];
    linked::ensure(cache, architecture, &Choice { name: "toolstack", suite, packages: &packages, programs: &programs })
}
