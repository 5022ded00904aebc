//! Which row is selected: by what it is about, so that it stays the same row while others come and move.

/// A selected row.
#[derive(Clone, Copy, Debug)]
pub struct Selection<K> {
    /// What the user chose, and where it stood when it was last seen.
    chosen: Option<(K, usize)>,
}

impl<K> Default for Selection<K> {
    fn default() -> Self {
        Self { chosen: None }
    }
}

impl<K: Copy + PartialEq> Selection<K> {
    /// Its place among the keys; the first row before anything was chosen; `None`: there are no rows.
    pub fn index(&self, keys: &[K]) -> Option<usize> {
        let last = keys.len().checked_sub(1)?;
        let Some((chosen, place)) = self.chosen else { return Some(0) };
        Some(keys.iter().position(|&key| key == chosen).unwrap_or(place.min(last)))
    }

    /// Moves by this many rows, and stops at both ends.
    pub fn step(&mut self, keys: &[K], rows: isize) {
        let Some(index) = self.index(keys) else { return };
        self.choose(keys, index.saturating_add_signed(rows));
    }

    /// Chooses the row at this place, or the last.
    pub fn choose(&mut self, keys: &[K], index: usize) {
        if let Some(last) = keys.len().checked_sub(1) {
            let index = index.min(last);
            self.chosen = Some((keys[index], index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_row_stays_selected_when_others_come_before_it() {
        let mut selection = Selection::default();
        selection.step(&['b', 'd'], 1);
        assert_eq!(selection.index(&['a', 'b', 'c', 'd']), Some(3));
    }

    #[test]
    fn when_the_selected_row_vanishes_its_neighbour_is_selected() {
        let mut selection = Selection::default();
        selection.choose(&['a', 'b', 'c'], 2);
        assert_eq!(selection.index(&['a', 'b']), Some(1));
        assert_eq!(selection.index(&[]), None);
    }

    #[test]
    fn moving_stops_at_both_ends() {
        let mut selection = Selection::default();
        selection.step(&['a', 'b'], -1);
        assert_eq!(selection.index(&['a', 'b']), Some(0));
        selection.step(&['a', 'b'], 10);
        assert_eq!(selection.index(&['a', 'b']), Some(1));
    }
}
