//! Words and numbers for the screen and for plain text alike.

use grantscope_analysis::column::{COLUMNS, METRICS, place};
use grantscope_analysis::live::LEAK_AFTER;
use grantscope_analysis::model::Environment;
use grantscope_analysis::quantile::{self, MARK, mark};
use grantscope_analysis::report::text::{bound, correction, earlier, phases, recorder};
use grantscope_analysis::select::written;
use grantscope_analysis::series::activity::{self, RATE_SECONDS};
use grantscope_analysis::series::{Aggregate, Extent, Group, Pages, Range, Times};
use grantscope_analysis::shown::{self, CUT, Shown, counted, escaped, head, number, tail, width};
use grantscope_analysis::units;
use grantscope_wire::Buffer;

use crate::screen::command::{Command, ViewId};
use crate::screen::keys::Keys;
use crate::screen::model::columns::{Column, OPERATION, PAGES};
use crate::screen::model::common::Common;
use crate::screen::model::data::Data;
use crate::screen::model::detail::Detail;
use crate::screen::model::output::Output;
use crate::screen::model::rows::Row;

pub use grantscope_analysis::units::UNKNOWN;

/// A buffer kind.
pub fn buffer(buffer: Option<Buffer>) -> &'static str {
    buffer.map_or(UNKNOWN, Buffer::name)
}

/// The width of a column with these names of operations: as wide as most need, wider only where one does; a terminal of 80 columns
/// has room for the rest.
pub fn name_width(names: impl Iterator<Item = String>, usual: usize) -> usize {
    const WIDEST: usize = 32;
    names.map(|name| width(&name)).fold(usual, usize::max).min(WIDEST)
}

/// What a row has in a column.
pub fn cell(row: &Row, column: Column) -> String {
    match column {
        OPERATION => row.name(),
        PAGES => pages(row.group.pages),
        Column::Of(place) => row.cells[place].to_string(),
        Column::PerPage => maybe(row.per_page),
        Column::Rate => rate(row.rate),
        Column::Minute => row.minute.iter().sum::<u64>().to_string(),
    }
}

/// A value, or a dash.
pub fn maybe(value: Option<impl ToString>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_string())
}

/// A page count.
pub fn pages(pages: Pages) -> String {
    match pages {
        Pages::Unknown => UNKNOWN.to_owned(),
        Pages::Exactly(pages) => pages.to_string(),
        Pages::Within(range) => range.to_string(),
        Pages::All => "all".to_owned(),
    }
}

/// The same in a sentence.
pub fn pages_spoken(pages: Pages) -> String {
    match pages {
        Pages::Unknown => "unknown page count".to_owned(),
        Pages::Exactly(1) => "1 page".to_owned(),
        Pages::Exactly(pages) => format!("{pages} pages"),
        Pages::Within(range) => format!("{range} pages"),
        Pages::All => "all page counts".to_owned(),
    }
}

/// What a row is about, in a sentence.
pub fn group(group: &Group, shows_domain: bool) -> String {
    let label = group.label(shows_domain);
    let name = Shown(&label);
    format!("{name} · {} · {} · {}", buffer(group.buffer), pages_spoken(group.pages), group.outcome)
}

/// The name of a row that has to fit: of a long one the middle is left out, so that what tells rows apart at its end is kept.
pub fn shortened(name: &str, columns: usize) -> String {
    let Some(kept) = columns.checked_sub(1).filter(|_| width(name) > columns) else { return head(name, columns).to_owned() };
    let end = name.rsplit_once(" dom").map_or(0, |(_, number)| " dom".len() + width(number)).min(kept);
    format!("{}{CUT}{}", head(name, kept - end), tail(name, end))
}

/// A count: exact as long as it fits into 8 columns, else in millions, or in as many of these as fit.
pub fn count(count: u64) -> String {
    match count {
        0..=99_999_999 => count.to_string(),
        // In thousands it would have as many digits as one that is exact.
        count => scaled(count as f64, 9_999_999.5, &PREFIXES[1..]),
    }
}

