//! Characters that fill a part of their cell (U+2580 to U+2593): drawn as what they fill, for fonts draw them with gaps.

/// What is filled of a cell of width and height 1, from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// Where it begins, from the left.
    pub x: f64,
    /// Where it begins, from the top.
    pub y: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
    /// How much of it is covered.
    pub opacity: f64,
}

const FULL: Block = Block { x: 0.0, y: 0.0, width: 1.0, height: 1.0, opacity: 1.0 };

/// What a character fills; `None`: it is drawn by a font.
pub fn block(symbol: &str) -> Option<Block> {
    let mut characters = symbol.chars();
    let (Some(character), None) = (characters.next(), characters.next()) else { return None };
    let eighths = |from: char| f64::from(u32::from(character) - u32::from(from) + 1) / 8.0;
    Some(match character {
        '▀' => Block { height: 0.5, ..FULL },
        '▁'..='█' => Block { y: 1.0 - eighths('▁'), height: eighths('▁'), ..FULL },
        // From seven eighths down to one.
        '▉'..='▏' => Block { width: 1.0 - eighths('▉'), ..FULL },
        '▐' => Block { x: 0.5, width: 0.5, ..FULL },
        '░'..='▓' => Block { opacity: f64::from(u32::from(character) - u32::from('░') + 1) / 4.0, ..FULL },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighths_are_counted_from_below_and_from_the_left() {
        assert_eq!(block("█"), Some(FULL));
        assert_eq!(block("▂"), Some(Block { y: 0.75, height: 0.25, ..FULL }));
        assert_eq!(block("▉").map(|block| block.width), Some(0.875));
        assert_eq!(block("▏").map(|block| block.width), Some(0.125));
        assert_eq!(block("▒").map(|block| block.opacity), Some(0.5));
        assert_eq!(block("x"), None);
        assert_eq!(block(""), None);
    }
}
