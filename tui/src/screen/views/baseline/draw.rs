//! A line for each quantile that is judged, the worst first; below, the selected one in full, and what keeps like from being compared with
//! like.

use grantscope_analysis::decide::{Outcome, Row, Verdict};
use grantscope_analysis::report::decide::{Decision, words};
use grantscope_analysis::shown::{Shown, counted, width as width_of};
use grantscope_analysis::units;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};

use super::state::Baseline;
use crate::screen::model::baseline::Against;
use crate::screen::model::common::Common;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::widgets::titled::titled;
use crate::screen::widgets::visible::visible;
use crate::screen::widgets::wrap::{first_of, fitted, wrap};

/// A verdict.
const VERDICT: usize = 12;
/// A quantile.
const METRIC: usize = 8;
/// A duration.
const TIME: usize = 9;
/// Of the column of series, however narrow the terminal is.
const LEAST_NAME: usize = 16;
/// Beyond, a name is cut.
const MOST_NAME: usize = 48;
/// `+6.1 % [5.8, 6.4]`.
const CHANGE: usize = 24;
/// `+123.4 %`.
const SHORT_CHANGE: usize = 8;
/// Of the column of series where a row has no room for the interval.
const LEAST_NAME_NARROW: usize = 10;
/// Lines of remarks.
const MOST_REMARKS: usize = 4;

/// Draws it.
pub fn draw(canvas: &mut Canvas, area: Rect, view: &Baseline, common: &Common, theme: &Theme) {
    let Some(against) = &common.against else {
        let why = "There is no baseline: `grantscope top --baseline RUN` compares what is shown with a recording, a results.csv, or a \
                   folder of recordings.";
        canvas.render_widget(Text::from_iter(wrap(why, area.width.into())), area);
        return;
    };
    let below = below(view, against, area.width.into());
    let [upper, lower] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(below_height(&below, area.height))]).areas(area);
    let inner = titled(canvas, upper, &title(view, against), theme);
    if view.rows.is_empty() {
        canvas.render_widget(Text::from_iter(wrap(&nothing(view, against), inner.width.into())), inner);
    } else {
        canvas.render_widget(Text::from(rows(view, inner.width.into(), inner.height.into(), theme)), inner);
    }
    let inner = titled(canvas, lower, &below.title, theme);
    canvas.render_widget(Text::from_iter(first_of(below.lines, inner.height.into(), inner.width.into())), inner);
}

/// How many rows have room on this screen.
pub fn rows_seen(view: &Baseline, common: &Common) -> usize {
    let below = common.against.as_ref().map(|against| below(view, against, common.size.columns));
    let below = below.map_or(0, |below| below_height(&below, common.body_lines));
    usize::from(common.body_lines.saturating_sub(below)).saturating_sub(2)
}

/// The row in this line, of which the first two are a title and the heading.
pub fn row_at(line: usize, view: &Baseline, common: &Common) -> Option<usize> {
    let (selected, _) = view.selected()?;
    visible(selected, view.rows.len(), rows_seen(view, common)).nth(line.checked_sub(2)?)
}

fn title(view: &Baseline, against: &Against) -> String {
    let verdicts = against.comparison.as_ref().map(|comparison| format!(": {}", words::verdicts(comparison)));
    let hidden = if view.hidden == 0 { String::new() } else { format!(", the filter hides {}", view.hidden) };
    format!(" now against {}{}{hidden} ", Shown(&against.baseline.name), verdicts.unwrap_or_default())
}

fn nothing(view: &Baseline, against: &Against) -> String {
    match &against.comparison {
        None => "Nothing was recorded so far.".to_owned(),
        Some(_) if view.hidden > 0 => "The filter hides all rows.".to_owned(),
        Some(_) => "Nothing is to be judged that happened both in the baseline and now.".to_owned(),
    }
}

fn rows(view: &Baseline, width: usize, height: usize, theme: &Theme) -> Vec<Line<'static>> {
    let names: Vec<_> = view.rows.iter().map(words::subject).collect();
    let columns = Columns::fitting(width, &names);
    let mut lines = vec![Line::styled(columns.heading(), theme.heading())];
    let selected = view.selected().map_or(0, |(place, _)| place);
    for place in visible(selected, view.rows.len(), height.saturating_sub(1)) {
        let row = &view.rows[place];
        let line = columns.line(row, &names[place], place == selected);
        let style = style(row.verdict, theme);
        lines.push(Line::styled(line, if place == selected { style.patch(theme.selected()) } else { style }));
    }
    lines
}

fn style(verdict: Verdict, theme: &Theme) -> Style {
    match verdict {
        Verdict::Regressed => theme.dearer(),
        Verdict::Improved => theme.cheaper(),
        Verdict::Equivalent => theme.frame(),
        Verdict::Inconclusive => Style::new(),
    }
}

