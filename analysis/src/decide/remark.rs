//! What keeps a comparison from being one of like with like: each has a name by which it can be allowed.

use std::borrow::Cow;
use std::collections::BTreeSet;

use grantscope_wire::Op;

use super::Rule;
use super::pair::Pair;
use crate::runs::csv::TAG;
use crate::runs::{By, Fact, Run, RunGroup};
use crate::series::SeriesKey;

/// Of which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What is compared with.
    Base,
    /// What is compared.
    Head,
}

/// One thing.
#[derive(Clone, Debug, PartialEq)]
pub enum Remark {
    /// A circumstance or a tag is another one, with all values that it has on each side. A tag that only some runs of a side have is empty
    /// in the others.
    Differs {
        /// Which.
        by: By,
        /// On each side.
        values: [BTreeSet<String>; 2],
    },
    /// A group of runs that only the other side has.
    Group {
        /// Which.
        group: RunGroup,
        /// Where it is missing.
        side: Side,
        /// How many runs it has on the other side.
        runs: usize,
    },
    /// A series that only the other side has.
    Missing {
        /// Which.
        key: SeriesKey,
        /// Where it is missing.
        side: Side,
        /// How many operations it has on the other side.
        count: u64,
    },
    /// Operations that failed, in a way in which none did on the other side.
    Outcome {
        /// Which.
        key: SeriesKey,
        /// Where they are.
        side: Side,
        /// How many.
        count: u64,
    },
    /// Operations were lost.
    Lost {
        /// Of which kind.
        op: Op,
        /// Where.
        side: Side,
        /// At most so many.
        count: u64,
    },
    /// Operations are in no series.
    WithoutRow {
        /// Where.
        side: Side,
        /// How many.
        count: u64,
    },
    /// A limit is for nothing that there is.
    Unmatched {
        /// Its selector.
        selector: String,
    },
    /// Nothing is on both sides.
    Nothing,
}

impl Side {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Head => "head",
        }
    }
}

impl Remark {
    /// By what `--allow` knows it.
    pub fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Differs { by, .. } => return by.column(),
            Self::Group { .. } => "group",
            Self::Missing { .. } => "missing",
            Self::Outcome { .. } => "outcomes",
            Self::Lost { .. } => "lost",
            Self::WithoutRow { .. } => "without_row",
            Self::Unmatched { .. } => "limits",
            Self::Nothing => "nothing",
        })
    }

    /// Whether it is one of those that these names allow.
    pub fn is_among(&self, allowed: &[String]) -> bool {
        allowed.iter().any(|name| *name == self.name())
    }

    /// All names that can be allowed, besides the columns of tags: that there is nothing to compare cannot.
    pub fn names() -> Vec<&'static str> {
        let others = ["group", "missing", "outcomes", "lost", "without_row", "limits"];
        Fact::ALL.map(Fact::name).into_iter().chain(others).collect()
    }

    /// Whether it is the name of something that can be allowed.
    pub fn can_be_allowed(name: &str) -> bool {
        Self::names().contains(&name) || name.strip_prefix(TAG).is_some_and(|tag| !tag.is_empty())
    }
}

