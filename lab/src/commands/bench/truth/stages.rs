//! What a recording says of stages, beside runs in which the kernel's tracer follows one function alone and nothing in it.

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use grantscope_wire::{
    Buffer,
    Stage::{self, *},
};

use super::{
    super::medians::{Medians, Series},
    errors::{Bound, Off, UNKNOWN, shown, verdict},
    traced::Traced,
};
use crate::checks::recorded::truth;

/// The page counts.
pub const PAGES: [u32; 2] = [1, 16];
/// It does nothing (drivers/xen/gntdev-dmabuf.c, Linux v6.12): what the tracer says of it is what the tracer costs.
const EMPTY: (&str, &str) = ("dmabuf_exp_ops_unmap_dma_buf", "import_release");

/// Stages of an operation, and the functions whose time theirs is.
struct Part {
    op: &'static str,
    /// More than one, where no function's entry or return is between them.
    stages: &'static [Stage],
    function: &'static str,
    /// What these take inside of it is not theirs.
    without: &'static [&'static str],
}

const fn part(op: &'static str, stages: &'static [Stage], function: &'static str, without: &'static [&'static str]) -> Part {
    Part { op, stages, function, without }
}

/// In the order of the table. Operations that are one stage, or of which no function ends a stage, are left to the table of operations.
const PARTS: [Part; 32] = [
    part("map", &[ArgumentCopy, Remainder], "gntdev_ioctl", &["gntdev_alloc_map"]),
    part("map", &[PageArrayAlloc], "gntdev_alloc_map", &["gnttab_alloc_pages"]),
    part("map", &[PageAlloc], "gnttab_alloc_pages", &[]),
    part("mmap", &[Remainder], "gntdev_mmap", &["gnttab_map_refs", "vm_map_pages_zero"]),
    part("mmap", &[MapHypercall], "gnttab_map_refs", &["set_foreign_p2m_mapping"]),
    part("mmap", &[P2mUpdate], "set_foreign_p2m_mapping", &[]),
    part("mmap", &[VmaInsert], "vm_map_pages_zero", &[]),
    part("unmap", &[Remainder], "gntdev_ioctl", &["gnttab_unmap_refs", "gntdev_free_map"]),
    part("unmap", &[UnmapHypercall], "gnttab_unmap_refs", &["clear_foreign_p2m_mapping"]),
    part("unmap", &[P2mUpdate], "clear_foreign_p2m_mapping", &[]),
    part("unmap", &[PageArrayFree], "gntdev_free_map", &["gnttab_free_pages"]),
    part("unmap", &[PageFree], "gnttab_free_pages", &[]),
    part("export", &[ArgumentCopy, Remainder], "gntdev_ioctl", &["gntdev_alloc_map", "gnttab_map_refs", "dma_buf_export"]),
    part("export", &[PageArrayAlloc], "gntdev_alloc_map", &["gnttab_alloc_pages", "gnttab_dma_alloc_pages"]),
    part("export", &[PageAlloc], "gnttab_alloc_pages", &[]),
    part("export", &[DmaAlloc], "gnttab_dma_alloc_pages", &["xenmem_reservation_decrease"]),
    part("export", &[BalloonOut], "xenmem_reservation_decrease", &[]),
    part("export", &[MapHypercall], "gnttab_map_refs", &["set_foreign_p2m_mapping"]),
    part("export", &[P2mUpdate], "set_foreign_p2m_mapping", &[]),
    part("export", &[DmabufExport], "dma_buf_export", &[]),
    part(
        "import",
        &[ArgumentCopy, GrantAccess, Remainder],
        "gntdev_ioctl",
        &["dma_buf_dynamic_attach", "dma_buf_map_attachment"],
    ),
    part("import", &[DmabufAttach], "dma_buf_dynamic_attach", &[]),
    part("import", &[AttachmentMap], "dma_buf_map_attachment", &[]),
    part("import_release", &[GrantRevoke, Remainder], "gntdev_ioctl", &["dma_buf_unmap_attachment", "dma_buf_detach"]),
    part("import_release", &[AttachmentUnmap], "dma_buf_unmap_attachment", &[]),
    part("import_release", &[DmabufDetach], "dma_buf_detach", &[]),
    // Nothing shows where gntdev_free_map ends, but with `--detail full`.
    part(
        "release",
        &[PageArrayFree, Remainder],
        "dmabuf_exp_ops_release",
        &["gnttab_unmap_refs", "gnttab_free_pages", "gnttab_dma_free_pages"],
    ),
    part("release", &[UnmapHypercall], "gnttab_unmap_refs", &["clear_foreign_p2m_mapping"]),
    part("release", &[P2mUpdate], "clear_foreign_p2m_mapping", &[]),
    part("release", &[PageFree], "gnttab_free_pages", &[]),
    part("release", &[DmaFree], "gnttab_dma_free_pages", &["xenmem_reservation_increase"]),
    part("release", &[BalloonIn], "xenmem_reservation_increase", &[]),
];

/// All functions, each once.
pub fn functions() -> Vec<&'static str> {
    let mut functions: Vec<_> = PARTS.iter().map(|part| part.function).chain([EMPTY.0]).collect();
    functions.sort_unstable();
    functions.dedup();
    functions
}

