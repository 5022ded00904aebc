//! The table in docs/importers.md: what mapping costs by the kind of buffer, and what of it is bounced.

use anyhow::{Context, Result};
use grantscope_analysis::units;
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
    let mut table = HEADER.to_owned();
    // A size that is there of one kind only fills swiotlb's buffer, and compares nothing.
    let compared = |pages: &u32| recorded.of(Op::AttachmentMap, Buffer::Pages, *pages, None).is_some();
    for pages in recorded.sizes(Op::AttachmentMap).into_iter().filter(compared) {
        for buffer in [Buffer::Pages, Buffer::Wc, Buffer::Coherent] {
            table += &row(recorded, pages, buffer)
                .with_context(|| format!("not all is known of mapping {pages} pages, {}", buffer.name()))?;
        }
    }
    IMPORTERS.write("mapping", table.trim_end())
}

fn row(recorded: &Recorded, pages: u32, buffer: Buffer) -> Option<String> {
    let (key, series) = recorded.of(Op::AttachmentMap, buffer, pages, None)?;
    let p50 = |stage| recorded.median_ns(Op::AttachmentMap, buffer, pages, stage).map(units::duration);
    let sums = recorded.aggregate.dma(key)?;
    let mean = |sum: Option<u64>| Some(sum? as f64 / series.count() as f64);
    Some(format!(
        "| {pages} | {} | {} | {} | {:.1} | {:.1} | {:.1} |\n",
        buffer.name(),
        p50(None)?,
        p50(Some(Stage::DmaMap))?,
        mean(sums.entries)?,
        mean(sums.bounces)?,
        mean(sums.bounced_bytes)? / 1024.0,
    ))
}
