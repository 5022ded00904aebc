//! Recordings of another process or machine, while they are made: addresses, who listens there, who connects.

pub mod address;
pub mod listen;
