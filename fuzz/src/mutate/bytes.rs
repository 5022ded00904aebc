//! Changes of bytes: bits, numbers, parts that go, come again, or come from elsewhere.

use fastrand::Rng;

use super::chance::{number, part, place, times};
use crate::limits::MOST_INPUT_BYTES;

/// Some changes.
pub fn mutated(rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..1 << rng.u32(..4) {
        change(rng, &mut bytes, other);
    }
    bytes
}

/// One change.
pub fn change(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = place(rng, bytes.len());
    match rng.u8(..10) {
        0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.u8(..8)),
        1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.u8(..)),
        2 => drop(bytes.drain(part(rng, bytes.len()))),
        3 => {
            let again = bytes[part(rng, bytes.len())].to_vec();
            let room = MOST_INPUT_BYTES.saturating_sub(bytes.len()) / again.len().max(1);
            insert(bytes, at, &again.repeat(times(rng).min(room)));
        }
        4 => insert(bytes, at, &other[part(rng, other.len())]),
        5 => {
            let piece = &other[part(rng, other.len())];
            overwrite(bytes, at, piece);
        }
        6 => {
            let width = 1 << rng.u32(..4);
            overwrite(bytes, at, &number(rng).to_le_bytes()[..width]);
        }
        7 => replace_varint(bytes, at, number(rng)),
        8 => insert(bytes, at, &varint(number(rng))),
        _ => bytes.truncate(at),
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

fn overwrite(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    let until = bytes.len().min(at + piece.len());
    bytes.splice(at..until, piece.iter().copied());
}

/// Writes another number in place of the one that begins there: seven bits a byte, as postcard does.
fn replace_varint(bytes: &mut Vec<u8>, at: usize, number: u64) {
    let length = bytes[at..].iter().position(|byte| byte & 0x80 == 0).map_or(0, |last| last + 1);
    bytes.splice(at..at + length, varint(number));
}

/// A number of seven bits a byte.
pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Without halves, quarters and so on.
pub fn smaller(input: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut size = input.len().div_ceil(2);
    while size > 0 && all.len() < 256 {
        for from in (0..input.len()).step_by(size) {
            all.push([&input[..from], &input[input.len().min(from + size)..]].concat());
        }
        size /= 2;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_replaced_as_a_whole() {
        let mut bytes = [&varint(300)[..], b"rest"].concat();
        replace_varint(&mut bytes, 0, 5);
        assert_eq!(bytes, b"\x05rest");
        replace_varint(&mut bytes, 5, 128);
        assert_eq!(bytes, b"\x05rest\x80\x01");
    }

    #[test]
    fn what_is_smaller_lacks_a_part_and_every_byte_is_in_one() {
        let all = smaller(b"abcdefgh");
        assert!(all.iter().all(|smaller| smaller.len() < 8));
        assert!(all.contains(&b"efgh".to_vec()) && all.contains(&b"abcdefg".to_vec()));
    }
}
