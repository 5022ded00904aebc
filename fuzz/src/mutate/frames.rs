//! Changes of recordings: of frames and within frames, with lengths and checksums that are right again afterwards (docs/recording.md).

use fastrand::Rng;

use super::bytes::{self, varint};
use super::chance::{part, place, times};
use crate::limits::MOST_INPUT_BYTES;

/// Bytes of magic and version.
const HEAD_BYTES: usize = 8;
/// The first byte of the payload that has operations: the second kind of frame.
const OPERATIONS: u8 = 1;

/// A recording, as far as it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Framed {
    head: Vec<u8>,
    payloads: Vec<Vec<u8>>,
}

/// Some changes.
pub fn mutated(rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let (mut recording, other) = (Framed::of(input), Framed::of(other));
    for _ in 0..1 << rng.u32(..4) {
        recording.change(rng, &other);
    }
    recording.bytes()
}

/// Without some of its frames, and with smaller ones.
pub fn smaller(input: &[u8]) -> Vec<Vec<u8>> {
    let recording = Framed::of(input);
    let count = recording.payloads.len();
    let mut all = Vec::new();
    let mut size = count.div_ceil(2);
    while size > 0 && all.len() < 128 {
        for from in (0..count).step_by(size) {
            let mut less = recording.clone();
            less.payloads.drain(from..count.min(from + size));
            all.push(less.bytes());
        }
        size /= 2;
    }
    for (number, payload) in recording.payloads.iter().enumerate() {
        for payload in bytes::smaller(payload).into_iter().take(16) {
            let mut less = recording.clone();
            less.payloads[number] = payload;
            all.push(less.bytes());
        }
    }
    all
}

impl Framed {
    fn of(input: &[u8]) -> Self {
        let (head, mut rest) = input.split_at(input.len().min(HEAD_BYTES));
        let mut payloads = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let payload = behind.get(4..).unwrap_or_default();
            let (payload, behind) = payload.split_at(payload.len().min(u32::from_le_bytes(*length) as usize));
            payloads.push(payload.to_vec());
            rest = behind;
        }
        Self { head: head.to_vec(), payloads }
    }

    /// With lengths and checksums; whole frames, as many as there is room for.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        for payload in &self.payloads {
            if bytes.len() + 8 + payload.len() > MOST_INPUT_BYTES {
                break;
            }
            bytes.extend((payload.len() as u32).to_le_bytes());
            bytes.extend(crc32fast::hash(payload).to_le_bytes());
            bytes.extend(payload);
        }
        bytes
    }

    /// The newest version has operations as bytes within bytes.
    fn has_inner_bytes(&self) -> bool {
        self.head.get(6).is_some_and(|&version| version >= 4)
    }

    fn change(&mut self, rng: &mut Rng, other: &Self) {
        let at = place(rng, self.payloads.len());
        match rng.u8(..12) {
            0 => drop(self.payloads.drain(part(rng, self.payloads.len()))),
            1 => {
                let again = self.payloads[part(rng, self.payloads.len())].to_vec();
                let size = again.iter().map(|payload| 8 + payload.len()).sum::<usize>().max(1);
                let count = times(rng).min(MOST_INPUT_BYTES / size) * again.len();
                self.payloads.splice(at..at, again.into_iter().cycle().take(count).collect::<Vec<_>>());
            }
            2 => drop(self.payloads.splice(at..at, other.payloads[part(rng, other.payloads.len())].iter().cloned())),
            3 if self.payloads.len() > 1 => {
                let count = self.payloads.len();
                self.payloads.swap(at.min(count - 1), rng.usize(..count));
            }
            // Another version reads the same frames in another way.
            4 if rng.u8(..8) == 0 => self.head.iter_mut().skip(6).take(1).for_each(|version| *version = rng.u8(1..=6)),
            _ => {
                let is_inner = self.has_inner_bytes();
                let piece = other.payloads.get(rng.usize(..other.payloads.len().max(1)));
                if let Some(payload) = self.payloads.get_mut(at) {
                    change_payload(rng, payload, is_inner, piece.map_or(&[], |piece| piece));
                }
            }
        }
    }
}

/// A change within a frame. What says how many bytes follow is right afterwards, too.
fn change_payload(rng: &mut Rng, payload: &mut Vec<u8>, is_inner: bool, other: &[u8]) {
    let inner = if is_inner { inner(payload) } else { None };
    let Some(mut operations) = inner else { return bytes::change(rng, payload, other) };
    bytes::change(rng, &mut operations, other);
    *payload = [&[OPERATIONS][..], &varint(operations.len() as u64), &operations].concat();
}

/// The bytes of a frame's operations.
fn inner(payload: &[u8]) -> Option<Vec<u8>> {
    let behind = payload.strip_prefix(&[OPERATIONS])?;
    let length = behind.iter().position(|byte| byte & 0x80 == 0)? + 1;
    Some(behind[length..].to_vec())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use grantscope_analysis::recording::Reader;

    use super::*;

    fn recording() -> Vec<u8> {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../analysis/tests/fixtures/version-5.gsr")).unwrap()
    }

    /// Frames that can be read.
    fn frames(bytes: &[u8]) -> usize {
        let Ok(mut reader) = Reader::open(bytes) else { return 0 };
        std::iter::from_fn(|| reader.next_frame().ok().flatten()).count()
    }

    #[test]
    fn what_is_taken_apart_is_put_together_again() {
        assert_eq!(Framed::of(&recording()).bytes(), recording());
    }

    #[test]
    fn most_changes_get_past_the_checksums() {
        let (mut rng, recording) = (Rng::with_seed(1), recording());
        let mut decoded = 0;
        for _ in 0..400 {
            let bytes = mutated(&mut rng, &recording, &recording);
            let Ok(mut reader) = Reader::open(&bytes[..]) else { continue };
            let why = loop {
                match reader.next_frame() {
                    Ok(Some(_)) => {}
                    Ok(None) => break String::new(),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(!why.contains("checksum"), "{why}");
            decoded += usize::from(frames(&bytes) > 1);
        }
        assert!(decoded > 100, "{decoded} of 400 have more than one frame");
    }

    #[test]
    fn a_change_of_operations_leaves_them_as_long_as_it_says() {
        let mut payload = vec![OPERATIONS, 3, 7, 8, 9];
        change_payload(&mut Rng::with_seed(5), &mut payload, true, &[1, 2, 3, 4]);
        let said = usize::from(payload[1] & 0x7F);
        assert!(payload[1] < 0x80 && said == payload.len() - 2, "{payload:?}");
    }
}
