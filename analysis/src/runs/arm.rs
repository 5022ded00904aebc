//! What was recorded in one run in different ways, as if each way were a run of its own.

use std::collections::{BTreeMap, BTreeSet};

use grantscope_wire::Buffer;

use super::Run;
use crate::compare::{KINDS, RATIOS};
use crate::series::SeriesKey;

/// In what the ways differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// What backs the mapping.
    Buffer,
    /// How many grant references.
    Pages,
}

/// One way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A kind, by its place in [`KINDS`].
    Kind(usize),
    /// Grant references.
    Pages(u32),
}

impl Arm {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Buffer, Self::Pages];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buffer => "buffer",
            Self::Pages => "pages",
        }
    }

    /// What it is.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Buffer => "kinds of buffers: wc and coherent with pages, coherent with wc",
            Self::Pages => "page counts: each with the next one",
        }
    }

    /// The ways that there are in some runs.
    pub fn values(self, runs: &[Run]) -> BTreeSet<Way> {
        runs.iter().flat_map(|run| run.series.keys()).filter_map(|key| self.of(key)).collect()
    }

    /// Which of them are compared, each with its base first.
    pub fn pairs(self, values: &BTreeSet<Way>) -> Vec<(Way, Way)> {
        match self {
            Self::Buffer => {
                let of = |kind: Buffer| KINDS.iter().position(|&other| other == kind).map(Way::Kind);
                let all = RATIOS.iter().filter_map(|ratio| of(ratio.base).zip(of(ratio.of)));
                all.filter(|(base, head)| values.contains(base) && values.contains(head)).collect()
            }
            Self::Pages => values.iter().copied().zip(values.iter().copied().skip(1)).collect(),
        }
    }

    /// A run of what was done in this way alone.
    pub fn only(self, run: &Run, way: Way) -> Run {
        let without = |key: &SeriesKey| match self {
            Self::Buffer => SeriesKey { buffer: None, ..*key },
            Self::Pages => SeriesKey { pages: None, ..*key },
        };
        let of_way = run.series.iter().filter(|(key, _)| self.of(key) == Some(way));
        let series: BTreeMap<_, _> = of_way.map(|(key, series)| (without(key), series.clone())).collect();
        Run { series, ..run.clone() }
    }

    /// What a way is called.
    pub fn shown(self, way: Way) -> String {
        match way {
            Way::Kind(place) => KINDS[place].name().to_owned(),
            Way::Pages(1) => "1 page".to_owned(),
            Way::Pages(pages) => format!("{pages} pages"),
        }
    }

    fn of(self, key: &SeriesKey) -> Option<Way> {
        match self {
            Self::Buffer => KINDS.iter().position(|&kind| key.buffer == Some(kind)).map(Way::Kind),
            Self::Pages => key.pages.map(Way::Pages),
        }
    }
}
