//! What a recording says of calls, beside what is true of them, and how far off it is.

use grantscope_wire::Buffer;

use super::{
    super::medians::{Median, Medians, Series},
    calls::{self, Nothing, Timed},
    disturbed::Added,
};

/// How far off a median may be.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// As a share of what is true.
    pub share: f64,
    /// In µs, where that is more.
    pub us: f64,
}

impl Bound {
    /// Of recordings by fentry.
    pub const FENTRY: Self = Self { share: 0.03, us: 0.2 };
    /// Beyond this, a recording by fentry is not as true as the document says: the kernel's own paths take up to 3 % longer or shorter
    /// from one build and boot to the next.
    pub const CHECK: Self = Self { share: 0.05, us: 0.3 };
    /// Of recordings by kprobes alone.
    pub const KPROBE: Self = Self { share: 0.05, us: 0.5 };
    /// Of stages.
    pub const STAGES: Self = Self { share: 0.05, us: 0.15 };

    /// Of DMA memory, where more than this bound is a mistake. The kernel looks for a place among the addresses that it maps
    /// (`alloc_vmap_area` in mm/vmalloc.c, Linux v6.12), which takes some 0.4 µs longer while it maps a recorder's programs, as
    /// [`Measured::longer_with_mappings`] shows, and as much longer or shorter from one build of the probes to the next: that is no time
    /// of the probes' programs, and not subtracted.
    pub fn of_dma(self) -> Self {
        Self { us: self.us + 0.8, ..self }
    }

    /// Whether a difference is within it.
    pub fn holds(self, off: Off) -> bool {
        off.us.abs() <= self.us.max(off.of_us * self.share)
    }
}

/// How far off the share of write-combining memory to pages may be.
const RATIO_WITHIN: f64 = 0.02;

fn ratio_holds(off: f64) -> bool {
    off.abs() <= RATIO_WITHIN
}

/// A difference from a reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Off {
    /// In µs.
    pub us: f64,
    /// From this, in µs.
    pub of_us: f64,
}

/// All that was measured in one boot.
#[derive(Debug, Default)]
pub struct Measured {
    /// The calls alone, by their caller's clock.
    pub before: Medians,
    /// The same again, after the recording.
    pub after: Medians,
    /// What recording adds to calls, by their medians and by their means.
    pub added: Added,
    /// The same while only mappings are held.
    pub mapped: Mapped,
    /// What the recording says of them.
    pub said: Medians,
    /// What the kernel's tracer says of the timed functions, with what it costs itself.
    pub traced: Medians,
    /// A call that does nothing, by its kind: by its caller's clock.
    pub nothing: Nothing,
    /// gntdev's refusal as the kernel's tracer times it, in ns: what the tracer costs.
    pub tracer_ns: Option<u64>,
}

/// Bare calls of one page, while a program holds as many mappings of the kernel's as the recorder has, and nothing is hooked.
#[derive(Debug, Default)]
pub struct Mapped {
    /// The recorder's, and how many were held.
    pub areas: String,
    /// The calls.
    pub calls: Medians,
}

/// Differences below are not named, in µs.
const NAMED_FROM_US: f64 = 0.1;

/// One series.
#[derive(Debug)]
pub struct Row {
    series: Series,
    timed: &'static Timed,
    calls: u64,
    recorded: u64,
    /// What the call took, less what a call takes that does nothing, in µs.
    bare_us: f64,
    /// What the function took by the kernel's tracer, less what that costs, in µs.
    lone_us: Option<f64>,
    said_us: Option<f64>,
}

impl Measured {
    /// Every series that was timed alone.
    pub fn rows(&self) -> Vec<Row> {
        let rows = self.before.0.iter().filter_map(|(series, median)| Some(self.row(series, *median, calls::of(&series.op)?)));
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by_key(|row| (row.timed.place(), row.buffer(), row.series.pages));
        rows
    }

    fn row(&self, series: &Series, bare: Median, timed: &'static Timed) -> Row {
        let (said, traced) = (self.said.0.get(series), self.traced.0.get(series));
        Row {
            series: series.clone(),
            timed,
            calls: bare.count,
            recorded: said.map_or(0, |said| said.count),
            bare_us: us(bare.ns) - us(self.nothing.ns(timed)),
            lone_us: traced.zip(self.tracer_ns).map(|(traced, cost)| us(traced.ns) - us(cost)),
            said_us: said.map(|said| us(said.ns)),
        }
    }

