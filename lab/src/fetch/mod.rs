//! What comes from elsewhere: the distribution's packages, installed with consent or unpacked into the cache.

pub mod apt;
mod consent;
pub mod downloads;
pub mod linked;
pub mod packages;
pub mod toolstack;

pub use consent::Consent;
