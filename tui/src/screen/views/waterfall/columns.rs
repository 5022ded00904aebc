//! The columns of the stages that there is room for: of several kinds what differs, of one what takes how long.

use grantscope_analysis::shown::width as width_of;
use grantscope_analysis::units;
use ratatui::text::{Line as Drawn, Span};

use super::state::{Line, Side, Subject};
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::widgets::bar;

const NAME: usize = 18;
/// Where each column is needed: the longest has 16.
const NAME_NARROW: usize = 17;
const VALUE: usize = 10;
const DIFFERENCE: usize = 11;
const SHARE: usize = 7;
/// A bar that is shorter says nothing.
const LEAST_BAR: usize = 6;
const LONGEST_BAR: usize = 40;
/// Two kinds that differ by less are the same, as far as a person cares.
pub const SAME: f64 = 0.01;

/// What there is room for.
pub struct Columns<'a> {
    /// What is looked at.
    pub subject: &'a Subject,
    name: usize,
    /// The sides whose difference is shown.
    pair: [usize; 2],
    /// Whether the second of them has a column of its own, beside the first and the difference.
    has_second: bool,
    has_third: bool,
    has_share: bool,
    bar: usize,
}

impl<'a> Columns<'a> {
    /// Those that a line of this width has room for.
    pub fn fitting(width: usize, subject: &'a Subject) -> Self {
        let several = subject.sides.len() > 1;
        let fixed = 2 + NAME + subject.sides.len().min(2) * VALUE + if several { DIFFERENCE } else { 0 };
        if several && fixed > width {
            // The selected kind and the one before it.
            let own = subject.sides.iter().position(|side| side.buffer == subject.group.buffer).unwrap_or(1).max(1);
            return Self {
                subject,
                name: NAME_NARROW,
                pair: [own - 1, own],
                has_second: false,
                has_third: false,
                has_share: false,
                bar: 0,
            };
        }
        let mut left = width.saturating_sub(fixed);
        let mut takes = |columns: usize, least: usize| {
            let fits = left >= columns + least;
            left -= if fits { columns } else { 0 };
            fits
        };
        let has_share = takes(SHARE, LEAST_BAR);
        let has_third = subject.sides.len() > 2 && takes(VALUE + DIFFERENCE, LEAST_BAR);
        let bar = left.saturating_sub(1).min(LONGEST_BAR);
        Self {
            subject,
            name: NAME,
            pair: [0, 1],
            has_second: true,
            has_third,
            has_share,
            bar: if bar < LEAST_BAR { 0 } else { bar },
        }
    }

    /// The sides that have a column of values beside the difference.
    fn valued(&self) -> impl Iterator<Item = usize> {
        let [base, of] = self.pair;
        [base, of].into_iter().take(if self.has_second { 2 } else { 1 }).filter(|&side| side < self.subject.sides.len())
    }

    /// What has no column, though it was recorded; empty: all has.
    pub fn left_out(&self) -> String {
        if self.has_second {
            return String::new();
        }
        let sides = &self.subject.sides;
        let others = (0..sides.len()).filter(|side| !self.pair.contains(side)).map(|side| name_of(&sides[side]));
        let others: Vec<_> = others.collect();
        if others.is_empty() { String::new() } else { format!("{}: select such a row", others.join(", ")) }
    }

    /// Their names.
    pub fn heading(&self) -> String {
        let sides = &self.subject.sides;
        let mut line = format!("  {:<name$}", "stage", name = self.name);
        for side in self.valued() {
            line.push_str(&format!("{:>VALUE$}", name_of(&sides[side])));
        }
        if let (Some(base), Some(of)) = (sides.get(self.pair[0]), sides.get(self.pair[1])) {
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

    /// A stage; those before it took this long.
    pub fn line(&self, line: &Line, starts: f64, is_selected: bool, theme: &Theme) -> Drawn<'static> {
        let marker = if is_selected { "▸" } else { " " };
        let style = if is_selected { theme.selected() } else { Default::default() };
        let mut spans = vec![Span::styled(format!("{marker} {:<name$}", line.stage.name(), name = self.name), style)];
        for side in self.valued() {
            spans.push(Span::raw(format!("{:>VALUE$}", units::maybe_duration(line.means_ns[side]))));
        }
        let several = self.subject.sides.len() > 1;
        let [base, of] = self.pair;
        let change = line.difference_ns(of, base);
        if several {
            spans.push(Span::styled(format!("{:>DIFFERENCE$}", signed(change)), dearer(change, self.whole_ns(base), theme)));
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

    /// How long all of it takes on a side.
    pub fn whole_ns(&self, side: usize) -> f64 {
        self.subject.stages.iter().filter_map(|line| line.means_ns.get(side).copied().flatten()).sum()
    }

    /// The sums.
    pub fn whole(&self) -> String {
        let sides = self.subject.sides.len();
        let mut line = format!("  {:<name$}", "whole operation", name = self.name);
        for side in self.valued() {
            line.push_str(&format!("{:>VALUE$}", units::duration(self.whole_ns(side))));
        }
        let [base, of] = self.pair;
        if sides > 1 {
            line.push_str(&format!("{:>DIFFERENCE$}", signed(self.whole_ns(of) - self.whole_ns(base))));
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
pub fn signed(ns: f64) -> String {
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

/// The name of its kind.
pub fn name_of(side: &Side) -> &'static str {
    text::buffer(side.buffer)
}
