//! Buffer kinds side by side: numbers, and pictures.

use grantscope_analysis::column::COLUMNS;
use grantscope_analysis::model::{Operation, Outcome};
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::Range;
use grantscope_wire::{Buffer, Op, Stage};

use super::state::Compare;
use crate::screen::command::Command;
use crate::screen::fixtures::{LARGE, S, SMALL, common, export, operations, shown};
use crate::screen::view::View;
use crate::screen::views::COMPARE;
use crate::support::builder::operation;
use crate::support::synthetic;

/// The comparison after these frames.
fn compared(frames: Vec<Frame>) -> Compare {
    let mut compare = Compare::default();
    View::refresh(&mut compare, &common(frames));
    compare
}

#[test]
fn ratios_compare_the_chosen_metric_of_successful_operations() {
    let failed = Operation { outcome: Outcome::Errno(12), ..export(Buffer::Wc, 1, 9_999) };
    let all = vec![export(Buffer::Pages, 1, 100), export(Buffer::Wc, 1, 150), export(Buffer::Coherent, 1, 300), failed];
    let compare = compared(operations(all));
    let row = &compare.comparison.rows[0];
    assert_eq!(row.counts(), [1, 1, 1]);
    assert_eq!(row.ratio(Buffer::Wc, Buffer::Pages), Some(Range::one(1.5, false)));
    assert_eq!(row.ratio(Buffer::Coherent, Buffer::Wc), Some(Range::one(2.0, false)));
}

#[test]
fn a_ratio_to_something_unknown_is_unknown() {
    let compare = compared(operations(vec![export(Buffer::Wc, 1, 100), export(Buffer::Coherent, 1, 100)]));
    assert_eq!(compare.comparison.rows[0].ratio(Buffer::Wc, Buffer::Pages), None);
}

#[test]
fn an_operation_of_one_kind_only_is_named_instead_of_compared() {
    let map = operation(Op::Map, Buffer::Pages, 1, S, &[(Stage::Remainder, 1)]);
    let compare = compared(operations(vec![map, export(Buffer::Wc, 1, 1), export(Buffer::Pages, 1, 1)]));
    assert_eq!(compare.comparison.rows.len(), 1);
    assert_eq!(compare.comparison.alone, ["map"]);
}

#[test]
fn of_added_up_page_counts_ratios_are_of_equal_page_counts_and_stages_are_not_compared() {
    let sizes =
        |kind, [small, large]: [usize; 2]| [vec![export(kind, 1, 100); small], vec![export(kind, 9, 450); large]].concat();
    let frames = operations([sizes(Buffer::Wc, [50, 90]), sizes(Buffer::Coherent, [90, 50])].concat());
    let screen = shown(LARGE, frames, &[Command::MergePages, COMPARE]);
    let row = screen.lines().find(|line| line.contains("per page")).unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells[..10], ["▸", "export", "per", "page", "–", "50–100", "ns", "50–100", "ns", "–"], "{screen}");
    assert_eq!(cells[10], "1.00×");
    assert!(screen.contains("Page counts are added up") && !screen.contains("where the time goes, mean"), "{screen}");
}

#[test]
fn kinds_of_different_domains_are_compared_and_named() {
    let foreign = Operation { domid: Some(0), ..export(Buffer::Wc, 1, 150) };
    let compare = compared(operations(vec![export(Buffer::Pages, 1, 100), foreign]));
    assert_eq!(compare.comparison.rows.len(), 1);
    assert_eq!(compare.comparison.across, ["export (pages dom1, wc dom0)"]);
}

#[test]
fn the_stages_of_a_kind_add_up_to_its_mean() {
    let common = common(synthetic::frames(2));
    let mut compare = Compare::default();
    View::refresh(&mut compare, &common);
    let row = &compare.comparison.rows[compare.selected().unwrap()];
    for (kind, cell) in row.cells.iter().enumerate() {
        let sum: f64 = compare.stages.iter().filter_map(|stage| stage.means_ns[kind]).sum();
        let mean = cell.as_ref().unwrap().series.mean_ns().unwrap();
        assert!((sum - mean).abs() < 1e-6, "{sum} {mean}");
    }
}

