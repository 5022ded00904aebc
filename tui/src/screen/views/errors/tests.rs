//! What failed, told apart from answers that are no failures.

use grantscope_analysis::model::{Operation, Outcome};
use grantscope_analysis::recording::Frame;
use grantscope_wire::{Buffer, Op, Stage};

use crate::screen::fixtures::{LARGE, S, SMALL, environment_frame, failing, shown, terminal, viewer};
use crate::screen::theme::Theme;
use crate::screen::views::ERRORS;
use crate::support::builder::operation;

#[test]
fn failures_are_told_apart_by_operation_outcome_cause_and_status_and_the_last_are_listed() {
    insta::assert_snapshot!(shown(SMALL, failing(), &[ERRORS]));
    let screen = shown((160, 48), failing(), &[ERRORS]);
    assert!(screen.contains("3 operations failed"), "{screen}");
    assert!(screen.contains("2           mmap · EINVAL · grants_refused"), "{screen}");
    assert!(screen.contains("bad_gntref 4, no_space 2"), "{screen}");
    assert_eq!(screen.matches("· 16 pages of domain 1 · ").count(), 3, "{screen}");
}

/// Polls that find nothing to wait for, `failed` exports among them.
fn polls(failed: usize) -> Vec<Frame> {
    const ENOENT: i32 = 2;
    let outcome = Outcome::Errno(ENOENT);
    let of = |op, outcome| Operation { outcome, ..operation(op, Buffer::Wc, 4, S, &[(Stage::Remainder, 900)]) };
    let polls = vec![of(Op::WaitReleased, outcome); 301];
    let exports = vec![of(Op::Export, Outcome::Errno(12)); failed];
    vec![environment_frame(), Frame::Operations([polls, exports].concat())]
}

#[test]
fn an_answer_is_no_failure_and_nothing_of_it_is_red() {
    let screen = shown(LARGE, polls(0), &[ERRORS]);
    assert!(
        screen.contains("0 operations failed") && screen.contains("301         wait_released · ENOENT: the buffer is released"),
        "{screen}"
    );
    let theme = Theme::colourful();
    let has_red = |failed| {
        let terminal = terminal(SMALL, &viewer(SMALL, polls(failed), &[]), &theme);
        let cells = terminal.backend().buffer().content();
        cells.iter().any(|cell| Some(cell.fg) == theme.bad().fg)
    };
    assert_eq!((has_red(0), has_red(1)), (false, true));
    let screen = shown(LARGE, polls(2), &[]);
    assert!(screen.contains("errors 2 (E: which)"), "{screen}");
}
