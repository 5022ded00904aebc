//! What happened when, of a recording of the lab and of operations that are made up.

use grantscope_analysis::history::What;
use grantscope_analysis::model::{Detail, Mark, Operation, Outcome, Phase};
use grantscope_analysis::recording::Frame;
use grantscope_wire::{Buffer, Cause, HookId, LossKind, Op, Stage};

use crate::screen::command::Command::{self, MorePages, NextMatch};
use crate::screen::command::Travel;
use crate::screen::event::Event;
use crate::screen::fixtures::{HUGE, LARGE, LEAST, S, SMALL, export, picture, press, shown, sweep, viewer};
use crate::screen::model::timeline::LABEL_COLUMNS;
use crate::screen::views::TIME;
use crate::support::builder::{environment, loss, operation};

const OPEN: Command = Command::Open(TIME);
const WORST: Command = Command::Travel(Travel::Longest);

/// Where a line with this label has something, in columns.
fn marked(screen: &str, label: &str) -> Vec<usize> {
    let line = screen.lines().find_map(|line| line.trim_start().strip_prefix(label)?.strip_prefix('│')).unwrap_or("");
    (0..).zip(line.chars()).filter(|(_, mark)| *mark != ' ').map(|(place, _)| place).collect()
}

#[test]
fn a_recording_of_the_lab_over_time() {
    let app = viewer(SMALL, sweep(), &[OPEN]);
    let screen = picture(SMALL, &app);
    insta::assert_snapshot!(screen);
    assert!(screen.contains("250 ms a column") && marked(&screen, "phase").len() > 50, "{screen}");
    let total: u64 = app.common().listing.rows()[0].count;
    assert!(screen.contains(&format!("this row: {total} operations")), "{screen}");
    insta::assert_snapshot!(shown(HUGE, sweep(), &[OPEN, MorePages, MorePages, WORST]));
}

/// An export every tenth of a second from the first second on, the one at 3 s slow; of several pages, which makes no difference here.
fn seconds() -> Vec<Frame> {
    let at = |tenth: u64| {
        let ns = if tenth == 30 { 900_000 } else { 10_000 };
        let phase = if tenth < 25 { Phase::SetUp } else { Phase::Measured };
        Operation { start_ns: tenth * S / 10, phase: Some(phase), ..export(Buffer::Wc, 4, ns) }
    };
    let failed = Operation {
        outcome: Outcome::Errno(22),
        details: vec![Detail::Cause(Cause::GrantsRefused)],
        ..operation(Op::Mmap, Buffer::Pages, 16, 2 * S, &[(Stage::Remainder, 900)])
    };
    let deferred = operation(Op::Teardown, Buffer::Pages, 1, 4 * S, &[(Stage::Deferred, 900)]);
    let mut frames = vec![Frame::Environment(environment()), Frame::Operations((10..60).map(at).collect())];
    frames.extend([Frame::Operations(vec![failed, deferred]), loss(5 * S, HookId::GntdevIoctl, LossKind::RingFull, 7)]);
    frames
}

#[test]
fn what_went_wrong_is_marked_in_its_column_and_nothing_else_is() {
    let screen = shown((92, 30), seconds(), &[OPEN]);
    // Columns of a sixteenth of a second, from the first second on.
    let columns =
        [("lost", 5), ("failed", 2), ("deferred", 4)].map(|(label, second)| (marked(&screen, label), vec![(second - 1) * 16]));
    columns.iter().for_each(|(marked, expected)| assert_eq!(marked, expected, "{screen}"));
    assert!(screen.contains("1 failed · 7 lost · 1 deferred") && screen.contains("62.5 ms a column"), "{screen}");
    let healthy = shown(SMALL, sweep(), &[OPEN]);
    assert!(!["lost│", "failed│", "deferred│"].iter().any(|label| healthy.contains(label)), "{healthy}");
}

