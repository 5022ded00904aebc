//! Buffer kinds side by side, as values: the summary and the viewer's comparison are both made from these rows.

mod domains;
mod stages;

use std::collections::{BTreeMap, BTreeSet};

use grantscope_wire::Buffer;

pub use domains::{across_domains, pair};
pub use stages::{StageMeans, stages};

use crate::column::{self, Column};
use crate::series::{Aggregate, Domain, Group, Pages, Range, Series, SeriesKey, groups_of, merged, per_page};
use crate::shown::escaped;

/// The kinds that are compared, each with a cell in every row.
pub const KINDS: [Buffer; 3] = [Buffer::Pages, Buffer::Wc, Buffer::Coherent];

/// A value per kind of [`KINDS`].
pub type PerKind<T> = [T; KINDS.len()];

/// The ratios that are shown, the most significant first.
pub const RATIOS: [Ratio; 3] = [
    Ratio { of: Buffer::Wc, base: Buffer::Pages, heading: "wc÷pages" },
    Ratio { of: Buffer::Coherent, base: Buffer::Wc, heading: "coh÷wc" },
    Ratio { of: Buffer::Coherent, base: Buffer::Pages, heading: "coh÷pages" },
];

/// One kind measured by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// The kind whose value is divided.
    pub of: Buffer,
    /// The kind that it is divided by.
    pub base: Buffer,
    /// The heading of its column.
    pub heading: &'static str,
}

/// One kind in one row.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The series that it is made of.
    pub members: Vec<SeriesKey>,
    /// Their durations together.
    pub series: Series,
    /// The other domain of all of them.
    pub domain: Domain,
    /// The metric by which kinds are compared, in its unit, for each page count; without those for which it is not known.
    pub values: BTreeMap<Option<u32>, Range>,
}

impl Cell {
    /// The metric; `None`: not known, or a mixture of several sizes, of which only each page has a cost.
    pub fn value(&self) -> Option<Range> {
        self.values.values().next().copied().filter(|_| !self.series.is_mixture())
    }

    /// The metric divided by the pages, over all sizes; `None`: not known.
    pub fn per_page(&self) -> Option<Range> {
        Range::over(self.values.iter().filter_map(|(&pages, &value)| per_page(value, pages)))
    }
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it compares. Of no kind of its own (`buffer` is `None`): each has a cell. Of any domain, if the kinds have different ones.
    pub subject: Group,
    /// Whether other rows differ from it by their domain alone: one of the kinds was recorded with several.
    pub shows_domain: bool,
    /// The recorded operations of each kind; `None`: there are none.
    pub cells: PerKind<Option<Cell>>,
}

impl Row {
    /// The recorded operations of one kind; `None`: there are none, or it is not compared.
    pub fn cell(&self, kind: Buffer) -> Option<&Cell> {
        self.cells[KINDS.iter().position(|&other| other == kind)?].as_ref()
    }

    /// The value of one kind divided by that of another, its base, over all page counts that both have; `None`: there is none for which
    /// both are known and the base is not 0.
    pub fn ratio(&self, of: Buffer, base: Buffer) -> Option<Range> {
        let (of, base) = (&self.cell(of)?.values, &self.cell(base)?.values);
        let both = of.iter().filter_map(|(pages, of)| Some((of, base.get(pages)?)));
        let quotients = both.filter(|(_, base)| base.low > 0.0).map(|(of, base)| {
            // Of one page count, each is one value.
            Range::one(of.low / base.low, of.is_carried && base.is_carried)
        });
        Range::over(quotients)
    }

    /// Operations of each kind.
    pub fn counts(&self) -> PerKind<u64> {
        self.cells.each_ref().map(|cell| cell.as_ref().map_or(0, |cell| cell.series.count()))
    }

    /// What it compares, by name; with its domain where that is all that tells it from another row.
    pub fn name(&self) -> String {
        escaped(&self.subject.label(self.shows_domain)).into_owned()
    }

    /// How many kinds something was recorded of.
    pub fn kinds(&self) -> usize {
        self.cells.iter().flatten().count()
    }

    /// Whether it is of several page counts: then a page is what is compared.
    pub fn is_mixture(&self) -> bool {
        let members = || self.cells.iter().flatten().flat_map(|cell| &cell.members);
        let sizes: BTreeSet<_> = members().map(|member| (member.pages, member.page_range)).collect();
        sizes.len() > 1 || members().any(|member| member.page_range.is_some())
    }

    /// What is compared, of each kind: the metric, or the metric per page where it is of several page counts; `None`: not known.
    pub fn values(&self) -> PerKind<Option<Range>> {
        let of = if self.is_mixture() { Cell::per_page } else { Cell::value };
        self.cells.each_ref().map(|cell| cell.as_ref().and_then(of))
    }
}

