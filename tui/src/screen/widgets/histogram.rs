//! The latency histogram: time on a logarithmic axis to the right, operations upwards.

use grantscope_analysis::quantile::mark;
use grantscope_analysis::series::Series;
use grantscope_analysis::shown::width as width_of;
use grantscope_analysis::units;
use ratatui::Frame as Canvas;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};

use crate::screen::model::detail::DRAWN;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::widgets::bar::{FROM_BELOW, eighths};

/// The axis is at least this wide (upper end divided by lower): HdrHistogram's steps of 0.1 % must not be seen as gaps.
const LEAST_RANGE: f64 = 1.25;
/// Lines under the bars: axis, quantiles, times.
const LINES_BELOW: usize = 3;

/// Draws it, with its axes.
pub fn draw(canvas: &mut Canvas, area: Rect, series: &Series, theme: &Theme) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let Some(axis) = Axis::of(&[series], width) else { return };
    let Some(bars) = height.checked_sub(LINES_BELOW).filter(|&bars| bars > 0) else { return };
    let mut lines = axis.bars(series, bars, theme.bar(), theme);
    lines.push(axis.rule(theme));
    lines.push(axis.quantiles(series));
    lines.push(axis.times());
    canvas.render_widget(Text::from(lines), area);
}

/// The horizontal axis.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    low_ns: f64,
    high_ns: f64,
    /// Characters for the bars.
    columns: usize,
    /// Characters to the left of the bars, for the counts.
    gutter: usize,
}

impl Axis {
    /// From the shortest to the longest duration of all of them; `None`: nothing recorded, or no room.
    pub fn of(all: &[&Series], width: usize) -> Option<Self> {
        let (low_ns, high_ns) = range(all)?;
        // The largest bin is not known before the columns are, but it cannot exceed the count.
        let most = all.iter().map(|series| series.count()).max()?;
        let gutter = text::count(most).len().max(3) + 1;
        let columns = width.checked_sub(gutter + 1).filter(|&columns| columns >= 10)?;
        Some(Self { low_ns, high_ns, columns, gutter })
    }

    /// The bars of one of them, in so many lines.
    pub fn bars(&self, series: &Series, height: usize, style: Style, theme: &Theme) -> Vec<Line<'static>> {
        bar_lines(&self.bins(series), self, height, style, theme)
    }

    /// The line below the bars.
    pub fn rule(&self, theme: &Theme) -> Line<'static> {
        Line::styled(format!("{:>1$}└{2}", "", self.gutter, "─".repeat(self.columns)), theme.frame())
    }

    /// Where the quantiles of one of them lie.
    pub fn quantiles(&self, series: &Series) -> Line<'static> {
        self.indented(&quantiles(series, self))
    }

    /// Both ends, and times between them.
    pub fn times(&self) -> Line<'static> {
        self.indented(&times(self))
    }

    fn indented(&self, text: &str) -> Line<'static> {
        Line::raw(format!("{:>1$}{text}", "", self.gutter + 1))
    }

    /// In which column a duration falls.
    fn column(&self, ns: f64) -> usize {
        let part = (ns.max(self.low_ns) / self.low_ns).ln() / (self.high_ns / self.low_ns).ln();
        ((part * self.columns as f64) as usize).min(self.columns - 1)
    }

    /// Operations in each column.
    fn bins(&self, series: &Series) -> Vec<u64> {
        let mut bins = vec![0; self.columns];
        for bucket in series.buckets().iter() {
            bins[self.column(bucket.most as f64)] += bucket.count;
        }
        bins
    }
}

fn range(all: &[&Series]) -> Option<(f64, f64)> {
    let low_ns = all.iter().filter_map(|series| series.min_ns()).min()?;
    let high_ns = all.iter().filter_map(|series| series.max_ns()).max()?;
    // 0 has no logarithm; nothing that is measured takes less than 1 ns.
    let (low, high) = (low_ns.max(1) as f64, high_ns.max(1) as f64);
    let widen = (LEAST_RANGE / (high / low)).sqrt().max(1.0);
    Some((low / widen, high * widen))
}

fn bar_lines(bins: &[u64], axis: &Axis, height: usize, style: Style, theme: &Theme) -> Vec<Line<'static>> {
    let largest = bins.iter().copied().max().unwrap_or(0).max(1);
    let heights: Vec<_> = bins.iter().map(|&bin| eighths(bin as f64 / largest as f64, height)).collect();
    let line = |row: usize| {
        let below = (height - 1 - row) * 8;
        let blocks: String = heights.iter().map(|&eighths| FROM_BELOW[eighths.saturating_sub(below).min(8)]).collect();
        let label = match row {
            0 => text::count(largest),
            1 => "ops".to_owned(),
            _ => String::new(),
        };
        let gutter = format!("{label:>width$}{edge}", width = axis.gutter, edge = if row == 0 { "┤" } else { "│" });
        Line::from(vec![Span::styled(gutter, theme.frame()), Span::styled(blocks, style)])
    };
    (0..height).map(line).collect()
}

