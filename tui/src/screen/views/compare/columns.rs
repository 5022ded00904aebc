//! The columns of the comparison that there is room for: all kinds with their quotients, or one quotient.

use grantscope_analysis::compare::{KINDS, RATIOS, Ratio, Row};
use grantscope_analysis::decide::Verdict;
use grantscope_analysis::shown::{Shown, width as width_of};
use grantscope_wire::Buffer;

use crate::screen::text;
use crate::screen::views::compare::judged::OfRow;
use crate::screen::views::compare::state::Compare;

/// Of the column of names, where none is longer.
const NAME_WIDTH: usize = 14;
const PAGES_WIDTH: usize = 8;
const COUNT_WIDTH: usize = 8;
/// Names are cut to this at most.
const LEAST_NAME: usize = 12;
/// And to that where one quotient alone is shown.
const LEAST_NAME_NARROW: usize = 11;
const VALUE_WIDTH: usize = 9;

/// A row with what is said of it.
pub struct Lined<'a> {
    /// The row.
    pub row: &'a Row,
    /// What is said of its quotients.
    pub judged: OfRow,
}

/// All rows with what is said of them.
pub fn lined(compare: &Compare) -> Vec<Lined<'_>> {
    let judged = compare.judged.iter().copied().chain(std::iter::repeat([None; RATIOS.len()]));
    compare.comparison.rows.iter().zip(judged).map(|(row, judged)| Lined { row, judged }).collect()
}

impl Lined<'_> {
    fn pages(&self) -> String {
        if self.row.is_mixture() { "per page".to_owned() } else { text::pages(self.row.subject.pages) }
    }

    /// One of [`RATIOS`], or that there is no difference.
    fn ratio(&self, place: usize) -> String {
        let ratio = text::ratio(self.row.ratio(RATIOS[place].of, RATIOS[place].base));
        match self.judged[place].map(|judged| judged.verdict) {
            Some(Verdict::Equivalent) => SAME.to_owned(),
            Some(Verdict::Inconclusive) => format!("{ratio}{OPEN}"),
            Some(Verdict::Regressed | Verdict::Improved) | None => ratio,
        }
    }
}

/// In place of a quotient that is 1.
pub const SAME: &str = "same";
/// Behind a quotient of which it is not known whether it is one.
pub const OPEN: &str = "?";

