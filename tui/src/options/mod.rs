//! Options that several verbs share.

pub mod allowed;
pub mod baseline;
pub mod capture;
pub mod filter;
pub mod format;
pub mod judged;
pub mod look;
pub mod mouse;
pub mod one_of;
pub mod reports;
pub mod seconds;
pub mod shown;
pub mod times;
pub mod wanted;
