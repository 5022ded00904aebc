//! The operations that are ioctls on gntdev, as a record has them: a pattern has to be a constant.

use grantscope_wire::Op;

pub const MAP: u8 = Op::Map.id();
pub const UNMAP: u8 = Op::Unmap.id();
pub const COPY: u8 = Op::Copy.id();
pub const EXPORT: u8 = Op::Export.id();
pub const WAIT_RELEASED: u8 = Op::WaitReleased.id();
pub const IMPORT: u8 = Op::Import.id();
pub const IMPORT_RELEASE: u8 = Op::ImportRelease.id();