fn ratio_width(place: usize, rows: &[Lined<'_>]) -> usize {
    rows.iter().map(|row| width_of(&row.ratio(place))).fold(width_of(RATIOS[place].heading), usize::max)
}

/// What there is room for.
pub struct Columns {
    name: usize,
    value: usize,
    /// How many kinds.
    kinds: usize,
    /// The widths of the ratios that are shown.
    ratios: Vec<usize>,
    counts: bool,
    /// Where there is no room for all kinds and a quotient: one quotient.
    one: Option<One>,
}

/// One quotient, and what it is made of.
struct One {
    /// Its place in [`RATIOS`].
    place: usize,
    width: usize,
    /// The kinds whose values have room beside it.
    values: Vec<Buffer>,
    pages: usize,
}

impl One {
    /// That of this place, and the width that is left for names.
    fn fitting(width: usize, place: usize, value: usize, rows: &[Lined<'_>]) -> (Self, usize) {
        let ratio = ratio_width(place, rows);
        let pages = rows.iter().map(|lined| width_of(&lined.pages())).fold(PAGES.len(), usize::max);
        let room = width.saturating_sub(2 + 1 + pages + 1 + ratio);
        let count = room.saturating_sub(LEAST_NAME_NARROW) / (value + 1);
        let Ratio { of, base, .. } = RATIOS[place];
        let values = if count > 1 { vec![base, of] } else { vec![of; count] };
        let name = room.saturating_sub(values.len() * (value + 1));
        (Self { place, width: ratio, values, pages }, name)
    }
}

const PAGES: &str = "pages";

impl Columns {
    /// What a line of this width has room for; where it is one quotient alone, this one.
    pub fn fitting(width: usize, rows: &[Lined<'_>], quotient: usize) -> Self {
        let name = text::name_width(rows.iter().map(|lined| lined.row.name()), NAME_WIDTH);
        let values = rows.iter().flat_map(|lined| lined.row.values()).map(|value| width_of(&text::maybe(value)));
        let value = values.fold(VALUE_WIDTH, usize::max);
        let most = 2 + name + 1 + PAGES_WIDTH + KINDS.len() * (value + 1);
        // Of what does not fit, names are cut, then kinds left out: a number without its end is another number.
        let name = name - most.saturating_sub(width).min(name.saturating_sub(LEAST_NAME));
        let kinds = (width.saturating_sub(2 + name + 1 + PAGES_WIDTH) / (value + 1)).min(KINDS.len());
        let fixed = 2 + name + 1 + PAGES_WIDTH + kinds * (value + 1);
        let mut ratios: Vec<_> = (0..RATIOS.len()).map(|place| ratio_width(place, rows)).collect();
        let needed = |ratios: &[usize]| fixed + ratios.iter().map(|ratio| 1 + ratio).sum::<usize>();
        while !ratios.is_empty() && needed(&ratios) > width {
            ratios.pop();
        }
        if kinds < KINDS.len() || ratios.is_empty() {
            let (one, room) = One::fitting(width, quotient, value, rows);
            let name = text::name_width(rows.iter().map(|lined| lined.row.name()), NAME_WIDTH).min(room);
            return Self { name, value, kinds, ratios, counts: false, one: Some(one) };
        }
        let counts = needed(&ratios) + KINDS.len() * (COUNT_WIDTH + 5) <= width;
        Self { name, value, kinds, ratios, counts, one: None }
    }

    fn ratios(&self) -> impl Iterator<Item = (&Ratio, usize)> {
        RATIOS.iter().zip(self.ratios.iter().copied())
    }

    /// Whether one quotient alone has room.
    pub fn is_one(&self) -> bool {
        self.one.is_some()
    }

    /// Their names.
    pub fn heading(&self) -> String {
        if let Some(one) = &self.one {
            let values: String = one.values.iter().map(|kind| format!(" {:>width$}", kind.name(), width = self.value)).collect();
            let (pages, width, heading) = (one.pages, one.width, RATIOS[one.place].heading);
            return format!("  {:<name$} {PAGES:>pages$}{values} {heading:>width$}", "operation", name = self.name);
        }
        let mut line = format!("  {:<name$} {:>PAGES_WIDTH$}", "operation", "n pages", name = self.name);
        for kind in &KINDS[..self.kinds] {
            line.push_str(&format!(" {:>width$}", kind.name(), width = self.value));
        }
        for (ratio, width) in self.ratios() {
            line.push_str(&format!(" {:>width$}", ratio.heading));
        }
        for kind in KINDS.iter().filter(|_| self.counts) {
            let width = COUNT_WIDTH + 4;
            line.push_str(&format!(" {:>width$}", format!("ops {}", kind.name())));
        }
        line
    }

    /// What a row says.
    pub fn line(&self, lined: &Lined<'_>, selected: bool) -> String {
        let row = lined.row;
        let marker = if selected { "▸" } else { " " };
        let name = text::shortened(&row.name(), self.name);
        let name = Shown(&name);
        let pages = lined.pages();
        if let Some(one) = &self.one {
            let of = |kind: &Buffer| KINDS.iter().position(|other| other == kind).and_then(|place| row.values()[place]);
            let values = one.values.iter().map(|kind| format!(" {:>width$}", text::maybe(of(kind)), width = self.value));
            let (values, ratio) = (values.collect::<String>(), lined.ratio(one.place));
            let (width, ratio_width) = (one.pages, one.width);
            return format!("{marker} {name:<name_width$} {pages:>width$}{values} {ratio:>ratio_width$}", name_width = self.name);
        }
        let mut line = format!("{marker} {name:<width$} {pages:>PAGES_WIDTH$}", width = self.name);
        for value in row.values().into_iter().take(self.kinds) {
            line.push_str(&format!(" {:>width$}", text::maybe(value), width = self.value));
        }
        for (place, width) in self.ratios.iter().enumerate() {
            line.push_str(&format!(" {:>width$}", lined.ratio(place)));
        }
        for count in row.counts().into_iter().filter(|_| self.counts) {
            let width = COUNT_WIDTH + 4;
            line.push_str(&format!(" {:>width$}", text::count(count)));
        }
        line
    }
}
