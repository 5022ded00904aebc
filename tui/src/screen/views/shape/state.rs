//! The durations of the selected row and of the other kinds of buffer, as values.

use grantscope_analysis::compare::KINDS;
use grantscope_analysis::decide::{Modes, modes_of};
use grantscope_analysis::series::{Pages, Series};
use grantscope_wire::Buffer;

use crate::screen::model::common::Common;

/// All distributions that are seen.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// The selected row first among them, alone where there is nothing to compare it with.
    pub kinds: Vec<Kind>,
}

/// The durations of one kind of buffer.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Which; `None`: of no kind.
    pub buffer: Option<Buffer>,
    /// Whether it is the selected row's.
    pub is_selected: bool,
    /// Its durations.
    pub series: Series,
    /// Two durations about which they are, if there are two; `None`: there are not, or operations of several sizes.
    pub modes: Option<Modes>,
}

impl Shape {
    /// Looks at the selected row.
    pub fn refresh(&mut self, common: &Common) {
        self.kinds = kinds(common).unwrap_or_default();
    }
}

fn kinds(common: &Common) -> Option<Vec<Kind>> {
    let row = common.listing.detail()?;
    let compared = common.data().beside_other_kinds(&row.group);
    let kind = |buffer, series: &Series| Kind {
        buffer,
        is_selected: buffer == row.group.buffer,
        series: series.clone(),
        modes: modes_of(series).filter(|_| row.group.pages != Pages::All && !series.is_mixture()),
    };
    let Some(compared) = compared else { return Some(vec![kind(row.group.buffer, &row.total)]) };
    let cells = KINDS.iter().zip(&compared.cells);
    Some(cells.filter_map(|(&buffer, cell)| Some(kind(Some(buffer), &cell.as_ref()?.series))).collect())
}