/// What the tracer says of each function, in the calls of each series.
#[derive(Debug, Default)]
pub struct Lone(BTreeMap<&'static str, Medians>);

impl Lone {
    /// From a boot's files.
    ///
    /// # Errors
    /// When one is missing, or the tracer had no room for all.
    pub fn read(out: &Path) -> Result<Self> {
        functions().into_iter().map(|function| Ok((function, Self::of(function, out)?))).collect::<Result<_>>().map(Self)
    }

    fn of(function: &str, out: &Path) -> Result<Medians> {
        let traced = Traced::read(&std::fs::read_to_string(out.join(function).with_extension("trace"))?)?;
        let truth = truth(&out.join(function).with_extension("json"))?;
        let calls = truth.calls.iter().filter(|call| call.outcome == "ok");
        Ok(Medians::of(calls.filter_map(|call| Some((Series::of(call), traced.within(function, call)?)))))
    }

    /// What the tracer costs, in ns.
    fn tracer_ns(&self) -> Option<u64> {
        let (function, op) = EMPTY;
        let calls = self.0.get(function)?.0.iter().filter(|(series, _)| series.op == op);
        calls.map(|(_, median)| median.ns).min()
    }

    /// What a function takes in the calls of a series without the tracer, in µs; `None`: it is not called there.
    fn us(&self, function: &str, series: &Series) -> Option<f64> {
        let median = self.0.get(function)?.0.get(series)?;
        Some((median.ns as f64 - self.tracer_ns()? as f64) / 1000.0)
    }
}

/// What a recording says of the self times of stages.
pub type Said = BTreeMap<(Series, Stage), u64>;

/// One part at one page count.
#[derive(Debug, PartialEq)]
struct Figure {
    lone_us: f64,
    said_us: Option<f64>,
}

impl Figure {
    fn off(&self) -> Option<Off> {
        self.said_us.map(|said| Off { us: said - self.lone_us, of_us: self.lone_us })
    }

    fn cells(&self, bound: Bound) -> String {
        let off = self.off();
        format!(
            "{:.2} | {} | {} | {}",
            self.lone_us,
            shown(self.said_us, |us| format!("{us:.2}")),
            shown(off, |off| format!("{:+.2}", off.us)),
            verdict(off.map(|off| bound.holds(off)))
        )
    }
}

fn no_cells() -> String {
    [UNKNOWN; 4].join(" | ")
}

/// The figures of a part on one kind of buffer, by page count.
struct Row {
    part: &'static Part,
    buffer: Option<&'static str>,
    figures: [Option<Figure>; PAGES.len()],
}

fn figure(part: &Part, series: &Series, lone: &Lone, said: &Said) -> Option<Figure> {
    let inside: f64 = part.without.iter().filter_map(|function| lone.us(function, series)).sum();
    let lone_us = lone.us(part.function, series)? - inside;
    let stages: Vec<_> = part.stages.iter().filter_map(|stage| said.get(&(series.clone(), *stage))).collect();
    let said_us = (!stages.is_empty()).then(|| stages.into_iter().sum::<u64>() as f64 / 1000.0);
    Some(Figure { lone_us, said_us })
}

/// Pages, and one of the two kinds of DMA memory, which take the same functions.
fn rows(lone: &Lone, said: &Said) -> Vec<Row> {
    let buffers = [Buffer::Pages, Buffer::Wc].map(|buffer| Some(buffer.name()));
    let row = |part: &'static Part, buffer: Option<&'static str>| {
        let figures = PAGES.map(|pages| {
            let series = Series { op: part.op.to_owned(), buffer: buffer.map(str::to_owned), pages: buffer.map(|_| pages) };
            figure(part, &series, lone, said)
        });
        figures.iter().any(Option::is_some).then_some(Row { part, buffer, figures })
    };
    PARTS.iter().flat_map(|part| buffers.into_iter().chain([None]).filter_map(move |buffer| row(part, buffer))).collect()
}

/// As Markdown.
pub fn table(lone: &Lone, said: &Said, bound: Bound) -> String {
    let rows = rows(lone, said);
    let heading = |pages| format!("lone, µs, {pages} p. | said | off | within");
    let mut lines = vec![
        format!("| operation | buffer | stage | {} |", PAGES.map(heading).join(" | ")),
        format!("|{}", " --- |".repeat(3 + 4 * PAGES.len())),
    ];
    for Row { part, buffer, figures } in &rows {
        let stages: Vec<_> = part.stages.iter().map(|stage| stage.name()).collect();
        let cells: Vec<_> =
            figures.iter().map(|figure| figure.as_ref().map_or_else(no_cells, |figure| figure.cells(bound))).collect();
        lines.push(format!("| {} | {} | {} | {} |", part.op, buffer.unwrap_or(UNKNOWN), stages.join(" + "), cells.join(" | ")));
    }
    let figures: Vec<_> = rows.iter().flat_map(|row| row.figures.iter().flatten()).collect();
    let within = figures.iter().filter(|figure| figure.off().is_some_and(|off| bound.holds(off))).count();
    lines.push(format!(
        "\n{within} of {} figures are within {} % or {} µs. The tracer's own cost, subtracted: {}.",
        figures.len(),
        bound.share * 100.0,
        bound.us,
        shown(lone.tracer_ns(), |ns| format!("{:.2} µs", ns as f64 / 1000.0))
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::medians::Median;

    fn ns(median: u64) -> Median {
        Median { ns: median, count: 1 }
    }

    /// A tracer that costs 1 µs, a map of which the allocation takes 4 µs and the pages' 1.5 µs of that, at one page.
    fn lone() -> Lone {
        let of = |op, pages, median| Medians([(Series::new(op, "pages", pages), ns(median))].into());
        Lone(
            [
                (EMPTY.0, of(EMPTY.1, 1, 1_000)),
                ("gntdev_alloc_map", of("map", 1, 5_000)),
                ("gnttab_alloc_pages", of("map", 1, 2_500)),
            ]
            .into(),
        )
    }

    #[test]
    fn a_stage_is_its_function_without_the_functions_inside_and_without_the_tracer() {
        let said = Said::from([((Series::new("map", "pages", 1), PageArrayAlloc), 2_600)]);
        let rows = rows(&lone(), &said);
        let found: Vec<_> = rows.iter().map(|row| (row.part.stages, row.buffer, &row.figures[0])).collect();
        let alloc = Some(Figure { lone_us: 2.5, said_us: Some(2.6) });
        let pages = Some(Figure { lone_us: 1.5, said_us: None });
        assert_eq!(found, [(&[PageArrayAlloc][..], Some("pages"), &alloc), (&[PageAlloc][..], Some("pages"), &pages)]);
        assert_eq!(rows[0].figures[1], None);
    }

    #[test]
    fn what_was_not_said_is_unknown_and_not_within() {
        let said = Said::from([((Series::new("map", "pages", 1), PageArrayAlloc), 2_600)]);
        let table = table(&lone(), &said, Bound::STAGES);
        assert!(table.contains("| map | pages | page_array_alloc | 2.50 | 2.60 | +0.10 | yes | – | – | – | – |"), "{table}");
        assert!(table.contains("| map | pages | page_alloc | 1.50 | – | – | – | – | – | – | – |"), "{table}");
        assert!(table.contains("1 of 2 figures are within 5 % or 0.15 µs"), "{table}");
    }
}
