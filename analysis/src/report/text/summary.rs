//! The summary at the end of a run: buffer kinds side by side, in-kernel users, and what a reader has to know about the numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use grantscope_wire::{LossKind, Op};

use super::{bounces, bound, compare, correction, earlier, maps, marks, phases, recorder};
use crate::compare::KINDS;
use crate::live::LEAK_AFTER;
use crate::model::{Outcome, answer, status_list};
use crate::quantile::{MARK, P50, P99, legend};
use crate::series::{Aggregate, Group, SeriesKey, cost_per_page, failures, groups, merged, told_apart_by_domain};
use crate::shown::{Shown, counted, number};
use crate::units;

/// All of it, in so many columns as far as that can be; above the tables, which times they have.
pub fn table(aggregate: &Aggregate, columns: usize) -> String {
    let tables = [compare::table(aggregate, columns), kernel_users(aggregate)].concat();
    let legend = if tables.contains(MARK) { format!("{}\n", legend()) } else { String::new() };
    let times = correction::line(aggregate).map(|line| format!("{line}\n"));
    [times.unwrap_or_default(), tables, legend, notes(aggregate)].concat()
}

/// What in-kernel users of the grant table did, whose buffers are of no kind that we know; empty: nothing. Page counts are added up.
fn kernel_users(aggregate: &Aggregate) -> String {
    let users = groups(aggregate, true).into_iter().filter(|(group, _)| group.op.is_of_kernel_users());
    let users: BTreeMap<Group, Vec<SeriesKey>> = users.collect();
    let apart = told_apart_by_domain(users.keys().copied());
    let mut rows: Vec<_> =
        users.iter().map(|(group, members)| (group.label(apart.contains(group)), group.outcome, members)).collect();
    rows.sort();
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    let heading = "in-kernel user";
    let width = compare::name_width(rows.iter().map(|(label, ..)| label.as_str()), heading.len());
    let _ = writeln!(
        text,
        "\n{heading:<width$} {:<9} {:>9} {:>10} {:>9} │ {:>16} {:>10} {:>10} {:>10}",
        "outcome", "count", "all pages", "pages", "p50 per page", "p50", "p99", "max"
    );
    for (label, outcome, members) in rows {
        let _ = writeln!(text, "{:<width$.width$} {outcome:<9} {}", Shown(&label), kernel_user(aggregate, members));
    }
    text.push('\n');
    text
}

/// The numbers of a line. Of several page counts, only what a page costs is true of all.
fn kernel_user(aggregate: &Aggregate, members: &[SeriesKey]) -> String {
    let whole = merged(aggregate, members, None);
    let max = whole.max_ns().filter(|_| !whole.is_mixture()).map(|ns| units::duration(ns as f64));
    format!(
        "{:>9} {:>10} {:>9} │ {:>16} {:>10} {:>10} {:>10}",
        whole.count(),
        maybe(all_pages(aggregate, members)),
        page_counts(members),
        maybe(cost_per_page(aggregate, members)),
        maybe(whole.quantile(&P50)),
        maybe(whole.quantile(&P99)),
        maybe(max)
    )
}

fn maybe(value: Option<impl ToString>) -> String {
    value.map_or_else(|| units::UNKNOWN.to_owned(), |value| value.to_string())
}

/// The pages of all operations, at most as many as there are numbers for; `None`: not known of one of them.
fn all_pages(aggregate: &Aggregate, members: &[SeriesKey]) -> Option<u64> {
    let pages = |key: &SeriesKey| Some(u64::from(key.pages?).saturating_mul(aggregate.get(key)?.count()));
    members.iter().try_fold(0, |all: u64, key| Some(all.saturating_add(pages(key)?)))
}

