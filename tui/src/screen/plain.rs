//! `top` as text, as without a terminal: at an interval a line of totals, and a line for each row in which something happened.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use grantscope_analysis::column::{Align, COLUMNS};
use grantscope_analysis::quantile;
use grantscope_analysis::report::text::marks;
use grantscope_analysis::series::Group;
use grantscope_analysis::shown::Shown;

use crate::screen::app::App;
use crate::screen::ascii::Written;
use crate::screen::colours::Characters;
use crate::screen::event::Event;
use crate::screen::feed::Backlog;
use crate::screen::model::columns::{Column, of};
use crate::screen::outlet::Outlet;
use crate::screen::text;

/// Where nothing happens, a sign of life comes this often.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// Columns that are reported, and their widths: a line fits into 100 columns.
const REPORTED: [(Column, usize); 10] = [
    (of("op"), 16),
    (of("buffer"), 8),
    (of("pages"), 5),
    (of("outcome"), 10),
    (of("count"), 9),
    (Column::Rate, 9),
    (of("p50_ns"), 8),
    (of("p90_ns"), 8),
    (of("p99_ns"), 8),
    (of("max_ns"), 8),
];

/// A name gets as many columns at most: a function of the kernel and its module have room.
const MOST_NAME: usize = 80;

/// Reports until the stream ends or a signal comes, also while what is written is not read. Without a way out, it only takes in.
///
/// # Errors
/// The output cannot be written.
pub fn run(
    mut app: App,
    events: &Receiver<Event>,
    backlog: &Backlog,
    interval: Duration,
    characters: Characters,
    out: &mut Option<Outlet>,
) -> io::Result<App> {
    let began = Instant::now();
    let mut reporter = Reporter::default();
    loop {
        take_in(&mut app, events, backlog, Instant::now() + interval);
        app.update(Event::Tick(began.elapsed()));
        let is_over = app.common().ended().is_some() || app.quit().is_some();
        if let Some(out) = out {
            out.check()?;
            // Who reads more slowly than is reported gets less often what is new.
            if is_over || out.is_free() {
                let mut written = Written { to: &mut *out, characters };
                written.text(&reporter.report(&app, began.elapsed()))?;
            }
            // The summary follows.
            if is_over {
                out.write_all(b"\n")?;
            }
        }
        if is_over {
            return Ok(app);
        }
    }
}

