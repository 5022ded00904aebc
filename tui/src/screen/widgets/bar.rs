//! Bars made of block characters, exact to an eighth of a character.

/// Blocks that fill 0 to 8 eighths from the left.
const FROM_LEFT: [&str; 9] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];
/// Blocks that fill 0 to 8 eighths from below.
pub const FROM_BELOW: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A bar of this part (in [0, 1]) of the width. What is not 0 is visible.
pub fn horizontal(part: f64, width: usize) -> String {
    let eighths = eighths(part, width);
    let rest = FROM_LEFT[eighths % 8];
    format!("{}{}", "█".repeat(eighths / 8), rest.trim_end())
}

/// This part of a width, in eighths of a character; what is not 0 has at least one.
pub fn eighths(part: f64, characters: usize) -> usize {
    let exact = part.clamp(0.0, 1.0) * characters as f64 * 8.0;
    if exact > 0.0 { (exact.round() as usize).max(1) } else { 0 }
}

/// One character per value, scaled to the largest; 0 is a blank.
pub fn sparkline(values: &[u64]) -> String {
    let largest = values.iter().copied().max().unwrap_or(0).max(1) as f64;
    values.iter().map(|&value| FROM_BELOW[eighths(value as f64 / largest, 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_zero_is_visible() {
        assert_eq!(horizontal(0.0, 10), "");
        assert_eq!(horizontal(0.000_1, 10), "▏");
        assert_eq!(sparkline(&[0, 1, 1_000]), " ▁█");
    }

    #[test]
    fn a_bar_is_exact_to_an_eighth_and_never_too_long() {
        assert_eq!(horizontal(0.5, 5), "██▌");
        assert_eq!(horizontal(1.5, 3), "███");
    }
}
