//! What the bound on series has done to what is shown.

use crate::series::{Aggregate, Unkept};

/// In a line: `more than 20000 series: 37 operations are in ranges of page counts, and 4 in no row`; `None`: there is room for all.
pub fn line(aggregate: &Aggregate) -> Option<String> {
    let Unkept { in_ranges, left_out } = aggregate.unkept();
    if in_ranges == 0 && left_out == 0 {
        return None;
    }
    let rest = if left_out > 0 { format!(", and {left_out} IN NO ROW") } else { String::new() };
    Some(format!(
        "more than {} series: {in_ranges} operations are in ranges of page counts{rest}",
        aggregate.wanted().most_series.0
    ))
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::fixtures::export;
    use crate::model::Operation;
    use crate::recording::Frame;
    use crate::series::{MostSeries, Wanted};

    #[test]
    fn what_has_no_room_is_said_and_else_nothing_is() {
        let of = |buffer, pages| Operation { pages: Some(pages), ..export(buffer, 10) };
        let operations =
            vec![of(Buffer::Wc, 1), of(Buffer::Wc, 9), of(Buffer::Wc, 10), of(Buffer::Pages, 1), of(Buffer::Coherent, 1)];
        let said = |most| {
            let mut aggregate = Aggregate::of(Wanted { most_series: MostSeries(most), ..Wanted::default() });
            aggregate.add(&Frame::Operations(operations.clone()));
            line(&aggregate)
        };
        assert_eq!(said(100), None);
        // Each operation has a total and a stage.
        let expected = "more than 2 series: 2 operations are in ranges of page counts, and 2 IN NO ROW";
        assert_eq!(said(2).as_deref(), Some(expected));
    }
}
