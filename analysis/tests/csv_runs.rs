//! What a results.csv says of a run is what its recording says; and many of them become one, whatever their order.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use grantscope_analysis::merge::{MergeError, Merged, tag};
use grantscope_analysis::model::Phase;
use grantscope_analysis::recording::Reader;
use grantscope_analysis::report::export::{Audience, csv, merged};
use grantscope_analysis::runs::csv::{OF_RUN, read, table};
use grantscope_analysis::runs::{Fact, Run};
use grantscope_analysis::series::{Aggregate, MostSeries, Phases, Series, SeriesKey, Times, Wanted};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

/// All recordings of the tests that say where they were made, each as far as it can be read.
fn recordings(wanted: Wanted) -> Vec<(String, Aggregate)> {
    let folders = ["tests/fixtures", "../tui/tests/cases"].map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let entries =
        folders.iter().flat_map(|folder| fs::read_dir(folder).expect("the folder is there")).map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "gsr")).collect();
    paths.sort();
    let read = |path: &Path| {
        let mut aggregate = Aggregate::of(wanted);
        let mut reader = Reader::open(fs::File::open(path).unwrap()).ok()?;
        while let Ok(Some(frame)) = reader.next_frame() {
            aggregate.add(&frame);
        }
        aggregate.environment()?;
        Some((path.display().to_string(), aggregate))
    };
    let all: Vec<_> = paths.iter().filter_map(|path| read(path)).collect();
    assert!(all.len() > 15, "{}", all.len());
    all
}

fn exported(aggregate: &Aggregate) -> Vec<u8> {
    let mut bytes = Vec::new();
    csv::csv(aggregate, Audience::Program, &mut bytes).unwrap();
    bytes
}

/// All tables in one, in this order.
fn put_together<'a>(files: impl IntoIterator<Item = &'a Vec<u8>>) -> Result<Vec<u8>, MergeError> {
    let mut all = Merged::default();
    for file in files {
        table(&file[..]).unwrap().runs.into_iter().try_for_each(|listed| all.add(listed))?;
    }
    let mut bytes = Vec::new();
    merged(&all, &mut bytes).unwrap();
    Ok(bytes)
}

/// One column of all lines.
fn column(file: &[u8], name: &str) -> Vec<String> {
    let mut reader = ::csv::Reader::from_reader(file);
    let place = reader.headers().unwrap().iter().position(|column| column == name).unwrap_or_else(|| panic!("no column {name}"));
    reader.records().map(|row| row.unwrap()[place].to_owned()).collect()
}

fn edited(file: &[u8], edit: impl Fn(&str, &str) -> Option<String>) -> Vec<u8> {
    let mut reader = ::csv::Reader::from_reader(file);
    let header = reader.headers().unwrap().clone();
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).unwrap();
    for row in reader.records() {
        let row = row.unwrap();
        let cells = header.iter().zip(&row).map(|(column, cell)| edit(column, cell).unwrap_or_else(|| cell.to_owned()));
        writer.write_record(cells.collect::<Vec<_>>()).unwrap();
    }
    writer.into_inner().unwrap()
}

fn sweep() -> Vec<u8> {
    let all = recordings(Wanted::default());
    exported(&all.iter().find(|(path, _)| path.ends_with("wall-clock-sweep.gsr")).unwrap().1)
}

/// What a file says exactly.
fn exact(key: &SeriesKey, series: &Series) -> String {
    let ends_ns = (!series.is_mixture()).then(|| [series.min_ns(), series.max_ns()]);
    format!("{key:?} {ends_ns:?} {} {:?} {:?} {}", series.sum_ns(), series.buckets(), series.extent(), series.is_mixture())
}

#[test]
fn a_file_says_of_a_run_what_its_recording_says() {
    let phases = [Phases::Only(Phase::Measured), Phases::All];
    let wanted = phases.into_iter().flat_map(|phases| [Times::Corrected, Times::Raw].map(|times| (phases, times)));
    for (phases, times) in wanted {
        for most_series in [MostSeries::default(), MostSeries(12)] {
            for (path, aggregate) in recordings(Wanted { times, phases, most_series }) {
                let expected = Run::from(&aggregate);
                let runs = read(&exported(&aggregate)[..]).unwrap_or_else(|error| panic!("{path}: {error}"));
                let [run] = &runs[..] else {
                    assert!(runs.is_empty() && expected.series.is_empty(), "{path}: {} runs", runs.len());
                    continue;
                };
                same(&path, run, &expected);
            }
        }
    }
}

