//! What DMA has been done for operations, added up.

/// What DMA was done for operations, of one or of many: of DMA buffers that were allocated, and of buffers that were mapped for devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DmaSums {
    /// DMA buffers whose memory is from CMA; `None`: none was allocated, or not known of all of them.
    pub from_cma: Option<u64>,
    /// Entries of scatter lists that were mapped; `None`: not known of all of them.
    pub entries: Option<u64>,
    /// Entries that went by way of a bounce buffer, or were to; `None`: not known of all of them.
    pub bounces: Option<u64>,
    /// Bytes of those.
    pub bounced_bytes: Option<u64>,
}

impl DmaSums {
    /// Those, and more.
    pub fn and(self, more: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| Some(one?.saturating_add(other?));
        Self {
            from_cma: sum(self.from_cma, more.from_cma),
            entries: sum(self.entries, more.entries),
            bounces: sum(self.bounces, more.bounces),
            bounced_bytes: sum(self.bounced_bytes, more.bounced_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_of_one_is_not_known_of_all() {
        let known = DmaSums { from_cma: None, entries: Some(4), bounces: Some(1), bounced_bytes: Some(8192) };
        assert_eq!(
            known.and(known),
            DmaSums { entries: Some(8), bounces: Some(2), bounced_bytes: Some(16_384), ..DmaSums::default() }
        );
        let blind = DmaSums { bounces: None, bounced_bytes: None, ..known };
        let sums = DmaSums { entries: Some(8), ..DmaSums::default() };
        assert_eq!([known.and(blind), blind.and(known)], [sums; 2]);
    }
}