/// The series of each domain.
type ByDomain = BTreeMap<Domain, Vec<SeriesKey>>;

/// All whole operations that have one of the kinds that are compared, by one metric, in the order of their subjects.
///
/// Domains are compared with themselves where a kind was recorded with several of them, else with whatever the other kinds have.
pub fn rows(recording: &Aggregate, pages_added_up: bool, metric: &Column) -> Vec<Row> {
    rows_of(recording, pages_added_up, metric, |_| true)
}

/// The same, of those series alone that are wanted.
pub fn rows_of(recording: &Aggregate, pages_added_up: bool, metric: &Column, is_wanted: impl Fn(&SeriesKey) -> bool) -> Vec<Row> {
    let mut subjects: BTreeMap<Group, PerKind<ByDomain>> = BTreeMap::new();
    for (group, members) in groups_of(recording, pages_added_up, is_wanted) {
        if let Some(place) = KINDS.iter().position(|&kind| group.buffer == Some(kind)) {
            let kinds = subjects.entry(Group { buffer: None, domain: Domain::Any, ..group }).or_default();
            kinds[place].insert(group.domain, members);
        }
    }
    let mut all = Vec::new();
    for (subject, kinds) in subjects {
        let shows_domain = kinds.iter().any(|domains| domains.len() > 1);
        for (domain, kinds) in pair(kinds) {
            let cells = kinds.map(|kind| kind.map(|(domain, members)| cell(recording, domain, members, metric)));
            all.push(Row { subject: Group { domain, ..subject }, shows_domain, cells });
        }
    }
    all
}

/// The row in which operations like these are compared, by one metric; `None`: they have no kind that is compared.
///
/// Only what is like them is looked at: a recording can have thousands of series.
pub fn row_of(recording: &Aggregate, group: &Group, metric: &Column) -> Option<Row> {
    KINDS.iter().find(|&&kind| group.buffer == Some(kind))?;
    let alike = |key: &SeriesKey| {
        let other = Group::of(key, group.pages == Pages::All);
        Group { buffer: None, domain: Domain::Any, ..other } == Group { buffer: None, domain: Domain::Any, ..*group }
    };
    let found = rows_of(recording, group.pages == Pages::All, metric, alike);
    let is_its = |row: &Row| row.subject.domain == group.domain || row.subject.domain == Domain::Any;
    found.into_iter().find(is_its)
}

fn cell(recording: &Aggregate, domain: Domain, members: Vec<SeriesKey>, metric: &Column) -> Cell {
    let mut of_pages: BTreeMap<Option<u32>, Vec<SeriesKey>> = BTreeMap::new();
    members.iter().for_each(|member| of_pages.entry(member.pages).or_default().push(*member));
    let values = of_pages.into_iter().filter_map(|(pages, members)| Some((pages, value(recording, &members, metric)?)));
    Cell { values: values.collect(), series: merged(recording, &members, None), members, domain }
}

