//! The table in docs/importers.md: what mapping costs by the kind of buffer, and what of it is bounced.

use anyhow::{Context, Result};
use grantscope_analysis::{
    model::{Operation, Outcome, Phase},
    series::Aggregate,
    units,
};
use grantscope_wire::{Buffer, Op, Stage};

use super::{hooks_document::UPDATE, recorded::Recorded};
use crate::commands::bench::document::IMPORTERS;

const HEADER: &str = "| pages | buffer | attachment_map p50 | of that dma_map | entries | bounces | KiB bounced |
| ---: | --- | ---: | ---: | ---: | ---: | ---: |
";

/// Where documents are to be written: the table of this recording.
///
/// # Errors
/// When the recording has no such operations, or the document cannot be written.
pub fn is_written(recorded: &Recorded) -> Result<()> {
    if std::env::var_os(UPDATE).is_none() {
        return Ok(());
    }
    let measured = recorded.operations.iter().filter(|operation| {
        operation.op == Op::AttachmentMap && operation.outcome == Outcome::Ok && operation.phase == Some(Phase::Measured)
    });
    let measured: Vec<_> = measured.collect();
    let mut sizes: Vec<_> = measured.iter().filter_map(|operation| operation.pages).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut table = HEADER.to_owned();
    for pages in sizes {
        for &buffer in &[Buffer::Pages, Buffer::Wc, Buffer::Coherent] {
            let of_it = measured.iter().filter(|operation| (operation.pages, operation.buffer) == (Some(pages), Some(buffer)));
            table += &row(pages, buffer, &of_it.copied().collect::<Vec<_>>(), &recorded.aggregate)?;
        }
    }
    IMPORTERS.write("mapping", table.trim_end())
}

fn row(pages: u32, buffer: Buffer, operations: &[&Operation], aggregate: &Aggregate) -> Result<String> {
    let p50 = |stage: Option<Stage>| {
        let of_series = aggregate.series().filter(|(key, _)| {
            key.op == Op::AttachmentMap
                && key.outcome == Outcome::Ok
                && (key.pages, key.buffer, key.stage) == (Some(pages), Some(buffer), stage)
        });
        let ns = of_series.filter_map(|(_, series)| series.quantile(&grantscope_analysis::quantile::P50)).next();
        Ok::<_, anyhow::Error>(units::duration(ns.context("a series has no median")?.ns as f64))
    };
    let sums = operations.iter().map(|operation| operation.dma()).reduce(|one, other| Some(one?.and(other?)));
    let sums = sums.flatten().context("nothing is known of what was mapped")?;
    let mean = |sum: Option<u64>, by: f64| {
        let sum = sum.context("not known of all operations")?;
        Ok::<_, anyhow::Error>(format!("{:.1}", sum as f64 / operations.len() as f64 / by))
    };
    Ok(format!(
        "| {pages} | {} | {} | {} | {} | {} | {} |\n",
        buffer.name(),
        p50(None)?,
        p50(Some(Stage::DmaMap))?,
        mean(sums.entries, 1.0)?,
        mean(sums.bounces, 1.0)?,
        mean(sums.bounced_bytes, 1024.0)?,
    ))
}
