//! A made-up recording as a recorder would send it: so many series, so many operations a second. With a fixed seed.

use fastrand::Rng;
use grantscope_analysis::model::{LossReport, Operation, RecorderReport};
use grantscope_analysis::recording::Frame;
use grantscope_wire::{Buffer, Op, Stage};

use crate::support::builder;

pub const S: u64 = 1_000_000_000;
/// As often does a recorder send what there is.
pub const FRAMES_PER_SECOND: u64 = 10;
/// Series of each operation: its whole, and four stages.
pub const SERIES_OF_ONE: u32 = 5;

/// Operations of so many kinds, so many in each second.
pub struct Stream {
    rng: Rng,
    kinds: u32,
    per_second: u64,
    /// Frames so far.
    number: u64,
}

impl Stream {
    /// Of at least this many series.
    pub fn of(series: u32, per_second: u64) -> Self {
        Self { rng: Rng::with_seed(7), kinds: series.div_ceil(SERIES_OF_ONE), per_second, number: 0 }
    }

    /// How many kinds of operations there are.
    pub fn kinds(&self) -> u32 {
        self.kinds
    }

    /// One operation of each kind, so that all series are there.
    pub fn all_kinds(&mut self) -> Frame {
        Frame::Operations((0..self.kinds).map(|kind| self.operation(kind, S)).collect())
    }

    /// What a recorder sends in the next tenth of a second.
    pub fn next(&mut self) -> Vec<Frame> {
        self.number += 1;
        let at_ns = S + self.number * S / FRAMES_PER_SECOND;
        let before = (self.number - 1) * self.per_second / FRAMES_PER_SECOND;
        let count = self.number * self.per_second / FRAMES_PER_SECOND - before;
        let operations: Vec<_> = (0..count)
            .map(|_| {
                let kind = self.rng.u32(0..self.kinds);
                self.operation(kind, at_ns)
            })
            .collect();
        let mut frames = vec![if operations.is_empty() { Frame::Tick { at_ns } } else { Frame::Operations(operations) }];
        if self.number.is_multiple_of(FRAMES_PER_SECOND) {
            frames.push(Frame::Loss(LossReport { at_ns, counters: Vec::new() }));
            frames.push(Frame::Recorder(RecorderReport {
                at_ns,
                cpu_ns: at_ns / 200,
                memory_bytes: Some(17 << 20),
                most_memory_bytes: 23 << 20,
            }));
        }
        frames
    }

    fn operation(&mut self, kind: u32, at_ns: u64) -> Operation {
        let buffer = [Buffer::Pages, Buffer::Wc, Buffer::Coherent][kind as usize % 3];
        let (tail, pages) = (if self.rng.u32(0..100) == 0 { 8 } else { 1 }, 1 + kind / 3);
        let mut part = |ns: u64| ns * self.rng.u64(90..115) / 100 * tail;
        let pages_ns = 300 * u64::from(pages);
        let stages = [
            (Stage::ArgumentCopy, part(400)),
            (Stage::PageAlloc, part(500)),
            (Stage::MapHypercall, part(2_500 + pages_ns)),
            (Stage::Remainder, part(900)),
        ];
        builder::operation(Op::Export, buffer, pages, at_ns, &stages)
    }
}
