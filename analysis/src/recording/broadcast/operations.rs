//! The last operations, in bytes: each piece can be read without those before it, so that the oldest can be forgotten.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::counts::Counts;
use crate::model::{Environment, Operation};
use crate::recording::{Frame, FrameSink, Reader, Writer};

/// What a piece takes beside its bytes: its counts, and its places in lists.
const OF_A_PIECE_BYTES: usize = 1 << 10;

/// Operations that came together.
#[derive(Debug)]
pub struct Piece {
    /// A recording of its own.
    bytes: Vec<u8>,
    /// All that came before it, be it kept or not.
    pub before: Counts,
    /// Its own.
    pub counts: Counts,
}

impl Piece {
    /// Its frames of operations.
    pub fn frames(&self) -> Vec<Frame> {
        let mut frames = Vec::new();
        let Ok(mut reader) = Reader::open(&self.bytes[..]) else { return frames };
        while let Ok(Some(frame)) = reader.next_frame() {
            if matches!(frame, Frame::Operations(_)) {
                frames.push(frame);
            }
        }
        frames
    }
}

/// The bytes of a piece.
///
/// # Errors
/// They cannot be encoded.
pub fn encoded(operations: Vec<Operation>, environment: &Environment) -> io::Result<Vec<u8>> {
    let mut writer = Writer::begin(Vec::new(), environment)?;
    writer.put(Frame::Operations(operations))?;
    writer.put(Frame::End { at_ns: 0 })?;
    Ok(writer.into_inner())
}

/// Pieces, the oldest first.
#[derive(Debug, Default)]
pub struct Pieces {
    pieces: VecDeque<Arc<Piece>>,
    /// The number of the oldest.
    first: u64,
    bytes: usize,
    /// All that ever came.
    total: Counts,
}

/// How far somebody has read.
#[derive(Clone, Debug)]
pub struct Place {
    next: u64,
    /// All that came before that piece.
    passed: Counts,
}

impl Pieces {
    /// Keeps one more; forgets the oldest where all take more than these bytes.
    pub fn keep(&mut self, bytes: Vec<u8>, counts: Counts, most_bytes: usize) {
        let before = self.total.clone();
        self.total.add(&counts);
        self.bytes += bytes.len() + OF_A_PIECE_BYTES;
        self.pieces.push_back(Arc::new(Piece { bytes, before, counts }));
        while self.bytes > most_bytes
            && let Some(oldest) = self.pieces.pop_front()
        {
            self.bytes -= oldest.bytes.len() + OF_A_PIECE_BYTES;
            self.first += 1;
        }
    }

    /// Counts operations of which nothing is kept.
    pub fn leave_out(&mut self, counts: &Counts) {
        self.total.add(counts);
    }

    /// Where somebody begins who comes now; and what came before.
    pub fn begin(&self) -> (Place, Counts) {
        let before = self.pieces.front().map_or(&self.total, |piece| &piece.before);
        (Place { next: self.first, passed: before.clone() }, before.clone())
    }

    /// The next piece for him; and what came between the one before and that, and is not kept any more.
    pub fn next(&self, place: &mut Place) -> (Option<Arc<Piece>>, Counts) {
        place.next = place.next.max(self.first);
        let piece = self.pieces.get((place.next - self.first) as usize).cloned();
        let now = piece.as_ref().map_or(&self.total, |piece| &piece.before);
        let missed = now.since(&place.passed);
        place.passed = now.clone();
        if let Some(piece) = &piece {
            place.passed.add(&piece.counts);
            place.next += 1;
        }
        (piece, missed)
    }

    /// Whether there is nothing more for him.
    pub fn is_at_end(&self, place: &Place) -> bool {
        place.next >= self.first + self.pieces.len() as u64 && place.passed == self.total
    }
}
