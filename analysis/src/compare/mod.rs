//! Buffer kinds side by side, as values: the summary and the viewer's comparison are both made from these rows.

mod stages;

use std::collections::BTreeMap;

use grantscope_wire::Buffer;

pub use stages::{StageMeans, stages};

use crate::column::{self, Column};
use crate::series::{Aggregate, Group, Series, SeriesKey, groups, merged};

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
    /// The metric by which kinds are compared, in its unit; `None`: not known.
    pub value: Option<f64>,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it compares. Of no kind of its own (`buffer` is `None`): each has a cell.
    pub subject: Group,
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

    /// How many kinds something was recorded of.
    pub fn kinds(&self) -> usize {
        self.cells.iter().flatten().count()
    }
}

/// All whole operations that have one of the kinds that are compared, by one metric, in the order of their subjects.
pub fn rows(recording: &Aggregate, pages_added_up: bool, metric: &Column) -> Vec<Row> {
    let mut rows: BTreeMap<Group, PerKind<Option<Cell>>> = BTreeMap::new();
    for (group, members) in groups(recording, pages_added_up) {
        if let Some(place) = KINDS.iter().position(|&kind| group.buffer == Some(kind)) {
            let cells = rows.entry(Group { buffer: None, ..group }).or_default();
            cells[place] = Some(cell(recording, &group, members, metric));
        }
    }
    rows.into_iter().map(|(subject, cells)| Row { subject, cells }).collect()
}

fn cell(recording: &Aggregate, group: &Group, members: Vec<SeriesKey>, metric: &Column) -> Cell {
    let series = merged(recording, &members, None);
    let value = (metric.value)(column::Row { recording, key: &group.key(), series: &series }).number();
    Cell { members, series, value }
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

    #[test]
    fn teardowns_that_other_operations_requested_are_rows_of_their_own() {
        let teardown = |by| Operation { op: Op::Teardown, details: vec![Detail::StartedBy(by)], ..export(Buffer::Wc, 5_000) };
        let recording = recording(vec![teardown(Op::Close), teardown(Op::Munmap)]);
        let names: Vec<_> = rows(&recording, true, P50).iter().map(|row| row.subject.name()).collect();
        assert_eq!(names, ["teardown/munmap", "teardown/close"]);
    }
}
