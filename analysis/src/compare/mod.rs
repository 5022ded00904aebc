//! Buffer kinds side by side, as values: the summary and the viewer's comparison are both made from these rows.

mod domains;
mod stages;

use std::collections::BTreeMap;

use grantscope_wire::Buffer;

pub use domains::{across_domains, pair};
pub use stages::{StageMeans, stages};

use crate::column::{self, Column};
use crate::series::{Aggregate, Domain, Group, Series, SeriesKey, groups, merged};

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
    /// The metric by which kinds are compared, in its unit; `None`: not known.
    pub value: Option<f64>,
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

    /// The value of one kind divided by that of another, its base; `None`: one of the two is not known, or the base is 0.
    pub fn ratio(&self, of: Buffer, base: Buffer) -> Option<f64> {
        let value = |kind| self.cell(kind)?.value;
        let (of, base) = value(of).zip(value(base))?;
        (base > 0.0).then(|| of / base)
    }

    /// Operations of each kind.
    pub fn counts(&self) -> PerKind<u64> {
        self.cells.each_ref().map(|cell| cell.as_ref().map_or(0, |cell| cell.series.count()))
    }

    /// What it compares, by name; with its domain where that is all that tells it from another row.
    pub fn name(&self) -> String {
        self.subject.label(self.shows_domain)
    }

    /// How many kinds something was recorded of.
    pub fn kinds(&self) -> usize {
        self.cells.iter().flatten().count()
    }
}

/// The series of each domain.
type ByDomain = BTreeMap<Domain, Vec<SeriesKey>>;

/// All whole operations that have one of the kinds that are compared, by one metric, in the order of their subjects.
///
/// Domains are compared with themselves where a kind was recorded with several of them, else with whatever the other kinds have.
pub fn rows(recording: &Aggregate, pages_added_up: bool, metric: &Column) -> Vec<Row> {
    let mut subjects: BTreeMap<Group, PerKind<ByDomain>> = BTreeMap::new();
    for (group, members) in groups(recording, pages_added_up) {
        if let Some(place) = KINDS.iter().position(|&kind| group.buffer == Some(kind)) {
            let kinds = subjects.entry(Group { buffer: None, domain: Domain::Any, ..group }).or_default();
            kinds[place].insert(group.domain, members);
        }
    }
    let mut all = Vec::new();
    for (subject, kinds) in subjects {
        let shows_domain = kinds.iter().any(|domains| domains.len() > 1);
        for (domain, kinds) in pair(kinds) {
            let cells = kinds.map(|kind| kind.map(|(domain, members)| cell(recording, &subject, domain, members, metric)));
            all.push(Row { subject: Group { domain, ..subject }, shows_domain, cells });
        }
    }
    all
}

fn cell(recording: &Aggregate, subject: &Group, domain: Domain, members: Vec<SeriesKey>, metric: &Column) -> Cell {
    let series = merged(recording, &members, None);
    let value = (metric.value)(column::Row { recording, key: &subject.key(), series: &series }).number();
    Cell { members, series, domain, value }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Cause, Op};

    use super::*;
    use crate::column::{METRICS, place};
    use crate::fixtures::export;
    use crate::model::{Detail, Operation, Outcome};
    use crate::recording::Frame;

    const P50: &Column = &METRICS[place(METRICS, "p50_ns")];

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
        let [ok, failed] = &rows(&recording, false, P50)[..] else { panic!("not two rows") };
        assert_eq!((ok.kinds(), ok.ratio(Buffer::Wc, Buffer::Pages)), (2, Some(1.5)));
        assert_eq!((ok.ratio(Buffer::Coherent, Buffer::Wc), ok.cell(Buffer::Coherent).is_some()), (None, false));
        let both = failed.cell(Buffer::Wc).expect("both have failed");
        assert_eq!((failed.kinds(), both.members.len(), both.series.count()), (1, 2, 2));
    }

    fn of(kind: Buffer, pages: u32, domid: u16, ns: u64) -> Vec<Operation> {
        vec![Operation { pages: Some(pages), domid: Some(domid), ..export(kind, ns) }; 50]
    }

    #[test]
    fn a_domain_is_compared_with_itself_where_there_are_several_and_with_any_where_there_are_not() {
        let several = recording([of(Buffer::Pages, 1, 0, 7), of(Buffer::Pages, 1, 1, 10), of(Buffer::Wc, 1, 1, 15)].concat());
        let compared: Vec<_> = rows(&several, true, P50).iter().map(|row| (row.name(), row.counts())).collect();
        assert_eq!(compared, [("export dom0".to_owned(), [50, 0, 0]), ("export dom1".to_owned(), [50, 50, 0])]);
        let one_each = rows(&recording([of(Buffer::Pages, 1, 0, 10), of(Buffer::Wc, 1, 1, 15)].concat()), true, P50);
        assert_eq!((one_each[0].name(), one_each[0].ratio(Buffer::Wc, Buffer::Pages)), ("export".to_owned(), Some(1.5)));
        assert_eq!(across_domains(&one_each), ["export (pages dom0, wc dom1)"]);
    }

    #[test]
    fn teardowns_that_other_operations_requested_are_rows_of_their_own() {
        let teardown = |by| Operation { op: Op::Teardown, details: vec![Detail::StartedBy(by)], ..export(Buffer::Wc, 5_000) };
        let recording = recording(vec![teardown(Op::Close), teardown(Op::Munmap)]);
        let names: Vec<_> = rows(&recording, true, P50).iter().map(|row| row.subject.name()).collect();
        assert_eq!(names, ["teardown/munmap", "teardown/close"]);
    }
}