/// The metric of series of one size.
fn value(recording: &Aggregate, members: &[SeriesKey], metric: &Column) -> Option<Range> {
    let (key, series) = (members.first()?, &merged(recording, members, None));
    let value = (metric.value)(column::Row { recording, key, series });
    Some(Range::one(value.number()?, value.is_carried()))
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Cause, Op};

    use super::*;
    use crate::column::{METRICS, place};
    use crate::fixtures::export;
    use crate::model::{Detail, Operation, Outcome};
    use crate::quantile::P50;
    use crate::recording::Frame;

    const P50_COLUMN: &Column = &METRICS[place(METRICS, P50.column)];

    fn recording(operations: Vec<Operation>) -> Aggregate {
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Operations(operations));
        aggregate
    }

    #[test]
    fn kinds_of_one_subject_are_cells_of_one_row_whatever_their_causes() {
        let failed =
            |cause, kind, ns| Operation { outcome: Outcome::Errno(22), details: vec![Detail::Cause(cause)], ..export(kind, ns) };
        let recording = recording(vec![
            export(Buffer::Pages, 10_000),
            export(Buffer::Wc, 15_000),
            export(Buffer::Foreign, 9_000),
            failed(Cause::GrantsRefused, Buffer::Wc, 1_000),
            failed(Cause::OverLimit, Buffer::Wc, 1_000),
        ]);
        let [ok, failed] = &rows(&recording, false, P50_COLUMN)[..] else { panic!("not two rows") };
        assert_eq!((ok.kinds(), ok.ratio(Buffer::Wc, Buffer::Pages)), (2, Some(Range::one(1.5, false))));
        assert_eq!((ok.ratio(Buffer::Coherent, Buffer::Wc), ok.cell(Buffer::Coherent).is_some()), (None, false));
        let both = failed.cell(Buffer::Wc).expect("both have failed");
        assert_eq!((failed.kinds(), both.members.len(), both.series.count()), (1, 2, 2));
    }

    fn many(operation: Operation) -> Vec<Operation> {
        vec![operation; P50.needs as usize]
    }

    fn of(kind: Buffer, pages: u32, domid: u16, ns: u64) -> Vec<Operation> {
        many(Operation { pages: Some(pages), domid: Some(domid), ..export(kind, ns) })
    }

    #[test]
    fn of_added_up_page_counts_only_a_page_is_compared_and_the_ratio_is_of_equal_sizes() {
        // Coherent is as fast as WC in every size, but has more of the small ones: the medians of all differ by a factor of 8.
        let small = of(Buffer::Coherent, 1, 1, 100);
        let all = [small.clone(), small, of(Buffer::Coherent, 16, 1, 800), of(Buffer::Wc, 1, 1, 100), of(Buffer::Wc, 16, 1, 800)];
        let recording = recording([all.concat(), of(Buffer::Wc, 16, 1, 800)].concat());
        let [row] = &rows(&recording, true, P50_COLUMN)[..] else { panic!("not one row") };
        assert_eq!(row.ratio(Buffer::Coherent, Buffer::Wc), Some(Range::one(1.0, true)));
        let cell = row.cell(Buffer::Wc).expect("recorded");
        assert_eq!((cell.value(), cell.per_page().map(|range| range.to_string())), (None, Some("50–100 ns".to_owned())));
        assert!(row.is_mixture() && cell.series.quantile_ns(0.5).is_none());
    }

    #[test]
    fn of_added_up_page_counts_that_are_one_the_metric_itself_is_compared() {
        let recording = recording([of(Buffer::Pages, 16, 1, 800), of(Buffer::Wc, 16, 1, 1_200)].concat());
        let [row] = &rows(&recording, true, P50_COLUMN)[..] else { panic!("not one row") };
        let cell = row.cell(Buffer::Wc).expect("recorded");
        assert_eq!((cell.value(), row.is_mixture(), row.values()[1]), (Some(Range::one(1_200.0, true)), false, cell.value()));
        assert_eq!(row.ratio(Buffer::Wc, Buffer::Pages), Some(Range::one(1.5, true)));
    }

    #[test]
    fn kinds_of_different_page_counts_are_compared_by_the_page_and_have_no_ratio() {
        let recording = recording([of(Buffer::Pages, 1, 1, 100), of(Buffer::Wc, 16, 1, 800)].concat());
        let [row] = &rows(&recording, true, P50_COLUMN)[..] else { panic!("not one row") };
        assert_eq!(row.values(), [Some(Range::one(100.0, true)), Some(Range::one(50.0, true)), None]);
        assert_eq!(row.ratio(Buffer::Wc, Buffer::Pages), None);
    }

    #[test]
    fn a_domain_is_compared_with_itself_where_there_are_several_and_with_any_where_there_are_not() {
        let several = recording([of(Buffer::Pages, 1, 0, 7), of(Buffer::Pages, 1, 1, 10), of(Buffer::Wc, 1, 1, 15)].concat());
        let compared: Vec<_> = rows(&several, true, P50_COLUMN).iter().map(|row| (row.name(), row.counts())).collect();
        assert_eq!(compared, [("export dom0".to_owned(), [50, 0, 0]), ("export dom1".to_owned(), [50, 50, 0])]);
        let one_each = rows(&recording([of(Buffer::Pages, 1, 0, 10), of(Buffer::Wc, 1, 1, 15)].concat()), true, P50_COLUMN);
        assert_eq!(
            (one_each[0].name(), one_each[0].ratio(Buffer::Wc, Buffer::Pages)),
            ("export".to_owned(), Some(Range::one(1.5, true)))
        );
        assert_eq!(across_domains(&one_each), ["export (pages dom0, wc dom1)"]);
    }

    #[test]
    fn teardowns_that_other_operations_requested_are_rows_of_their_own() {
        let teardown = |by| Operation { op: Op::Teardown, details: vec![Detail::StartedBy(by)], ..export(Buffer::Wc, 5_000) };
        let recording = recording(vec![teardown(Op::Close), teardown(Op::Munmap)]);
        let names: Vec<_> = rows(&recording, true, P50_COLUMN).iter().map(|row| row.subject.name()).collect();
        assert_eq!(names, ["teardown/munmap", "teardown/close"]);
    }
}
