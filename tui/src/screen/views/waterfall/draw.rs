//! The stages as a table with bars: of several kinds what differs, of one what takes how long.

use grantscope_analysis::quantile::{MARK, P50, mark};
use grantscope_analysis::shown::Shown;
use grantscope_analysis::units;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line as Drawn, Text};

use super::columns::{Columns, SAME, name_of, signed};
use super::state::{Order, Subject, Waterfall};
use crate::screen::command::Command;
use crate::screen::keys::Keys;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::widgets::kinds::named;
use crate::screen::widgets::titled::titled;
use crate::screen::widgets::visible::visible;
use crate::screen::widgets::wrap::{first_of, fitted, wrap};

/// Verdict, heading, two stages and their sum: on a low terminal they come before what is said of one of them.
const LEAST_TABLE: usize = 7;
/// A body of fewer lines has none to spare.
const LOW: u16 = 12;

/// Draws it.
pub fn draw(canvas: &mut Canvas, area: Rect, view: &Waterfall, keys: &Keys, theme: &Theme) {
    let Some(subject) = &view.subject else {
        canvas.render_widget(Text::from("Nothing was recorded so far."), area);
        return;
    };
    let inner = titled(canvas, area, &title(subject), theme);
    let mut notes = notes(view, subject, keys, inner.width.into());
    if inner.height < LOW {
        // A blank line is one stage less.
        notes.retain(|line| !line.is_empty());
    }
    let notes = first_of(notes, usize::from(inner.height).saturating_sub(LEAST_TABLE), inner.width.into());
    let [upper, lower] = Layout::vertical([Constraint::Min(0), Constraint::Length(notes.len() as u16)]).areas(inner);
    canvas.render_widget(Text::from_iter(notes), lower);
    if subject.stages.is_empty() {
        let why = "These operations have several page counts, or no stages were recorded: choose one page count.";
        canvas.render_widget(Text::from_iter(wrap(why, upper.width.into())), upper);
        return;
    }
    let columns = Columns::fitting(upper.width.into(), subject);
    let mut lines: Vec<_> =
        verdict(&columns, upper.width.into()).into_iter().map(|line| Drawn::styled(line, theme.heading())).collect();
    let kinds: Vec<_> = subject.sides.iter().filter_map(|side| side.buffer).collect();
    lines.push(Drawn::from(named(&columns.heading(), &kinds, theme)).style(theme.heading()));
    let selected = view.selected().unwrap_or(0);
    let room = usize::from(upper.height).saturating_sub(lines.len() + 1);
    let starts = |place: usize| subject.stages[..place].iter().filter_map(|line| line.means_ns[0]).sum();
    for place in visible(selected, subject.stages.len(), room) {
        lines.push(columns.line(&subject.stages[place], starts(place), place == selected, theme));
    }
    lines.push(Drawn::styled(columns.whole(), theme.heading()));
    canvas.render_widget(Text::from(lines), upper);
}

fn title(subject: &Subject) -> String {
    let group = &subject.group;
    let of_kind = text::group(group, subject.shows_domain);
    let of_all =
        format!("{} · {} · {}", Shown(&group.label(subject.shows_domain)), text::pages_spoken(group.pages), group.outcome);
    let name = if subject.sides.len() > 1 { of_all } else { of_kind };
    let counts: Vec<_> = subject.sides.iter().map(|side| format!("{} {}", name_of(side), text::count(side.count))).collect();
    format!(" {name}: where the time goes, mean of {} operations ", counts.join(", "))
}

/// What all of it comes to, in a sentence: `By the means, wc costs 1.85 × pages (+11.4 µs); coherent costs as much as wc, within 1 %`.
fn verdict(columns: &Columns<'_>, width: usize) -> Vec<String> {
    let sides = &columns.subject.sides;
    let parts = (1..sides.len()).map(|side| {
        let (own, base) = (columns.whole_ns(side), columns.whole_ns(side - 1));
        let (name, other) = (name_of(&sides[side]), name_of(&sides[side - 1]));
        let mark = mark([side - 1, side].iter().all(|&side| P50.is_carried_by(sides[side].count)));
        if mark.is_empty() && (own - base).abs() <= SAME * base {
            return format!("{name} costs as much as {other}, within {:.0} %", SAME * 100.0);
        }
        // Nothing is a multiple of no time.
        let times = if base > 0.0 { format!("{mark}{:.2} × {other} ", own / base) } else { format!("more than {other} ") };
        format!("{name} costs {times}({mark}{})", signed(own - base))
    });
    let mut sentence = parts.collect::<Vec<_>>().join("; ");
    if sentence.contains(MARK) {
        sentence.push_str(&format!(" ({MARK} too few operations)"));
    }
    if sentence.is_empty() { Vec::new() } else { wrap(&format!("By the means, {sentence}."), width) }
}

/// What the selected stage is, and what to know about the numbers.
fn notes(view: &Waterfall, subject: &Subject, keys: &Keys, width: usize) -> Vec<String> {
    let mut notes = Vec::new();
    let left_out = Columns::fitting(width, subject).left_out();
    if !left_out.is_empty() {
        notes.push(fitted(&left_out, width));
    }
    if let Some(line) = view.selected().map(|place| &subject.stages[place]) {
        notes.push(String::new());
        notes.extend(wrap(&format!("{}: {}.", line.stage.name(), line.stage.about()), width));
    }
    let uneven = subject.sides.iter().filter_map(|side| Some((side, side.mean_ns?, side.p50?)));
    for (side, mean_ns, p50) in uneven.filter(|(_, mean_ns, p50)| *mean_ns > (p50.ns as f64) * 1.05) {
        let note = format!(
            "! {}: some take much longer. Half of them take at most {}, and the mean, which stages add up to, is {}.",
            name_of(side),
            text::maybe(Some(p50)),
            units::duration(mean_ns)
        );
        notes.extend(wrap(&note, width));
    }
    let other = match view.order {
        Order::Difference => "how long they take",
        Order::Time => "how much they differ",
    };
    let pages = if subject.all_pages.len() > 1 {
        format!(
            "{} {}: other page counts ({}); ",
            keys.shown(Command::FewerPages),
            keys.shown(Command::MorePages),
            page_counts(subject)
        )
    } else {
        String::new()
    };
    let sorting = if subject.sides.len() > 1 { format!("{}: sort by {other}", keys.shown(Command::Sort)) } else { String::new() };
    let help = format!("{pages}{sorting}");
    notes.extend(wrap(help.trim_end_matches("; "), width));
    notes
}

/// `1 4 [16] 64`.
fn page_counts(subject: &Subject) -> String {
    let each = subject.all_pages.iter().map(|&pages| match text::pages(pages) {
        shown if pages == subject.group.pages => format!("[{shown}]"),
        shown => shown,
    });
    each.collect::<Vec<_>>().join(" ")
}
