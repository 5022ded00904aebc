//! What operations cost, and what becomes of bytes that no writer writes.

use grantscope_wire::{Buffer, Detail, Edge, Event, HookId, Op};
use smallvec::smallvec;

use super::dictionary::{MOST, MOST_EVENTS, MOST_NAME_BYTES};
use super::kind::{Actor, Kind};
use super::{Decoder, Encoder, Frame, v1};
use crate::fixtures::export;
use crate::model::Operation;
use crate::recording::Frame as Model;
use crate::stages;

/// The hooks of an export of write-combined memory, and the gap before each.
const EXPORT: [(HookId, Edge, u64); 20] = {
    use Edge::*;
    use HookId::*;
    [
        (GntdevAllocMap, Entry, 410),
        (GnttabDmaAllocPages, Entry, 180),
        (XenmemReservationDecrease, Entry, 5_900),
        (XenmemReservationDecrease, Return, 1_320),
        (GnttabDmaAllocPages, Return, 240),
        (GntdevAllocMap, Return, 190),
        (GntdevAddMap, Entry, 160),
        (GnttabMapRefs, Entry, 330),
        (SetForeignP2mMapping, Entry, 9_400),
        (GnttabMapRefs, Return, 2_100),
        (DmaBufExport, Entry, 260),
        (ContentionBegin, Entry, 350),
        (ContentionEnd, Entry, 640),
        (DmaBufExport, Return, 4_800),
        (DmaBufDynamicAttach, Entry, 220),
        (DmaBufDynamicAttach, Return, 610),
        (DmaBufMapAttachment, Entry, 170),
        (DmaBufMapAttachment, Return, 730),
        (DmaBufDetach, Entry, 280),
        (DmaBufDetach, Return, 450),
    ]
};
/// Behind the last.
const REST: u64 = 520;

fn event(hook: HookId, edge: Edge, at_ns: u64) -> Event {
    Event::new(Event::code(hook, edge), at_ns)
}

/// An operation with the stages that its log makes.
fn folded(operation: Operation) -> Operation {
    let stages = stages::of(Detail::Stages, operation.op, operation.duration_ns, 0, &operation.log).stages;
    Operation { stages, ..operation }
}

/// Exports, one after the other, with gaps that vary by some 50 ns.
fn exports(count: u64) -> Vec<Operation> {
    let mut seed = 1_u64;
    let mut noise = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % 50
    };
    let mut operation = |number| {
        let mut at_ns = 0;
        let log = EXPORT.iter().map(|&(hook, edge, gap)| {
            at_ns += gap + noise();
            event(hook, edge, at_ns)
        });
        let log = log.collect();
        let start_ns = 5_000_000_000 + number * 70_000 + noise();
        let map_generation_ns = Some(start_ns + 900 + noise());
        folded(Operation { start_ns, map_generation_ns, log, ..export(Buffer::Wc, at_ns + REST + noise()) })
    };
    (0..count).map(&mut operation).collect()
}

/// Operations, each of a log of its own length, which are marks alone.
fn marked(lengths: &[usize]) -> Vec<Operation> {
    let log = |length| smallvec![event(HookId::SetForeignP2mMapping, Edge::Mark, 0); length];
    lengths.iter().map(|&length| folded(Operation { log: log(length), ..export(Buffer::Wc, 9) })).collect()
}

/// The frames that operations are read from again, after having been written at once.
fn frames(operations: &[Operation]) -> Vec<Vec<Operation>> {
    let payloads = Encoder::default().payloads(Model::Operations(operations.to_vec())).unwrap();
    let mut decoder = Decoder::default();
    let operations = |payload: &Vec<u8>| match decoder.frame(payload).unwrap() {
        Model::Operations(operations) => operations,
        other => panic!("{other:?}"),
    };
    payloads.iter().map(operations).collect()
}

#[test]
fn an_export_with_all_its_hooks_takes_at_most_32_bytes() {
    let operations = exports(1_000);
    let payloads = Encoder::default().payloads(Model::Operations(operations.clone())).unwrap();
    let frame_head = 8;
    let bytes: usize = payloads.iter().map(|payload| payload.len() + frame_head).sum();
    assert!(bytes <= 32 * operations.len(), "{bytes} bytes");
    assert_eq!(frames(&operations), [operations]);
}

#[test]
fn what_one_frame_describes_the_next_does_not_describe_again() {
    let operations = exports(2);
    let mut encoder = Encoder::default();
    let lengths = operations.iter().map(|operation| {
        let payloads = encoder.payloads(Model::Operations(vec![operation.clone()])).unwrap();
        payloads[0].len()
    });
    let lengths: Vec<_> = lengths.collect();
    assert!(lengths[0] > 60 && lengths[1] < 40, "{lengths:?}");
}

#[test]
fn an_operation_of_thousands_of_events_is_read_again() {
    let log =
        (0..10_000).map(|number| event(HookId::GnttabMapRefs, [Edge::Entry, Edge::Return][number % 2], number as u64 * 700));
    let operation = folded(Operation { log: log.collect(), ..export(Buffer::Wc, 7_000_000) });
    assert_eq!(frames(&[operation.clone(), operation.clone()]), [[operation.clone(), operation]]);
}

#[test]
fn operations_that_are_too_many_for_a_frame_go_on_in_the_next() {
    let many = vec![export(Buffer::Wc, 9); MOST + 1].into_iter().map(folded).collect::<Vec<_>>();
    let read = frames(&many);
    assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [MOST, 1]);
    assert_eq!(read.concat(), many);
    let long = marked(&[MOST_EVENTS / 2, MOST_EVENTS / 2, 1, MOST_EVENTS]);
    let read = frames(&long);
    assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(read.concat(), long);
}

