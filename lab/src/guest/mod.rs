//! What runs inside the domains: the file system that both boot from, and dom0's job.

pub mod cpio;
pub mod image;
pub mod in_c;
pub mod job;
pub mod scenario;
