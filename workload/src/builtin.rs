//! The scenario files that are part of the generator.

/// A scenario file.
#[derive(Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Its name, which is the file's without `.toml`.
    pub name: &'static str,
    /// The file itself.
    pub text: &'static str,
}

macro_rules! builtin {
    ($($name:literal),* $(,)?) => {
        &[$(Builtin { name: $name, text: include_str!(concat!("../scenarios/", $name, ".toml")) }),*]
    };
}

/// All of them, in the order in which they are listed.
pub const BUILTIN: &[Builtin] = builtin![
    "sweep",
    "copy",
    "deferred",
    "latency-1",
    "display-1080p-wc",
    "display-4k",
    "display-copy",
    "camera-4buf",
    "resize-storm",
    "churn",
    "hoarder",
    "zero-copy",
    "zero-copy-loopback",
];
