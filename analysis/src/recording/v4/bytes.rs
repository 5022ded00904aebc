//! Numbers in the bytes of operations: the varints of postcard.

use postcard::{Error, Result};
use serde::Deserialize;

/// Bytes that are still to be read.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next number. Most are short.
    pub fn number(&mut self) -> Result<u64> {
        match *self.0 {
            [a, ref rest @ ..] if a < 0x80 => {
                self.0 = rest;
                Ok(a.into())
            }
            [a, b, ref rest @ ..] if b < 0x80 => {
                self.0 = rest;
                Ok(u64::from(a & 0x7F) | u64::from(b) << 7)
            }
            _ => self.value(),
        }
    }

    /// The next number, which is near another: what it says is the difference, after zigzag, modulo 2^64.
    pub fn number_near(&mut self, other: u64) -> Result<u64> {
        let zigzag = self.number()?;
        Ok(other.wrapping_add((zigzag >> 1) ^ (zigzag & 1).wrapping_neg()))
    }

    /// The next number, as a place in memory.
    pub fn place(&mut self) -> Result<usize> {
        usize::try_from(self.number()?).map_err(|_| Error::DeserializeBadVarint)
    }

    /// The next value.
    pub fn value<T: Deserialize<'a>>(&mut self) -> Result<T> {
        let (value, rest) = postcard::take_from_bytes(self.0)?;
        self.0 = rest;
        Ok(value)
    }
}

/// Appends a number.
pub fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a number as its difference to one that it is near.
pub fn put_number_near(bytes: &mut Vec<u8>, number: u64, other: u64) {
    let difference = number.wrapping_sub(other) as i64;
    put_number(bytes, (difference << 1 ^ difference >> 63) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [u64; 11] = [0, 1, 63, 64, 127, 128, 16_383, 16_384, 1 << 56, u64::MAX - 1, u64::MAX];

    #[test]
    fn numbers_are_those_of_postcard() {
        for number in NUMBERS {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            assert_eq!(bytes, postcard::to_stdvec(&number).unwrap());
            assert_eq!(Input(&bytes).number(), Ok(number));
        }
    }

    #[test]
    fn a_number_near_another_is_any_number() {
        for number in NUMBERS {
            for other in NUMBERS {
                let mut bytes = Vec::new();
                put_number_near(&mut bytes, number, other);
                assert_eq!(bytes, postcard::to_stdvec(&(number.wrapping_sub(other) as i64)).unwrap());
                assert_eq!(Input(&bytes).number_near(other), Ok(number));
            }
        }
    }

    #[test]
    fn a_number_that_is_cut_short_or_too_large_is_an_error() {
        for bytes in [&[][..], &[0x80], &[0xFF; 9], &[0xFF; 11]] {
            assert!(Input(bytes).number().is_err(), "{bytes:?}");
        }
    }
}
