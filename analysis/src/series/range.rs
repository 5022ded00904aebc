//! What several sizes cost, where no single number is true of all of them: from the least to the most.

use std::fmt;

use super::{Aggregate, Series, SeriesKey, merged, sizes};
use crate::quantile::{P50, mark};
use crate::units;

/// From the least to the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
    /// Whether there were enough operations for every value in it.
    pub is_carried: bool,
}

impl Range {
    /// One value.
    pub fn one(value: f64, is_carried: bool) -> Self {
        Self { low: value, high: value, is_carried }
    }

    /// The range over all of these; `None`: there are none.
    pub fn over(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|a, b| Self {
            low: a.low.min(b.low),
            high: a.high.max(b.high),
            is_carried: a.is_carried && b.is_carried,
        })
    }
}

/// For a screen, as times: `5.62–26.1 µs`, with the mark where it has one.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", mark(self.is_carried), units::durations(self.low, self.high)))
    }
}

/// A value of one size, for each of its pages; `None`: it is not known how many it has, or it has none.
pub fn per_page(value: Range, pages: Option<u32>) -> Option<Range> {
    let pages = f64::from(pages.filter(|&pages| pages > 0)?);
    Some(Range { low: value.low / pages, high: value.high / pages, ..value })
}

/// What a page costs: the median of each size divided by its pages. Sizes without pages are left out; `None`: there are no others.
pub fn cost_per_page(aggregate: &Aggregate, members: &[SeriesKey]) -> Option<Range> {
    let sizes = sizes(members).into_iter();
    Range::over(sizes.filter_map(|(size, members)| per_page(median(&merged(aggregate, &members, None))?, size.pages)))
}

fn median(series: &Series) -> Option<Range> {
    series.quantile(&P50).map(|median| Range::one(median.ns as f64, median.is_carried))
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::fixtures::export;
    use crate::model::Operation;
    use crate::recording::Frame;

    fn cost(operations: &[(Option<u32>, u64, usize)]) -> Option<Range> {
        let of_size = |&(pages, ns, count)| vec![Operation { pages, ..export(Buffer::Wc, ns) }; count];
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Operations(operations.iter().flat_map(of_size).collect()));
        let members: Vec<_> = aggregate.series().map(|(key, _)| *key).filter(|key| key.stage.is_none()).collect();
        cost_per_page(&aggregate, &members)
    }

    #[test]
    fn a_page_costs_from_the_cheapest_to_the_most_expensive_size() {
        let range = cost(&[(Some(1), 400, 60), (Some(4), 800, 50), (Some(2), 600, 70)]);
        assert_eq!(range, Some(Range { low: 200.0, high: 400.0, is_carried: true }));
    }

    #[test]
    fn one_size_with_few_operations_marks_all_of_it() {
        let range = cost(&[(Some(1), 400, 60), (Some(4), 800, 49)]).unwrap();
        assert_eq!(range.to_string(), "~200–400 ns");
    }

    #[test]
    fn what_has_no_pages_has_no_cost_per_page() {
        assert_eq!(cost(&[(None, 400, 60), (Some(0), 800, 60)]), None);
        assert_eq!(cost(&[(None, 400, 60), (Some(2), 800, 60)]), Some(Range::one(400.0, true)));
    }
}
