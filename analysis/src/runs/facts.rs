//! Circumstances of a run that times depend on: two runs are compared only where these agree.

use std::collections::BTreeMap;

use crate::series::Aggregate;
use crate::shown::escaped;

/// A circumstance. Its name is the one that `--allow` takes, and that of its column in files, where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// Kernel release.
    Kernel,
    /// Xen version.
    Xen,
    /// Machine.
    Arch,
    /// Bytes in a page of the kernel.
    PageSize,
    /// The clock behind all times.
    Clock,
    /// What an operation had to be to be recorded.
    Filter,
    /// Which phase of a benchmark is in it.
    Phase,
    /// Whether times are without the probes' own.
    Times,
    /// How much was watched: it is in the probes' own time.
    Detail,
    /// By which means hooks are attached: it is in the probes' own time.
    Attach,
}

impl Fact {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Kernel,
        Self::Xen,
        Self::Arch,
        Self::PageSize,
        Self::Clock,
        Self::Filter,
        Self::Phase,
        Self::Times,
        Self::Detail,
        Self::Attach,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Xen => "xen",
            Self::Arch => "arch",
            Self::PageSize => "page_size",
            Self::Clock => "clock",
            Self::Filter => "filter",
            Self::Phase => "phase",
            Self::Times => "times",
            Self::Detail => "detail",
            Self::Attach => "attach",
        }
    }
}

/// The circumstances of one run, as words. One that is not known is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(pub BTreeMap<Fact, String>);

impl Facts {
    /// Those of a recording.
    pub fn of(aggregate: &Aggregate) -> Self {
        let mut facts = BTreeMap::new();
        if let Some(environment) = aggregate.environment() {
            facts.insert(Fact::Kernel, environment.kernel.clone());
            facts.extend(environment.xen.clone().map(|xen| (Fact::Xen, xen)));
            facts.insert(Fact::Arch, environment.arch.clone());
            facts.insert(Fact::PageSize, environment.page_size.to_string());
            facts.insert(Fact::Clock, environment.clock.name().to_owned());
            facts.extend(environment.detail.map(|detail| (Fact::Detail, detail.name().to_owned())));
            let mut means: BTreeMap<&str, usize> = BTreeMap::new();
            environment
                .hooks
                .iter()
                .filter_map(|hook| hook.attached_by.as_deref())
                .for_each(|by| *means.entry(by).or_default() += 1);
            let means: Vec<_> = means.iter().map(|(by, hooks)| format!("{hooks} by {by}")).collect();
            facts.insert(Fact::Attach, means.join(", "));
        }
        facts.insert(Fact::Filter, aggregate.filtered().map(|report| report.filter.to_string()).unwrap_or_default());
        facts.extend(aggregate.left_out().map(|_| (Fact::Phase, aggregate.wanted().phases.name().to_owned())));
        if aggregate.operations() > 0 {
            facts.insert(Fact::Times, aggregate.extent().name().to_owned());
        }
        // As files have it: text of others is on one line, and what is empty is not known.
        facts.retain(|&fact, value| matches!(fact, Fact::Filter | Fact::Attach) || !value.is_empty());
        facts.values_mut().for_each(|value| *value = escaped(value).into_owned());
        Self(facts)
    }
}
