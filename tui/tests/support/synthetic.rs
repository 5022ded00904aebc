//! A recording that looks like a sweep: all operations, three kinds, four page counts. The numbers are made up.

use grantscope_analysis::model::{LossReport, Operation, Outcome};
use grantscope_analysis::recording::Frame;
use grantscope_wire::{Buffer, Op, Stage};

use super::builder::{environment, operation};

const S: u64 = 1_000_000_000;
/// When the recording begins, by its own clock.
pub const BEGAN_NS: u64 = 1_000 * S;
/// Frames of operations in a second.
const FRAMES_PER_SECOND: u64 = 10;

/// How an operation is made up: its stages, with a fixed part and one per page, in nanoseconds.
type Stages = &'static [(Stage, u64, u64)];

const MAP: Stages = &[
    (Stage::ArgumentCopy, 400, 6),
    (Stage::PageArrayAlloc, 900, 9),
    (Stage::PageAlloc, 300, 120),
    (Stage::BalloonOut, 1_200, 90),
    (Stage::Remainder, 350, 2),
];
const MMAP: Stages =
    &[(Stage::MapHypercall, 2_500, 420), (Stage::P2mUpdate, 300, 160), (Stage::VmaInsert, 500, 35), (Stage::Remainder, 600, 1)];
const UNMAP: Stages = &[
    (Stage::UnmapHypercall, 1_800, 380),
    (Stage::P2mUpdate, 250, 130),
    (Stage::PageFree, 200, 80),
    (Stage::BalloonIn, 900, 70),
    (Stage::Remainder, 420, 1),
];
const EXPORT_PAGES: Stages = &[
    (Stage::ArgumentCopy, 400, 6),
    (Stage::PageAlloc, 300, 120),
    (Stage::BalloonOut, 1_200, 90),
    (Stage::MapHypercall, 2_500, 420),
    (Stage::P2mUpdate, 300, 160),
    (Stage::DmabufExport, 5_200, 0),
    (Stage::Remainder, 700, 3),
];
const EXPORT_WC: Stages = &[
    (Stage::ArgumentCopy, 400, 6),
    (Stage::DmaAlloc, 6_100, 310),
    (Stage::BalloonOut, 1_200, 90),
    (Stage::MapHypercall, 2_500, 420),
    (Stage::P2mUpdate, 300, 160),
    (Stage::DmabufExport, 5_200, 0),
    (Stage::Remainder, 700, 3),
];
const EXPORT_COHERENT: Stages = &[
    (Stage::ArgumentCopy, 400, 6),
    (Stage::DmaAlloc, 7_900, 520),
    (Stage::BalloonOut, 1_200, 90),
    (Stage::MapHypercall, 2_500, 420),
    (Stage::P2mUpdate, 300, 160),
    (Stage::DmabufExport, 5_200, 0),
    (Stage::Remainder, 700, 3),
];
const RELEASE: Stages = &[
    (Stage::UnmapHypercall, 1_800, 380),
    (Stage::P2mUpdate, 250, 130),
    (Stage::DmaFree, 2_200, 210),
    (Stage::BalloonIn, 900, 70),
    (Stage::Remainder, 420, 1),
];
const IMPORT: Stages = &[
    (Stage::DmabufAttach, 1_900, 0),
    (Stage::AttachmentMap, 900, 40),
    (Stage::GrantAccess, 500, 140),
    (Stage::Remainder, 300, 1),
];

const KINDS: &[(Op, Buffer, Stages)] = &[
    (Op::Map, Buffer::Pages, MAP),
    (Op::Mmap, Buffer::Pages, MMAP),
    (Op::Unmap, Buffer::Pages, UNMAP),
    (Op::Export, Buffer::Pages, EXPORT_PAGES),
    (Op::Export, Buffer::Wc, EXPORT_WC),
    (Op::Export, Buffer::Coherent, EXPORT_COHERENT),
    (Op::Release, Buffer::Pages, UNMAP),
    (Op::Release, Buffer::Wc, RELEASE),
    (Op::Release, Buffer::Coherent, RELEASE),
    (Op::Import, Buffer::Foreign, IMPORT),
];
const PAGES: [u32; 4] = [1, 16, 256, 2_025];

/// Environment, then this many seconds of operations and ticks; no end.
pub fn frames(seconds: u64) -> Vec<Frame> {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let mut frames = vec![Frame::Environment(environment())];
    for step in 0..seconds * FRAMES_PER_SECOND {
        let at_ns = BEGAN_NS + step * S / FRAMES_PER_SECOND;
        frames.push(Frame::Operations(batch(at_ns, step, &mut chance)));
        frames.push(Frame::Tick { at_ns: at_ns + S / FRAMES_PER_SECOND });
        if step.is_multiple_of(FRAMES_PER_SECOND) {
            frames.push(Frame::Loss(LossReport { at_ns, counters: Vec::new() }));
        }
    }
    frames
}

/// The same, ended on purpose.
pub fn complete(seconds: u64) -> Vec<Frame> {
    let mut frames = frames(seconds);
    frames.push(Frame::End { at_ns: BEGAN_NS + seconds * S });
    frames
}

fn batch(at_ns: u64, step: u64, chance: &mut Chance) -> Vec<Operation> {
    let pages = PAGES[(step / 3 % 4) as usize];
    let mut operations = Vec::new();
    for &(op, buffer, stages) in KINDS {
        for _ in 0..1 + 64 / u64::from(pages) {
            operations.push(made_up(op, buffer, pages, at_ns, stages, chance));
        }
    }
    if step % 7 == 3 {
        operations.push(failed(at_ns));
    }
    operations
}

fn made_up(op: Op, buffer: Buffer, pages: u32, at_ns: u64, stages: Stages, chance: &mut Chance) -> Operation {
    let slow = if chance.next().is_multiple_of(50) { 3 } else { 1 };
    let spans: Vec<_> = stages
        .iter()
        .map(|&(stage, fixed, per_page)| (stage, (fixed + per_page * u64::from(pages)) * (90 + chance.next() % 25) / 100 * slow))
        .collect();
    operation(op, buffer, pages, at_ns, &spans)
}

fn failed(at_ns: u64) -> Operation {
    let stages = [(Stage::ArgumentCopy, 380), (Stage::Remainder, 240)];
    Operation { outcome: Outcome::Errno(22), ..operation(Op::Export, Buffer::Wc, 16, at_ns, &stages) }
}

/// The same numbers in every run (xorshift64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