#[test]
fn a_log_that_is_longer_than_a_frame_is_cut_and_that_is_said() {
    let read = frames(&marked(&[MOST_EVENTS + 1])).concat();
    assert_eq!((read[0].log.len(), read[0].stages_incomplete), (MOST_EVENTS, true));
    assert!(read[0].adds_up());
}

#[test]
fn actors_that_are_too_many_to_be_known_are_forgotten_and_described_again() {
    let by = |tid: usize| folded(Operation { tid: tid as u32, ..export(Buffer::Wc, 9) });
    let operations: Vec<_> = (0..MOST + 10).chain([0, MOST + 5, 1]).map(by).collect();
    assert_eq!(frames(&operations).concat(), operations);
}

#[test]
fn a_name_that_is_too_long_is_cut_between_two_characters() {
    let named = folded(Operation { comm: "\u{20ac}".repeat(100).into(), ..export(Buffer::Wc, 9) });
    assert_eq!(*frames(&[named])[0][0].comm, *"\u{20ac}".repeat(MOST_NAME_BYTES / 3));
}

/// A payload of one operation of such a kind and actor, with these numbers behind.
fn payload(path: &[u8], comm: &str, numbers: &[u64]) -> Vec<u8> {
    let kind = Kind {
        op: Op::Export,
        buffer: None,
        pages: None,
        outcome: v1::Outcome::Ok,
        domid: None,
        stages_incomplete: false,
        flags: 0,
        has_map_generation: false,
        has_details: false,
        attempts: 0,
        path,
    };
    let described = [vec![0], postcard::to_stdvec(&kind).unwrap(), vec![0]].concat();
    let actor = postcard::to_stdvec(&Actor { tgid: 1, tid: 1, comm }).unwrap();
    let numbers = numbers.iter().flat_map(|number| postcard::to_stdvec(number).unwrap());
    let bytes: Vec<u8> = described.into_iter().chain(actor).chain(numbers).collect();
    postcard::to_stdvec(&Frame::Operations(&bytes)).unwrap()
}

fn is_read(payload: &[u8]) -> bool {
    Decoder::default().frame(payload).is_ok()
}

#[test]
fn numbers_that_were_not_given_are_damage() {
    let (known, start, duration) = (1, 7, 9);
    assert!(is_read(&payload(&[], "a", &[start, duration])));
    assert!(is_read(&payload(&[], "a", &[start, duration, known, known, start, duration])));
    for number in [2, u64::from(u32::MAX), u64::MAX] {
        assert!(!is_read(&payload(&[], "a", &[start, duration, number, known, start, duration])), "kind {number}");
        assert!(!is_read(&payload(&[], "a", &[start, duration, known, number, start, duration])), "actor {number}");
    }
}

#[test]
fn gaps_beyond_what_an_event_holds_are_damage() {
    let path = [Event::code(HookId::GnttabMapRefs, Edge::Entry); 2];
    // Zigzag: twice the gap.
    assert!(is_read(&payload(&path, "a", &[7, 1 << 56, 2, 9])));
    assert!(!is_read(&payload(&path, "a", &[7, 1 << 57, 2, 9])));
    assert!(!is_read(&payload(&path, "a", &[7, (1 << 57) - 2, 2, 9])));
    assert!(!is_read(&payload(&path, "a", &[7, 4, 5, 9])), "an offset below 0");
}

#[test]
fn what_would_need_more_memory_than_writers_ask_for_is_damage() {
    let mark = Event::code(HookId::SetForeignP2mMapping, Edge::Mark);
    let marks = |count| vec![mark; count];
    let (first, again) = ([7, 9], [1, 1, 7, 9]);
    assert!(is_read(&payload(&marks(MOST_EVENTS), "a", &first)));
    assert!(!is_read(&payload(&marks(MOST_EVENTS + 1), "a", &first)));
    let times = |count: usize| [&first[..], &again.repeat(count - 1)].concat();
    assert!(is_read(&payload(&marks(MOST_EVENTS / 16), "a", &times(16))));
    assert!(!is_read(&payload(&marks(MOST_EVENTS / 16), "a", &times(17))));
    assert!(is_read(&payload(&[], "a", &times(MOST))));
    assert!(!is_read(&payload(&[], "a", &times(MOST + 1))));
    assert!(!is_read(&payload(&[], &"a".repeat(MOST_NAME_BYTES + 1), &first)));
}

#[test]
fn counts_that_the_bytes_do_not_have_are_damage() {
    let whole = payload(&[1, 2, 3], "a", &[7, 2, 2, 2, 9]);
    for place in 0..whole.len() {
        let huge = [&whole[..place], &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], &whole[place..]].concat();
        // It only has to end.
        let _ = Decoder::default().frame(&huge);
        assert!(!is_read(&whole[..place]), "cut to {place} bytes");
    }
}

#[test]
fn whichever_bits_are_wrong_reading_ends() {
    let payloads = Encoder::default().payloads(Model::Operations(exports(3))).unwrap();
    for bit in 0..payloads[0].len() * 8 {
        let mut damaged = payloads[0].clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Ok(Model::Operations(operations)) = Decoder::default().frame(&damaged) {
            assert!(operations.iter().all(|operation| operation.log.len() <= damaged.len()), "bit {bit}");
        }
    }
}
