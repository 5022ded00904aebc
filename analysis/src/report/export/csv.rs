//! CSV: one row per series, whole enough that a CSV alone can be merged, plotted and tested.

use std::borrow::Cow;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::audience::Audience;
use super::error::ExportError;
use crate::column::{COLUMNS, Cell, Row};
use crate::quantile::Estimate;
use crate::series::{Aggregate, Buckets};
use crate::shown::escaped;

/// What a formula begins with in spreadsheets, where control characters are escaped
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

/// Names of all columns, in order.
pub fn columns() -> Vec<&'static str> {
    COLUMNS.iter().map(|column| column.name).collect()
}

/// Writes all series as CSV.
///
/// # Errors
///
/// Where the recording has no environment, where `out` refuses the text, and where a histogram cannot be packed.
pub fn csv(aggregate: &Aggregate, audience: Audience, out: impl Write) -> Result<(), ExportError> {
    aggregate.environment().ok_or(ExportError::NoEnvironment)?;
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns())?;
    for (key, series) in aggregate.series() {
        let row = Row { recording: aggregate, key, series };
        let cells = COLUMNS.iter().map(|column| written((column.value)(row), audience));
        writer.write_record(cells.collect::<Result<Vec<_>, _>>()?.iter().map(|cell| cell.as_bytes()))?;
    }
    writer.flush()?;
    Ok(())
}

/// Whole numbers without a unit; what is not known is an empty cell.
pub(super) fn written(cell: Cell<'_>, audience: Audience) -> Result<Cow<'_, str>, ExportError> {
    Ok(match cell {
        Cell::Text(text) => words(&text, audience).into_owned().into(),
        Cell::Sum(number) => number.to_string().into(),
        Cell::Ns(number) | Cell::Count(number) | Cell::Quantile(Estimate { ns: number, .. }) => number.to_string().into(),
        Cell::Histogram(buckets) => packed(buckets)?.into(),
        Cell::Unknown => "".into(),
    })
}

/// Text of others stays on its line, and in a spreadsheet text.
pub(super) fn words(text: &str, audience: Audience) -> Cow<'_, str> {
    let text = escaped(text);
    match audience {
        Audience::Spreadsheet if text.starts_with(FORMULA) => format!("'{text}").into(),
        _ => text,
    }
}

