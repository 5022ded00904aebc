//! The reader on files as `export` writes them, and on files that are damaged.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantscope_wire::Buffer;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::histogram::{COOKIE, HEADER_BYTES};
use super::*;
use crate::fixtures::export;
use crate::model::{Environment, Operation, Outcome, UNREAD};
use crate::recording::Frame;
use crate::report::export::{Audience, CSV};
use crate::series::{Aggregate, Series, SeriesKey};

/// Ten exports, and what a file says of them.
fn file() -> (Aggregate, String) {
    let mut aggregate = Aggregate::default();
    aggregate.add(&Frame::Environment(Environment { run: "a run".into(), kernel: "6.12".into(), ..Environment::default() }));
    let failed = Operation { outcome: Outcome::Errno(12), pages: None, domid: None, ..export(Buffer::Wc, 7) };
    let exports = (1..10).map(|i| export(Buffer::Wc, i * i * 1_000)).chain([failed]);
    aggregate.add(&Frame::Operations(exports.collect()));
    let mut text = Vec::new();
    (CSV.write)(&aggregate, Audience::Program, &mut text).unwrap();
    (aggregate, String::from_utf8(text).unwrap())
}

fn error(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

/// What is the same in a file and in its recording.
fn facts(run: &Run) -> Vec<String> {
    let of = |(key, series): (&SeriesKey, &Series)| {
        let (ends_ns, sum_ns) = ([series.min_ns(), series.max_ns()], series.sum_ns());
        format!("{key:?} {ends_ns:?} {sum_ns} {:?} {:?}", series.buckets(), series.extent())
    };
    run.series.iter().map(of).collect()
}

#[test]
fn a_file_says_what_its_recording_says_whatever_the_order_of_its_columns() {
    let (aggregate, text) = file();
    let [run] = &read(text.as_bytes()).unwrap()[..] else { panic!("not one run") };
    let expected = Run::from(&aggregate);
    assert_eq!((facts(run), &run.name), (facts(&expected), &expected.name));
    assert_eq!(run.facts.0.get(&Fact::Kernel), expected.facts.0.get(&Fact::Kernel));
    let turned: String = text.lines().map(|line| format!("{}\n", line.split(',').rev().collect::<Vec<_>>().join(","))).collect();
    assert_eq!(facts(&read(turned.as_bytes()).unwrap()[0]), facts(&expected));
}

#[test]
fn runs_are_told_apart_and_the_same_series_twice_is_refused() {
    let (_, text) = file();
    let (header, rows) = text.split_once('\n').unwrap();
    let other = rows.replace("a run,", "b run,");
    let both = read(format!("{header}\n{rows}{other}").as_bytes()).unwrap();
    assert_eq!(both.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["a run", "b run"]);
    assert!(error(&format!("{text}{rows}")).contains("the same series is in an earlier line"));
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_column() {
    let (_, text) = file();
    for (what, instead, words) in [
        ("export", "exprot", "line 2, column op: `exprot` is not known"),
        (",ok,", ",okay,", "column outcome: `okay` is neither ok nor an errno"),
        (",total,", ",totally,", "column stage: `totally` is not known"),
        (",count,", ",counts,", "it has no column count"),
        (",hdr", ",hdl", "it has no column hdr"),
        (",ENOMEM,", ",E-12,", "neither ok nor an errno"),
    ] {
        assert!(text.contains(what), "{what}");
        let message = error(&text.replace(what, instead));
        assert!(message.contains(words), "{instead}: {message}");
    }
    for text in ["", "\n", "a,b\n1\n", "a,b\n"] {
        error(text);
    }
}

#[test]
fn a_histogram_of_any_other_size_is_refused_before_it_takes_memory() {
    let (_, text) = file();
    let hdr = text.lines().nth(1).unwrap().rsplit(',').next().unwrap();
    let inflated = |bytes: &[u8]| {
        let mut packed = Vec::new();
        let mut encoder = flate2::write::ZlibEncoder::new(&mut packed, flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap();
        STANDARD.encode([&COOKIE[..], &(packed.len() as u32).to_be_bytes(), &packed].concat())
    };
    let mut of_five_digits = vec![0; HEADER_BYTES + 1];
    of_five_digits[4..8].copy_from_slice(&1_u32.to_be_bytes());
    of_five_digits[12..16].copy_from_slice(&5_u32.to_be_bytes());
    for broken in [inflated(&vec![0; 1 << 24]), inflated(&of_five_digits), inflated(&[]), "AAAA".to_owned(), "?".to_owned()] {
        let message = error(&text.replace(hdr, &broken));
        assert!(message.contains("column hdr"), "{message}");
    }
}

/// A cell with a histogram that has so many counts in each of the first buckets.
fn of_buckets(count: u64, buckets: u64) -> String {
    let mut histogram = hdrhistogram::Histogram::<u64>::new(3).unwrap();
    // Values below are buckets of their own.
    (0..buckets).for_each(|value| histogram.record_n(value, count).unwrap());
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(&histogram, &mut bytes).unwrap();
    STANDARD.encode(bytes)
}

#[test]
fn small_lines_that_stand_for_much_are_refused() {
    let header = "run,kernel,op,buffer,pages,outcome,stage,count,min_ns,max_ns,sum_ns,hdr\n";
    let hdr = of_buckets(1, 2_048);
    let rows = |pages| format!("r,k,map,,{pages},ok,total,2048,0,2047,1,{hdr}\n");
    let text: String = std::iter::once(header.to_owned()).chain((0..4_097).map(rows)).collect();
    assert!(text.len() < 1 << 20);
    assert!(error(&text).contains("it has more than 8388608 buckets in all histograms together"));
    let columns = format!("run,{}", "x,".repeat(MOST_COLUMNS));
    assert!(error(&columns).contains("it has more than 256 columns"));
}

#[test]
fn counts_as_large_as_there_are_do_not_overflow() {
    let most = u64::MAX >> 17;
    let hdr = of_buckets(most, 1_024);
    let row =
        |pages: u32| format!("r,k,map,,{pages},ok,total,{},0,1023,{},{hdr},corrected,{}\n", most * 1_024, u128::MAX, u64::MAX);
    let header = "run,kernel,op,buffer,pages,outcome,stage,count,min_ns,max_ns,sum_ns,hdr,times,own_ns\n";
    let text: String = std::iter::once(header.to_owned()).chain((0..200).map(row)).collect();
    let run = read(text.as_bytes()).unwrap().remove(0);
    assert_eq!(run.facts.0.get(&Fact::Times).map(String::as_str), Some("corrected"));
    let beyond = text.replace(&hdr, &of_buckets(1 << 48, 1));
    assert!(error(&beyond).contains("more operations in one bucket than can be counted"));
}

#[test]
fn statuses_and_what_is_lost_are_read_and_columns_of_others_are_named() {
    let header = "run,kernel,op,buffer,pages,outcome,stage,count,min_ns,max_ns,sum_ns,hdr,statuses,tag_board,mine";
    let of = |statuses: &str| {
        let text = format!("{header}\nr,k,map,,1,ok,total,1,0,0,0,{},{statuses},rcar,?\n", of_buckets(1, 1));
        table(text.as_bytes())
    };
    let table = of("bad_gntref:3;status_-14:1;unread:2").unwrap();
    assert_eq!(table.runs[0].statuses.values().next(), Some(&[(-3, 3), (-14, 1), (UNREAD, 2)].into()));
    assert_eq!((table.runs[0].run.tags["board"].as_str(), table.passed_over), ("rcar", vec!["mine".to_owned()]));
    for wrong in ["bad_gntref", "bad_gntref:", "no_such:1", "okay:-1"] {
        assert!(of(wrong).unwrap_err().to_string().contains("line 2, column statuses: "), "{wrong}");
    }
}