    /// Which bare calls take longer while mappings are held, by how much.
    pub fn longer_with_mappings(&self) -> String {
        let longer = |(series, mapped): (&Series, &Median)| {
            Some((us(mapped.ns) - us(self.before.0.get(series)?.ns), series.to_string())).filter(|_| series.pages == Some(1))
        };
        let (named, rest): (Vec<_>, Vec<_>) =
            self.mapped.calls.0.iter().filter_map(longer).partition(|(us, _)| us.abs() >= NAMED_FROM_US);
        let named: Vec<_> = named.iter().map(|(us, series)| format!("{series} by {us:.2} µs")).collect();
        let named = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
        let most = rest.iter().map(|(us, _)| us.abs()).fold(0.0, f64::max);
        let (of_recorder, held) = self.mapped.areas.split_once(' ').unwrap_or(("?", "?"));
        format!(
            "The recorder has {of_recorder} mappings of the kernel's. While a program only holds {held}, and nothing is hooked, these bare \
             calls of one page take longer: {named}; all others differ by at most {most:.2} µs."
        )
    }

    /// The series whose medians alone and alone again differ by more than this share, and by which.
    pub fn drift(&self, more_than: f64) -> Vec<(f64, &Series)> {
        let drift = |before: u64, after: u64| before.abs_diff(after) as f64 / before.min(after) as f64;
        let both =
            self.before.0.iter().filter_map(|(series, before)| Some((drift(before.ns, self.after.0.get(series)?.ns), series)));
        both.filter(|(share, _)| *share > more_than).collect()
    }
}

/// How far the bare calls of one page and the lone pairs are apart at most where both tell what is true, in µs: how well that is known.
pub fn references_apart_us(rows: &[Row]) -> Option<f64> {
    let rows = rows.iter().filter(|row| !row.timed.is_upper_bound && row.series.pages == Some(1));
    rows.filter_map(|row| Some((row.bare_us - row.lone_us?).abs())).max_by(f64::total_cmp)
}

impl Row {
    /// What is true, in µs, as well as it is known.
    fn true_us(&self) -> Option<f64> {
        if self.timed.is_upper_bound { self.lone_us } else { Some(self.bare_us) }
    }

    /// How far off the recording is; `None`: not known, or not recorded.
    fn off(&self) -> Option<Off> {
        self.true_us().zip(self.said_us).map(|(of_us, said)| Off { us: said - of_us, of_us })
    }

    /// Whether what is said is true; what is not known is not.
    pub fn is_true(&self, bound: Bound) -> bool {
        self.off().is_some_and(|off| bound.holds(off))
    }

    fn buffer(&self) -> Option<usize> {
        Buffer::ALL.iter().position(|buffer| self.series.buffer.as_deref() == Some(buffer.name()))
    }

    /// As Markdown.
    fn line(&self, bound: Bound) -> String {
        let Self { series, calls, recorded, .. } = self;
        let count = if calls == recorded { calls.to_string() } else { format!("{calls} / {recorded}") };
        let pages = series.pages.map_or_else(|| UNKNOWN.to_owned(), |pages| pages.to_string());
        let about = if self.timed.is_upper_bound { "≈ " } else { "" };
        let off = self.off();
        format!(
            "| {} | {} | {pages} | {count} | {about}{:.2} | {} | {} | {} | {} | {} |",
            series.op,
            series.buffer.as_deref().unwrap_or(UNKNOWN),
            self.bare_us,
            shown(self.lone_us, |us| format!("{us:.2}")),
            shown(self.said_us, |us| format!("{us:.2}")),
            shown(off, |off| format!("{:+.2}", off.us)),
            shown(off, |off| format!("{:+.1}", off.us / off.of_us * 100.0)),
            verdict(off.map(|off| bound.holds(off))),
        )
    }

    /// What is wrong with it, in words; `None`: nothing that this bound does not allow.
    pub fn complaint(&self, bound: Bound) -> Option<String> {
        let is_dma = [Buffer::Wc, Buffer::Coherent].iter().any(|buffer| self.series.buffer.as_deref() == Some(buffer.name()));
        if self.is_true(if is_dma { bound.of_dma() } else { bound }) {
            return None;
        }
        let about = |us: Option<f64>| shown(us, |us| format!("{us:.2} µs"));
        Some(format!("{}: the recording says {}, and true is {}", self.series, about(self.said_us), about(self.true_us())))
    }
}

/// Exports of write-combining memory as a multiple of exports of pages, of one page count.
#[derive(Debug)]
pub struct Ratio {
    pages: u32,
    truly: f64,
    said: Option<f64>,
}

