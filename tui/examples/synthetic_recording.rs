//! Writes a made-up recording, for people who work on the views: `cargo run --example synthetic_recording 30 > made-up.gsr`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let seconds = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok()).unwrap_or(30);
    io::stdout().lock().write_all(&support::builder::bytes(&support::synthetic::complete(seconds)))
}
