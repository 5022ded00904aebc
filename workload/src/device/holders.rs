//! The processes that hold dma-bufs of gntdev: the grants stay mapped until the last holder closes them, even without the exporter.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The kernel's name for the exporter of a buffer: that of the module (`DEFINE_DMA_BUF_EXPORT_INFO`, include/linux/dma-buf.h, Linux v6.12).
const EXPORTER: &str = "xen_gntdev";

/// A process that holds such buffers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its pid.
    pub pid: u32,
    /// The pid of its parent.
    pub parent: u32,
    /// Its name.
    pub name: String,
    /// How many buffers.
    pub buffers: usize,
    /// The size of all of them, in bytes.
    pub bytes: u64,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pid, name, buffers, bytes, .. } = self;
        write!(
            f,
            "{name} (pid {pid}) holds {buffers} dma-bufs of gntdev, {bytes} bytes: their grants stay mapped until it closes them; if it \
             should not have them, end it (kill {pid})"
        )
    }
}

/// All processes that hold such buffers by a descriptor, as `proc` shows it: without privileges, only one's own processes.
pub fn holders(proc: &Path) -> Vec<Holder> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let pids: BTreeSet<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.into_iter().filter_map(|pid| holder(&proc.join(pid.to_string()), pid)).collect()
}

fn holder(process: &Path, pid: u32) -> Option<Holder> {
    let descriptors = fs::read_dir(process.join("fdinfo")).ok()?.flatten();
    // Several descriptors of one buffer are one buffer.
    let buffers: BTreeMap<u64, u64> = descriptors.filter_map(|entry| buffer(&fs::read_to_string(entry.path()).ok()?)).collect();
    if buffers.is_empty() {
        return None;
    }
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default().trim().to_owned();
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    let parent = field(&status, "PPid").and_then(|parent| parent.parse().ok()).unwrap_or(0);
    Some(Holder { pid, parent, name, buffers: buffers.len(), bytes: buffers.values().sum() })
}

/// The number and the size of a buffer of gntdev, from a descriptor's fdinfo (`dma_buf_show_fdinfo` in drivers/dma-buf/dma-buf.c).
fn buffer(fdinfo: &str) -> Option<(u64, u64)> {
    if field(fdinfo, "exp_name")? != EXPORTER {
        return None;
    }
    Some((field(fdinfo, "ino")?.parse().ok()?, field(fdinfo, "size")?.parse().ok()?))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_gntdev_are_counted_once_and_others_are_not() {
        let proc = std::env::temp_dir().join(format!("grantscope-proc-{}", std::process::id()));
        let descriptors = proc.join("55/fdinfo");
        fs::create_dir_all(&descriptors).unwrap();
        fs::create_dir_all(proc.join("56/fdinfo")).unwrap();
        let dmabuf = |ino: u32, exporter: &str| {
            format!("pos:\t0\nflags:\t02\nmnt_id:\t14\nino:\t{ino}\nsize:\t8294400\ncount:\t2\nexp_name:\t{exporter}\n")
        };
        for (name, text) in [("3", dmabuf(7, EXPORTER)), ("4", dmabuf(7, EXPORTER)), ("5", dmabuf(8, "udmabuf"))] {
            fs::write(descriptors.join(name), text).unwrap();
        }
        fs::write(descriptors.join("0"), "pos:\t0\nflags:\t02\nmnt_id:\t14\nino:\t1\n").unwrap();
        fs::write(proc.join("55/comm"), "weston\n").unwrap();
        fs::write(proc.join("55/status"), "Name:\tweston\nPid:\t55\nPPid:\t1\n").unwrap();
        let all = holders(&proc);
        fs::remove_dir_all(&proc).unwrap();
        assert_eq!(all.len(), 1);
        insta::assert_snapshot!(all[0], @"weston (pid 55) holds 1 dma-bufs of gntdev, 8294400 bytes: their grants stay mapped until it closes them; if it should not have them, end it (kill 55)");
    }
}
