//! By what runs are told apart: their name, a circumstance, or a tag; and what those of one group have in common.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::csv::TAG;
use super::{Fact, Run};

/// The column of a run's name.
const RUN: &str = "run";

/// By what runs are told apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// Their name.
    Name,
    /// A circumstance.
    Fact(Fact),
    /// A tag of this name.
    Tag(String),
}

impl By {
    /// All that any of these runs has.
    pub fn all<'a>(runs: impl IntoIterator<Item = &'a Run>) -> BTreeSet<Self> {
        let of_run = |run: &Run| {
            let facts = run.facts.0.keys().copied().map(Self::Fact);
            let tags = run.tags.keys().cloned().map(Self::Tag);
            facts.chain(tags).chain((!run.name.is_empty()).then_some(Self::Name)).collect::<Vec<_>>()
        };
        runs.into_iter().flat_map(of_run).collect()
    }

    /// The one that is called so, of some that there are: by its word, or by its column.
    pub fn find(name: &str, all: &BTreeSet<Self>) -> Option<Self> {
        let by_word = all.iter().find(|by| by.word() == name);
        by_word.or_else(|| all.iter().find(|by| by.column() == name)).cloned()
    }

    /// What it is called: of a tag its name, unless a circumstance has that name.
    pub fn word(&self) -> Cow<'_, str> {
        match self {
            Self::Tag(name) if name != RUN && Fact::ALL.iter().all(|fact| fact.name() != name) => Cow::Borrowed(name),
            other => other.column(),
        }
    }

    /// Its column in files.
    pub fn column(&self) -> Cow<'_, str> {
        match self {
            Self::Name => Cow::Borrowed(RUN),
            Self::Fact(fact) => Cow::Borrowed(fact.name()),
            Self::Tag(name) => Cow::Owned(format!("{TAG}{name}")),
        }
    }

    /// What it is of a run; `None`: not known, or the run has no such tag.
    pub fn of<'a>(&self, run: &'a Run) -> Option<&'a str> {
        match self {
            Self::Name => Some(run.name.as_str()).filter(|name| !name.is_empty()),
            Self::Fact(fact) => run.facts.0.get(fact).map(String::as_str),
            Self::Tag(name) => run.tags.get(name).map(String::as_str),
        }
    }
}

/// What the runs of a group have in common, in the order in which it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunGroup(pub Vec<(By, Option<String>)>);

impl RunGroup {
    /// The group of a run.
    pub fn of(by: &[By], run: &Run) -> Self {
        Self(by.iter().map(|by| (by.clone(), by.of(run).map(str::to_owned))).collect())
    }
}

/// `board=rcar, kernel=6.12.0`. A circumstance that is empty is that there is none, such as a filter.
impl fmt::Display for RunGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |(by, value): &(By, Option<String>)| match (by, value.as_deref()) {
            (_, Some("")) => format!("{}=none", by.word()),
            (_, Some(value)) => format!("{}={value}", by.word()),
            (By::Tag(_), None) => format!("no {}", by.word()),
            (_, None) => format!("{} not known", by.word()),
        };
        f.write_str(&self.0.iter().map(one).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::runs::Facts;

    fn run() -> Run {
        let tags = [("board", "rcar"), ("kernel", "ours")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let facts = [(Fact::Kernel, "6.12.0".to_owned()), (Fact::Filter, String::new())];
        Run { name: "monday".to_owned(), tags: tags.into(), facts: Facts(BTreeMap::from(facts)), ..Run::default() }
    }

    #[test]
    fn a_tag_with_the_name_of_a_circumstance_is_called_by_its_column() {
        let runs = [run(), Run::default()];
        let all = By::all(&runs);
        let words: Vec<_> = all.iter().map(By::word).collect();
        assert_eq!(words, ["run", "kernel", "filter", "board", "tag_kernel"]);
        assert_eq!(By::find("kernel", &all), Some(By::Fact(Fact::Kernel)));
        assert_eq!(By::find("tag_board", &all), By::find("board", &all));
        assert_eq!(By::find("xen", &all), None, "no run says it");
    }

    #[test]
    fn a_group_says_what_is_not_known() {
        let by = [By::Tag("board".to_owned()), By::Fact(Fact::Filter), By::Fact(Fact::Xen), By::Tag("branch".to_owned())];
        assert_eq!(RunGroup::of(&by, &run()).to_string(), "board=rcar, filter=none, xen not known, no branch");
        assert_eq!(RunGroup::of(&[By::Name], &Run::default()).to_string(), "run not known");
    }
}