/// What there is room for.
struct Columns {
    name: usize,
    has_metric: bool,
    has_times: bool,
    /// Else the change alone: for the selected row, the interval stands below.
    has_interval: bool,
}

impl Columns {
    fn fitting(width: usize, names: &[String]) -> Self {
        let wanted = names.iter().map(|name| width_of(name)).fold(LEAST_NAME, usize::max).min(MOST_NAME);
        let has_interval = 2 + VERDICT + 1 + LEAST_NAME + 2 + CHANGE <= width;
        let fixed = 2 + VERDICT + 1 + if has_interval { CHANGE + 1 } else { SHORT_CHANGE + 2 };
        let (metric, times) = (METRIC + 1, 2 * (TIME + 1));
        // A name in full says more than times that stand below for the selected row.
        let has_times = fixed + wanted.max(LEAST_NAME) + metric + times <= width;
        let left = width.saturating_sub(fixed + if has_times { times } else { 0 });
        let has_metric = wanted + metric <= left;
        let left = left - if has_metric { metric } else { 0 };
        let least = if has_interval { LEAST_NAME } else { LEAST_NAME_NARROW };
        Self { name: wanted.min(left.max(least)), has_metric, has_times, has_interval }
    }

    fn cells(&self, cells: [&str; 6]) -> String {
        let [verdict, name, metric, base, now, change] = cells;
        let mut line = format!("{verdict:<VERDICT$} {name:<width$}", width = self.name);
        if self.has_metric {
            line.push_str(&format!(" {metric:<METRIC$}"));
        }
        if self.has_times {
            line.push_str(&format!(" {base:>TIME$} {now:>TIME$}"));
        }
        format!("{line}  {change}")
    }

    fn heading(&self) -> String {
        format!(
            "  {}",
            self.cells([
                "verdict",
                "series",
                "quantile",
                "baseline",
                "now",
                if self.has_interval { "change [interval]" } else { "change" }
            ])
        )
    }

    fn line(&self, row: &Row, name: &str, is_selected: bool) -> String {
        let [base, now] = row.quantiles_ns.map(|ns| units::duration(ns as f64));
        let (name, metric) = (text::shortened(name, self.name), row.metric.to_string());
        let cells = self.cells([row.verdict.name(), &name, &metric, &base, &now, &change(row, self.has_interval)]);
        format!("{} {cells}", if is_selected { "▸" } else { " " })
    }
}

/// `+6.1 % [5.8, 6.4]`, or without the interval.
fn change(row: &Row, has_interval: bool) -> String {
    let change = words::change(row);
    if has_interval { change } else { change.split_once(" [").map_or(change.as_str(), |(change, _)| change).to_owned() }
}

/// What is said of the selected row, and of all.
struct Below {
    title: String,
    lines: Vec<String>,
}

fn below(view: &Baseline, against: &Against, width: usize) -> Below {
    let Some(comparison) = &against.comparison else { return Below { title: String::new(), lines: Vec::new() } };
    let mut lines = Vec::new();
    let mut title = String::new();
    if let Some((_, row)) = view.selected() {
        title = format!(" {} {} ", words::subject(row), row.metric);
        let side = |place: usize| {
            format!("{} ({})", units::duration(row.quantiles_ns[place] as f64), counted(row.counts[place], "operation"))
        };
        let sides = format!("{} in the baseline, {} now", side(0), side(1));
        if !Columns::fitting(width, &[]).has_interval {
            lines.push(fitted(&words::change(row), width));
        }
        lines.extend(wrap(&format!("{}: {sides}; the limit is {}", row.verdict.name(), row.limit), width));
        let why = words::why(row);
        lines.extend((!why.is_empty()).then(|| wrap(&why, width)).into_iter().flatten());
    }
    let decision = Decision { comparison, allowed: &against.baseline.allowed, outcome: Outcome::Undecided };
    let remarks = comparison.remarks.iter().map(|remark| words::remark(&decision, remark)).map(|text| one_line(&text, width));
    lines.extend(remarks.take(MOST_REMARKS));
    if let more @ 1.. = comparison.remarks.len().saturating_sub(MOST_REMARKS) {
        lines.push(format!("{} more; `grantscope compare` says all of them", counted(more as u64, "remark")));
    }
    if !comparison.rows.is_empty() {
        let again = if against.is_of_all { "" } else { "; who looks again and again finds something at last, by chance" };
        lines.extend(wrap(&format!("{}{again}", words::certainty(comparison)), width));
    }
    Below { title, lines }
}

/// A remark without the option of another command, in one line.
fn one_line(text: &str, width: usize) -> String {
    let text = text.rsplit_once(" (--allow ").map_or(text, |(before, _)| before);
    fitted(&format!("! {text}"), width)
}

/// No more than half of the lines.
fn below_height(below: &Below, height: u16) -> u16 {
    (below.lines.len() as u16 + 1).min(height / 2)
}
