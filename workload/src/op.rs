//! The names of operations and of kinds of buffers, as the truth and every message use them.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The kind of a request to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// The map ioctl of gntdev: allocates, touches no grant.
    Map,
    /// One mmap of a gntdev descriptor.
    Mmap,
    /// One munmap that removes such a mapping.
    Munmap,
    /// The unmap ioctl of gntdev.
    Unmap,
    /// A dma-buf made from references.
    Export,
    /// The last close of such a dma-buf.
    Release,
    /// References made from a dma-buf.
    Import,
    /// Their end.
    ImportRelease,
    /// Waiting until an exported dma-buf is released.
    WaitReleased,
    /// A grant copy.
    Copy,
    /// Granting pages through gntalloc.
    Grant,
    /// Taking them back.
    Ungrant,
    /// The last close of a gntdev descriptor.
    Close,
    /// A dma-buf handed to another driver of this kernel.
    PrimeImport,
    /// That driver's handle of it closed.
    GemClose,
    /// An importer with a device attaches to a dma-buf.
    Attach,
    /// It has it mapped.
    AttachmentMap,
    /// And unmapped.
    AttachmentUnmap,
    /// It detaches.
    Detach,
}

impl Op {
    /// All there are.
    pub const ALL: [Self; 19] = [
        Self::Map,
        Self::Mmap,
        Self::Munmap,
        Self::Unmap,
        Self::Export,
        Self::Release,
        Self::Import,
        Self::ImportRelease,
        Self::WaitReleased,
        Self::Copy,
        Self::Grant,
        Self::Ungrant,
        Self::Close,
        Self::PrimeImport,
        Self::GemClose,
        Self::Attach,
        Self::AttachmentMap,
        Self::AttachmentUnmap,
        Self::Detach,
    ];

    /// The name used everywhere.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Mmap => "mmap",
            Self::Munmap => "munmap",
            Self::Unmap => "unmap",
            Self::Export => "export",
            Self::Release => "release",
            Self::Import => "import",
            Self::ImportRelease => "import_release",
            Self::WaitReleased => "wait_released",
            Self::Copy => "copy",
            Self::Grant => "grant",
            Self::Ungrant => "ungrant",
            Self::Close => "close",
            Self::PrimeImport => "prime_import",
            Self::GemClose => "gem_close",
            Self::Attach => "attach",
            Self::AttachmentMap => "attachment_map",
            Self::AttachmentUnmap => "attachment_unmap",
            Self::Detach => "detach",
        }
    }

    /// What the kernel does in such a call, in order, if that is several operations that a profiler may distinguish. Empty:
    /// the call is one operation, of its own name. What an importer does depends on whether it `maps` what it imports.
    pub const fn contains(self, maps: bool) -> &'static [&'static str] {
        match (self, maps) {
            (Self::PrimeImport, true) => &["attach", "attachment_map"],
            (Self::PrimeImport, false) => &["attach"],
            (Self::GemClose, true) => &["attachment_unmap", "detach"],
            (Self::GemClose, false) => &["detach"],
            _ => &[],
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The kind of memory that backs a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Buffer {
    /// Ordinary pages.
    #[value(help = "Ordinary pages: map, export, grant")]
    Pages,
    /// Write-combining memory from the DMA allocator.
    #[value(help = "Write-combining memory: export")]
    Wc,
    /// Coherent memory from the DMA allocator.
    #[value(help = "Coherent memory: export")]
    Coherent,
    /// A dma-buf of another driver.
    #[value(help = "Another driver's dma-buf: import")]
    Foreign,
}

impl Buffer {
    /// The name used everywhere.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Wc => "wc",
            Self::Coherent => "coherent",
            Self::Foreign => "foreign",
        }
    }
}

impl fmt::Display for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_line_in_the_documentation() {
        let documented = include_str!("../../docs/truth.md");
        for op in Op::ALL {
            assert!(documented.contains(&format!("\n| `{op}` | ")), "docs/truth.md says nothing about {op}");
        }
    }

    #[test]
    fn names_written_by_serde_are_the_names_shown() {
        for op in Op::ALL {
            assert_eq!(serde_json::to_value(op).unwrap(), op.name());
        }
        for buffer in [Buffer::Pages, Buffer::Wc, Buffer::Coherent, Buffer::Foreign] {
            assert_eq!(serde_json::to_value(buffer).unwrap(), buffer.name());
        }
    }
}