const PREFIXES: [(f64, &str); 6] = [(1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"), (1e15, "P"), (1e18, "E")];

/// A number with the first of these prefixes that leaves less than so much.
fn scaled(number: f64, most: f64, prefixes: &[(f64, &str)]) -> String {
    let fitting = prefixes.iter().find(|(one, _)| number / one < most);
    let (one, prefix) = fitting.or(prefixes.last()).unwrap_or(&(1.0, ""));
    format!("{:.0}{prefix}", number / one)
}

/// Operations per second.
pub fn rate(rate: Option<f64>) -> String {
    match rate {
        None => UNKNOWN.to_owned(),
        Some(0.0) => "0/s".to_owned(),
        Some(rate) if rate < 10.0 => format!("{rate:.1}/s"),
        Some(rate) if rate < 99_999.5 => format!("{rate:.0}/s"),
        Some(rate) => format!("{}/s", scaled(rate, 99_999.5, &PREFIXES)),
    }
}

/// The same for all operations together, where no heading says what is counted.
pub fn operation_rate(per_second: Option<f64>) -> String {
    rate(per_second).replace("/s", " op/s")
}

/// Whether a quantile in one of these lines has the mark.
pub fn is_marked(lines: &[String]) -> bool {
    lines.iter().any(|line| line.contains(MARK))
}

/// What the mark means: as much of it as a line of this width has room for, and the key for the rest.
pub fn legend(width: usize, keys: &Keys) -> String {
    let legend = quantile::legend();
    let help = keys.first(Command::Open(ViewId("help"))).unwrap_or_default();
    let short = format!("{MARK} too few operations for the quantile ({help}: how many)");
    let shortest = format!("{MARK} too few operations ({help}: how many)");
    [legend, short].into_iter().find(|text| shown::width(text) <= width).unwrap_or(shortest)
}

/// One value divided by another; the range where it is not one for all sizes.
pub fn ratio(ratio: Option<Range>) -> String {
    let Some(Range { low, high, is_carried }) = ratio else { return UNKNOWN.to_owned() };
    let number = |ratio: f64| match ratio {
        ratio if ratio < 99.95 => format!("{ratio:.2}"),
        ratio if ratio < 99_999.5 => format!("{ratio:.0}"),
        ratio => format!("{ratio:.0e}"),
    };
    let (low, high) = (number(low), number(high));
    let range = if low == high { high } else { format!("{low}–{high}") };
    format!("{}{range}×", mark(is_carried))
}

/// Tenths of a per cent.
pub fn share(permille: u32) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

/// The period of the rates.
pub fn rate_heading(common: &Common) -> &'static str {
    const { assert!(RATE_SECONDS == 10) };
    if common.ended().is_some() { "rate avg" } else { "rate 10s" }
}

/// A fact of the header is cut behind as many: there is more to be seen on a screen than the name of a run.
const FACT_COLUMNS: usize = 120;

/// Where and with what this was recorded.
pub fn facts(common: &Common) -> Vec<String> {
    let Some(environment) = common.data().aggregate.environment() else { return Vec::new() };
    let mut facts = Vec::new();
    let mut add = |prefix: &str, value: &str| {
        if !value.is_empty() {
            facts.push(format!("{prefix}{:.FACT_COLUMNS$}", Shown(value)));
        }
    };
    add("run ", &environment.run);
    add("host ", &environment.host);
    add("Linux ", &environment.kernel);
    add("", &xen(environment));
    add("", &environment.arch);
    add("", &format!("{} pages", page_size(environment.page_size)));
    facts
}

fn xen(environment: &Environment) -> String {
    environment.xen.as_ref().map_or_else(|| "no Xen".to_owned(), |version| format!("Xen {version}"))
}

/// The clock, where nothing is to be said about it; `None`: not known yet, or there is.
pub fn clock(common: &Common) -> Option<String> {
    let clock = common.data().aggregate.environment()?.clock;
    clock.caveat().is_none().then(|| clock_in_full(common))?
}

/// The clock, or what is to be said about it; `None`: not known yet.
pub fn clock_in_full(common: &Common) -> Option<String> {
    let clock = common.data().aggregate.environment()?.clock;
    Some(clock.caveat().map_or_else(|| format!("clock {}", clock.name()), |caveat| format!("clock: {caveat}")))
}

/// How many hooks are attached; `None`: not known yet.
pub fn hooks(data: &Data) -> Option<(String, bool)> {
    let (attached, all) = data.aggregate.environment()?.hooks_attached();
    Some((format!("hooks {attached} of {all}"), attached == all))
}

/// Which times are shown: how much was subtracted because it was the probes' own, or in short why nothing was; and whether some of it is
/// left in them. `None`: there are no times yet.
pub fn times(aggregate: &Aggregate) -> Option<(String, bool)> {
    let (all, subtracted) = (aggregate.operations(), aggregate.subtracted());
    Some(match (aggregate.extent(), correction::mean(subtracted)) {
        _ if all == 0 => return None,
        (Extent::All, Some(mean)) => (format!("corrected by {mean}"), false),
        (Extent::Partly, Some(mean)) => (format!("{} of {all} corrected by {mean}", subtracted.operations), true),
        _ if aggregate.times() == Times::Raw => ("RAW times".to_owned(), true),
        _ if aggregate.is_calibrated() => ("RAW times: costs not known".to_owned(), true),
        _ => ("RAW times: no calibration".to_owned(), true),
    })
}

/// The losses, in words that need no colour; and whether there are any.
pub fn lost(data: &Data) -> (String, bool) {
    let loss = data.aggregate.loss();
    // What ended before this viewer came is said apart: nothing went wrong there.
    let earlier = loss.earlier();
    match (loss.operations().saturating_sub(earlier), loss.total().saturating_sub(earlier)) {
        // No report has come yet.
        (0, 0) if loss.at_ns == 0 => (format!("lost {UNKNOWN}"), false),
        (0, 0) => ("lost 0".to_owned(), false),
        (0, _) => ("lost 0, but stages or kinds LOST".to_owned(), true),
        (operations, _) => (format!("LOST {}", number(operations)), true),
    }
}

/// How much is held; a dash where the recording has no ledger.
pub fn held(data: &Data) -> String {
    match data.aggregate.ledger().held() {
        None => format!("held {UNKNOWN}"),
        Some(held) => format!("held {}, {}", counted(held.mappings, "map"), counted(held.pages, "page")),
    }
}

/// How many mappings look like a leak.
pub fn suspects(data: &Data) -> usize {
    data.aggregate.ledger().suspects(data.now_ns().unwrap_or_default(), LEAK_AFTER).len()
}

/// Operations per second now; once the recording has ended, over all of it.
pub fn total_rate(common: &Common) -> Option<f64> {
    let data = common.data();
    if common.ended().is_some() {
        return data.mean_rate(data.aggregate.operations());
    }
    let now_ns = data.now_ns()?;
    activity::rate(&data.activity.last_minute(now_ns), data.began_ns()?, now_ns)
}

/// How far the recording has come, by its own clock.
pub fn length(data: &Data) -> String {
    units::maybe_duration(data.watched_ns().map(|ns| ns as f64))
}

/// How far it has come; of a recording that is played, how far of how much.
pub fn how_far(common: &Common) -> String {
    let (Some(place_ns), true) = (common.place_ns(), common.is_replay()) else {
        return format!("after {}", length(common.data()));
    };
    match common.length_ns() {
        Some(length_ns) if !is_long(length_ns.max(place_ns)) => format!("{} / {} s", seconds(place_ns), seconds(length_ns)),
        Some(length_ns) => format!("{} / {}", moment(place_ns), moment(length_ns)),
        None => format!("{} of ?", moment(place_ns)),
    }
}

/// A time of the recording, from its beginning.
pub fn second(common: &Common, at_ns: u64) -> String {
    moment(since(common, at_ns))
}

/// From one time to another.
pub fn between(common: &Common, from_ns: u64, to_ns: u64) -> String {
    let [from_ns, to_ns] = [from_ns, to_ns].map(|ns| since(common, ns));
    if is_long(to_ns) {
        format!("{}–{}", moment(from_ns), moment(to_ns))
    } else {
        format!("{}–{} s", seconds(from_ns), seconds(to_ns))
    }
}

/// A column begins before the recording where that began within it.
fn since(common: &Common, at_ns: u64) -> u64 {
    at_ns.saturating_sub(common.whole().aggregate.span_ns().map_or(0, |(first_ns, _)| first_ns))
}

/// To a hundredth of a second, unless nobody would read as many digits.
fn moment(ns: u64) -> String {
    if is_long(ns) { units::duration(ns as f64) } else { format!("{} s", seconds(ns)) }
}

fn is_long(ns: u64) -> bool {
    ns as f64 >= units::LONG_NS
}

fn seconds(ns: u64) -> String {
    format!("{:.2}", ns as f64 / 1e9)
}

/// Longer texts are not copied.
const MOST_COPIED: usize = 4096;

/// A row as a line of text: the selector that means it, and its numbers.
pub fn copied(row: &Detail) -> String {
    let count = format!("count {}", row.total.count());
    let metrics = METRICS.iter().map(|metric| format!("{} {}", metric.heading, row.cells[place(COLUMNS, metric.name)]));
    let name = escaped(&written(&row.group.key(), true)).into_owned();
    let line = [name, count].into_iter().chain(metrics).collect::<Vec<_>>().join(" · ");
    head(&line, MOST_COPIED).to_owned()
}

/// What is written of what is watched, and whether that cannot go on; `None`: nothing is.
pub fn output(common: &Common) -> Option<(String, bool)> {
    match &common.output {
        Output::Nowhere => None,
        Output::To(name) => Some((format!("written to {:.FACT_COLUMNS$}", Shown(name)), false)),
        Output::Broken { name, why } => Some((format!("NOT WRITTEN to {:.FACT_COLUMNS$}: {}", Shown(name), Shown(why)), true)),
    }
}

/// The numbers of the header, on one line.
pub fn totals(common: &Common) -> String {
    let data = common.data();
    let parts = [
        how_far(common),
        counted(data.aggregate.operations(), "operation"),
        operation_rate(total_rate(common)),
        format!("errors {}", data.errors),
        lost(data).0,
        held(data),
    ];
    let hooks = hooks(data).map(|(text, _)| text);
    let times = times(&data.aggregate).map(|(text, _)| text);
    let filtered = data.aggregate.filtered().map(ToString::to_string);
    let phases = phases::line(&data.aggregate);
    let bound = bound::line(&data.aggregate);
    let earlier = earlier::line(&data.aggregate);
    let recorder = recorder::now(&data.aggregate);
    let output = output(common).map(|(text, _)| text);
    parts
        .into_iter()
        .chain(output)
        .chain(times)
        .chain(filtered)
        .chain(phases)
        .chain(bound)
        .chain(earlier)
        .chain(hooks)
        .chain(recorder)
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Bytes of a page.
pub fn page_size(bytes: u32) -> String {
    if bytes == 0 { UNKNOWN.to_owned() } else { units::size(bytes.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_name_the_domain_is_kept() {
        assert_eq!(shortened("export dom1", 14), "export dom1");
        assert_eq!(shortened("teardown/release dom12", 16), "teardown/… dom12");
        assert_eq!(shortened("batch_copy/xenvif_tx_build_gops", 12), "batch_copy/…");
        assert_eq!(shortened("teardown/release dom–", 12), "teardo… dom–");
        assert_eq!(shortened("計測計測計測 dom1", 11), "計測… dom1");
    }

    #[test]
    fn no_number_is_wider_than_its_column() {
        let counts = [99_999_999, 100_000_000, 9_999_999_000_000, 10_000_000_000_000, u64::MAX].map(count);
        assert_eq!(counts, ["99999999", "100M", "9999999M", "10000G", "18447P"]);
        let rates = [99_999.0, 1e6, 1e8, 2e20].map(|per_second| rate(Some(per_second)));
        assert_eq!(rates, ["99999/s", "1000k/s", "100M/s", "200E/s"]);
        let shown = |ratio| super::ratio(Some(Range { low: ratio, high: ratio, is_carried: false }));
        assert_eq!([shown(99_999.0), shown(1.8e19)], ["~99999×", "~2e19×"]);
    }

    #[test]
    fn a_ratio_of_several_sizes_is_a_range_where_they_differ() {
        let shown = |low, high, is_carried| ratio(Some(Range { low, high, is_carried }));
        assert_eq!([shown(1.0, 1.004, true), shown(1.0, 1.5, false), ratio(None)], ["1.00×", "~1.00–1.50×", "–"]);
    }
}