impl Ratio {
    /// At every page count where both were timed.
    pub fn all(rows: &[Row]) -> Vec<Self> {
        let export = |buffer: Buffer, pages| rows.iter().find(|row| row.series == Series::new("export", buffer.name(), pages));
        let of_pages = |pages| {
            let (wc, plain) = (export(Buffer::Wc, pages)?, export(Buffer::Pages, pages)?);
            let said = wc.said_us.zip(plain.said_us).map(|(wc, plain)| wc / plain);
            Some(Self { pages, truly: wc.bare_us / plain.bare_us, said })
        };
        let mut pages: Vec<_> = rows.iter().filter_map(|row| row.series.pages).collect();
        pages.sort_unstable();
        pages.dedup();
        pages.into_iter().filter_map(of_pages).collect()
    }

    fn off(&self) -> Option<f64> {
        self.said.map(|said| said / self.truly - 1.0)
    }

    /// Whether what is said is true; what is not known is not.
    pub fn is_true(&self) -> bool {
        self.off().is_some_and(ratio_holds)
    }

    /// As Markdown.
    fn line(&self) -> String {
        let said = shown(self.said, |said| format!("{said:.3}"));
        let off = shown(self.off(), |off| format!("{:+.1}", off * 100.0));
        format!("| {} | {:.3} | {said} | {off} | {} |", self.pages, self.truly, verdict(self.off().map(ratio_holds)))
    }

    /// What is wrong with it, in words; `None`: nothing that [`Bound::of_dma`] does not allow.
    pub fn complaint(&self) -> Option<String> {
        if self.off().is_some_and(|off| off.abs() <= 2.5 * RATIO_WITHIN) {
            return None;
        }
        let said = shown(self.said, |said| format!("{said:.3}"));
        Some(format!("WC ÷ pages of export, pages {}: the recording says {said}, and true is {:.3}", self.pages, self.truly))
    }
}

/// Both tables, as Markdown.
pub fn tables(rows: &[Row], ratios: &[Ratio], bound: Bound) -> String {
    let mut lines = vec![
        "| operation | buffer | pages | calls | true, µs | lone pair, µs | said, µs | off, µs | off, % | within |".to_owned(),
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| row.line(bound)));
    lines.push(String::new());
    lines.push("| pages | WC ÷ pages of export, true | said | off, % | within |".to_owned());
    lines.push("| --- | --- | --- | --- | --- |".to_owned());
    lines.extend(ratios.iter().map(Ratio::line));
    lines.push(String::new());
    lines.push(format!(
        "{} of {} series are within {} % or {} µs, and {} of {} ratios within {} %.",
        rows.iter().filter(|row| row.is_true(bound)).count(),
        rows.len(),
        bound.share * 100.0,
        bound.us,
        ratios.iter().filter(|ratio| ratio.is_true()).count(),
        ratios.len(),
        RATIO_WITHIN * 100.0,
    ));
    lines.join("\n")
}

/// In the place of what is not known.
pub const UNKNOWN: &str = "–";

/// In a cell: whether a bound holds.
pub fn verdict(holds: Option<bool>) -> &'static str {
    match holds {
        None => UNKNOWN,
        Some(true) => "yes",
        Some(false) => "**no**",
    }
}

/// In a cell: a value, if it is known.
pub fn shown<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), text)
}

