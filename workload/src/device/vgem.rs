//! vgem, a display driver without a display: an importer of dma-bufs that is not gntdev itself.

use std::fs::read_dir;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::foreign::ForeignBuf;
use super::import::Importable;
use super::kernel_calls::KernelCalls;
use crate::error::{Error, Result};
use crate::truth::{Buffer, Log, Op, Subject, Timed, timed};
use crate::uapi::drm as abi;

/// The driver's name, as it reports it.
const DRIVER: &[u8] = b"vgem";

/// What maps a buffer, of drivers/dma-buf/dma-buf.c.
const MAPS: &str = "dma_buf_map_attachment";

/// One open of vgem's node, which whatever is attached through it keeps open.
#[derive(Clone)]
pub struct Vgem<'log> {
    fd: Arc<OwnedFd>,
    log: &'log Log,
}

impl<'log> Vgem<'log> {
    /// Looks for vgem among the render nodes: opening a card's own node could make this process the master of a display.
    ///
    /// # Errors
    /// No render node is vgem's.
    pub fn open(log: &'log Log) -> Result<Self> {
        let mut others = Vec::new();
        for path in render_nodes(Path::new(abi::DIRECTORY)) {
            match open_if_vgem(&path) {
                Ok(fd) => return Ok(Self { fd: Arc::new(fd), log }),
                Err(what) => others.push(format!("{} {what}", path.display())),
            }
        }
        Err(Error::NoVgem { others })
    }

    /// Whether vgem maps a buffer when it imports it: with a buffer that is not gntdev's, which no profiler of gntdev records. Since Linux 7.3
    /// it does not (`DRM_GEM_SHMEM_DRIVER_OPS` in include/drm/drm_gem_shmem_helper.h).
    ///
    /// # Errors
    /// It cannot be seen, or there is no such buffer.
    pub fn maps_at_import(&self) -> Result<bool> {
        let buffer = ForeignBuf::of_any_kind(1)?;
        let mut calls = KernelCalls::of(MAPS).map_err(|cause| Error::ImporterUnseen { cause })?;
        let handle = self.attach(&buffer)?;
        let count = calls.count().map_err(|cause| Error::ImporterUnseen { cause });
        self.detach(handle, buffer.buffer(), buffer.pages())?;
        Ok(count? > 0)
    }

    /// Hands it a buffer: vgem attaches and, on most kernels, maps, in one call. A second call for the same buffer through the same
    /// open of the node would only find the first one's handle, and attach nothing.
    pub(super) fn attach(&self, source: &impl Importable) -> Result<u32> {
        let (buffer, pages) = (source.buffer(), source.pages());
        let mut argument = abi::PrimeHandle { handle: 0, flags: 0, fd: source.as_fd().as_raw_fd() };
        let raw = self.raw();
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        let call = timed(|| unsafe { abi::prime_fd_to_handle(raw, &mut argument) });
        self.note(Op::PrimeImport, buffer, pages, call)?;
        Ok(argument.handle)
    }

    /// Has it unmap and detach, in one call. Gives the call: what it released besides happened within it.
    pub(super) fn detach(&self, handle: u32, buffer: Buffer, pages: usize) -> Result<Timed<()>> {
        let argument = abi::GemClose { handle, pad: 0 };
        let raw = self.raw();
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        let call = timed(|| unsafe { abi::gem_close(raw, &argument) });
        let besides = call.besides();
        self.note(Op::GemClose, buffer, pages, call)?;
        Ok(besides)
    }

    /// Notes the call, unless the buffer is another driver's: then gntdev has nothing to do with it.
    fn note(&self, op: Op, buffer: Buffer, pages: usize, call: Timed<i32>) -> Result<()> {
        let answer = match buffer {
            Buffer::Foreign => call.result,
            _ => self.log.note(Subject::new(op, buffer, pages), call),
        };
        answer.map(drop).map_err(|errno| Error::Operation { op, on: format!("of {pages} {buffer} pages"), errno })
    }

    fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// The paths of the render nodes, in order; none where there is no such directory.
fn render_nodes(directory: &Path) -> Vec<PathBuf> {
    let entries = read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(abi::RENDER_NODE));
    let mut paths: Vec<_> = names.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The open node if it is vgem's, else what it is.
fn open_if_vgem(path: &Path) -> Result<OwnedFd, String> {
    let fd = open(path, OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).map_err(|errno| format!("gives {errno:?}"))?;
    match driver(&fd).map_err(|errno| format!("reports no driver ({errno:?})"))? {
        name if name == DRIVER => Ok(fd),
        name => Err(format!("is {}", String::from_utf8_lossy(&name))),
    }
}

/// The name of the driver behind a node, as far as it fits.
fn driver(node: &impl AsFd) -> Result<Vec<u8>, Errno> {
    let mut name = vec![0; 64];
    let mut argument = abi::Version::asking_for_name(&mut name);
    // SAFETY: the argument is of the type that this request takes, and outlives the call, as does the buffer it points to.
    unsafe { abi::version(node.as_fd().as_raw_fd(), &mut argument) }?;
    name.truncate(argument.name_len);
    Ok(name)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir, remove_dir_all};

    use super::*;

    #[test]
    fn only_render_nodes_are_looked_at_and_in_order() {
        let directory = std::env::temp_dir().join(format!("grantscope-dri-{}", std::process::id()));
        create_dir(&directory).unwrap();
        for name in ["renderD129", "card0", "renderD128", "by-path"] {
            File::create(directory.join(name)).unwrap();
        }
        let found = render_nodes(&directory);
        remove_dir_all(&directory).unwrap();
        assert_eq!(found, ["renderD128", "renderD129"].map(|name| directory.join(name)));
        assert_eq!(render_nodes(&directory), [""; 0].map(PathBuf::from));
    }

    #[test]
    fn a_node_that_is_not_vgems_is_described_by_its_answer() {
        assert_eq!(open_if_vgem(Path::new("/dev/null")).unwrap_err(), "reports no driver (ENOTTY)");
        assert_eq!(open_if_vgem(Path::new("/dev/no-such-node")).unwrap_err(), "gives ENOENT");
    }
}