/// The histogram in HdrHistogram's standard V2 compressed form.
fn packed(buckets: &Buckets) -> Result<String, ExportError> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    serializer.serialize(&buckets.histogram(), &mut bytes).map_err(|error| ExportError::Histogram(error.to_string()))?;
    Ok(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Buffer, Cause, Edge, HookId, LossKind, Op, Stage};
    use hdrhistogram::serialization::Deserializer;
    use smallvec::smallvec;

    use super::*;
    use crate::fixtures::{crossing, export, span};
    use crate::model::{Calibration, Cost, Detail, Environment, LossCounter, LossReport, Operation, Outcome};
    use crate::recording::Frame;

    fn operation(buffer: Option<Buffer>, pages: Option<u32>, duration_ns: u64) -> Operation {
        let stages = smallvec![span(Stage::Remainder, 1_000), span(Stage::DmaAlloc, duration_ns - 1_000)];
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
        csv(aggregate, Audience::Program, &mut bytes).expect("a Vec takes everything");
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
        run,kernel,xen,arch,page_size,clock,op,buffer,pages,domid,outcome,started_by,cause,statuses,caller,from_cma,entries,bounces,bounced_bytes,stage,count,lost,filter,phase,left_out,without_row,recorder_cpu_ns,recorder_memory_bytes,quantiles_carried,times,own_ns,own_error_ns,min_ns,p50_ns,p90_ns,p99_ns,p999_ns,max_ns,mean_ns,sum_ns
        r,6.12,,aarch64,4096,wall,export,,,,ok,,,,,,,,,total,1,0,,,,0,,,,raw,,,2000,2000,2000,2000,2000,2000,2000,2000
        r,6.12,,aarch64,4096,wall,export,,,,ok,,,,,,,,,remainder,1,0,,,,0,,,,raw,,,1000,1000,1000,1000,1000,1000,1000,1000
        r,6.12,,aarch64,4096,wall,export,,,,ok,,,,,,,,,dma_alloc,1,0,,,,0,,,,raw,,,1000,1000,1000,1000,1000,1000,1000,1000
        r,6.12,,aarch64,4096,wall,export,wc,16,,ok,,,,,,,,,total,1,0,,,,0,,,,raw,,,5000,5000,5000,5000,5000,5000,5000,5000
        r,6.12,,aarch64,4096,wall,export,wc,16,,ok,,,,,,,,,remainder,1,0,,,,0,,,,raw,,,1000,1000,1000,1000,1000,1000,1000,1000
        r,6.12,,aarch64,4096,wall,export,wc,16,,ok,,,,,,,,,dma_alloc,1,0,,,,0,,,,raw,,,4000,4000,4000,4000,4000,4000,4000,4000
        ");
    }

    #[test]
    fn a_row_says_what_was_subtracted_from_its_times() {
        let cost = Cost { before_ps: 4_000, after_ps: 6_000, error_ps: 3_000 };
        let crossings = [Edge::Entry, Edge::Return].map(|edge| crossing(HookId::GntdevIoctl, edge, cost)).to_vec();
        let mut corrected = aggregate(vec![operation(None, None, 2_000)]);
        corrected.add(&Frame::Calibration(Calibration { at_ns: 0, crossings }));
        corrected.add(&Frame::Operations(vec![export(Buffer::Wc, 5_000), export(Buffer::Wc, 5_002)]));
        let csv = text(&corrected);
        let totals: Vec<_> = csv.lines().filter(|line| line.contains(",total,")).collect();
        assert!(totals[0].contains(",total,1,0,,,,0,,,,raw,,,2000,2000,"), "{}", totals[0]);
        assert!(totals[1].contains(",total,2,0,,,,0,,,,corrected,10,3,4990,4991,"), "{}", totals[1]);
        assert!(totals[1].contains(",4992,4991,9982,"), "{}", totals[1]);
    }

    #[test]
    fn domains_are_rows_of_their_own_and_an_unknown_one_is_an_empty_cell() {
        let of = |domid| Operation { domid, ..operation(Some(Buffer::Wc), Some(16), 5_000) };
        let csv = text(&aggregate(vec![of(Some(0)), of(None), of(Some(7)), of(Some(7))]));
        let totals: Vec<_> =
            csv.lines().filter(|line| line.contains(",total,")).map(|line| line.split(',').collect::<Vec<_>>()).collect();
        let [domid, count] = ["domid", "count"].map(|name| columns().iter().position(|column| *column == name).unwrap());
        let rows: Vec<_> = totals.iter().map(|cells| (cells[domid], cells[count])).collect();
        assert_eq!(rows, [("", "1"), ("0", "1"), ("7", "2")]);
    }

    #[test]
    fn a_row_names_the_quantiles_that_its_count_carries_and_has_all_of_them() {
        let row = |count| {
            let csv = text(&aggregate(vec![operation(Some(Buffer::Wc), Some(16), 5_000); count]));
            let total = csv.lines().find(|line| line.contains(",total,")).unwrap().to_owned();
            let cells: Vec<_> = total.split(',').map(str::to_owned).collect();
            let place = |name| columns().iter().position(|column| *column == name).unwrap();
            (cells[place("quantiles_carried")].clone(), cells[place("p999_ns")].clone())
        };
        let expected = [(49, ""), (50, "p50_ns;p90_ns"), (100, "p50_ns;p90_ns;p99_ns"), (1_000, "p50_ns;p90_ns;p99_ns;p999_ns")];
        for (count, carried) in expected {
            assert_eq!(row(count), (carried.to_owned(), "5000".to_owned()), "{count}");
        }
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
        assert!(totals[0].contains(",unmap_refs,,11,,ok,,,,end_block_io_op,,,,,total,1,"), "{}", totals[0]);
        assert!(totals[1].contains(",unmap_refs,,11,,ok,,,,xen_blkbk_unmap [xen_blkback],,,,,total,1,"), "{}", totals[1]);
    }

    #[test]
    fn what_was_mapped_for_devices_is_added_up_and_what_was_not_seen_is_empty() {
        let mapping = |bounces: Option<u32>| Operation {
            op: Op::AttachmentMap,
            details: vec![Detail::Mapping {
                entries: Some(16),
                bounces,
                bounced_bytes: bounces.map(|bounces| 4096 * u64::from(bounces)),
            }],
            ..operation(Some(Buffer::Wc), Some(16), 5_000)
        };
        let cells = |operations| {
            let csv = text(&aggregate(operations));
            let cells = csv.lines().skip(1).map(|line| line.split(',').skip(15).take(4).collect::<Vec<_>>().join(","));
            let cells: Vec<_> = cells.collect();
            assert!(cells.len() == 3 && cells.iter().all(|cell| *cell == cells[0]), "{csv}");
            cells[0].clone()
        };
        assert_eq!(cells(vec![mapping(Some(2)), mapping(Some(3))]), ",32,5,20480");
        assert_eq!(cells(vec![mapping(Some(2)), mapping(None)]), ",32,,");
    }

    #[test]
    fn the_histogram_in_a_cell_is_the_series() {
        let csv = text(&aggregate((1..=100).map(|n| operation(Some(Buffer::Wc), Some(16), n * 10_000)).collect()));
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let total = reader.records().map(|row| row.unwrap()).find(|row| row.iter().any(|cell| cell == "total")).unwrap();
        let bytes = STANDARD.decode(total.iter().next_back().unwrap()).unwrap();
        let histogram: hdrhistogram::Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
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
    fn text_of_others_stays_on_its_line_and_is_no_formula_for_a_spreadsheet() {
        let mut hostile = Aggregate::default();
        let environment = |run: &str| {
            Frame::Environment(Environment { run: run.into(), kernel: "6\n\u{1b}[2J".into(), ..Environment::default() })
        };
        hostile.add(&environment("=1+1"));
        hostile.add(&Frame::Operations(vec![operation(Some(Buffer::Wc), Some(16), 5_000)]));
        let row = |audience| {
            let mut bytes = Vec::new();
            csv(&hostile, audience, &mut bytes).expect("a Vec takes everything");
            String::from_utf8(bytes).expect("CSV is text").lines().nth(1).unwrap().to_owned()
        };
        assert!(row(Audience::Program).starts_with(r"=1+1,6\n\u{1b}[2J,"), "{}", row(Audience::Program));
        assert!(row(Audience::Spreadsheet).starts_with(r"'=1+1,6\n\u{1b}[2J,"), "{}", row(Audience::Spreadsheet));
        let guarded = ["-1", "+1", "@a", "a=", "'", ""].map(|text| words(text, Audience::Spreadsheet).into_owned());
        assert_eq!(guarded, ["'-1", "'+1", "'@a", "a=", "'", ""]);
    }

    #[test]
    fn a_recording_without_environment_cannot_become_csv() {
        assert!(matches!(csv(&Aggregate::default(), Audience::Program, Vec::new()), Err(ExportError::NoEnvironment)));
    }
}