/// Where the quantiles lie. Two that fall on one place share it.
fn quantiles(series: &Series, axis: &Axis) -> String {
    let mut marks: Vec<(usize, String)> = Vec::new();
    for quantile in DRAWN {
        let Some(estimate) = series.quantile(&quantile) else { continue };
        let (column, doubt) = (axis.column(estimate.ns as f64), mark(estimate.is_carried));
        match marks.last_mut() {
            Some((other, names)) if *other == column => names.push_str(&format!(",{doubt}{}", &quantile.name[1..])),
            _ => marks.push((column, format!("↑{doubt}{}", quantile.name))),
        }
    }
    write_at(axis.columns, &marks)
}

/// Both ends always, which are bounds and no durations; round times between them, as many as there is room for.
fn times(axis: &Axis) -> String {
    let end = format!("≤{}", units::duration(axis.high_ns));
    let begin = format!("≥{}", units::duration(axis.low_ns));
    let mut labels = vec![(0, begin), (axis.columns.saturating_sub(width_of(&end)), end)];
    for (ns, label) in round_times(axis) {
        let column = axis.column(ns);
        let width = width_of(&label);
        let is_free = labels.iter().all(|(other, text)| column > other + width_of(text) + 1 || column + width + 1 < *other);
        if is_free {
            labels.push((column, label));
        }
    }
    labels.sort();
    write_at(axis.columns, &labels)
}

/// 1, 2 and 5 times powers of ten inside the axis, the powers of ten first.
fn round_times(axis: &Axis) -> Vec<(f64, String)> {
    let mut times = Vec::new();
    for factor in [1.0, 3.0, 2.0, 5.0] {
        for power in 0..12 {
            let ns = factor * 10_f64.powi(power);
            if ns > axis.low_ns && ns < axis.high_ns {
                times.push((ns, round_label(ns)));
            }
        }
    }
    times
}

/// Without the decimals of `units::duration`: these times are whole.
fn round_label(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.0} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.0} ms", ns / 1e6),
        ns => format!("{:.0} s", ns / 1e9),
    }
}

/// Texts at their columns; what would overlap the one before, or the end, is left out.
fn write_at(columns: usize, texts: &[(usize, String)]) -> String {
    let mut line = String::new();
    let mut used = 0;
    for (column, text) in texts {
        let length = width_of(text);
        let place = (*column).min(columns.saturating_sub(length));
        if place < used || (used > 0 && place == used) {
            continue;
        }
        line.push_str(&" ".repeat(place - used));
        line.push_str(text);
        used = place + length;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(durations: &[u64]) -> Series {
        let mut series = Series::default();
        durations.iter().for_each(|&ns| series.record(ns));
        series
    }

    #[test]
    fn every_operation_is_in_exactly_one_column() {
        let series = series(&[0, 1, 999, 1_000, 5_000_000, u64::MAX / 2]);
        let axis = Axis::of(&[&series], 60).unwrap();
        assert_eq!(axis.bins(&series).iter().sum::<u64>(), series.count());
    }

    #[test]
    fn the_shortest_is_in_the_first_column_and_the_longest_in_the_last() {
        let series = series(&[1_000, 30_000, 1_000_000]);
        let axis = Axis::of(&[&series], 60).unwrap();
        let bins = axis.bins(&series);
        assert_eq!((bins[0], bins[axis.columns - 1]), (1, 1));
        // The axis is logarithmic: half way between 1 µs and 1 ms lies 31.6 µs.
        assert_eq!(bins[axis.columns * 493 / 1_000], 1);
    }

    #[test]
    fn equal_durations_stand_in_the_middle_of_an_axis_that_is_not_a_point() {
        let series = series(&[1_000; 5]);
        let axis = Axis::of(&[&series], 60).unwrap();
        let bins = axis.bins(&series);
        assert_eq!(bins.iter().filter(|&&bin| bin > 0).count(), 1);
        assert_eq!(bins[axis.columns / 2], 5);
    }

    #[test]
    fn of_nothing_there_is_no_axis() {
        assert!(Axis::of(&[&Series::default()], 60).is_none());
        assert!(Axis::of(&[&series(&[1])], 5).is_none());
    }

    #[test]
    fn texts_do_not_overlap() {
        let texts = [(0, "abc".to_owned()), (2, "hidden".to_owned()), (5, "de".to_owned()), (9, "end".to_owned())];
        assert_eq!(write_at(10, &texts), "abc  de");
        assert_eq!(write_at(12, &texts), "abc  de  end");
    }
}
