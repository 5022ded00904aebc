//! The stages as a table with bars: of several kinds what differs, of one what takes how long.

use grantscope_analysis::shown::{Shown, width as width_of};
use grantscope_analysis::units;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line as Drawn, Span, Text};

use super::state::{Line, Order, Side, Subject, Waterfall};
use crate::screen::command::Command;
use crate::screen::keys::Keys;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::widgets::bar;
use crate::screen::widgets::kinds::named;
use crate::screen::widgets::titled::titled;
use crate::screen::widgets::visible::visible;
use crate::screen::widgets::wrap::wrap;

const NAME: usize = 18;
const VALUE: usize = 10;
const DIFFERENCE: usize = 11;
const SHARE: usize = 7;
/// Verdict, heading, two stages and their sum: on a low terminal they come before what is said of one of them.
const LEAST_TABLE: usize = 7;
/// A bar that is shorter says nothing.
const LEAST_BAR: usize = 6;
const LONGEST_BAR: usize = 40;
/// Two kinds that differ by less are the same, as far as a person cares.
const SAME: f64 = 0.01;

/// Draws it.
pub fn draw(canvas: &mut Canvas, area: Rect, view: &Waterfall, keys: &Keys, theme: &Theme) {
    let Some(subject) = &view.subject else {
        canvas.render_widget(Text::from("Nothing was recorded so far."), area);
        return;
    };
    let inner = titled(canvas, area, &title(subject), theme);
    let mut notes = notes(view, subject, keys, inner.width.into());
    notes.truncate(usize::from(inner.height).saturating_sub(LEAST_TABLE));
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

fn name_of(side: &Side) -> &'static str {
    text::buffer(side.buffer)
}

/// What all of it comes to, in a sentence: `By the means, wc costs 1.85 × pages (+11.4 µs); coherent costs as much as wc, within 1 %`.
fn verdict(columns: &Columns<'_>, width: usize) -> Vec<String> {
    let sides = &columns.subject.sides;
    let parts = (1..sides.len()).map(|side| {
        let (own, base) = (columns.whole_ns(side), columns.whole_ns(side - 1));
        let (name, other) = (name_of(&sides[side]), name_of(&sides[side - 1]));
        if (own - base).abs() <= SAME * base {
            return format!("{name} costs as much as {other}, within {:.0} %", SAME * 100.0);
        }
        format!("{name} costs {:.2} × {other} ({})", own / base, signed(own - base))
    });
    let sentence = parts.collect::<Vec<_>>().join("; ");
    if sentence.is_empty() { Vec::new() } else { wrap(&format!("By the means, {sentence}."), width) }
}

/// What there is room for.
struct Columns<'a> {
    subject: &'a Subject,
    has_third: bool,
    has_share: bool,
    bar: usize,
}

impl<'a> Columns<'a> {
    fn fitting(width: usize, subject: &'a Subject) -> Self {
        let several = subject.sides.len() > 1;
        let fixed = 2 + NAME + subject.sides.len().min(2) * VALUE + if several { DIFFERENCE } else { 0 };
        let mut left = width.saturating_sub(fixed);
        let mut takes = |columns: usize, least: usize| {
            let fits = left >= columns + least;
            left -= if fits { columns } else { 0 };
            fits
        };
        let has_share = takes(SHARE, LEAST_BAR);
        let has_third = subject.sides.len() > 2 && takes(VALUE + DIFFERENCE, LEAST_BAR);
        let bar = left.saturating_sub(1).min(LONGEST_BAR);
        Self { subject, has_third, has_share, bar: if bar < LEAST_BAR { 0 } else { bar } }
    }

    fn heading(&self) -> String {
        let sides = &self.subject.sides;
        let mut line = format!("  {:<NAME$}", "stage");
        for side in sides.iter().take(2) {
            line.push_str(&format!("{:>VALUE$}", name_of(side)));
        }
        if let [base, of, ..] = &sides[..] {
            line.push_str(&format!("{:>DIFFERENCE$}", format!("{}−{}", short(of), short(base))));
        }
        if self.has_share {
            line.push_str(&format!("{:>SHARE$}", "share"));
        }
        let bar = self.bar;
        line.push_str(&format!(" {:bar$}", ""));
        if let ([_, base, of], true) = (&sides[..], self.has_third) {
            line.push_str(&format!("{:>VALUE$}{:>DIFFERENCE$}", name_of(of), format!("{}−{}", short(of), short(base))));
        }
        line.trim_end().to_owned()
    }

