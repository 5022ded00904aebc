//! CSV: one row per series, whole enough that a CSV alone can be merged, plotted and tested.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::aggregate::{Aggregate, Series, SeriesKey};
use crate::metrics::METRICS;
use crate::model::Environment;

/// Columns that say what a row is about.
const KEY_COLUMNS: [&str; 13] =
    ["run", "kernel", "xen", "arch", "page_size", "clock", "op", "buffer", "pages", "outcome", "stage", "count", "lost"];

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The recording has no environment frame.
    #[error("the recording does not say where it was made: it ends before its first frame; record again")]
    NoEnvironment,
    /// Writing failed.
    #[error("writing CSV failed")]
    Csv(#[from] csv::Error),
    /// Writing failed.
    #[error("writing CSV failed")]
    Io(#[from] std::io::Error),
    /// A histogram could not be packed.
    #[error("packing the histogram of a series failed: {0}")]
    Histogram(String),
}

/// Names of all columns, in order.
pub fn columns() -> Vec<&'static str> {
    let metrics = METRICS.iter().map(|metric| metric.name);
    KEY_COLUMNS.into_iter().chain(metrics).chain(["hdr"]).collect()
}

/// Writes all series as CSV.
pub fn csv(aggregate: &Aggregate, out: impl Write) -> Result<(), ExportError> {
    let environment = aggregate.environment().ok_or(ExportError::NoEnvironment)?;
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns())?;
    for (key, series) in aggregate.series() {
        let mut row = key_cells(environment, key, series, aggregate.lost(key.op));
        row.extend(METRICS.iter().map(|metric| cell((metric.value)(series))));
        row.push(packed(series)?);
        writer.write_record(row)?;
    }
    writer.flush()?;
    Ok(())
}

fn key_cells(environment: &Environment, key: &SeriesKey, series: &Series, lost: u64) -> Vec<String> {
    vec![
        environment.run.clone(),
        environment.kernel.clone(),
        environment.xen.clone().unwrap_or_default(),
        environment.arch.clone(),
        environment.page_size.to_string(),
        environment.clock.name().to_owned(),
        key.op.name().to_owned(),
        key.buffer.map(|buffer| buffer.name().to_owned()).unwrap_or_default(),
        key.pages.map(|pages| pages.to_string()).unwrap_or_default(),
        key.outcome.name().into_owned(),
        key.stage_name().to_owned(),
        series.count().to_string(),
        lost.to_string(),
    ]
}

/// Whole nanoseconds; unknown is an empty cell.
fn cell(value: Option<f64>) -> String {
    value.map(|value| format!("{value:.0}")).unwrap_or_default()
}

/// The histogram in HdrHistogram's standard V2 compressed form.
fn packed(series: &Series) -> Result<String, ExportError> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    serializer.serialize(series.histogram(), &mut bytes).map_err(|error| ExportError::Histogram(error.to_string()))?;
    Ok(STANDARD.encode(bytes))
}
