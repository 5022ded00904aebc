//! The tables in docs/dma-buffers.md: what allocating and freeing a DMA buffer is made of, with CMA and without.

use std::fmt::Write;

use anyhow::{Context, Result};
use grantscope_analysis::units;
use grantscope_wire::{Buffer, Op, Stage};

use super::{hooks_document::UPDATE, recorded::Recorded};
use crate::commands::bench::document::DMA_BUFFERS;

const ALLOCATION: &[Stage] = &[
    Stage::DmaAlloc,
    Stage::CmaAlloc,
    Stage::DmaPrep,
    Stage::DmaRemap,
    Stage::BalloonOut,
    Stage::MapHypercall,
    Stage::P2mUpdate,
];
const FREEING: &[Stage] =
    &[Stage::DmaFree, Stage::DmaUnremap, Stage::CmaRelease, Stage::BalloonIn, Stage::UnmapHypercall, Stage::P2mUpdate];

/// Where documents are to be written: the tables of these recordings.
///
/// # Errors
/// When a recording lacks a series, or the document cannot be written.
pub fn is_written(with: &Recorded, without: &Recorded) -> Result<()> {
    if std::env::var_os(UPDATE).is_none() {
        return Ok(());
    }
    let both = [("yes", with), ("`cma=0`", without)];
    DMA_BUFFERS.write("allocation", &table(Op::Export, ALLOCATION, both)?)?;
    DMA_BUFFERS.write("freeing", &table(Op::Release, FREEING, both)?)
}

fn table(op: Op, stages: &[Stage], recordings: [(&str, &Recorded); 2]) -> Result<String> {
    let mut table = format!("| pages | buffer | CMA | {} | per page |", op.name());
    stages.iter().for_each(|stage| _ = write!(table, " {} |", stage.name()));
    table += "\n| ---: | --- | --- | ---: | ---: |";
    stages.iter().for_each(|_| table += " ---: |");
    for pages in recordings[0].1.sizes(op) {
        for buffer in [Buffer::Pages, Buffer::Wc, Buffer::Coherent] {
            for (cma, recorded) in recordings {
                let p50 = |stage| recorded.median_ns(op, buffer, pages, stage);
                let total = p50(None).with_context(|| format!("no {} of {pages} pages, {}", op.name(), buffer.name()))?;
                let [whole, each] = [total, total / f64::from(pages)].map(units::duration);
                _ = write!(table, "\n| {pages} | {} | {cma} | {whole} | {each} |", buffer.name());
                let cells = stages.iter().map(|&stage| units::maybe_duration(p50(Some(stage))));
                cells.for_each(|cell| _ = write!(table, " {cell} |"));
            }
        }
    }
    Ok(table)
}
