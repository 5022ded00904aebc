//! The selected row in full: its durations, and where the time goes.

use grantscope_analysis::model::DmaSums;
use grantscope_analysis::quantile::{Estimate, P50, P90, P99, Quantile};
use grantscope_analysis::series::{Aggregate, Failures, Group, Range, Series, SeriesKey, failures, merged};
use grantscope_wire::{Cause, Stage};

use crate::screen::model::data::Data;
use crate::screen::model::rows::{Cells, Row};

/// The quantiles whose places are drawn under its histogram.
pub const DRAWN: [Quantile; 3] = [P50, P90, P99];

/// The selected row.
#[derive(Clone, Debug)]
pub struct Detail {
    /// What it is about.
    pub group: Group,
    /// Whether another row differs from it by its domain alone.
    pub shows_domain: bool,
    /// Everything that files have of it, but not its histogram.
    pub cells: Cells,
    /// The median of each of its sizes, divided by the pages; `None`: not known.
    pub per_page: Option<Range>,
    /// Durations of the whole operation.
    pub total: Series,
    /// Where the time goes, the largest share first.
    pub stages: Vec<StageRow>,
    /// Why its operations failed, the most frequent first; empty where they did not, or where the cause is unknown.
    pub causes: Vec<CauseRow>,
    /// What DMA was done, and in how many of its operations; `None`: none, or not known.
    pub dma: Option<(DmaSums, u64)>,
}

impl Detail {
    /// Whether its histogram or its stages have a quantile of too few operations.
    pub fn is_marked(&self) -> bool {
        let quantiles = DRAWN.iter().map(|quantile| self.total.quantile(quantile));
        quantiles.chain(self.stages.iter().map(|stage| stage.p50)).flatten().any(|estimate| !estimate.is_carried)
    }
}

/// One cause behind the selected row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseRow {
    /// Which.
    pub cause: Cause,
    /// The operations that failed for it.
    pub failures: Failures,
}

/// One stage of the selected row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageRow {
    /// Which.
    pub stage: Stage,
    /// Its part of the time of all operations of the row, in tenths of a per cent. They add up to 1,000.
    pub share_permille: u32,
    /// Its self time in half of the operations that entered it is at most this; `None`: the row is of several sizes.
    pub p50: Option<Estimate>,
    /// Its self time per operation of the row: these add up to the mean of the whole; `None`: the row is of several sizes.
    pub mean_ns: Option<f64>,
    /// How often it is entered in an operation of the row.
    pub calls: Option<f64>,
}

/// Looks at one row.
pub fn detail(data: &Data, row: &Row) -> Detail {
    let members = &row.members;
    let total = merged(&data.aggregate, members, None);
    let mut stages = stages(data, members, &total);
    stages.sort_by_key(|(row, sum_ns)| (std::cmp::Reverse(*sum_ns), row.stage));
    let shares = permille(&stages.iter().map(|(_, sum_ns)| *sum_ns).collect::<Vec<_>>());
    let stages = stages.into_iter().zip(shares).map(|((row, _), share_permille)| StageRow { share_permille, ..row });
    Detail {
        group: row.group,
        shows_domain: row.shows_domain,
        per_page: row.per_page,
        cells: row.cells.clone(),
        total,
        stages: stages.collect(),
        causes: causes(&data.aggregate, members),
        dma: dma(&data.aggregate, members),
    }
}

/// Members in which none was done do not count: a call that failed before.
fn dma(aggregate: &Aggregate, members: &[SeriesKey]) -> Option<(DmaSums, u64)> {
    let each = members.iter().filter_map(|key| Some((aggregate.dma(key)?, aggregate.get(key)?.count())));
    each.reduce(|(sums, count), (more, further)| (sums.and(more), count + further))
}

fn causes(aggregate: &Aggregate, members: &[SeriesKey]) -> Vec<CauseRow> {
    let each = failures(aggregate, members, |_| ()).into_iter();
    let mut rows: Vec<_> = each.map(|(((), cause), failures)| CauseRow { cause, failures }).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.failures.count));
    rows
}

fn stages(data: &Data, members: &[SeriesKey], total: &Series) -> Vec<(StageRow, u128)> {
    let all = Stage::ALL.iter().map(|&stage| (stage, merged(&data.aggregate, members, Some(stage))));
    let entered = all.filter(|(_, series)| series.count() > 0);
    entered.map(|(stage, series)| (stage_row(data, members, stage, &series, total), series.sum_ns())).collect()
}

fn stage_row(data: &Data, members: &[SeriesKey], stage: Stage, series: &Series, total: &Series) -> StageRow {
    let operations = total.count();
    let calls: u64 = members.iter().filter_map(|key| data.activity.pulse(key)).map(|pulse| pulse.calls(stage)).sum();
    let per_operation = |sum: u128| (operations > 0).then(|| sum as f64 / operations as f64);
    StageRow {
        stage,
        share_permille: 0,
        p50: series.quantile(&P50),
        mean_ns: per_operation(series.sum_ns()).filter(|_| !total.is_mixture()),
        calls: per_operation(calls.into()),
    }
}

/// Shares in tenths of a per cent, rounded so that they add up to exactly 1,000 (largest remainders); all 0 of nothing.
pub fn permille(parts: &[u128]) -> Vec<u32> {
    let whole: u128 = parts.iter().sum();
    if whole == 0 {
        return vec![0; parts.len()];
    }
    // Sums of as many durations as can be counted leave room for a factor of a thousand.
    let exact = |part: u128| (part * 1_000 / whole, part * 1_000 % whole);
    let mut shares: Vec<u32> = parts.iter().map(|&part| exact(part).0 as u32).collect();
    let missing = 1_000 - shares.iter().sum::<u32>();
    let mut by_remainder: Vec<usize> = (0..parts.len()).collect();
    by_remainder.sort_by_key(|&i| std::cmp::Reverse(exact(parts[i]).1));
    by_remainder.into_iter().take(missing as usize).for_each(|i| shares[i] += 1);
    shares
}

#[cfg(test)]
mod tests {
    use super::permille;

    #[test]
    fn shares_add_up_to_the_whole_whatever_the_parts() {
        for parts in [&[1, 1, 1][..], &[1 << 112, 1, 1 << 110], &[7], &[1, 0, 2], &[1; 17]] {
            assert_eq!(permille(parts).iter().sum::<u32>(), 1_000, "{parts:?}");
        }
    }

    #[test]
    fn the_rounding_goes_to_the_largest_remainders() {
        assert_eq!(permille(&[2, 1]), [667, 333]);
        assert_eq!(permille(&[1, 1, 1]), [334, 333, 333]);
    }

    #[test]
    fn of_nothing_there_are_no_shares() {
        assert_eq!(permille(&[0, 0]), [0, 0]);
        assert_eq!(permille(&[]), [0_u32; 0]);
    }
}
