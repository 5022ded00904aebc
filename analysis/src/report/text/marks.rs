//! Names that somebody gave to times.

use crate::model::Mark;
use crate::series::Aggregate;
use crate::shown::{Shown, counted};

/// A line for each mark that is remembered, the first first; above them, how many came before these.
pub fn lines(aggregate: &Aggregate) -> Vec<String> {
    let marks = aggregate.marks();
    let forgotten = Some(marks.forgotten()).filter(|&count| count > 0);
    let forgotten =
        forgotten.map(|count| format!("{}: only the last {} are remembered", counted(count, "earlier mark"), marks.iter().len()));
    forgotten.into_iter().chain(marks.iter().map(|mark| line(aggregate, mark))).collect()
}

/// `mark at 1.20 s: cable out`.
pub fn line(aggregate: &Aggregate, mark: &Mark) -> String {
    format!("mark {}: {}", when(aggregate, mark), name(mark))
}

/// When it was, from the beginning of what is known.
pub fn when(aggregate: &Aggregate, mark: &Mark) -> String {
    let from_ns = aggregate.span_ns().map_or(0, |(first_ns, _)| first_ns);
    match mark.at_ns().checked_sub(from_ns) {
        Some(after_ns) => format!("at {:.2} s", after_ns as f64 / 1e9),
        // A viewer that came late.
        None => format!("{:.2} s before", (from_ns - mark.at_ns()) as f64 / 1e9),
    }
}

/// Its name, without what a terminal would obey.
pub fn name(mark: &Mark) -> String {
    if mark.name().trim().is_empty() { "(no name)".to_owned() } else { Shown(mark.name()).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::S;
    use crate::recording::Frame;

    #[test]
    fn marks_have_their_times_and_nothing_that_a_terminal_obeys() {
        let mut aggregate = Aggregate::default();
        assert_eq!(lines(&aggregate), [""; 0]);
        let marks = [(4 * S, "before\u{1b}[1m"), (6 * S + S / 5, "cable out"), (7 * S, " ")];
        aggregate.add(&Frame::Tick { at_ns: 5 * S });
        marks.iter().for_each(|&(at_ns, name)| aggregate.add(&Frame::Mark(Mark::new(at_ns, name))));
        assert_eq!(
            lines(&aggregate),
            ["mark 1.00 s before: before\\u{1b}[1m", "mark at 1.20 s: cable out", "mark at 2.00 s: (no name)"]
        );
        (0..256).for_each(|_| aggregate.add(&Frame::Mark(Mark::new(9 * S, "again"))));
        let lines = lines(&aggregate);
        assert_eq!(
            (lines.len(), &*lines[0], &*lines[1]),
            (257, "3 earlier marks: only the last 256 are remembered", "mark at 4.00 s: again")
        );
    }
}
