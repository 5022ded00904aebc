//! What watching costs, for each view of the registry: `cargo xtask bench view` runs this, and says which figures are too large.
//!
//! A line for each figure: its name, the view or the hours that it is of, and the number.

#[path = "../tests/light/mod.rs"]
mod light;
#[path = "../tests/pty/mod.rs"]
mod pty;
#[path = "../tests/support/mod.rs"]
mod support;

use std::env;

use grantscope::screen::views::VIEWS;
use light::{pictures, process};

/// A large terminal, and what a large benchmark records.
const LARGE: (u16, u16) = (200, 60);
const SERIES: u32 = 600;
/// Operations a second where much happens.
const MANY: u64 = 1_000;
/// Where little does: one in each frame of a recorder.
const FEW: u64 = 10;
const PICTURES: usize = 40;
const SECONDS: u64 = 5;

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    // `cargo test --benches` and the like do not say this.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let is_wanted = |measure| arguments.len() < 2 || arguments.iter().any(|argument| argument == measure);
    if is_wanted("pictures") {
        for (view, row) in (1..).zip(VIEWS) {
            println!("picture {} {}", row.id.0, pictures::time(view, LARGE, SERIES, MANY, PICTURES).as_nanos());
        }
    }
    if is_wanted("seconds") {
        for (name, per_second) in [("idle", 0), ("few", FEW)] {
            for (row, second) in VIEWS.iter().zip(process::seconds(VIEWS.len(), SERIES, per_second, SECONDS)) {
                println!("{name}_cpu {} {}", row.id.0, second.cpu.as_nanos());
                println!("{name}_bytes {} {:.0}", row.id.0, second.bytes);
            }
        }
    }
    if is_wanted("memory") {
        let hours = [1, 24];
        let mut each = hours.iter();
        process::memory(SERIES, MANY, &hours.map(|hours| hours * 3_600), |kib| {
            each.next().into_iter().for_each(|hours| println!("memory {hours} {kib}"));
        });
    }
}