    fn line(&self, line: &Line, starts: f64, is_selected: bool, theme: &Theme) -> Drawn<'static> {
        let marker = if is_selected { "▸" } else { " " };
        let style = if is_selected { theme.selected() } else { Default::default() };
        let mut spans = vec![Span::styled(format!("{marker} {:<NAME$}", line.stage.name()), style)];
        for mean in line.means_ns.iter().take(2) {
            spans.push(Span::raw(format!("{:>VALUE$}", units::maybe_duration(*mean))));
        }
        let several = self.subject.sides.len() > 1;
        let change = line.difference_ns(1, 0);
        if several {
            spans.push(Span::styled(format!("{:>DIFFERENCE$}", signed(change)), dearer(change, self.whole_ns(0), theme)));
        }
        if self.has_share {
            spans.push(Span::raw(format!("{:>SHARE$}", self.share(line))));
        }
        if self.bar > 0 {
            let bar = self.bar;
            let style = if several { dearer(change, self.whole_ns(0), theme) } else { theme.bar() };
            spans.push(Span::styled(format!(" {:<bar$}", self.blocks(line, starts)), style));
        }
        if self.has_third {
            let change = line.difference_ns(2, 1);
            spans.push(Span::raw(format!("{:>VALUE$}", units::maybe_duration(line.means_ns[2]))));
            spans.push(Span::styled(format!("{:>DIFFERENCE$}", signed(change)), dearer(change, self.whole_ns(1), theme)));
        }
        Drawn::from(spans)
    }

    /// Of several kinds, how much it differs; of one, where it begins and ends if stages come one after the other.
    fn blocks(&self, line: &Line, starts: f64) -> String {
        if self.subject.sides.len() > 1 {
            let largest = self.subject.stages.iter().map(|line| line.difference_ns(1, 0).abs()).fold(1.0, f64::max);
            return bar::horizontal(line.difference_ns(1, 0).abs() / largest, self.bar);
        }
        let whole = self.whole_ns(0).max(1.0);
        let before = (starts / whole * self.bar as f64) as usize;
        let blocks = bar::horizontal(line.means_ns[0].unwrap_or(0.0) / whole, self.bar);
        let before = before.min(self.bar.saturating_sub(width_of(&blocks)));
        format!("{:before$}{blocks}", "")
    }

    /// Of the difference, or of the whole.
    fn share(&self, line: &Line) -> String {
        let (part, whole) = if self.subject.sides.len() > 1 {
            (line.difference_ns(1, 0), self.whole_ns(1) - self.whole_ns(0))
        } else {
            (line.means_ns[0].unwrap_or(0.0), self.whole_ns(0))
        };
        // Of what is no difference, no part explains anything.
        if whole.abs() <= SAME * self.whole_ns(0) { String::new() } else { percent(part / whole) }
    }

    fn whole_ns(&self, side: usize) -> f64 {
        self.subject.stages.iter().filter_map(|line| line.means_ns.get(side).copied().flatten()).sum()
    }

    fn whole(&self) -> String {
        let sides = self.subject.sides.len();
        let mut line = format!("  {:<NAME$}", "whole operation");
        for side in 0..sides.min(2) {
            line.push_str(&format!("{:>VALUE$}", units::duration(self.whole_ns(side))));
        }
        if sides > 1 {
            line.push_str(&format!("{:>DIFFERENCE$}", signed(self.whole_ns(1) - self.whole_ns(0))));
        }
        if self.has_share {
            let is_same = sides > 1 && (self.whole_ns(1) - self.whole_ns(0)).abs() <= SAME * self.whole_ns(0);
            line.push_str(&format!("{:>SHARE$}", if is_same { "same" } else { "100 %" }));
        }
        if self.has_third {
            let bar = self.bar;
            let change = self.whole_ns(2) - self.whole_ns(1);
            line.push_str(&format!(" {:bar$}{:>VALUE$}{:>DIFFERENCE$}", "", units::duration(self.whole_ns(2)), signed(change)));
        }
        line
    }
}

fn percent(part: f64) -> String {
    let percent = (part * 100.0).round();
    format!("{}{:.0} %", if percent < 0.0 { "−" } else { "" }, percent.abs())
}

fn short(side: &Side) -> &'static str {
    match name_of(side) {
        "coherent" => "coh",
        name => name,
    }
}

/// `+981 µs`; nothing where it is no difference that anybody could measure.
fn signed(ns: f64) -> String {
    if ns.abs() < 0.5 {
        return "0".to_owned();
    }
    format!("{}{}", if ns < 0.0 { "−" } else { "+" }, units::duration(ns.abs()))
}

fn dearer(change_ns: f64, whole_ns: f64, theme: &Theme) -> ratatui::style::Style {
    if change_ns.abs() <= SAME * whole_ns {
        theme.frame()
    } else if change_ns > 0.0 {
        theme.dearer()
    } else {
        theme.cheaper()
    }
}

/// What the selected stage is, and what to know about the numbers.
fn notes(view: &Waterfall, subject: &Subject, keys: &Keys, width: usize) -> Vec<String> {
    let mut notes = Vec::new();
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
