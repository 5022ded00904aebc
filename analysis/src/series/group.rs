//! Series that a reader sees as one: what is left of a key without causes, and without page counts if they are added up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use grantscope_wire::{Buffer, Op, Stage};
use internment::Intern;

use super::key::name_of;
use super::{Aggregate, PageRange, Series, SeriesKey};
use crate::model::Outcome;
use crate::units;

/// Which page counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pages {
    /// Not known, or the operation is not about pages.
    Unknown,
    /// This many grant references.
    Exactly(u32),
    /// One of these.
    Within(PageRange),
    /// Any.
    All,
}

impl Pages {
    /// The page count of a series, or `All` where page counts are added up.
    pub fn of(key: &SeriesKey, added_up: bool) -> Self {
        match (key.pages, key.page_range) {
            _ if added_up => Self::All,
            (Some(pages), _) => Self::Exactly(pages),
            (None, Some(range)) => Self::Within(range),
            (None, None) => Self::Unknown,
        }
    }
}

/// Which other domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// Not known.
    Unknown,
    /// This one.
    Exactly(u16),
    /// Any.
    Any,
}

impl Domain {
    /// The domain of a series.
    pub fn of(domid: Option<u16>) -> Self {
        domid.map_or(Self::Unknown, Self::Exactly)
    }
}

/// As people call a domain: `dom1`; `dom–` where it is not known.
impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(f, "dom{}", units::UNKNOWN),
            Self::Exactly(domid) => write!(f, "dom{domid}"),
            Self::Any => f.write_str("any dom"),
        }
    }
}

/// The common properties of the operations of a group. The order is that of an unsorted table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// The kind of operation.
    pub op: Op,
    /// What backs the mapping; `None`: not known.
    pub buffer: Option<Buffer>,
    /// The operation that requested this one; `None`: not known, or none.
    pub started_by: Option<Op>,
    /// The kernel function that called; `None`: not known, or a call from user space.
    pub caller: Option<Intern<str>>,
    /// How many grant references.
    pub pages: Pages,
    /// The other domain.
    pub domain: Domain,
    /// How it ended.
    pub outcome: Outcome,
}

impl Group {
    /// The group of a series.
    pub fn of(key: &SeriesKey, pages_added_up: bool) -> Self {
        let &SeriesKey { op, buffer, started_by, caller, outcome, .. } = key;
        let (pages, domain) = (Pages::of(key, pages_added_up), Domain::of(key.domid));
        Self { op, buffer, started_by, caller, pages, domain, outcome }
    }

    /// What its series have in common, as the key of one: no page count where these are added up, and no cause.
    pub fn key(&self) -> SeriesKey {
        let &Self { op, buffer, started_by, caller, pages, domain, outcome } = self;
        let (pages, page_range) = match pages {
            Pages::Exactly(pages) => (Some(pages), None),
            Pages::Within(range) => (None, Some(range)),
            Pages::Unknown | Pages::All => (None, None),
        };
        let domid = if let Domain::Exactly(domid) = domain { Some(domid) } else { None };
        SeriesKey { op, buffer, pages, page_range, domid, outcome, started_by, cause: None, caller, stage: None }
    }

    /// As [`SeriesKey::name`].
    pub fn name(&self) -> String {
        name_of(self.op, self.started_by, self.caller)
    }

    /// The name, and the domain where it has to be shown: `export dom1`.
    pub fn label(&self, shows_domain: bool) -> String {
        if shows_domain { format!("{} {}", self.name(), self.domain) } else { self.name() }
    }
}

/// Whole operations of every group, with the keys of the series that it is made of.
pub fn groups(aggregate: &Aggregate, pages_added_up: bool) -> BTreeMap<Group, Vec<SeriesKey>> {
    groups_of(aggregate, pages_added_up, |_| true)
}

/// The same, of some series alone.
pub fn groups_of(
    aggregate: &Aggregate,
    pages_added_up: bool,
    takes: impl Fn(&SeriesKey) -> bool,
) -> BTreeMap<Group, Vec<SeriesKey>> {
    let mut groups: BTreeMap<Group, Vec<SeriesKey>> = BTreeMap::new();
    for (key, _) in aggregate.series().filter(|(key, _)| key.stage.is_none() && takes(key)) {
        groups.entry(Group::of(key, pages_added_up)).or_default().push(*key);
    }
    groups
}

