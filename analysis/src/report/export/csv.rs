//! CSV: one row per series, whole enough that a CSV alone can be merged, plotted and tested.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::model::Environment;
use crate::report::metrics::METRICS;
use crate::series::aggregate::{Aggregate, Series, SeriesKey, list_of};

/// Columns that say what a row is about.
const KEY_COLUMNS: [&str; 18] = [
    "run",
    "kernel",
    "xen",
    "arch",
    "page_size",
    "clock",
    "op",
    "buffer",
    "pages",
    "outcome",
    "started_by",
    "cause",
    "statuses",
    "caller",
    "stage",
    "count",
    "lost",
    "filter",
];

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
        let mut row = key_cells(aggregate, environment, key, series);
        row.extend(METRICS.iter().map(|metric| cell((metric.value)(series))));
        row.push(packed(series)?);
        writer.write_record(row)?;
    }
    writer.flush()?;
    Ok(())
}

fn key_cells(aggregate: &Aggregate, environment: &Environment, key: &SeriesKey, series: &Series) -> Vec<String> {
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
        key.started_by.map(|op| op.name().to_owned()).unwrap_or_default(),
        key.cause.map(|cause| cause.name().to_owned()).unwrap_or_default(),
        list_of(aggregate.statuses(key), ":", ";"),
        key.caller.map(|caller| caller.to_string()).unwrap_or_default(),
        key.stage_name().to_owned(),
        series.count().to_string(),
        aggregate.lost(key.op).to_string(),
        aggregate.filtered().map(|report| report.filter.to_string()).unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use grantscope_wire::{Buffer, Cause, HookId, LossKind, Op, Stage};
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;

    use super::*;
    use crate::fixtures::{export, span};
    use crate::model::{Detail, LossCounter, LossReport, Operation, Outcome};
    use crate::recording::Frame;

    fn operation(buffer: Option<Buffer>, pages: Option<u32>, duration_ns: u64) -> Operation {
        let stages = vec![span(Stage::Remainder, 1_000), span(Stage::DmaAlloc, duration_ns - 1_000)];
        Operation { buffer, pages, stages, ..export(Buffer::Pages, duration_ns) }
    }

    fn aggregate(operations: Vec<Operation>) -> Aggregate {
        let environment = Environment {
            run: "r".into(),
            kernel: "6.12".into(),
            arch: "aarch64".into(),
            page_size: 4096,
            ..Environment::default()
        };
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Environment(environment));
        aggregate.add(&Frame::Operations(operations));
        aggregate
    }

    fn text(aggregate: &Aggregate) -> String {
        let mut bytes = Vec::new();
        csv(aggregate, &mut bytes).expect("a Vec takes everything");
        String::from_utf8(bytes).expect("CSV is text")
    }

    /// Without the histogram column, which is not for eyes.
    fn readable(csv: &str) -> String {
        csv.lines().map(|line| line.rsplit_once(',').map_or(line, |(rest, _)| rest)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_series_is_a_row_and_unknown_is_an_empty_cell() {
        let csv = text(&aggregate(vec![operation(Some(Buffer::Wc), Some(16), 5_000), operation(None, None, 2_000)]));
        insta::assert_snapshot!(readable(&csv), @r"
        run,kernel,xen,arch,page_size,clock,op,buffer,pages,outcome,started_by,cause,statuses,caller,stage,count,lost,filter,min_ns,p50_ns,p90_ns,p99_ns,p999_ns,max_ns,mean_ns,sum_ns
        r,6.12,,aarch64,4096,wall,export,,,ok,,,,,total,1,0,,2000,2000,2000,2000,2000,2000,2000,2000
        r,6.12,,aarch64,4096,wall,export,,,ok,,,,,remainder,1,0,,1000,1000,1000,1000,1000,1000,1000,1000
        r,6.12,,aarch64,4096,wall,export,,,ok,,,,,dma_alloc,1,0,,1000,1000,1000,1000,1000,1000,1000,1000
        r,6.12,,aarch64,4096,wall,export,wc,16,ok,,,,,total,1,0,,5000,5000,5000,5000,5000,5000,5000,5000
        r,6.12,,aarch64,4096,wall,export,wc,16,ok,,,,,remainder,1,0,,1000,1000,1000,1000,1000,1000,1000,1000
        r,6.12,,aarch64,4096,wall,export,wc,16,ok,,,,,dma_alloc,1,0,,4000,4000,4000,4000,4000,4000,4000,4000
        ");
    }

    #[test]
    fn a_failure_says_why_in_every_row_of_its_series() {
        let refused = Operation {
            outcome: Outcome::Errno(22),
            details: vec![
                Detail::Cause(Cause::GrantsRefused),
                Detail::Status { status: -3, count: 2 },
                Detail::Status { status: -1, count: 1 },
            ],
            ..operation(Some(Buffer::Wc), Some(16), 5_000)
        };
        let csv = text(&aggregate(vec![refused.clone(), refused]));
        let rows: Vec<_> = csv.lines().skip(1).collect();
        assert!(
            rows.len() == 3 && rows.iter().all(|row| row.contains(",EINVAL,,grants_refused,general_error:2;bad_gntref:4,")),
            "{csv}"
        );
    }

    #[test]
    fn an_in_kernel_user_has_a_row_of_its_own_for_each_caller() {
        let user = |caller: &str| Operation {
            op: Op::UnmapRefs,
            details: vec![Detail::Caller(caller.to_owned())],
            ..operation(None, Some(11), 2_000)
        };
        let csv = text(&aggregate(vec![user("end_block_io_op"), user("xen_blkbk_unmap [xen_blkback]")]));
        let totals: Vec<_> = csv.lines().filter(|line| line.contains(",total,")).collect();
        assert_eq!(totals.len(), 2, "{csv}");
        assert!(totals[0].contains(",unmap_refs,,11,ok,,,,end_block_io_op,total,1,"), "{}", totals[0]);
        assert!(totals[1].contains(",unmap_refs,,11,ok,,,,xen_blkbk_unmap [xen_blkback],total,1,"), "{}", totals[1]);
    }

    #[test]
    fn the_histogram_in_a_cell_is_the_series() {
        let csv = text(&aggregate((1..=100).map(|n| operation(Some(Buffer::Wc), Some(16), n * 10_000)).collect()));
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let total = reader.records().map(|row| row.unwrap()).find(|row| row.iter().any(|cell| cell == "total")).unwrap();
        let bytes = STANDARD.decode(total.iter().next_back().unwrap()).unwrap();
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
        assert_eq!((histogram.len(), histogram.value_at_quantile(0.5)), (100, histogram.highest_equivalent(500_000)));
    }

    #[test]
    fn losses_of_a_hook_stand_in_the_rows_of_the_operations_that_it_reports() {
        let mut lossy = aggregate(vec![operation(Some(Buffer::Wc), Some(16), 5_000)]);
        let counter = |hook, count| LossCounter { hook, kind: LossKind::RingFull, count };
        lossy.add(&Frame::Loss(LossReport {
            at_ns: 1,
            counters: vec![counter(HookId::GntdevIoctl, 3), counter(HookId::GntdevMmap, 4)],
        }));
        assert_eq!((lossy.lost(Op::Export), lossy.lost(Op::Mmap), lossy.lost(Op::Release)), (3, 4, 0));
        assert_eq!(lossy.loss().operations(), 7);
    }

    #[test]
    fn a_recording_without_environment_cannot_become_csv() {
        assert!(matches!(csv(&Aggregate::default(), Vec::new()), Err(ExportError::NoEnvironment)));
    }
}
