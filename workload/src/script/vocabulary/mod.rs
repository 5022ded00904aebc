//! The words of a scenario file: every key and every verb, in one table that the parser, the published schema and a test of the
//! documentation read.

mod verbs;

pub use verbs::{ERRNOS, Entry, Role, STEPS, Verb};

use crate::balloon::NEEDED;

/// The version of the format that is described here.
pub const VERSION: u32 = 1;

/// The most pages that one object can have: gntdev's own limit by default, and less than what an import must not have.
pub const MOST_PAGES: u32 = 65_535;

/// The most iterations.
pub const MOST_ITERATIONS: u32 = 1_000_000;

/// What may stand where a value is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number within these bounds.
    Number {
        /// The smallest.
        least: u32,
        /// The largest.
        most: u32,
    },
    /// A number within these bounds, or this word.
    NumberOr {
        /// The smallest.
        least: u32,
        /// The largest.
        most: u32,
        /// The word.
        word: &'static str,
    },
    /// A number of pages: a number, or a rule that gives another one each iteration.
    Pages,
    /// Numbers of iterations, each with the largest page count that it is for.
    Ladder,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The name of an object.
    Name,
    /// Text for people.
    Text,
}

impl Kind {
    /// As it is called in a sentence.
    pub fn describe(self) -> String {
        match self {
            Self::Number { least, most } => format!("a number from {least} to {most}"),
            Self::NumberOr { least, most, word } => format!("a number from {least} to {most}, or \"{word}\""),
            Self::Pages => {
                format!("a number of pages from 1 to {MOST_PAGES}, {{ cycle = [16, 256] }}, or {{ between = [1, 256] }}")
            }
            Self::Ladder => "pairs of page counts and iterations, such as [[64, 200], [65535, 50]]".to_owned(),
            Self::Word(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
            Self::Name => "a name of small letters, digits, - and _, such as \"window\"".to_owned(),
            Self::Text => "text in quotes".to_owned(),
        }
    }
}

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// The values that it may have.
    pub kind: Kind,
    /// Whether it has to be there.
    pub needed: bool,
    /// What it says.
    pub meaning: &'static str,
}

const fn key(name: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { name, kind, needed: false, meaning }
}

const fn needed(name: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { name, kind, needed: true, meaning }
}

const fn number(least: u32, most: u32) -> Kind {
    Kind::Number { least, most }
}

/// The keys at the file's head whose values are plain.
pub const HEAD: &[Key] = &[
    needed("version", number(VERSION, VERSION), "the version of this format"),
    needed("name", Kind::Name, "the scenario's name"),
    needed("summary", Kind::Text, "one line about it, for lists"),
    needed("imitates", Kind::Text, "a paragraph: the real workload, and which parts of it the scenario models"),
    key("seed", number(0, u32::MAX), "the seed of every random order and number; 1 if left out"),
    key("warmup", number(0, 1_000_000), "warm-up iterations, marked as such in the truth; 2 if left out"),
    key(
        "iterations",
        number(1, MOST_ITERATIONS),
        "iterations after the warm-up, of each worker and arm; this or one of the next two",
    ),
    key(
        "iterations_by_pages",
        Kind::Ladder,
        "instead: pairs of a page count and iterations; an arm has those of the first pair that its largest object fits into",
    ),
    key("duration_s", number(1, 86_400), "instead: the time in which iterations begin, in seconds, warm-up included"),
    key(
        "pause_ms",
        number(0, 60_000),
        "closed loops: begin each iteration, or each of its actions, just after the next multiple of this many ms; 0 if left out: no pause",
    ),
    key(
        "arm_order",
        Kind::Word(&["interleaved", "sequential"]),
        "interleaved: each iteration runs every arm once; sequential: one arm after another; interleaved if left out",
    ),
    key(
        "if_missing",
        Kind::Word(&["fail", "leave_out"]),
        "the treatment of actions and arms that this kernel does not support: the run fails, or leaves them out and reports that; fail if \
         left out",
    ),
    key(
        "balloon_pages",
        Kind::NumberOr { least: 1, most: u32::MAX, word: NEEDED },
        "pin the balloon: the number of pages in it before anything is mapped, or the peak number that the steps map; if left \
         out it is not changed",
    ),
];

/// The tables at the file's head.
pub const TABLES: &[(&str, &str)] = &[
    ("parameters", "names with their defaults, numbers or words: \"$name\" stands for them wherever a number or a word can be"),
    (
        "arms",
        "parameters with several values each: every combination is an arm, and arms run interleaved in a seeded random order",
    ),
    ("workers", "the concurrent activities: one [[workers]] for each"),
];

/// The kinds of buffers, as `--buffers` names them.
pub const KINDS: &[&str] = &["pages", "wc", "coherent", "foreign"];

const BUFFER_KIND: Key = key("kind", Kind::Word(KINDS), "the kind of buffer that it uses, by which --buffers chooses it");

/// The keys of a worker whose values are plain.
pub const WORKER: &[Key] = &[
    needed("name", Kind::Name, "the worker's name"),
    key("after", Kind::Name, "begin when this other worker is done, instead of beside it"),
    key(
        "iterations",
        number(1, MOST_ITERATIONS),
        "instead of the file's, the same for all concurrent workers; --iterations does not change it",
    ),
    BUFFER_KIND,
    key("processes", number(1, 64), "how many processes; 1 if left out"),
    key("threads", number(1, 64), "how many threads each; 1 if left out"),
];

/// The keys of an action whose values are plain.
pub const ACTION: &[Key] = &[needed("name", Kind::Text, "the action's name"), BUFFER_KIND];

/// The key of a worker's actions.
pub const ACTIONS: (&str, &str) = ("actions", "the actions that the step `actions` runs: one [[workers.actions]] for each");

/// The lists of steps of a worker, and of an action.
pub const LISTS: &[(&str, &str)] = &[
    ("start", "steps done once, before the first iteration"),
    ("each", "steps of an iteration"),
    ("end", "steps done once, after the last iteration"),
];

/// The keys of `pace`, where it is not `"closed"`.
pub const PACE: &[Key] = &[
    key("rate_hz", number(1, 100_000), "open loop: the number of iterations that are due each second"),
    key("frame_rate", number(1, 1_000), "the same, for those whose iterations are frames"),
];

/// The keys of a rule for page counts.
pub const RULES: &[(&str, &str)] = &[
    ("cycle", "one after the other, and from the start again"),
    ("between", "a new random number each time, from the first to the second"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_every_key_is_in_the_documentation() {
        let document = include_str!("../../../../docs/scenarios.md");
        let keys = HEAD
            .iter()
            .chain(WORKER)
            .chain(ACTION)
            .chain(PACE)
            .chain(STEPS.iter().flat_map(|entry| entry.keys))
            .map(|key| key.name);
        let others = TABLES.iter().chain(LISTS).chain(RULES).map(|(name, _)| *name);
        for name in keys.chain(others).chain(STEPS.iter().map(|entry| entry.name)) {
            assert!(document.contains(&format!("`{name}`")), "docs/scenarios.md says nothing about `{name}`");
        }
    }

    #[test]
    fn no_verb_has_the_name_of_a_key_so_that_a_step_is_known_by_its_verb() {
        for entry in STEPS {
            for key in STEPS.iter().flat_map(|entry| entry.keys) {
                assert_ne!(entry.name, key.name);
            }
        }
    }
}
