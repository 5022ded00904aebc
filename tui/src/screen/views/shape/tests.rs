//! How durations are distributed.

use grantscope_analysis::recording::Frame;
use grantscope_wire::Buffer;

use crate::screen::command::Command;
use crate::screen::fixtures::{LARGE, SMALL, environment_frame, export, failing, operations, shown};
use crate::screen::views::SHAPE;
use crate::support::synthetic;

#[test]
fn a_row_that_failed_says_why_in_words() {
    let seen = shown(LARGE, failing(), &[SHAPE]);
    assert!(seen.contains("grants_refused 2 × (bad_gntref 4, no_space 2): Xen refused at least one grant"), "{seen}");
}

#[test]
fn the_selected_row_and_the_other_kinds() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[SHAPE]));
    insta::assert_snapshot!(shown(LARGE, synthetic::frames(6), &[Command::Last, SHAPE]));
}

/// Exports: of pages in about 10 µs; of write-combining buffers two in three in about 100, and the others in about 200.
fn bimodal() -> Vec<Frame> {
    let of = |buffer, base_us: u64| (0..100).map(move |place| export(buffer, 4, base_us * 1_000 + place * 10));
    let slow = (0..50).map(|place| export(Buffer::Wc, 4, 200_000 + place * 10));
    vec![environment_frame(), operations(of(Buffer::Pages, 10).chain(of(Buffer::Wc, 100)).chain(slow).collect()).remove(0)]
}

/// The columns of the bars of each kind that are not empty.
fn columns(screen: &str) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = Vec::new();
    for line in screen.lines() {
        if line.contains(" operations") && line.starts_with([' ', '▸']) {
            all.push(Vec::new());
        }
        let bars = line.chars().enumerate().filter(|(_, mark)| ('▁'..='█').contains(mark)).map(|(column, _)| column);
        if let Some(last) = all.last_mut() {
            last.extend(bars);
        }
    }
    all
}

#[test]
fn kinds_stand_below_each_other_on_one_axis_and_two_modes_are_named() {
    let screen = shown(LARGE, bimodal(), &[SHAPE]);
    assert!(screen.contains("wc · 150 operations · two modes: 67 % about 101 µs, 33 % about 200 µs"), "{screen}");
    assert_eq!(screen.matches("two modes").count(), 1, "{screen}");
    let all = columns(&screen);
    let [pages, wc] = &all[..] else { panic!("{screen}") };
    assert!(pages.iter().max() < wc.iter().min(), "{screen}");
    assert!(wc.iter().max().unwrap() - wc.iter().min().unwrap() > 15, "{screen}");
    // Of all page counts together no modes are named.
    let merged = shown(LARGE, bimodal(), &[Command::MergePages, SHAPE]);
    assert!(!merged.contains("two modes"), "{merged}");
}

#[test]
fn where_there_is_no_room_for_all_kinds_the_selected_one_is_seen() {
    let coherent = operations((0..100).map(|place| export(Buffer::Coherent, 4, 100_000 + place)).collect());
    let frames = [bimodal(), coherent].concat();
    let has = |size| {
        let screen = shown(size, frames.clone(), &[Command::Last, SHAPE]);
        (screen.contains("▸coherent · 100 operations"), screen.contains(" wc · 150 operations"))
    };
    assert_eq!([has((60, 16)), has(SMALL)], [(true, false), (true, true)]);
}

#[test]
fn where_histograms_have_no_room_that_is_said() {
    let low: String = shown((40, 12), failing(), &[SHAPE]);
    assert!(low.contains("why: ") && low.contains("no room for histograms"), "{low}");
    let high = shown(SMALL, failing(), &[SHAPE]);
    assert!(!high.contains("no room for"), "{high}");
}