/// All of two sides.
pub(super) fn of(base: &[Run], head: &[Run], rules: &[Rule], pairs: &[Pair<'_>]) -> Vec<Remark> {
    let sides = [(Side::Base, base), (Side::Head, head)];
    let is_judged = |key: &SeriesKey| rules.iter().any(|rule| rule.selector.selects(key));
    let tags: BTreeSet<_> = base.iter().chain(head).flat_map(|run| run.tags.keys().cloned()).collect();
    let circumstances = Fact::ALL.into_iter().map(By::Fact).chain(tags.into_iter().map(By::Tag));
    let mut all: Vec<_> = circumstances.filter_map(|by| differs(base, head, by)).collect();
    all.extend(pairs.iter().filter(|pair| is_judged(&pair.key)).filter_map(one_sided));
    let judged_ops: BTreeSet<_> = pairs.iter().filter(|pair| is_judged(&pair.key)).map(|pair| pair.key.op).collect();
    for (side, runs) in sides {
        let lost = |op: &Op| runs.iter().map(|run| run.lost.get(op).copied().unwrap_or_default()).sum();
        let counts = judged_ops.iter().map(|op| (*op, lost(op))).filter(|&(_, count)| count > 0);
        all.extend(counts.map(|(op, count)| Remark::Lost { op, side, count }));
        let count = runs.iter().map(|run| run.without_row).sum();
        all.extend((count > 0).then_some(Remark::WithoutRow { side, count }));
    }
    let is_unmatched = |rule: &&Rule| !pairs.iter().any(|pair| rule.selector.selects(&pair.key));
    all.extend(rules.iter().filter(is_unmatched).map(|rule| Remark::Unmatched { selector: rule.selector.to_string() }));
    all
}

fn differs(base: &[Run], head: &[Run], by: By) -> Option<Remark> {
    let is_corrected = |run: &Run| run.facts.0.get(&Fact::Times).is_some_and(|times| times == "corrected");
    // What they add to a time is not in one that is corrected.
    if matches!(by, By::Fact(Fact::Attach | Fact::Detail)) && base.iter().chain(head).all(is_corrected) {
        return None;
    }
    let values = [base, head].map(|side| values(side, &by));
    let all: BTreeSet<_> = values.iter().flatten().collect();
    (all.len() > 1).then_some(Remark::Differs { by, values })
}

/// A circumstance that is not known of one run may be the same as in another. A tag is known: somebody gave it to some runs and not to others.
fn values(side: &[Run], by: &By) -> BTreeSet<String> {
    let mut values: BTreeSet<_> = side.iter().filter_map(|run| by.of(run)).map(str::to_owned).collect();
    if matches!(by, By::Tag(_)) && !values.is_empty() && side.iter().any(|run| by.of(run).is_none()) {
        values.insert(String::new());
    }
    values
}

fn one_sided(pair: &Pair<'_>) -> Option<Remark> {
    let count = |side: usize| pair.count(side);
    let (key, [base, head]) = (pair.key, [count(0), count(1)]);
    let is_failure = key.is_failure();
    match (base, head) {
        (_, 0) if is_failure => Some(Remark::Outcome { key, side: Side::Base, count: base }),
        (0, _) if is_failure => Some(Remark::Outcome { key, side: Side::Head, count: head }),
        (_, 0) => Some(Remark::Missing { key, side: Side::Head, count: base }),
        (0, _) => Some(Remark::Missing { key, side: Side::Base, count: head }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::decide::compare;
    use crate::fixtures::export;
    use crate::model::{Operation, Outcome};
    use crate::recording::Frame;
    use crate::series::Aggregate;

    /// The names of what is remarked where only the second side has an operation that ends with this errno.
    fn remarks(op: Op, errno: i32) -> Vec<String> {
        let both = export(Buffer::Wc, 1_000);
        let only = Operation { op, outcome: Outcome::Errno(errno), ..both.clone() };
        let [base, head] = [vec![both.clone()], vec![both, only]].map(|operations| {
            let mut aggregate = Aggregate::default();
            aggregate.add(&Frame::Operations(operations));
            [Run::from(&aggregate)]
        });
        let comparison = compare(["base", "head"].map(str::to_owned), &base, &head, &[Rule::default_one()], 0.01);
        comparison.remarks.iter().map(|remark| remark.name().into_owned()).collect()
    }

    #[test]
    fn a_failure_of_one_side_alone_is_one_of_outcomes_and_an_answer_is_a_series_that_is_missing() {
        assert_eq!(remarks(Op::ImportRelease, 2), ["outcomes"]);
        assert_eq!(remarks(Op::WaitReleased, 2), ["missing"]);
    }
}