/// Takes in events until it is time to report, or nothing more will come.
fn take_in(app: &mut App, events: &Receiver<Event>, backlog: &Backlog, due: Instant) {
    while app.common().ended().is_none() && app.quit().is_none() {
        match events.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(event) => {
                if let Event::Frame(frame) = &event {
                    backlog.take(frame);
                }
                app.update(event);
                // Events that wait already must not put the report off.
                if Instant::now() >= due {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Remembers what it reported, so that it reports only what is new.
#[derive(Debug, Default)]
pub struct Reporter {
    introduced: bool,
    explained: bool,
    counts: HashMap<Group, u64>,
    marks: u64,
    is_unwritten: bool,
    spoke_at: Duration,
}

impl Reporter {
    /// What is new, as text; empty: nothing.
    pub fn report(&mut self, app: &App, now: Duration) -> String {
        let mut report = self.introduction(app);
        report.push_str(&self.marks(app));
        report.push_str(&self.unwritten(app));
        let changed: Vec<_> =
            app.common().listing.rows().iter().filter(|row| self.counts.get(&row.group) != Some(&row.count)).collect();
        if changed.is_empty() && report.is_empty() && now - self.spoke_at < SIGN_OF_LIFE {
            return report;
        }
        report.push_str(&format!("{}\n", text::totals(app.common())));
        if !changed.is_empty() {
            report.push_str(&format!("{}\n", heading(text::rate_heading(app.common()))));
        }
        let lines: Vec<_> = changed.iter().map(|row| line(|column| text::cell(row, column))).collect();
        lines.iter().for_each(|line| report.push_str(&format!("{line}\n")));
        report.push_str(&self.explanation(&lines));
        self.counts.extend(changed.iter().map(|row| (row.group, row.count)));
        self.spoke_at = now;
        report
    }

    /// Marks that came since the report before, as far as they are remembered.
    fn marks(&mut self, app: &App) -> String {
        let aggregate = &app.common().data().aggregate;
        let marks = aggregate.marks();
        let before = usize::try_from(self.marks.saturating_sub(marks.forgotten())).unwrap_or(usize::MAX);
        self.marks = marks.count();
        marks.iter().skip(before).map(|mark| format!("{}\n", marks::line(aggregate, mark))).collect()
    }

    /// That nothing more can be written: once.
    fn unwritten(&mut self, app: &App) -> String {
        let broken = text::output(app.common()).filter(|(_, is_broken)| *is_broken && !self.is_unwritten);
        self.is_unwritten |= broken.is_some();
        broken.map_or_else(String::new, |(text, _)| format!("{text}\n"))
    }

    /// What the mark before a quantile means: once, below the first lines with it.
    fn explanation(&mut self, lines: &[String]) -> String {
        if self.explained || !text::is_marked(lines) {
            return String::new();
        }
        self.explained = true;
        format!("{}\n", quantile::legend())
    }

    /// Where this is recorded: once, as soon as it is known.
    fn introduction(&mut self, app: &App) -> String {
        if self.introduced || app.common().data().aggregate.environment().is_none() {
            return String::new();
        }
        self.introduced = true;
        let clock = text::clock_in_full(app.common());
        format!("{}\n", text::facts(app.common()).into_iter().chain(clock).collect::<Vec<_>>().join(" · "))
    }
}

fn heading(rate: &str) -> String {
    line(|column| if let Column::Of(place) = column { COLUMNS[place].heading.to_owned() } else { rate.to_owned() })
}

fn line(cell: impl Fn(Column) -> String) -> String {
    REPORTED.iter().fold(" ".to_owned(), |line, &(column, width)| match column.align() {
        Align::Left => format!("{line} {:<width$.MOST_NAME$}", Shown(&cell(column))),
        Align::Right => format!("{line} {:>width$}", Shown(&cell(column))),
    })
}

#[cfg(test)]
mod tests {
    use grantscope_analysis::model::Mark;
    use grantscope_analysis::recording::Frame;
    use grantscope_analysis::series::Times;
    use grantscope_wire::Buffer;

    use super::*;
    use crate::screen::fixtures::export;
    use crate::source::frames::{Input, Origin};
    use crate::source::pace::Speed;
    use crate::source::tee::Tee;
    use crate::source::written::written;
    use crate::support::synthetic;

    #[test]
    fn the_first_report_says_where_and_what() {
        let mut app = App::new(Origin::Live, Times::Corrected);
        for frame in synthetic::frames(3) {
            app.update(Event::Frame(frame));
        }
        app.update(Event::Tick(Duration::ZERO));
        insta::assert_snapshot!(Reporter::default().report(&app, Duration::ZERO));
    }

    #[test]
    fn a_mark_is_reported_once_when_it_came_and_so_is_that_nothing_more_can_be_written() {
        let tee = Tee::new("out.gsr", io::sink()).unwrap();
        let input = written(Input::live(Box::new(std::sync::mpsc::channel().1)), tee);
        let mut app = App::new(Origin::Live, Times::Corrected).about(&input, Speed::Max);
        synthetic::frames(2).into_iter().for_each(|frame| app.update(Event::Frame(frame)));
        app.update(Event::Tick(Duration::ZERO));
        let mut reporter = Reporter::default();
        let mut said = |app: &App| reporter.report(app, Duration::from_secs(1)).lines().map(str::to_owned).collect::<Vec<_>>();
        assert!(said(&app).iter().any(|line| line.contains(" · written to out.gsr · ")));
        let mark = |name: &str| Event::Frame(Frame::Mark(Mark::new(synthetic::BEGAN_NS + 1_500_000_000, name)));
        ["one", "two"].into_iter().for_each(|name| app.update(mark(name)));
        assert_eq!(said(&app)[..2], ["mark at 1.50 s: one", "mark at 1.50 s: two"]);
        assert_eq!(said(&app), [""; 0]);
        app.update(mark("three"));
        app.update(Event::Unwritten("no room".to_owned()));
        assert_eq!(said(&app)[..2], ["mark at 1.50 s: three", "NOT WRITTEN to out.gsr: no room"]);
        assert_eq!(said(&app), [""; 0]);
    }

    #[test]
    fn only_what_changed_is_reported_again_and_silence_gets_a_sign_of_life() {
        let mut app = App::new(Origin::Live, Times::Corrected);
        for frame in synthetic::frames(2) {
            app.update(Event::Frame(frame));
        }
        app.update(Event::Tick(Duration::ZERO));
        let mut reporter = Reporter::default();
        let seconds = Duration::from_secs;
        let first = reporter.report(&app, seconds(1));
        assert!(first.lines().count() > 3);
        assert_eq!(first.matches("too few operations").count(), 1);
        assert_eq!(reporter.report(&app, seconds(2)), "");
        assert_eq!(reporter.report(&app, seconds(11)).lines().count(), 1);
        app.update(Event::Frame(Frame::Operations(vec![export(Buffer::Wc, 3, 7)])));
        app.update(Event::Tick(Duration::ZERO));
        let again = reporter.report(&app, seconds(12));
        assert!(again.contains('~') && !again.contains("too few operations"), "{again}");
    }
}
