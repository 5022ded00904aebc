//! What watching costs: of a lab recording, and of one that says little.

use grantscope_analysis::recording::Frame;
use grantscope_wire::Buffer;

use crate::screen::command::Command;
use crate::screen::fixtures::{LARGE, SMALL, calibration, export, operations, shown, sweep, troubled};
use crate::screen::views::PROBES;
use crate::support::builder::environment;

#[test]
fn every_hook_has_its_means_its_runs_its_cost_and_its_losses() {
    insta::assert_snapshot!(shown(SMALL, sweep(), &[PROBES]));
    insta::assert_snapshot!(shown((160, 48), sweep(), &[PROBES]));
}

#[test]
fn what_the_probes_add_to_the_selected_operation_is_a_part_of_it() {
    let frames = [vec![Frame::Environment(environment()), calibration(3_200)], operations(vec![export(Buffer::Wc, 1, 35_200)])];
    let screen = shown(LARGE, frames.concat(), &[PROBES]);
    // It took 35.2 µs, of which the probes' own time is 3.2.
    assert!(screen.contains("1 page · ok: 3.20 µs ± 100 ns, 10.00 % of the mean of 32.0 µs without it"), "{screen}");
    let raw = [Command::OtherTimes, PROBES];
    assert!(shown(LARGE, frames.concat(), &raw).contains("10.00 % of the mean of 32.0 µs"));
}

#[test]
fn what_is_not_known_is_a_dash_with_its_reason() {
    let frames = [vec![Frame::Environment(environment())], operations(vec![export(Buffer::Wc, 1, 35_200)])].concat();
    let screen = shown((160, 80), frames, &[PROBES]);
    assert!(screen.contains("on average          – (the recording has no calibration)"), "{screen}");
    assert!(screen.contains("– (no report of losses has come yet)"), "{screen}");
    let hook = screen.lines().find(|line| line.contains("gnttab_map_refs")).unwrap();
    assert_eq!(hook.split_whitespace().filter(|cell| *cell == "–").count(), 5, "{hook}");
}

#[test]
fn what_is_missing_stands_before_the_table() {
    let screen = shown((160, 80), troubled(), &[PROBES]);
    let place = |text: &str| screen.find(text).unwrap_or_else(|| panic!("{text}:\n{screen}"));
    let missing = place("What is missing\n");
    assert!(missing < place("NOT ATTACHED: the kernel has no such function") && missing < place("LOST 12 ring_full"));
    assert!(place("LOST 12 ring_full") < place("Hooks: "));
}
