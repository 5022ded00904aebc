//! Makes inputs of inputs: changes that keep as much of the shape as a reader asks for before it looks further.

mod bytes;
mod chance;
mod frames;
mod text;

use fastrand::Rng;

use crate::limits::MOST_INPUT_BYTES;

/// What an input is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Bytes.
    Bytes,
    /// Words, numbers and lines.
    Text,
    /// Frames with lengths and checksums, which are mended after a change: otherwise none would get further than that.
    Frames,
}

/// Some changes to an input; parts of another one may get into it.
pub fn mutated(shape: Shape, rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut mutated = match shape {
        Shape::Bytes => bytes::mutated(rng, input, other),
        Shape::Text if rng.u8(..8) > 0 => text::mutated(rng, input, other),
        // Also what is no text, or no longer framed.
        Shape::Text => bytes::mutated(rng, input, other),
        Shape::Frames if rng.u8(..16) > 0 => frames::mutated(rng, input, other),
        Shape::Frames => bytes::mutated(rng, input, other),
    };
    mutated.truncate(MOST_INPUT_BYTES);
    mutated
}

/// Inputs that are smaller than this one, each without a part of it: the largest parts first.
pub fn smaller(shape: Shape, input: &[u8]) -> Vec<Vec<u8>> {
    match shape {
        Shape::Frames => frames::smaller(input),
        Shape::Bytes | Shape::Text => bytes::smaller(input),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs_and_another_one_others() {
        let made = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..50).map(|_| mutated(Shape::Bytes, &mut rng, b"some words", b"12345")).collect::<Vec<_>>()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }

    #[test]
    fn no_input_is_too_large_and_none_too_small_to_be_changed() {
        let mut rng = Rng::with_seed(3);
        for shape in [Shape::Bytes, Shape::Text, Shape::Frames] {
            let mut input = Vec::new();
            for _ in 0..100 {
                input = mutated(shape, &mut rng, &input, &input);
                assert!(input.len() <= MOST_INPUT_BYTES);
            }
        }
    }
}