#[test]
fn every_metric_to_compare_by_comes_round_again() {
    let mut compare = compared(Vec::new());
    let first = compare.metric;
    let mut seen = Vec::new();
    while !seen.contains(&compare.metric) {
        seen.push(compare.metric);
        View::command(&mut compare, Command::Metric, &mut common(Vec::new()));
    }
    let names: Vec<_> = seen.iter().map(|&index| COLUMNS[index].heading).collect();
    assert_eq!(names, ["p50", "p90", "p99", "p99.9", "max"]);
    assert_eq!(compare.metric, first);
}

#[test]
fn buffer_kinds_side_by_side() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[COMPARE]));
    insta::assert_snapshot!(shown(LARGE, synthetic::frames(6), &[COMPARE, Command::Down]));
}

/// Exports of both kinds, so many of each, with these medians.
fn of_kinds(count: u64, wc_ns: u64, coherent_ns: u64) -> Vec<Frame> {
    let varied = |ns: u64, i: u64| ns + ns * (i * 7 % 20) / 2_000;
    let each =
        (0..count).flat_map(|i| [export(Buffer::Wc, 1, varied(wc_ns, i)), export(Buffer::Coherent, 1, varied(coherent_ns, i))]);
    operations(each.collect())
}

#[test]
fn what_is_the_same_is_said_to_be_and_what_is_not_known_is_not() {
    let row = |frames| {
        let screen = shown(LARGE, frames, &[COMPARE]);
        screen.lines().find(|line| line.starts_with("▸ export")).unwrap_or_else(|| panic!("{screen}")).to_owned()
    };
    assert!(row(of_kinds(500, 100_000, 100_100)).contains(" same"));
    let slower = row(of_kinds(500, 100_000, 130_000));
    assert!(slower.contains(" 1.30× ") && !slower.contains('?'), "{slower}");
    assert!(row(of_kinds(5, 100_000, 100_100)).contains("1.00×?"), "five operations decide nothing");
    // The interval is in words below, for the selected row.
    let screen = shown(LARGE, of_kinds(500, 100_000, 130_000), &[COMPARE]);
    assert!(screen.contains("coh÷wc slower [1.29"), "{screen}");
}

#[test]
fn stages_without_room_are_added_up_and_counted() {
    let stages: Vec<_> = Stage::ALL.iter().take(14).map(|&stage| (stage, 1_000)).collect();
    let of = |kind| vec![operation(Op::Export, kind, 1, S, &stages); 60];
    let screen = shown(SMALL, operations([of(Buffer::Pages), of(Buffer::Wc)].concat()), &[COMPARE]);
    let rest = screen.lines().find(|line| line.contains(" more (t)")).unwrap_or_else(|| panic!("{screen}"));
    let hidden: usize = rest.split_whitespace().next().unwrap().parse().unwrap();
    assert!(rest.contains(&format!("{hidden}.0")), "each of {hidden} takes 1 µs: {rest}");
    assert!(screen.lines().any(|line| line.starts_with("whole operation") && line.contains("14.0 µs")), "{screen}");
}

#[test]
fn what_has_one_kind_only_is_named_once_whatever_its_page_counts_and_kinds() {
    let of = |op, buffer, pages| operation(op, buffer, pages, S, &[(Stage::Remainder, 1)]);
    let all = [1, 2].map(|pages| [of(Op::Map, Buffer::Pages, pages), of(Op::Mmap, Buffer::Pages, pages)]).concat();
    let with_kinds = [all, vec![of(Op::Map, Buffer::Wc, 3), of(Op::Map, Buffer::Coherent, 4)]].concat();
    assert_eq!(compared(operations(with_kinds)).comparison.alone, ["map", "mmap"]);
}

#[test]
fn that_there_is_nothing_to_compare_is_said_in_full_at_every_width() {
    for width in [40, 41, 50, 60, 80] {
        let screen = shown((width, 12), operations(vec![export(Buffer::Wc, 1, 1)]), &[COMPARE]);
        let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("No operation has succeeded with more than one buffer kind so far."), "{screen}");
        assert!(words.contains("Seen with one buffer kind only: export"), "{screen}");
    }
}
