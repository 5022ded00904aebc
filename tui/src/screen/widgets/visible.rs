//! Which rows of a list are seen, where not all are.

/// Which rows are seen: the selected one in the middle, as far as both ends allow.
pub fn visible(selected: usize, rows: usize, height: usize) -> std::ops::Range<usize> {
    let first = selected.saturating_sub(height / 2).min(rows.saturating_sub(height));
    first..rows.min(first + height)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn the_selected_row_is_always_seen() {
        for (rows, height) in [(0, 5), (3, 5), (40, 7), (40, 1)] {
            for selected in 0..rows {
                let seen = visible(selected, rows, height);
                assert!(seen.contains(&selected) && seen.len() == rows.min(height), "{selected} of {rows} in {height}");
            }
        }
    }
}