/// The fewest and the most pages of an operation.
fn page_counts(members: &[SeriesKey]) -> String {
    let known: BTreeSet<u32> = members.iter().filter_map(|key| key.pages).collect();
    match (known.first(), known.last()) {
        (Some(only), Some(most)) if only == most => only.to_string(),
        (Some(least), Some(most)) => format!("{least}–{most}"),
        _ => units::UNKNOWN.to_owned(),
    }
}

/// The operations that the table leaves out, because their kind is not compared.
fn not_compared(aggregate: &Aggregate) -> String {
    let mut counts: BTreeMap<(Op, Outcome), u64> = BTreeMap::new();
    for (key, series) in aggregate.series().filter(|(key, _)| is_left_out(key)) {
        let count = counts.entry((key.op, key.outcome)).or_default();
        *count = count.saturating_add(series.count());
    }
    if counts.is_empty() {
        return String::new();
    }
    let list: Vec<_> = counts.iter().map(|((op, outcome), count)| format!("{} {outcome} {count}", op.name())).collect();
    format!("not in the table, because of another driver's or of an unknown buffer: {}\n", list.join(", "))
}

fn is_left_out(key: &SeriesKey) -> bool {
    let compared = key.buffer.is_some_and(|buffer| KINDS.contains(&buffer));
    key.stage.is_none() && !compared && !key.op.is_of_kernel_users()
}

/// The details of the outcomes: for each kind of failure, the number of operations, the cause, and Xen's statuses.
fn causes(aggregate: &Aggregate) -> String {
    let totals = aggregate.series().map(|(key, _)| key).filter(|key| key.stage.is_none() && key.is_failure());
    let mut text = String::new();
    for (((op, outcome), cause), failures) in failures(aggregate, totals, |key| (key.op, key.outcome)) {
        let _ = write!(text, "{} {outcome} {} ×: {} ({})", op.name(), failures.count, cause.name(), cause.about());
        let statuses = status_list(&failures.statuses, " ", ", ");
        let _ = if statuses.is_empty() { writeln!(text) } else { writeln!(text, ": {statuses}") };
    }
    text
}

/// Errnos that are answers, with how often they were: they look like failures in a table.
fn answers(aggregate: &Aggregate) -> String {
    let mut counts: BTreeMap<(Op, Outcome, &str), u64> = BTreeMap::new();
    for (key, series) in aggregate.series().filter(|(key, _)| key.stage.is_none()) {
        if let Some(about) = answer(key.op, key.outcome) {
            let count = counts.entry((key.op, key.outcome, about)).or_default();
            *count = count.saturating_add(series.count());
        }
    }
    let line = |((op, outcome, about), count): (&(Op, Outcome, &str), &u64)| {
        format!("{} {outcome} {count} ×: an answer, no failure ({about})\n", op.name())
    };
    counts.iter().map(line).collect()
}

/// Why there is nothing in the tables; `None`: there is something, or the phases say it.
fn nothing(aggregate: &Aggregate) -> Option<&'static str> {
    let is_left_out = aggregate.left_out().is_some_and(|left_out| left_out.all() > 0);
    if aggregate.operations() > 0 || is_left_out {
        return None;
    }
    Some(match aggregate.filtered() {
        Some(report) if report.left_out > 0 => "no operation was recorded: none passed the filter",
        _ => "no operation was recorded: nobody mapped or granted anything meanwhile, or nobody was watched",
    })
}