/// Those of these groups that differ from another one by their domain alone: only these have to be shown with it.
pub fn told_apart_by_domain(groups: impl IntoIterator<Item = Group>) -> HashSet<Group> {
    let mut alike: HashMap<Group, Vec<Group>> = HashMap::new();
    for group in groups {
        alike.entry(Group { domain: Domain::Any, ..group }).or_default().push(group);
    }
    alike.into_values().filter(|groups| groups.len() > 1).flatten().collect()
}

/// What operations that can be measured by one quantile have in common, apart from what they do: how many pages, and of which domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// Grant references; `None`: not known, or several page counts.
    pub pages: Option<u32>,
    /// The page counts, where they have a series together.
    pub page_range: Option<PageRange>,
    /// The other domain; `None`: not known.
    pub domid: Option<u16>,
}

impl Size {
    fn of(key: &SeriesKey) -> Self {
        Self { pages: key.pages, page_range: key.page_range, domid: key.domid }
    }
}

/// These series by their sizes.
pub fn sizes(members: &[SeriesKey]) -> BTreeMap<Size, Vec<SeriesKey>> {
    let mut sizes: BTreeMap<Size, Vec<SeriesKey>> = BTreeMap::new();
    for member in members {
        sizes.entry(Size::of(member)).or_default().push(*member);
    }
    sizes
}

/// Whether no quantile of these series together says anything: they are of several sizes.
pub fn are_mixture(members: &[SeriesKey]) -> bool {
    let differ = |pair: &[SeriesKey]| Size::of(&pair[0]) != Size::of(&pair[1]);
    members.windows(2).any(differ) || members.iter().any(|member| member.page_range.is_some())
}

/// Durations of these series as one, for the whole operation or one stage: added bucket by bucket, so nothing is lost. Of several sizes
/// it is a mixture.
pub fn merged(aggregate: &Aggregate, members: &[SeriesKey], stage: Option<Stage>) -> Series {
    let mut whole = Series::together(members.iter().filter_map(|member| aggregate.get(&SeriesKey { stage, ..*member })));
    if are_mixture(members) {
        whole.mix();
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::export;
    use crate::model::Operation;
    use crate::recording::Frame;

    fn aggregate(operations: &[(u32, Option<u16>, u64)]) -> Aggregate {
        let operation =
            |&(pages, domid, ns): &(u32, Option<u16>, u64)| Operation { pages: Some(pages), domid, ..export(Buffer::Wc, ns) };
        let mut aggregate = Aggregate::default();
        aggregate.add(&Frame::Operations(operations.iter().map(operation).collect()));
        aggregate
    }

    #[test]
    fn domains_are_groups_of_their_own_also_where_page_counts_are_added_up() {
        let aggregate = aggregate(&[(1, Some(0), 10), (1, None, 20), (1, Some(1), 30), (4, Some(1), 40)]);
        let domains = |added_up| groups(&aggregate, added_up).keys().map(|group| group.domain).collect::<Vec<_>>();
        let [none, zero, one] = [Domain::Unknown, Domain::Exactly(0), Domain::Exactly(1)];
        assert_eq!((domains(false), domains(true)), (vec![none, zero, one, one], vec![none, zero, one]));
    }

    #[test]
    fn a_domain_is_shown_only_where_rows_differ_by_nothing_else() {
        let aggregate = aggregate(&[(1, Some(0), 10), (1, Some(1), 20), (4, Some(0), 30)]);
        let all = groups(&aggregate, false);
        let shown: Vec<_> =
            all.keys().map(|group| (group.pages, told_apart_by_domain(all.keys().copied()).contains(group))).collect();
        assert_eq!(shown, [(Pages::Exactly(1), true), (Pages::Exactly(1), true), (Pages::Exactly(4), false)]);
    }

    #[test]
    fn series_of_several_sizes_are_a_mixture_and_causes_are_none() {
        let aggregate = aggregate(&[(1, Some(1), 10), (4, Some(1), 40)]);
        let keys: Vec<_> = aggregate.series().map(|(key, _)| *key).filter(|key| key.stage.is_none()).collect();
        let is_mixture = |members: &[SeriesKey]| merged(&aggregate, members, None).is_mixture();
        assert_eq!((is_mixture(&keys), is_mixture(&keys[..1])), (true, false));
        let by_cause = [keys[0], SeriesKey { cause: Some(grantscope_wire::Cause::OverLimit), ..keys[0] }];
        assert!(!is_mixture(&by_cause));
        let stage = Some(Stage::Remainder);
        assert!(merged(&aggregate, &keys, stage).quantile_ns(0.5).is_none());
    }
}
