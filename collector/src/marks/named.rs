//! Names for times, of a command that is recorded: only so many, however many it writes.

use grantscope_analysis::marks::MOST_MARKS;
use grantscope_analysis::model::Mark;
use grantscope_analysis::shown::{counted, escaped};

/// As many are recorded: readers remember these and the one that says what is left out.
const MOST: u64 = MOST_MARKS as u64 - 1;

/// Those that came and are not recorded yet.
#[derive(Debug, Default)]
pub struct Named {
    new: Vec<Mark>,
    count: u64,
    /// The time of the first one that was left out, and how many were.
    left_out: Option<(u64, u64)>,
}

impl Named {
    /// One more. Of its name, what a terminal would obey is escaped, so that it is text wherever it goes.
    pub fn add(&mut self, at_ns: u64, name: &str) {
        if self.count < MOST {
            self.count += 1;
            self.new.push(Mark::new(at_ns, &escaped(name)));
        } else {
            self.left_out.get_or_insert((at_ns, 0)).1 += 1;
        }
    }

    /// Those that came since it was asked last.
    pub fn take(&mut self) -> Vec<Mark> {
        std::mem::take(&mut self.new)
    }

    /// How many were left out.
    pub fn left_out(&self) -> u64 {
        self.left_out.map_or(0, |(_, count)| count)
    }

    /// What says so in the recording, where they begin to be missing; `None`: none is.
    pub fn remark(&self) -> Option<Mark> {
        self.left_out.map(|(at_ns, count)| Mark::new(at_ns, &format!("{} left out from here on", counted(count, "mark"))))
    }
}

#[cfg(test)]
mod tests {
    use grantscope_analysis::model::MOST_MARK_BYTES;

    use super::*;

    #[test]
    fn the_first_ones_are_taken_once_and_a_mark_says_how_many_are_missing() {
        let mut named = Named::default();
        (0..200).for_each(|at_ns| named.add(at_ns, "again"));
        assert_eq!((named.take().len(), named.take(), named.left_out(), named.remark()), (200, vec![], 0, None));
        (200..1300).for_each(|at_ns| named.add(at_ns, "again"));
        let more = named.take();
        assert_eq!((more.len(), more.last().map(Mark::at_ns)), (MOST_MARKS - 1 - 200, Some(254)));
        assert_eq!((named.left_out(), named.remark()), (1045, Some(Mark::new(255, "1045 marks left out from here on"))));
    }

    #[test]
    fn names_hold_nothing_that_a_terminal_obeys_and_are_cut_visibly() {
        let mut named = Named::default();
        named.add(1, "red\u{1b}[31m\u{202e}");
        named.add(2, &"\u{7}".repeat(1000));
        let names = named.take();
        assert_eq!(names[0].name(), "red\\u{1b}[31m\\u{202e}");
        assert!(names[1].name().starts_with("\\u{7}") && names[1].name().ends_with('…'), "{names:?}");
        assert!(names[1].name().len() <= MOST_MARK_BYTES);
    }
}
