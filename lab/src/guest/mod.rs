//! What runs inside the domains: the file system that both boot from, and the job that dom0 is given.

pub mod cpio;
pub mod image;
pub mod in_c;
pub mod job;
pub mod scenario;
