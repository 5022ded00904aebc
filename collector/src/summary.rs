//! The table at the end of a run: what each kind of buffer costs, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use grantscope_wire::{Buffer, Op};

use crate::aggregate::{Aggregate, Series, SeriesKey};
use crate::ledger;
use crate::model::Outcome;
use crate::units;

/// Kinds that are compared, each a column.
const COMPARED: [Buffer; 3] = [Buffer::Pages, Buffer::Wc, Buffer::Coherent];

/// The first column's width, where no name is longer.
const NAME_WIDTH: usize = 15;

/// Median per operation and page count, one column per buffer kind, and what the DMA kinds cost relative to pages.
pub fn table(aggregate: &Aggregate) -> String {
    let mut text = String::new();
    let rows = rows(aggregate);
    let width = rows.keys().map(|row| row.name().len()).fold(NAME_WIDTH, usize::max);
    let _ = writeln!(
        text,
        "{:<width$} {:>6} {:<9} {:>9} │ {:>10} {:>10} {:>10} │ {:>8} {:>8}",
        "operation", "pages", "outcome", "count", "pages p50", "wc p50", "coh. p50", "wc÷pages", "coh÷wc"
    );
    for (row, cells) in &rows {
        let p50 = |buffer: Buffer| cells.get(&Some(buffer)).and_then(|series| series.quantile_ns(0.5)).map(|ns| ns as f64);
        let counts: BTreeSet<u64> = cells.values().map(|series| series.count()).collect();
        let _ = write!(text, "{:<width$} {:>6} {:<9} {:>9} │", row.name(), pages(row.pages), row.outcome, range(&counts));
        for buffer in COMPARED {
            let _ = write!(text, " {:>10}", units::maybe_duration(p50(buffer)));
        }
        let _ = write!(text, " │ {:>8}", ratio(p50(Buffer::Wc), p50(Buffer::Pages)));
        let _ = writeln!(text, " {:>8}", ratio(p50(Buffer::Coherent), p50(Buffer::Wc)));
    }
    text.push_str(&notes(aggregate));
    text
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    op: Op,
    started_by: Option<Op>,
    pages: Option<u32>,
    outcome: Outcome,
}

impl Row {
    /// `teardown/close`: the operation, and what asked for it.
    fn name(&self) -> String {
        self.started_by.map_or_else(|| self.op.name().to_owned(), |by| format!("{}/{}", self.op.name(), by.name()))
    }
}

/// Totals only, and only of operations that have a buffer kind to compare.
fn rows(aggregate: &Aggregate) -> BTreeMap<Row, BTreeMap<Option<Buffer>, &Series>> {
    let mut rows: BTreeMap<Row, BTreeMap<Option<Buffer>, &Series>> = BTreeMap::new();
    for (key, series) in aggregate.series().filter(|(key, _)| key.stage.is_none() && is_compared(key)) {
        let &SeriesKey { op, buffer, pages, outcome, started_by, .. } = key;
        rows.entry(Row { op, started_by, pages, outcome }).or_default().insert(buffer, series);
    }
    rows
}

fn pages(pages: Option<u32>) -> String {
    pages.map_or_else(|| "–".to_owned(), |pages| pages.to_string())
}

/// One number, or the range where the kinds differ.
fn range(counts: &BTreeSet<u64>) -> String {
    match (counts.first(), counts.last()) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least}–{most}"),
        _ => "–".to_owned(),
    }
}

fn ratio(over: Option<f64>, under: Option<f64>) -> String {
    match over.zip(under) {
        Some((over, under)) if under > 0.0 => format!("{:.2}", over / under),
        _ => "–".to_owned(),
    }
}

/// What the table leaves out, because it is of no kind that is compared.
fn not_compared(aggregate: &Aggregate) -> String {
    let mut counts: BTreeMap<(Op, Outcome), u64> = BTreeMap::new();
    for (key, series) in aggregate.series().filter(|(key, _)| key.stage.is_none() && !is_compared(key)) {
        *counts.entry((key.op, key.outcome)).or_default() += series.count();
    }
    if counts.is_empty() {
        return String::new();
    }
    let list: Vec<_> = counts.iter().map(|((op, outcome), count)| format!("{} {outcome} {count}", op.name())).collect();
    format!("not in the table, because of another driver's or of no known buffer: {}\n", list.join(", "))
}

fn is_compared(key: &SeriesKey) -> bool {
    key.buffer.is_some_and(|buffer| COMPARED.contains(&buffer))
}

/// Below the table: how much was seen and lost, and what the clock means.
fn notes(aggregate: &Aggregate) -> String {
    let mut text = format!("{} operations, {} lost\n", aggregate.operations(), aggregate.loss().operations());
    text.push_str(&not_compared(aggregate));
    if let Some((_, now_ns)) = aggregate.span_ns() {
        text.push_str(&ledger::notes(aggregate.ledger(), now_ns, ledger::LEAK_AFTER));
    }
    for counter in &aggregate.loss().counters {
        let _ = writeln!(
            text,
            "lost at {}: {} × {} ({})",
            counter.hook.name(),
            counter.count,
            counter.kind.name(),
            counter.kind.about()
        );
    }
    let Some(environment) = aggregate.environment() else { return text };
    if let Some(caveat) = environment.clock.caveat() {
        let _ = writeln!(text, "clock {}: {caveat}", environment.clock.name());
    }
    for hook in environment.hooks.iter().filter(|hook| hook.attached_by.is_none()) {
        let _ = writeln!(text, "without {}: missing {}", hook.hook.name(), hook.hook.about());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::export;
    use crate::model::{Clock, Environment, HookStatus, LossCounter, LossReport, Operation};
    use crate::recording::Frame;
    use grantscope_wire::{HookId, LossKind};

    #[test]
    fn kinds_stand_side_by_side_with_losses_and_caveats_below() {
        let missing =
            HookStatus { hook: HookId::VmMapPagesZero, attached_by: None, symbol: None, problem: Some("not there".into()) };
        let lost = LossCounter { hook: HookId::GntdevIoctl, kind: LossKind::RingFull, count: 2 };
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Environment(Environment { clock: Clock::Counted, hooks: vec![missing], ..Environment::default() }));
        aggregate.add(&Frame::Operations(vec![
            export(Buffer::Pages, 10_000),
            export(Buffer::Pages, 10_000),
            export(Buffer::Wc, 15_000),
        ]));
        aggregate.add(&Frame::Operations(vec![Operation {
            op: Op::Close,
            buffer: None,
            pages: None,
            ..export(Buffer::Pages, 900)
        }]));
        aggregate.add(&Frame::Loss(LossReport { at_ns: 0, counters: vec![lost] }));
        insta::assert_snapshot!(table(&aggregate), @r"
        operation        pages outcome       count │  pages p50     wc p50   coh. p50 │ wc÷pages   coh÷wc
        export              16 ok              1–2 │    10.0 µs    15.0 µs          – │     1.50        –
        4 operations, 2 lost
        not in the table, because of another driver's or of no known buffer: close ok 1
        lost at gntdev_ioctl: 2 × ring_full (a finished operation's record did not fit into the ring buffer)
        clock counted: counted instructions under emulation (2 ns each), not time on silicon
        without vm_map_pages_zero: missing the stage vma_insert (it becomes part of the remainder)
        ");
    }
}