#[test]
fn a_run_that_was_idle_at_its_end_shows_that() {
    let mut frames = seconds();
    frames.push(Frame::End { at_ns: 26 * S });
    let screen = shown((120, 30), frames, &[OPEN, Command::Down]);
    let axis = screen.lines().find(|line| line.trim_start().starts_with("0.00 s")).unwrap();
    assert!(axis.trim_end().ends_with("25.25 s") && screen.contains("latency over 25.2 s, 250 ms a column"), "{screen}");
    let rates = screen.lines().find(|line| line.contains("/s│")).unwrap();
    // Five seconds of work, and twenty of nothing.
    assert_eq!(rates.split_once('│').unwrap().1.trim_end().chars().count(), 20, "{screen}");
}

#[test]
fn a_slow_operation_stands_above_the_others_in_its_column() {
    let screen = shown((92, 30), seconds(), &[OPEN, Command::Down]);
    let rows: Vec<_> = screen.lines().filter(|line| line.contains("µs│")).collect();
    let cells = |line: &str| line.split_once('│').unwrap().1.chars().position(|cell| cell != ' ');
    assert_eq!((cells(rows[0]), cells(rows[rows.len() - 1])), (Some(32), Some(0)), "{screen}");
    assert!(rows[0].contains("µs│") && rows.len() > 4, "{screen}");
}

#[test]
fn keys_look_at_the_longest_at_failures_losses_deferrals_and_phases_and_say_what_happened_then() {
    let said = |travels: &[Travel]| {
        let commands: Vec<_> =
            [OPEN, Command::Down].into_iter().chain(travels.iter().map(|travel| Command::Travel(*travel))).collect();
        let screen = shown((92, 30), seconds(), &commands);
        screen.lines().skip_while(|line| !line.contains("this row")).collect::<Vec<_>>().join("\n")
    };
    let worst = said(&[Travel::Longest]);
    assert!(worst.starts_with("2.00–2.06 s: this row 1 operation · p50 about ~885 µs · max 900 µs"), "{worst}");
    assert!(worst.contains("longest of all: export.wc[pages=4] 900 µs"), "{worst}");
    let failed = said(&[Travel::Next(What::Failure)]);
    assert!(failed.contains("1.00–1.06 s") && failed.contains("2 operations · 1 failed · 0 lost"), "{failed}");
    assert!(failed.contains("mmap.pages[pages=16 outcome=EINVAL cause=grants_refused] 1"), "{failed}");
    assert!(said(&[Travel::Next(What::Loss)]).contains("· 7 lost ·"));
    assert!(said(&[Travel::Next(What::Deferral)]).contains("· 1 deferred"));
    assert!(said(&[Travel::Next(What::Phase), Travel::Next(What::Phase)]).contains("1.50–1.56 s"));
    let next = said(&[Travel::Longest, Travel::Columns(1)]);
    assert!(next.starts_with("2.06–2.12 s: this row 1 operation") && next.contains("max 10.0 µs"), "{next}");
    assert!(said(&[Travel::Longest, Travel::Now]).starts_with("this row: 50 operations · max 900 µs in 2.00–2.06 s"));
}

#[test]
fn marks_have_a_line_and_a_key_and_their_names_where_one_looks() {
    let marks = [(3 * S, "cable out"), (3 * S + 1, "in\u{1b}[2J"), (9 * S, "quiet")];
    let mut frames = seconds();
    frames.extend(marks.map(|(at_ns, name)| Frame::Mark(Mark::new(at_ns, name))));
    let next = Command::Travel(Travel::Next(What::Mark));
    let screen = shown((160, 30), frames.clone(), &[OPEN, next]);
    // Columns of a sixteenth of a second, from the first second on, to where nothing happened but a mark.
    assert_eq!(marked(&screen, "mark"), [32, 128], "{screen}");
    assert!(screen.contains("marks: cable out at 2.00 s · in\\u{1b}[2J at 2.00 s") && !screen.contains("quiet"), "{screen}");
    let screen = shown((160, 30), frames.clone(), &[OPEN, next, next]);
    assert!(screen.contains("8.00–8.06 s: this row") && screen.contains("marks: quiet at 8.00 s"), "{screen}");
    // Behind the last, the first.
    assert!(shown((160, 30), frames, &[OPEN, next, next, next]).contains("marks: cable out"));
    assert!(shown(SMALL, seconds(), &[OPEN, next]).contains("nobody made a mark"));
}

