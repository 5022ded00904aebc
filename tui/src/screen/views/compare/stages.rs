//! The stages of the selected row as a table: in all kinds, or in the two of the quotient that is shown.

use grantscope_analysis::compare::{KINDS, RATIOS, Ratio, StageMeans};
use grantscope_analysis::units;
use grantscope_wire::Buffer;
use ratatui::text::{Line, Span};

use crate::screen::theme::{Theme, blocks as blocks_of};
use crate::screen::views::compare::state::Compare;
use crate::screen::widgets::bar;
use crate::screen::widgets::kinds::named;

const STAGE_WIDTH: usize = 17;
const VALUE_WIDTH: usize = 9;
/// A bar that is shorter says nothing.
const LEAST_BAR: usize = 4;
/// A longer one says no more.
const LONGEST_BAR: usize = 30;

/// What there is room for.
pub struct Table {
    /// Places in [`KINDS`].
    kinds: Vec<usize>,
    bar: usize,
    /// What a whole bar stands for.
    largest_ns: f64,
}

impl Table {
    /// In lines of this width.
    pub fn of(compare: &Compare, width: usize) -> Self {
        let Ratio { of, base, .. } = RATIOS[compare.quotient];
        let has_room = STAGE_WIDTH + KINDS.len() * (VALUE_WIDTH + 1) <= width;
        let kinds: Vec<_> = (0..KINDS.len()).filter(|&kind| has_room || [of, base].contains(&KINDS[kind])).collect();
        let numbers = STAGE_WIDTH + kinds.len() * (VALUE_WIDTH + 1);
        let bar = (width.saturating_sub(numbers) / kinds.len()).saturating_sub(1);
        let largest_ns = compare.stages.iter().flat_map(|row| row.means_ns).flatten().fold(0.0, f64::max);
        Self { kinds, bar: if bar < LEAST_BAR { 0 } else { bar.min(LONGEST_BAR) }, largest_ns }
    }

    fn each(&self) -> impl Iterator<Item = (usize, Buffer)> {
        self.kinds.iter().map(|&kind| (kind, KINDS[kind]))
    }

    /// The names of the kinds.
    pub fn heading(&self, theme: &Theme) -> Line<'static> {
        let mut spans = vec![Span::raw(format!("{:<STAGE_WIDTH$}", "stage"))];
        self.each().for_each(|(_, kind)| spans.extend(named(&self.cell(kind.name()), &[kind], theme)));
        Line::from(spans).style(theme.heading())
    }

    /// A stage.
    pub fn line(&self, row: &StageMeans, theme: &Theme) -> Line<'static> {
        let bar = self.bar;
        let mut spans = vec![Span::raw(format!("{:<STAGE_WIDTH$}", row.stage.name()))];
        for (place, kind) in self.each() {
            let mean = row.means_ns[place];
            spans.push(Span::raw(format!(" {:>VALUE_WIDTH$}", units::maybe_duration(mean))));
            if bar > 0 {
                let blocks = bar::horizontal(mean.unwrap_or(0.0) / self.largest_ns.max(1.0), bar);
                spans.push(Span::styled(format!(" {blocks:<bar$}"), blocks_of(theme.kind(Some(kind)))));
            }
        }
        Line::from(spans)
    }

    /// Self times add up to the mean of the whole operation.
    pub fn sums(&self, name: &str, stages: &[StageMeans]) -> String {
        let sum = |kind: usize| {
            let means: Vec<f64> = stages.iter().filter_map(|row| row.means_ns[kind]).collect();
            (!means.is_empty()).then(|| means.iter().sum())
        };
        let sums: String = self.kinds.iter().map(|&kind| self.cell(&units::maybe_duration(sum(kind)))).collect();
        format!("{name:<STAGE_WIDTH$}{sums}")
    }

    /// A number, and the room of a bar.
    fn cell(&self, number: &str) -> String {
        let room = if self.bar > 0 { self.bar + 1 } else { 0 };
        format!(" {number:>VALUE_WIDTH$}{:room$}", "")
    }
}
