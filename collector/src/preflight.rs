//! Asks the machine, before anything is loaded, whether it can be profiled at all.

use std::fs;
use std::path::Path;

use crate::CaptureError;
use crate::object;

/// The kernel's own type information.
pub const VMLINUX_BTF: &str = "/sys/kernel/btf/vmlinux";

/// The first obstacle.
///
/// # Errors
/// The first thing that is missing: the embedded probes, root, Xen, gntdev or BTF.
pub fn check() -> Result<(), CaptureError> {
    if !object::is_embedded() {
        return Err(CaptureError::NoProbes);
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(CaptureError::NotRoot);
    }
    xen()?;
    if !Path::new("/dev/xen/gntdev").exists() {
        return Err(CaptureError::NoGntdev);
    }
    fs::metadata(VMLINUX_BTF).map(drop).map_err(|error| CaptureError::NoBtf(error.to_string()))
}

/// Whether this is a Xen domain.
///
/// # Errors
/// This is not a Xen domain.
pub fn xen() -> Result<(), CaptureError> {
    const TYPE: &str = "/sys/hypervisor/type";
    match fs::read_to_string(TYPE) {
        Ok(name) if name.trim() == "xen" => Ok(()),
        Ok(name) => Err(CaptureError::NoXen(format!("{TYPE} says `{}`", name.trim()))),
        // Kernels without CONFIG_XEN_SYS_HYPERVISOR have no such file, but Xen's own directory.
        Err(_) if Path::new("/proc/xen").exists() => Ok(()),
        Err(error) => Err(CaptureError::NoXen(format!("{TYPE}: {error}"))),
    }
}