/// Below the table: how much was seen and lost, and what the clock means.
fn notes(aggregate: &Aggregate) -> String {
    let loss = aggregate.loss();
    let lost = loss.operations().saturating_sub(loss.earlier());
    let mut text = format!("{}, {} lost\n", counted(aggregate.operations(), "operation"), number(lost));
    if let Some(line) = earlier::line(aggregate) {
        let _ = writeln!(text, "{line}: this viewer came late");
    }
    if let Some(report) = aggregate.filtered() {
        let _ = writeln!(text, "{report}");
    }
    if let Some(line) = nothing(aggregate) {
        let _ = writeln!(text, "{line}");
    }
    if let Some(line) = phases::line(aggregate) {
        let _ = writeln!(text, "{line}; --phase all shows them");
    }
    if let Some(line) = bound::line(aggregate) {
        let _ = writeln!(text, "{line}; --max-series COUNT tells more apart");
    }
    text.push_str(&not_compared(aggregate));
    text.push_str(&causes(aggregate));
    text.push_str(&answers(aggregate));
    if let Some(line) = bounces::line(aggregate) {
        let _ = writeln!(text, "{line}");
    }
    if let Some((_, now_ns)) = aggregate.span_ns() {
        text.push_str(&maps::notes(aggregate.ledger(), now_ns, LEAK_AFTER));
    }
    for counter in loss.counters.iter().filter(|counter| counter.kind != LossKind::Earlier) {
        let _ = writeln!(
            text,
            "lost at {}: {} × {} ({})",
            counter.hook.name(),
            counter.count,
            counter.kind.name(),
            counter.kind.about()
        );
    }
    marks::lines(aggregate).iter().for_each(|line| text.extend([line, "\n"]));
    if let Some(line) = recorder::at_most(aggregate) {
        let _ = writeln!(text, "{line}");
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
    use crate::model::{Clock, Detail, Environment, HookStatus, LossCounter, LossReport, Operation};
    use crate::recording::Frame;
    use grantscope_wire::{Buffer, Cause, HookId, LossKind};

    #[test]
    fn why_operations_failed_stands_below_the_table() {
        let refused = |status| Operation {
            op: Op::Mmap,
            outcome: Outcome::Errno(22),
            details: vec![Detail::Cause(Cause::GrantsRefused), Detail::Status { status, count: 1 }],
            ..export(Buffer::Pages, 10_000)
        };
        let again = Operation { details: vec![Detail::Cause(Cause::AlreadyMapped)], ..refused(0) };
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Operations(vec![refused(-3), refused(-8), refused(-3), again]));
        insta::assert_snapshot!(table(&aggregate, usize::MAX), @r"
        raw times: the probes' own cost is in them (the recording has no calibration, as those of older versions)
        operation        pages outcome       count │  pages p50     wc p50   coh. p50 │ wc÷pages   coh÷wc
        mmap                16 EINVAL            4 │   ~10.0 µs          –          – │        –        –
        ~ too few operations: p50 needs 50, p90 50, p99 100, p99.9 1000
        4 operations, 0 lost
        mmap EINVAL 3 ×: grants_refused (Xen refused at least one grant reference: its grant status says why): bad_gntref 2, permission_denied 1
        mmap EINVAL 1 ×: already_mapped (the map was mmapped before: that is possible once in its life)
        ");
    }

    #[test]
    fn an_answer_is_called_so_and_is_not_among_the_failures() {
        let poll = Operation {
            op: Op::WaitReleased,
            outcome: Outcome::Errno(2),
            details: vec![Detail::Cause(Cause::NoSuchBuffer)],
            ..export(Buffer::Wc, 10_000)
        };
        let release = Operation { op: Op::ImportRelease, ..poll.clone() };
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Operations(vec![poll.clone(), poll, release]));
        let text = table(&aggregate, usize::MAX);
        let lines: Vec<_> = text.lines().filter(|line| line.contains(" ×: ")).collect();
        assert!(lines[0].starts_with("import_release ENOENT 1 ×: no_such_buffer"), "{text}");
        let answered =
            "wait_released ENOENT 2 ×: an answer, no failure (the buffer is released already: nothing is left to wait for)";
        assert_eq!(lines[1..], [answered]);
    }

    #[test]
    fn in_kernel_users_have_a_table_of_their_own_by_caller() {
        let mut aggregate = Aggregate::default();
        let user = |op, pages, caller: &str, duration_ns| Operation {
            op,
            buffer: None,
            pages: Some(pages),
            details: vec![Detail::Caller(caller.to_owned())],
            ..export(Buffer::Pages, duration_ns)
        };
        aggregate.add(&Frame::Operations(vec![
            user(Op::MapRefs, 8, "xen_blkbk_map", 9_000),
            user(Op::MapRefs, 32, "xen_blkbk_map", 12_000),
            user(Op::MapRefs, 32, "xen_blkbk_map", 12_000),
            user(Op::BatchMap, 1, "xenvif_map [xen_netback]", 3_000),
            Operation { details: Vec::new(), ..user(Op::UnmapRefs, 1, "", 4_000) },
        ]));
        insta::assert_snapshot!(kernel_users(&aggregate), @r"

        in-kernel user                     outcome       count  all pages     pages │     p50 per page        p50        p99        max
        batch_map/xenvif_map [xen_netback] ok                1          1         1 │         ~3.00 µs   ~3.00 µs   ~3.00 µs    3.00 µs
        map_refs/xen_blkbk_map             ok                3         72      8–32 │  ~375 ns–1.12 µs          –          –          –
        unmap_refs/–                       ok                1          1         1 │         ~4.00 µs   ~4.00 µs   ~4.00 µs    4.00 µs
        ");
    }

    #[test]
    fn a_driver_that_serves_two_domains_has_a_row_for_each_and_its_quantiles_where_it_has_one_size() {
        let user = |domid, pages| Operation {
            op: Op::MapRefs,
            buffer: None,
            pages: Some(pages),
            domid,
            details: vec![Detail::Caller("xen_blkbk_map".to_owned())],
            ..export(Buffer::Pages, 9_000)
        };
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Operations(vec![user(Some(1), 8); 100]));
        aggregate.add(&Frame::Operations(vec![user(Some(2), 8), user(Some(2), 9)]));
        insta::assert_snapshot!(kernel_users(&aggregate), @r"

        in-kernel user              outcome       count  all pages     pages │     p50 per page        p50        p99        max
        map_refs/xen_blkbk_map dom1 ok              100        800         8 │          1.12 µs    9.00 µs    9.00 µs    9.00 µs
        map_refs/xen_blkbk_map dom2 ok                2         17       8–9 │    ~1.00–1.12 µs          –          –          –
        ");
    }

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
        insta::assert_snapshot!(table(&aggregate, usize::MAX), @r"
        raw times: the probes' own cost is in them (the recording has no calibration, as those of older versions)
        operation        pages outcome       count │  pages p50     wc p50   coh. p50 │ wc÷pages   coh÷wc
        export              16 ok              1–2 │   ~10.0 µs   ~15.0 µs          – │    ~1.50        –
        ~ too few operations: p50 needs 50, p90 50, p99 100, p99.9 1000
        4 operations, 2 lost
        not in the table, because of another driver's or of an unknown buffer: close ok 1
        lost at gntdev_ioctl: 2 × ring_full (a finished operation's record did not fit into the ring buffer)
        clock counted: counted instructions under emulation (2 ns each), not time on silicon
        without vm_map_pages_zero: missing the stage vma_insert (it becomes part of the remainder)
        ");
    }

    #[test]
    fn in_few_columns_ratios_are_left_out_one_by_one() {
        let mut aggregate = Aggregate::default();
        let all = [Buffer::Pages, Buffer::Wc, Buffer::Coherent].map(|buffer| export(buffer, 10_000));
        aggregate.add(&Frame::Operations(all.into()));
        let rows = |columns| {
            let table = table(&aggregate, columns);
            let rows: Vec<_> = table.lines().filter(|line| line.contains('│')).map(crate::shown::width).collect();
            (table.matches('÷').count(), rows)
        };
        let [whole, one, none] = [97, 96, 80].map(rows);
        assert_eq!([whole.0, one.0, none.0], [2, 1, 0]);
        assert_eq!([whole.1, one.1, none.1], [97, 88, 77].map(|width| vec![width; 2]));
    }
}
