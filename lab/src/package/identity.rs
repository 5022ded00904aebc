//! What the packages are called by: version and maintainer.

/// The version of the packages: that of all crates.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Whom dpkg names; `.invalid` is no address (RFC 2606).
pub const MAINTAINER: &str = "The grantscope developers <developers@grantscope.invalid>";
