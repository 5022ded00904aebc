//! Owned devices, mappings, buffers and grants: each undoes itself when dropped, and each call
//! that is an operation is noted in the [`Log`](crate::truth::Log) it was given.
//!
//! What is made on an open of a device keeps it open, by counting: so a device is always closed last, and "the last close" is a
//! call of ours. It is counted rather than borrowed because the steps of a scenario file release things in an order that the
//! compiler does not see; what else has to outlive what is checked there ([`crate::script`]), before anything runs.

mod attachment;
mod balloon;
mod copy;
mod dmabuf;
mod evtchn;
mod foreign;
mod gntalloc;
mod gntdev;
mod holders;
mod import;
mod kernel_calls;
mod memory;
mod open;
mod parameter;
mod pipe;
mod vgem;
mod with_device;
mod xenstore;

pub use attachment::{Attachment, Importer, ImporterKind};
pub use balloon::Balloon;
pub use copy::{CopyOutcome, Segment};
pub use dmabuf::{DmaBuf, ReleaseWatch, Released};
pub use evtchn::EventChannel;
pub use foreign::{DmaHeap, ForeignBuf, Memory, UdmaBuf};
pub use gntalloc::{GntAlloc, Granted, GrantedPages};
pub use gntdev::{Access, GntDev, GrantMap, Mapping};
pub use holders::{Holder, holders};
pub use import::{Import, Importable};
pub use memory::SharedPages;
pub use open::{maps_own_grants, page_size};
pub use parameter::read_limit;
pub use pipe::{HeldPage, Looks};
pub use vgem::Vgem;
pub use with_device::WithDevice;
pub use xenstore::{Transaction, Xenstore};
