//! How much of what was mapped for devices is a copy.

use crate::model::{DmaSums, Outcome};
use crate::series::Aggregate;
use crate::shown::number;
use crate::units;

/// In a line: `bounced: 4 of 16 entries that were mapped for devices (1.5 MiB); …`; `None`: none was, or it is not known.
pub fn line(aggregate: &Aggregate) -> Option<String> {
    let mapped = aggregate.series().map(|(key, _)| key).filter(|key| key.stage.is_none() && key.outcome == Outcome::Ok);
    let known = mapped.filter_map(|key| aggregate.dma(key)).filter(|sums| sums.bounces.is_some());
    let sums = known.reduce(DmaSums::and)?;
    let bounces = sums.bounces.filter(|bounces| *bounces > 0)?;
    let of = sums.entries.map(|entries| format!(" of {}", number(entries))).unwrap_or_default();
    let size = sums.bounced_bytes.map_or_else(|| units::UNKNOWN.to_owned(), units::size);
    let bounces = number(bounces);
    Some(format!(
        "bounced: {bounces}{of} entries that were mapped for devices ({size}); of these a device sees a copy, as they were when mapped"
    ))
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Buffer, Op};

    use super::*;
    use crate::fixtures::export;
    use crate::model::{Detail, Operation};
    use crate::recording::Frame;

    /// What is said of mappings: whether each succeeded, its entries, and how many of them bounced, a page each.
    fn said(mappings: &[(Outcome, Option<u32>, Option<u32>)]) -> Option<String> {
        let mapping = |&(outcome, entries, bounces): &(Outcome, Option<u32>, Option<u32>)| {
            let details =
                vec![Detail::Mapping { entries, bounces, bounced_bytes: bounces.map(|bounces| 4096 * u64::from(bounces)) }];
            Operation { op: Op::AttachmentMap, outcome, details, ..export(Buffer::Pages, 10) }
        };
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Operations(mappings.iter().map(mapping).collect()));
        line(&aggregate)
    }

    #[test]
    fn what_succeeded_is_added_up_and_where_nothing_bounced_nothing_is_said() {
        const OK: Outcome = Outcome::Ok;
        const REFUSED: Outcome = Outcome::Errno(12);
        let bounced = said(&[(OK, Some(12), Some(3)), (OK, Some(4), Some(1)), (REFUSED, None, Some(1))]).unwrap_or_default();
        assert!(bounced.starts_with("bounced: 4 of 16 entries that were mapped for devices (16 KiB);"), "{bounced}");
        assert_eq!(said(&[(OK, Some(12), Some(0))]), None);
        assert_eq!(said(&[(REFUSED, None, Some(1))]), None);
        assert_eq!(said(&[(OK, Some(12), None)]), None, "whether any bounced is not known");
    }
}
