//! Which of the quotients on the screen are a difference, and which are none: the same reasoning as of `grantscope compare`.

use std::collections::HashMap;

use grantscope_analysis::column::COLUMNS;
use grantscope_analysis::compare::{RATIOS, Row};
use grantscope_analysis::decide::{DEFAULT, Limit, Verdict, judge};
use grantscope_analysis::quantile::QUANTILES;
use grantscope_analysis::series::Group;

/// A difference up to this is none: as where nobody says a limit, but for what is short.
pub const LIMIT: Limit = Limit { part: DEFAULT.part, ns: 20 };
/// The chance that any of all verdicts on the screen is wrong.
pub const ERROR_RATE: f64 = 0.01;

/// What is said of one quotient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Longer, shorter, the same, or not known.
    pub verdict: Verdict,
    /// Between which quotients it lies; `None`: there is no upper end.
    pub interval: (f64, Option<f64>),
}

/// Of each of [`RATIOS`]; `None`: it is of several sizes, or of a metric that is no quantile, or of one kind alone.
pub type OfRow = [Option<Judged>; RATIOS.len()];

/// Remembers what is said where nothing was added.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    /// By what the row is about, the metric, and the quotient.
    known: HashMap<(Group, usize, usize), Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    counts: [u64; 2],
    shares: u32,
    said: Judged,
}

impl Cache {
    /// What is said of each row, by this metric (its place in `COLUMNS`).
    pub fn judge(&mut self, rows: &[Row], metric: usize) -> Vec<OfRow> {
        let Some(quantile) = QUANTILES.iter().find(|quantile| quantile.column == COLUMNS[metric].name) else {
            return vec![[None; RATIOS.len()]; rows.len()];
        };
        let sides = |row: &Row, place: usize| {
            let ratio = &RATIOS[place];
            let [base, of] =
                [ratio.base, ratio.of].map(|kind| row.cell(kind).filter(|_| !row.is_mixture()).map(|cell| &cell.series));
            Some([base.cloned()?, of.cloned()?])
        };
        let all: Vec<_> = rows.iter().flat_map(|row| (0..RATIOS.len()).map(move |place| (row, place))).collect();
        let judged = all.iter().filter(|(row, place)| sides(row, *place).is_some()).count();
        // Doubled until it is enough: not every row that comes asks for all the others anew.
        let shares = judged.next_power_of_two().max(1) as u32;
        let each = all.into_iter().map(|(row, place)| {
            let [base, of] = sides(row, place)?;
            let counts = [base.count(), of.count()];
            let key = (row.subject, metric, place);
            if let Some(known) = self.known.get(&key).filter(|known| (known.counts, known.shares) == (counts, shares)) {
                return Some(known.said);
            }
            let (verdict, interval) = judge(&base, &of, quantile.part, LIMIT, ERROR_RATE / f64::from(shares));
            let said = Judged { verdict, interval };
            self.known.insert(key, Known { counts, shares, said });
            Some(said)
        });
        let each: Vec<_> = each.collect();
        each.chunks(RATIOS.len()).map(|of_row| std::array::from_fn(|place| of_row[place])).collect()
    }
}
