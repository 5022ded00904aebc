//! Where the time goes: what is said of kinds that differ and of kinds that do not, and how one gets there.

use grantscope_analysis::model::Operation;
use grantscope_wire::{Buffer, Op, Stage};

use crate::screen::command::Command;
use crate::screen::fixtures::{LARGE, S, operations, shown};
use crate::screen::views::WHERE;
use crate::support::builder::operation;

/// Exports of every kind; of DMA memory these take longer to allocate.
fn exports(pages: u32) -> Vec<Operation> {
    let of = |buffer, stages: &[(Stage, u64)]| operation(Op::Export, buffer, pages, S, stages);
    let dma = [(Stage::Remainder, 2_000), (Stage::DmaAlloc, 6_000), (Stage::MapHypercall, 10_000)];
    let ordinary = [(Stage::Remainder, 2_000), (Stage::PageAlloc, 1_000), (Stage::MapHypercall, 10_000)];
    let each = [of(Buffer::Pages, &ordinary), of(Buffer::Wc, &dma), of(Buffer::Coherent, &dma)];
    each.iter().cycle().take(300).cloned().collect()
}

/// The line of a stage.
fn line<'a>(screen: &'a str, stage: &str) -> &'a str {
    let is_its = |line: &&str| line.trim_start_matches(['▸', ' ']).starts_with(stage);
    screen.lines().find(is_its).unwrap_or_else(|| panic!("{stage} is not shown:\n{screen}"))
}

#[test]
fn the_stage_that_makes_a_kind_dearer_stands_first_with_its_share() {
    let screen = shown(LARGE, operations(exports(1)), &[WHERE]);
    assert!(
        screen.contains("By the means, wc costs 1.38 × pages (+5.00 µs); coherent costs as much as wc, within 1 %."),
        "{screen}"
    );
    let dma = line(&screen, "dma_alloc");
    assert!(dma.starts_with('▸') && dma.contains("+6.00 µs") && dma.contains("120 %"), "{dma}");
    let alloc = line(&screen, "page_alloc");
    assert!(alloc.contains("−1.00 µs") && alloc.contains("−20 %"), "{alloc}");
    assert!(line(&screen, "whole operation").contains("100 %"));
    assert!(screen.contains("dma_alloc: allocating the DMA buffer"), "{screen}");
}

#[test]
fn another_page_count_is_one_key_away_and_is_selected_in_the_table_too() {
    let both = [exports(1), exports(16)].concat();
    let screen = shown(LARGE, operations(both.clone()), &[WHERE, Command::MorePages]);
    assert!(screen.contains("export · 16 pages · ok") && screen.contains("(1 [16])"), "{screen}");
    let table = shown(LARGE, operations(both), &[WHERE, Command::MorePages, WHERE]);
    assert!(table.lines().any(|line| line.starts_with("▸ export") && line.contains(" 16 ")), "{table}");
}

#[test]
fn an_operation_of_one_kind_is_shown_from_its_beginning_to_its_end() {
    let stages = [(Stage::Remainder, 5_000), (Stage::VmaInsert, 15_000)];
    let screen = shown(LARGE, operations(vec![operation(Op::Mmap, Buffer::Pages, 1, S, &stages); 60]), &[WHERE]);
    assert!(!screen.contains("costs"), "{screen}");
    let (longest, rest) = (line(&screen, "vma_insert"), line(&screen, "remainder"));
    assert!(longest.contains("75 %") && rest.contains("25 %"), "{screen}");
    assert!(
        rest.chars().position(|c| c == '█') > longest.chars().position(|c| c == '█'),
        "it begins where the other ends:\n{screen}"
    );
}

#[test]
fn of_nothing_it_says_so() {
    assert!(shown(LARGE, Vec::new(), &[WHERE]).contains("Nothing was recorded so far."));
}

#[test]
fn on_the_lowest_terminal_there_are_stages() {
    let screen = shown((60, 16), operations(exports(1)), &[WHERE]);
    assert!(screen.contains("▸ dma_alloc") && screen.contains("  page_alloc") && screen.contains("whole operation"), "{screen}");
}

#[test]
fn of_too_few_operations_a_quotient_is_marked_and_nothing_is_said_to_cost_as_much() {
    let few: Vec<_> = exports(1).into_iter().take(6).collect();
    let screen = shown(LARGE, operations(few), &[WHERE]);
    let said = "By the means, wc costs ~1.38 × pages (~+5.00 µs); coherent costs ~1.00 × wc (~0) (~ too few operations).";
    assert!(screen.contains(said) && !screen.contains("as much as"), "{screen}");
}

#[test]
fn nothing_is_a_multiple_of_no_time() {
    let of = |buffer, ns| vec![operation(Op::Export, buffer, 1, S, &[(Stage::Remainder, ns)]); 60];
    let screen = shown(LARGE, operations([of(Buffer::Pages, 0), of(Buffer::Wc, 5_000)].concat()), &[WHERE]);
    assert!(screen.contains("wc costs more than pages (+5.00 µs)") && !screen.contains("inf ×"), "{screen}");
}