fn us(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn medians(all: &[(&str, &str, u64)]) -> Medians {
        Medians::of(all.iter().map(|&(op, buffer, ns)| (Series::new(op, buffer, 1), ns)))
    }

    /// A map of 2 µs, an mmap of at most 5 µs and of 4 µs by the tracer, and exports of 10 and 30 µs.
    fn measured(said: &[(&str, &str, u64)]) -> Measured {
        let before =
            medians(&[("mmap", "pages", 5_600), ("export", "wc", 30_600), ("export", "pages", 10_600), ("map", "pages", 2_600)]);
        Measured {
            added: Added::new(),
            mapped: Mapped { areas: "7 6".to_owned(), calls: medians(&[("export", "wc", 31_000), ("map", "pages", 2_620)]) },
            after: medians(&[("map", "pages", 2_616), ("mmap", "pages", 5_500)]),
            before,
            said: medians(said),
            traced: medians(&[("mmap", "pages", 5_000)]),
            nothing: Nothing { refused_ns: 600, entered_ns: 400 },
            tracer_ns: Some(1_000),
        }
    }

    #[test]
    fn what_is_true_is_the_bare_call_without_what_a_call_takes_that_does_nothing() {
        let rows = measured(&[("map", "pages", 2_500), ("mmap", "pages", 4_100), ("export", "pages", 10_400)]).rows();
        let found: Vec<_> = rows.iter().map(|row| (row.series.op.as_str(), row.off(), row.is_true(Bound::FENTRY))).collect();
        let near =
            |off: Option<Off>, us: f64, of_us: f64| off.is_some_and(|off| (off.us - us).abs() + (off.of_us - of_us).abs() < 1e-9);
        assert_eq!(found.iter().map(|(op, ..)| *op).collect::<Vec<_>>(), ["map", "mmap", "export", "export"]);
        assert!(near(found[0].1, 0.5, 2.0) && !found[0].2, "{found:?}");
        assert!(near(found[1].1, 0.1, 4.0) && found[1].2, "{found:?}");
        assert!(near(found[2].1, 0.4, 10.0) && !found[2].2, "{found:?}");
        assert!(rows[0].is_true(Bound::KPROBE) && rows[2].is_true(Bound::KPROBE));
    }

    #[test]
    fn calls_that_mappings_alone_make_longer_are_named() {
        let expected = "The recorder has 7 mappings of the kernel's. While a program only holds 6, and nothing is hooked, these bare calls of one \
                        page take longer: export wc 1 by 0.40 µs; all others differ by at most 0.02 µs.";
        assert_eq!(measured(&[]).longer_with_mappings(), expected);
    }

    #[test]
    fn what_was_not_recorded_or_has_no_reference_is_unknown_and_not_true() {
        let rows = Measured { tracer_ns: None, ..measured(&[("mmap", "pages", 4_000)]) }.rows();
        assert_eq!((rows[0].said_us, rows[0].off(), rows[0].is_true(Bound::FENTRY)), (None, None, false));
        assert_eq!((rows[1].off(), rows[1].is_true(Bound::FENTRY)), (None, false));
        assert_eq!(rows[0].complaint(Bound::FENTRY).as_deref(), Some("map pages 1: the recording says –, and true is 2.00 µs"));
    }

    #[test]
    fn the_ratio_of_exports_is_compared_with_the_true_one() {
        let ratios = |wc| Ratio::all(&measured(&[("export", "pages", 10_000), ("export", "wc", wc)]).rows());
        assert!(ratios(30_500)[0].is_true() && !ratios(29_300)[0].is_true());
        assert_eq!(
            ratios(28_000)[0].complaint().as_deref(),
            Some("WC ÷ pages of export, pages 1: the recording says 2.800, and true is 3.000")
        );
        assert_eq!(ratios(29_300)[0].complaint(), None);
        assert!(!Ratio::all(&measured(&[]).rows())[0].is_true());
    }

    #[test]
    fn a_call_that_was_timed_twice_drifts_if_its_medians_differ_by_more() {
        let measured = measured(&[]);
        let drift = measured.drift(0.01);
        assert_eq!(
            drift.iter().map(|(share, series)| (*share, series.op.as_str())).collect::<Vec<_>>(),
            [(100.0 / 5_500.0, "mmap")]
        );
    }

    #[test]
    fn references_are_compared_where_both_are_true() {
        assert_eq!(references_apart_us(&measured(&[]).rows()), None);
        let traced = medians(&[("mmap", "pages", 5_000), ("map", "pages", 2_900), ("export", "pages", 11_010)]);
        let apart = references_apart_us(&Measured { traced, ..measured(&[]) }.rows()).unwrap();
        assert!((apart - 0.1).abs() < 1e-9, "{apart}");
    }

    #[test]
    fn a_table_says_how_many_are_true() {
        let rows = measured(&[("map", "pages", 2_100), ("export", "pages", 10_000), ("export", "wc", 30_000)]).rows();
        insta::assert_snapshot!(tables(&rows, &Ratio::all(&rows), Bound::FENTRY), @r"
        | operation | buffer | pages | calls | true, µs | lone pair, µs | said, µs | off, µs | off, % | within |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
        | map | pages | 1 | 1 | 2.00 | – | 2.10 | +0.10 | +5.0 | yes |
        | mmap | pages | 1 | 1 / 0 | ≈ 5.00 | 4.00 | – | – | – | – |
        | export | pages | 1 | 1 | 10.00 | – | 10.00 | +0.00 | +0.0 | yes |
        | export | wc | 1 | 1 | 30.00 | – | 30.00 | +0.00 | +0.0 | yes |

        | pages | WC ÷ pages of export, true | said | off, % | within |
        | --- | --- | --- | --- | --- |
        | 1 | 3.000 | 3.000 | +0.0 | yes |

        3 of 4 series are within 3 % or 0.2 µs, and 1 of 1 ratios within 2 %.
        ");
    }
}