fn same(path: &str, run: &Run, expected: &Run) {
    assert_eq!(run.name, expected.name, "{path}");
    let mut facts = expected.facts.clone();
    facts.0.retain(|fact, _| !matches!(fact, Fact::Detail | Fact::Attach));
    assert_eq!(run.facts, facts, "{path}");
    assert_eq!(run.without_row, expected.without_row, "{path}");
    let has_rows = |op| expected.series.keys().any(|key| key.op == op);
    let lost: BTreeMap<_, _> = expected.lost.iter().filter(|(op, _)| has_rows(**op)).map(|(op, lost)| (*op, *lost)).collect();
    assert_eq!(run.lost, lost, "{path}");
    let all = |run: &Run| run.series.iter().map(|(key, series)| exact(key, series)).collect::<Vec<_>>();
    assert_eq!(all(run), all(expected), "{path}");
    for (key, series) in &run.series {
        // The mean is rounded to nanoseconds.
        let (subtracted, truth) = (series.subtracted(), expected.series[key].subtracted());
        let rounding = series.count() / 2 + 1;
        let is_near = |ns: u64, truth: u64| series.is_mixture() || ns.abs_diff(truth) <= rounding;
        assert!(is_near(subtracted.own_ns, truth.own_ns) && is_near(subtracted.error_ns, truth.error_ns), "{path}: {key:?}");
    }
}

#[test]
fn a_file_merged_with_nothing_is_itself() {
    for most_series in [MostSeries::default(), MostSeries(12)] {
        for (path, aggregate) in recordings(Wanted { most_series, ..Wanted::default() }) {
            let file = exported(&aggregate);
            let once = put_together([&file]).unwrap();
            assert!(once == file, "{path}:\n{}\n{}", String::from_utf8_lossy(&once), String::from_utf8_lossy(&file));
        }
    }
}

#[test]
fn every_column_of_a_line_survives() {
    let said = [
        ("xen", "4.17.4"),
        ("statuses", "bad_gntref:3;no_space:1"),
        ("lost", "7"),
        ("filter", "pid 3"),
        ("phase", "measured"),
        ("left_out", "5"),
        ("without_row", "2"),
        ("recorder_cpu_ns", "11"),
        ("recorder_memory_bytes", "13"),
        ("times", "corrected"),
        ("own_ns", "3"),
        ("own_error_ns", "1"),
    ];
    let file = edited(&sweep(), |column, _| said.iter().find(|(name, _)| *name == column).map(|(_, cell)| (*cell).to_owned()));
    assert_eq!(String::from_utf8(put_together([&file]).unwrap()).unwrap(), String::from_utf8(file.clone()).unwrap());
    let twice = put_together([&file, &file]).unwrap();
    let of = |name| column(&twice, name)[0].clone();
    assert_eq!(
        ["lost", "left_out", "without_row", "recorder_cpu_ns", "recorder_memory_bytes"].map(of),
        ["14", "10", "4", "22", "13"]
    );
    assert_eq!(["statuses", "own_ns", "own_error_ns", "times"].map(of), ["bad_gntref:6;no_space:2", "3", "1", "corrected"]);
    for name in ["min_ns", "p50_ns", "p99_ns", "max_ns"] {
        assert_eq!(column(&twice, name), column(&file, name), "{name}");
    }
    let doubled: Vec<_> = column(&file, "sum_ns").iter().map(|sum| (sum.parse::<u128>().unwrap() * 2).to_string()).collect();
    assert_eq!(column(&twice, "sum_ns"), doubled);
}

#[test]
fn what_one_run_does_not_know_nobody_knows_of_the_sum() {
    let file = sweep();
    let known = edited(&file, |column, _| (column == "recorder_cpu_ns").then(|| "5".to_owned()));
    let unknown = edited(&file, |column, _| ["recorder_cpu_ns", "lost"].contains(&column).then(String::new));
    let both = put_together([&known, &unknown]).unwrap();
    for name in ["recorder_cpu_ns", "lost"] {
        assert!(column(&both, name).iter().all(String::is_empty), "{name}");
    }
}

