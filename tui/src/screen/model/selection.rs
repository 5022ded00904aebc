//! Which row is selected: by what it is about, so that it stays the same row while others come, move, are merged or are seen in
//! another view.

use grantscope_analysis::series::{Domain, Group, Pages};

/// What the user chose. All views that list operations share it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection {
    /// `None`: nothing yet, and the first row is selected.
    chosen: Option<Group>,
    /// A key was pressed: what is selected stays so.
    is_fixed: bool,
}

impl Selection {
    /// What was chosen.
    pub fn chosen(&self) -> Option<Group> {
        self.chosen
    }

    /// Chooses this.
    pub fn choose(&mut self, group: Group) {
        *self = Self { chosen: Some(group), is_fixed: true };
    }

    /// From now on what is selected stays so: the row that is, or the first that comes.
    pub fn fix(&mut self, selected: Option<Group>) {
        self.chosen = self.chosen.or(selected);
        self.is_fixed = true;
    }

    /// This row was found for what was chosen. What was chosen of it in general, is meant of this row from now on: another that would do
    /// as well may come before it.
    pub fn found(&mut self, row: Group) {
        match self.chosen {
            None if self.is_fixed => self.chosen = Some(row),
            None => {}
            Some(chosen) if is_alike(&chosen, &row) => self.chosen = Some(narrowed(chosen, row)),
            // A row that stands in for it.
            Some(_) => {}
        }
    }
}

/// Where a list has what was chosen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    place: usize,
    /// The row that is selected while what was chosen is not in the list.
    stand_in: Option<Group>,
}

impl Cursor {
    /// Finds what was chosen, or the row that stands in for it: that at its place, and then the same one; `None`: there are no rows.
    pub fn find(&mut self, chosen: Option<Group>, rows: &[Group]) -> Option<usize> {
        let last = rows.len().checked_sub(1)?;
        let Some(chosen) = chosen else {
            *self = Self::default();
            return Some(0);
        };
        if let Some(place) = place_of(chosen, rows) {
            *self = Self { place, stand_in: None };
        } else {
            let stand_in = self.stand_in.and_then(|group| place_of(group, rows));
            self.place = stand_in.unwrap_or(self.place.min(last));
            self.stand_in = Some(rows[self.place]);
        }
        Some(self.place)
    }
}

/// The row that is this one, else the first that is alike.
fn place_of(group: Group, rows: &[Group]) -> Option<usize> {
    let place = |is_it: &dyn Fn(&Group) -> bool| rows.iter().position(is_it);
    place(&|row| *row == group).or_else(|| place(&|row| is_alike(row, &group)))
}

/// Whether two groups are about the same operations, as far as both say: one of all page counts is about each of them.
pub fn is_alike(one: &Group, other: &Group) -> bool {
    let pages = one.pages == other.pages || [one.pages, other.pages].contains(&Pages::All);
    let domain = one.domain == other.domain || [one.domain, other.domain].contains(&Domain::Any);
    let rest = |group: &Group| Group { pages: Pages::All, domain: Domain::Any, ..*group };
    pages && domain && rest(one) == rest(other)
}

/// What is about both of two groups that are alike.
fn narrowed(one: Group, other: Group) -> Group {
    let pages = if one.pages == Pages::All { other.pages } else { one.pages };
    let domain = if one.domain == Domain::Any { other.domain } else { one.domain };
    Group { pages, domain, ..one }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::screen::fixtures::group;

    fn of(pages: u32) -> Group {
        group(Buffer::Wc, Pages::Exactly(pages))
    }

    #[test]
    fn the_selected_row_stays_selected_when_others_come_before_it() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.find(None, &[of(4), of(9)]), Some(0));
        assert_eq!(cursor.find(Some(of(9)), &[of(1), of(4), of(9)]), Some(2));
    }

    #[test]
    fn what_stands_in_for_a_row_that_vanished_stays_too_until_that_is_there_again() {
        let mut cursor = Cursor::default();
        let mut find = |rows: &[Group]| cursor.find(Some(of(9)), rows).map(|place| rows[place]);
        assert_eq!(find(&[of(1), of(4), of(9)]), Some(of(9)));
        assert_eq!(find(&[of(1), of(4)]), Some(of(4)));
        assert_eq!(find(&[of(4), of(5), of(6)]), Some(of(4)));
        assert_eq!(find(&[]), None);
        assert_eq!(find(&[of(9), of(4)]), Some(of(9)));
    }

    #[test]
    fn a_merged_row_is_about_each_of_its_page_counts_and_becomes_one_of_them() {
        let merged = group(Buffer::Wc, Pages::All);
        let mut cursor = Cursor::default();
        assert_eq!(cursor.find(Some(of(9)), &[group(Buffer::Pages, Pages::All), merged]), Some(1));
        let mut selection = Selection::default();
        selection.choose(of(9));
        selection.found(merged);
        assert_eq!(selection.chosen(), Some(of(9)));
        selection.choose(merged);
        selection.found(of(4));
        assert_eq!(selection.chosen(), Some(of(4)));
    }

    #[test]
    fn the_first_row_is_not_chosen_before_a_key_was_pressed() {
        let mut selection = Selection::default();
        selection.found(of(1));
        assert_eq!(selection.chosen(), None);
        selection.fix(None);
        selection.found(of(1));
        selection.found(of(2));
        assert_eq!(selection.chosen(), Some(of(1)));
    }
}
