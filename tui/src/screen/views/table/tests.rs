//! The table: its layouts, and pictures.

use grantscope_analysis::model::{Detail, Operation, Outcome};
use grantscope_wire::{Allocator, Buffer, Cause, Op, Stage};

use super::state::{Panes, Table};
use crate::screen::command::Command;
use crate::screen::fixtures::{LARGE, LEAST, S, SMALL, common, export, failing, operations, shown};
use crate::support::builder::operation;
use crate::support::synthetic;

#[test]
fn the_lower_half_goes_through_all_its_layouts() {
    let (mut common, mut table) = (common(Vec::new()), Table::default());
    let mut seen = vec![table.panes];
    for _ in 0..4 {
        table.command(Command::NextPane, &mut common, 1);
        seen.push(table.panes);
    }
    assert_eq!(seen, [Panes::Both, Panes::Histogram, Panes::Stages, Panes::Neither, Panes::Both]);
}

#[test]
fn a_row_that_failed_says_why() {
    let screen = shown(SMALL, failing(), &[]);
    assert!(screen.contains("why: grants_refused 2 × (bad_gntref 4, no_space 2), already_mapped 1 ×"), "{screen}");
}

#[test]
fn a_row_that_was_mapped_for_a_device_says_what_was_bounced() {
    let mapped = |bounces: Option<u32>| {
        let bounced_bytes = bounces.map(|bounces| 65_536 * u64::from(bounces));
        let details = vec![Detail::Mapping { entries: Some(16), bounces, bounced_bytes }];
        Operation { op: Op::AttachmentMap, details, ..export(Buffer::Wc, 16, 9_000) }
    };
    let screen = |bounces| shown(SMALL, operations(vec![mapped(bounces), mapped(bounces.map(|_| 0))]), &[]);
    assert!(screen(Some(1)).contains("mapped for a device: 16.0 entries, 0.5 of them bounced (32 KiB)"), "{}", screen(Some(1)));
    assert!(screen(Some(0)).contains("16.0 entries, none of them bounced"));
    assert!(screen(None).contains("16.0 entries, bounces not seen"));
}

#[test]
fn a_row_of_dma_buffers_says_where_their_memory_is_from() {
    let from = |allocator| Operation { details: vec![Detail::Allocator(allocator)], ..export(Buffer::Wc, 16, 9_000) };
    let screen =
        |allocators: &[Allocator]| shown(SMALL, operations(allocators.iter().map(|&allocator| from(allocator)).collect()), &[]);
    let both = screen(&[Allocator::Cma, Allocator::Buddy, Allocator::Cma]);
    assert!(both.contains("DMA buffers: 2 of 3 from CMA, the others from the buddy allocator"), "{both}");
    let one = screen(&[Allocator::Cma]);
    assert!(one.contains("DMA buffers: 1 of 1 from CMA") && !one.contains("buddy"), "{one}");
}

#[test]
fn operations_that_failed_before_they_allocated_are_not_taken_for_the_buddy_allocators() {
    let failed = |details| Operation { outcome: Outcome::Errno(12), details, ..export(Buffer::Wc, 16, 9_000) };
    let before = failed(vec![Detail::Cause(Cause::OverLimit)]);
    let behind = failed(vec![Detail::Cause(Cause::GrantsRefused), Detail::Allocator(Allocator::Cma)]);
    let screen = shown(SMALL, operations(vec![before, behind]), &[]);
    assert!(screen.contains("DMA buffers: 1 of 1 from CMA") && !screen.contains("buddy"), "{screen}");
}

/// Operations of this domain and page count.
fn of(domid: u16, pages: u32, count: usize) -> Vec<Operation> {
    vec![Operation { domid: Some(domid), ..export(Buffer::Wc, pages, 1_000 * u64::from(pages)) }; count]
}

/// The lines of the table's rows.
fn rows(screen: &str) -> Vec<&str> {
    screen
        .lines()
        .map(|line| line.trim_start_matches(['▸', ' ']))
        .filter(|line| line.starts_with("export ") && !line.contains(" · "))
        .collect()
}

#[test]
fn a_row_shows_its_domain_only_where_nothing_else_tells_it_from_another() {
    let frames = operations([of(0, 1, 50), of(1, 1, 60), of(1, 4, 70)].concat());
    let split = shown(SMALL, frames.clone(), &[]);
    let names = |screen: &str| rows(screen).iter().map(|row| row[..11].trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&split), ["export dom0", "export dom1", "export"]);
    assert_eq!(names(&shown(SMALL, operations(of(3, 1, 50)), &[])), ["export"]);
    // Page counts are added up, domains never.
    let merged = shown(SMALL, frames, &[Command::MergePages]);
    assert_eq!(names(&merged), ["export dom0", "export dom1"]);
}

