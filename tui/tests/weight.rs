//! No view has become heavy. With generous factors, because the machine may be busy and the build is not optimised: `cargo xtask bench view`
//! measures the same, and knows the limits.

mod light;
mod pty;
mod support;

use std::time::Duration;

use grantscope::screen::views::VIEWS;
use light::{pictures, process};

const SERIES: u32 = 600;
/// The limit is 4 ms of an optimised build.
const MOST_OF_A_PICTURE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 120 } else { 12 });
/// The limit is 10 ms of each second.
const MOST_OF_A_SECOND: Duration = Duration::from_millis(if cfg!(debug_assertions) { 300 } else { 30 });
/// The limit itself: bytes do not depend on how fast the machine is.
const MOST_BYTES: f64 = 2_048.0;
/// The limit is 32 MiB.
const MOST_KIB: u64 = 48 << 10;
/// The limit is 1 MiB between an hour and a day.
const MOST_GROWTH_KIB: u64 = 4 << 10;

#[test]
fn a_picture_of_each_view_is_made_in_time() {
    for (view, row) in (1..).zip(VIEWS) {
        let took = pictures::time(view, (200, 60), SERIES, 1_000, 5);
        assert!(took <= MOST_OF_A_PICTURE, "{}: {took:?}", row.id.0);
    }
}

#[test]
fn a_view_in_which_little_happens_takes_little_of_the_processor_and_of_the_line() {
    for (row, second) in VIEWS.iter().zip(process::seconds(VIEWS.len(), SERIES, 10, 2)) {
        assert!(second.cpu > Duration::ZERO && second.cpu <= MOST_OF_A_SECOND, "{}: {second:?}", row.id.0);
        assert!(second.bytes > 0.0 && second.bytes <= MOST_BYTES, "{}: {second:?}", row.id.0);
    }
}

#[test]
fn memory_stays_what_it_was() {
    let mut peaks = Vec::new();
    // The past is in as many slices as there can be, by then (analysis/src/history/).
    process::memory(SERIES, 1_000, &[20 * 60, 40 * 60], |kib| peaks.push(kib));
    let [early, late] = peaks[..] else { panic!("two were asked for") };
    assert!(early <= MOST_KIB && late <= early + MOST_GROWTH_KIB, "{early} KiB, then {late}");
}
