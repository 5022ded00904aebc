//! What the words of a row mean, where it stands: operation, kind of buffer, outcome, stages.

use grantscope_analysis::model::answer;
use grantscope_analysis::series::Group;
use grantscope_analysis::shown::{CUT, head};
use grantscope_wire::{Buffer, Stage};

use crate::screen::model::detail::CauseRow;
use crate::screen::widgets::wrap::wrap;

/// `export: ioctl …; wc: a write-combining DMA buffer`; of a row that failed, what its most frequent cause is comes second.
pub fn of_row(group: &Group, causes: &[CauseRow]) -> String {
    let cause = causes.first().map(|row| format!("{}: {}", row.cause.name(), row.cause.about()));
    let answer = answer(group.op, group.outcome).map(|about| format!("{}: no failure, {about}", group.outcome));
    let buffer = group.buffer.map(|buffer| format!("{}: {}", Buffer::name(buffer), Buffer::about(buffer)));
    let operation = format!("{}: {}", group.op.name(), group.op.about());
    [Some(operation), cause.or(answer), buffer].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// `dma_alloc: allocating the DMA buffer: …`.
pub fn of_stage(stage: Stage) -> String {
    format!("{}: {}", stage.name(), stage.about())
}

/// In lines of this width, and so many at most: what is cut off says that it is.
pub fn lines(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines = wrap(text, width);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = format!("{}{CUT}", head(last, width.saturating_sub(1)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use grantscope_analysis::model::Outcome;
    use grantscope_analysis::series::Pages;
    use grantscope_wire::Op;

    use super::*;
    use crate::screen::fixtures::group;

    #[test]
    fn an_answer_that_is_no_failure_says_so() {
        const ENOENT: i32 = 2;
        let row = Group { op: Op::WaitReleased, outcome: Outcome::Errno(ENOENT), ..group(Buffer::Wc, Pages::Exactly(1)) };
        let words = of_row(&row, &[]);
        assert!(words.contains("ENOENT: no failure, the buffer is released already"), "{words}");
    }

    #[test]
    fn what_has_no_room_is_cut_and_says_so() {
        assert_eq!(lines("one two three", 8, 2), ["one two", "three"]);
        assert_eq!(lines("one two three", 8, 1), ["one two…"]);
        assert_eq!(lines("one two three", 7, 1), ["one tw…"]);
        assert!(lines("one", 8, 0).is_empty());
    }
}
