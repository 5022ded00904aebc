//! Lines on standard error.

use std::fmt;
use std::io::{self, Write};

/// Writes a line to standard error, as `eprintln!` does; where that is gone, as with a closed terminal, nobody hears it, and nothing else
/// happens.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::line(format_args!($($text)*))
    };
}

/// As [`say!`] does.
pub fn line(text: fmt::Arguments<'_>) {
    // In one piece, so that lines of several threads do not mix.
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}