#[test]
fn runs_of_other_tags_or_circumstances_stay_apart_and_tags_travel() {
    let file = sweep();
    let rows = column(&file, "op").len();
    let tagged = |board: &str| {
        let mut all = Merged::default();
        for mut listed in table(&file[..]).unwrap().runs {
            tag(&mut listed, &BTreeMap::from([("board".to_owned(), board.to_owned())])).unwrap();
            all.add(listed).unwrap();
        }
        let mut bytes = Vec::new();
        merged(&all, &mut bytes).unwrap();
        bytes
    };
    let other_kernel = edited(&file, |column, _| (column == "kernel").then(|| "6.99".to_owned()));
    let all = put_together([&tagged("a"), &other_kernel, &tagged("b"), &tagged("a")]).unwrap();
    assert_eq!(column(&all, "op").len(), 3 * rows);
    let boards = column(&all, "tag_board");
    let of = |board| boards.iter().filter(|cell| *cell == board).count();
    assert_eq!([of("a"), of("b"), of("")], [rows; 3]);
    assert_eq!(put_together([&all]).unwrap(), all);
    let runs = read(&all[..]).unwrap();
    assert_eq!(runs.iter().filter(|run| run.tags.get("board").is_some_and(|board| board == "a")).count(), 1);
    let mut other = table(&tagged("a")[..]).unwrap().runs.remove(0);
    let error = tag(&mut other, &BTreeMap::from([("board".to_owned(), "c".to_owned())])).unwrap_err().to_string();
    assert!(error.contains("is tagged board=a already"), "{error}");
}

#[test]
fn raw_times_and_corrected_ones_do_not_add_up() {
    let [raw, corrected] = ["raw", "corrected"].map(|times| {
        edited(&sweep(), |column, _| match column {
            "times" => Some(times.to_owned()),
            "own_ns" | "own_error_ns" => Some(if times == "raw" { String::new() } else { "1".to_owned() }),
            _ => None,
        })
    });
    let errors = [[&raw, &corrected], [&corrected, &raw]].map(|files| put_together(files).unwrap_err().to_string());
    assert!(errors[0].contains("times `corrected` and with `raw`, which do not add up") && errors[0] == errors[1], "{errors:?}");
}

#[test]
fn files_of_older_versions_are_read_by_their_columns() {
    let file = sweep();
    // As files were before they said domains, phases and what was subtracted (`git log -p -- analysis/src/column.rs`).
    let then = "run kernel xen arch page_size clock op buffer pages outcome started_by cause statuses caller stage count lost min_ns \
                p50_ns p90_ns p99_ns p999_ns max_ns mean_ns sum_ns hdr";
    let mut reader = ::csv::Reader::from_reader(&file[..]);
    let header = reader.headers().unwrap().clone();
    let kept: Vec<_> = (0..header.len()).filter(|&at| then.split(' ').any(|name| name == &header[at])).collect();
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    for row in std::iter::once(header.clone()).chain(reader.records().map(Result::unwrap)) {
        writer.write_record(kept.iter().map(|&at| &row[at])).unwrap();
    }
    let old = writer.into_inner().unwrap();
    let run = read(&old[..]).unwrap().remove(0);
    assert_eq!((run.series.len(), run.facts.0.get(&Fact::Filter)), (column(&file, "op").len(), None));
    let now = put_together([&old]).unwrap();
    assert!(column(&now, "without_row").iter().all(String::is_empty), "not known is not 0");
    assert_eq!(OF_RUN.map(|(name, _)| column(&now, name)[0].clone()), ["", "", "", ""]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn the_bytes_do_not_depend_on_the_order_nor_on_what_was_merged_before(
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
        first in subsequence((0..6).collect::<Vec<usize>>(), 1..6),
        lost in prop::collection::vec(0..9_u64, 6),
        named in prop::collection::vec(any::<Index>(), 6),
    ) {
        let sweep: Vec<_> = sweep().split_inclusive(|&byte| byte == b'\n').take(20).collect::<Vec<_>>().concat();
        // Six runs, of which some have the same name, and each other numbers.
        let files: Vec<_> = (0..6).map(|i| edited(&sweep, |column, cell| match column {
            "run" => Some(["a", "b", "c"][named[i].index(3)].to_owned()),
            "lost" => Some(lost[i].to_string()),
            "recorder_memory_bytes" if i != 3 => Some((1_000 * lost[i]).to_string()),
            "sum_ns" => Some((cell.parse::<u64>().unwrap() + lost[i]).to_string()),
            _ => None,
        })).collect();
        let expected = put_together(&files).unwrap();
        prop_assert!(put_together(order.iter().map(|&i| &files[i])).unwrap() == expected);
        let before = put_together(first.iter().map(|&i| &files[i])).unwrap();
        let rest = (0..6).filter(|i| !first.contains(i)).map(|i| &files[i]);
        prop_assert!(put_together(rest.chain([&before])).unwrap() == expected);
    }
}