#[test]
fn of_added_up_page_counts_the_cost_of_a_page_is_shown_and_no_quantile() {
    let mixture = [of(1, 1, 60), vec![export(Buffer::Wc, 4, 2_000); 50], of(1, 9, 50)].concat();
    let one_size = vec![export(Buffer::Pages, 7, 700); 50];
    let screen = shown(SMALL, operations([mixture, one_size].concat()), &[Command::MergePages, Command::Last]);
    let cells: Vec<Vec<&str>> = rows(&screen).iter().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(cells[0], ["export", "pages", "ok", "50", "100", "ns", "700", "ns", "~700", "ns"], "{screen}");
    assert_eq!(cells[1], ["export", "wc", "ok", "160", "500", "ns–1.00", "µs", "–", "–"], "{screen}");
    assert!(!screen.contains("↑p50"), "{screen}");
}

#[test]
fn on_a_narrow_terminal_names_are_cut_and_numbers_are_not() {
    let long = |operation: Operation| Operation { op: Op::Teardown, details: vec![Detail::StartedBy(Op::Release)], ..operation };
    let all = [of(0, 1, 50), of(1, 1, 50), of(0, 400, 50), of(1, 400, 50)].concat().into_iter().map(long).collect();
    let screen = shown((60, 16), operations(all), &[Command::MergePages]);
    let row = screen.lines().find(|line| line.contains("dom1")).unwrap();
    assert!(row.contains("… dom1") && row.ends_with("1.00 µs"), "{screen}");
}

#[test]
fn quantiles_of_too_few_operations_are_marked_and_the_mark_is_explained_once() {
    let legend = "~ too few operations: p50 needs 50, p90 50, p99 100, p99.9 1000";
    let screen = shown(SMALL, operations([of(1, 1, 49), of(1, 2, 99)].concat()), &[]);
    assert_eq!(screen.matches(legend).count(), 1, "{screen}");
    let cells: Vec<Vec<&str>> = rows(&screen).iter().map(|row| row.split_whitespace().skip(5).collect()).collect();
    assert_eq!(cells[..2], [["~1.00", "µs", "~1.00", "µs", "1.00", "µs"], ["2.00", "µs", "~2.00", "µs", "2.00", "µs"]]);
    let enough = shown(SMALL, operations(of(1, 1, 100)), &[]);
    assert!(!enough.contains('~'), "{enough}");
}

#[test]
fn the_table_at_80_columns() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[]));
}

#[test]
fn the_table_at_120_columns() {
    insta::assert_snapshot!(shown(LARGE, synthetic::frames(6), &[]));
}

#[test]
fn the_table_at_200_columns() {
    insta::assert_snapshot!(shown((200, 50), synthetic::frames(6), &[Command::MergePages]));
}

#[test]
fn the_table_at_the_smallest_size() {
    insta::assert_snapshot!(shown((60, 16), synthetic::frames(6), &[]));
}

#[test]
fn another_row_is_selected_and_sorted_by_p99() {
    let mut commands = vec![Command::Sort; 6];
    commands.extend([Command::Down, Command::Down]);
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &commands));
}

#[test]
fn the_stages_alone_below_the_table() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[Command::NextPane, Command::NextPane]));
}

#[test]
fn the_selected_row_is_explained_below_the_table() {
    let frames = synthetic::frames(6);
    for (step, screen) in [0, 3].map(|step| (step, shown(LARGE, frames.clone(), &vec![Command::Down; step]))) {
        let selected = screen.lines().find_map(|line| line.strip_prefix('▸')).unwrap().split_whitespace().next().unwrap();
        let about = Op::ALL.iter().find(|op| op.name() == selected).unwrap().about();
        assert!(screen.contains(&format!("{selected}: {about}")), "after {step}:\n{screen}");
    }
}

/// Rows that differ by their page counts alone cannot be told apart without them.
#[test]
fn page_counts_are_seen_beside_rows_whose_page_counts_are_added_up() {
    let exports = [of(1, 1, 50), of(1, 16, 50)].concat();
    let mmap = |pages| vec![operation(Op::Mmap, Buffer::Coherent, pages, S, &[(Stage::Remainder, u64::from(pages) * 900)]); 50];
    let all = operations([exports, mmap(1), mmap(16), mmap(2_025)].concat());
    for size in [LEAST, (46, 14), (60, 16), SMALL, LARGE] {
        let screen = shown(size, all.clone(), &[Command::Last, Command::Expand]);
        let split = shown(size, all.clone(), &[Command::Last, Command::MergePages, Command::Expand]);
        for screen in [&screen, &split] {
            let heading = screen.lines().find(|line| line.contains("buff")).unwrap();
            assert!(heading.contains("pages") && heading.contains("per page"), "{size:?}\n{screen}");
        }
        let has_row = |screen: &str, pages: &str| {
            screen.lines().any(|line| line.contains(pages) && line.trim_start_matches(['▸', ' ']).starts_with(['e', 'm']))
        };
        assert!(has_row(&screen, " 2025 ") && has_row(&split, " 16 "), "{size:?}\n{screen}\n{split}");
    }
}

#[test]
fn a_row_that_failed_in_part_says_so_where_its_outcome_has_no_column() {
    let part = Operation { details: vec![Detail::Cause(Cause::GrantsRefused)], ..export(Buffer::Wc, 4, 1_000) };
    let screen = shown(LEAST, operations(vec![part; 3]), &[]);
    assert!(screen.contains("▸!export") && screen.contains("failed in part: grants_refused 3 ×"), "{screen}");
    assert!(!screen.contains("ok · count"), "{screen}");
}