#[test]
fn escape_looks_at_the_present_again_and_then_goes_back() {
    let mut app = viewer(LARGE, seconds(), &[OPEN, WORST, Command::Back]);
    assert_eq!((app.common().timeline.cursor_ns(), app.view().1.id), (None, TIME));
    press(&mut app, &[Command::Back]);
    assert_ne!(app.view().1.id, TIME);
}

#[test]
fn of_several_sizes_there_is_no_median() {
    let mut frames = seconds();
    frames.push(Frame::Operations(vec![Operation { start_ns: 3 * S, ..export(Buffer::Wc, 16, 40_000) }]));
    let screen = shown((92, 30), frames, &[OPEN, Command::Down, Command::MergePages, WORST]);
    assert!(screen.contains("this row 2 operations · p50 – · max 900 µs"), "{screen}");
}

#[test]
fn what_is_not_there_is_said() {
    let screen = shown(SMALL, Vec::new(), &[OPEN, WORST]);
    assert!(screen.contains("Nothing was recorded so far.") && screen.contains("nothing has happened so far"), "{screen}");
    assert!(
        shown(SMALL, sweep(), &[OPEN, Command::Travel(Travel::Next(What::Failure)), NextMatch]).contains("nothing is looked for")
    );
    assert!(shown(SMALL, sweep(), &[OPEN, Command::Travel(Travel::Next(What::Failure))]).contains("nothing failed in the past"));
}

#[test]
fn the_mouse_looks_at_the_time_that_it_points_at() {
    let mut app = viewer((92, 30), seconds(), &[OPEN]);
    let screen = picture((92, 30), &app);
    let axis = screen.lines().position(|line| line.contains('└')).unwrap();
    let span = app.common().span().unwrap();
    for place in [0, 7, span.columns - 1] {
        app.update(Event::Clicked(axis, LABEL_COLUMNS + place));
        let now = app.common().span().unwrap();
        assert_eq!(app.common().timeline.cursor_ns().and_then(|at_ns| now.place(at_ns)), Some(place));
        assert_eq!(marked_axis(&picture((92, 30), &app)), Some(place));
    }
    // Beside the picture there is no time.
    let before = app.common().timeline.cursor_ns();
    [0, 3, 5_000].into_iter().for_each(|column| app.update(Event::Clicked(axis, column)));
    assert_eq!(app.common().timeline.cursor_ns(), before);
}

/// Where the axis has its mark.
fn marked_axis(screen: &str) -> Option<usize> {
    screen.lines().find_map(|line| line.split_once('└')).and_then(|(_, axis)| axis.chars().position(|mark| mark == '▲'))
}

/// What a column has beside durations: lost, failed, deferred, phases, and a mark.
#[test]
fn on_the_least_terminal_the_facts_of_a_column_come_before_lanes_and_what_has_no_room_is_counted() {
    let mut frames = seconds();
    frames.push(Frame::Mark(Mark::new(2 * S, "second try")));
    let look = |travels: &[Travel]| {
        let commands: Vec<_> = [OPEN].into_iter().chain(travels.iter().map(|travel| Command::Travel(*travel))).collect();
        shown(LEAST, frames.clone(), &commands)
    };
    let screen = look(&[Travel::Next(What::Mark)]);
    for fact in ["longest of all: 10.0 µs", "marks: second try", "phase: set", "this row", "+4 lanes└"] {
        assert!(screen.contains(fact), "{fact}\n{screen}");
    }
    assert!(screen.contains('▲') && screen.contains("ns│") && screen.contains('…'), "{screen}");
    // Nobody looks at a column: lanes say where to look, and the others are counted.
    let all = look(&[]);
    let lanes = ["lost", "failed", "deferred", "mark"].iter().filter(|label| !marked(&all, label).is_empty()).count();
    assert!(lanes > 1 && all.contains("this row: "), "{all}");
    assert!(lanes == 4 || all.contains(&format!("+{} lane", 4 - lanes)), "{all}");
}
