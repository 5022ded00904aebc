//! The words of a scenario file: every key and every verb, in one table that the parser, the published schema and a test of the
//! documentation read.

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
    /// Numbers of iterations, each for objects of up to so many pages.
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
    /// What may stand behind it.
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
    needed("imitates", Kind::Text, "a paragraph: who really does this, and what of it is imitated"),
    key("seed", number(0, u32::MAX), "what every order and every drawn number is derived from; 1 if left out"),
    key("warmup", number(0, 1_000_000), "iterations before those that count, marked as warm-up in the truth; 2 if left out"),
    key("iterations", number(1, MOST_ITERATIONS), "iterations that count, of each worker and arm; this or one of the next two"),
    key(
        "iterations_by_pages",
        Kind::Ladder,
        "instead: pairs of a page count and iterations; an arm has those of the first pair that its largest object fits into",
    ),
    key("duration_s", number(1, 86_400), "instead: begin iterations for so many seconds, warm-up included"),
    key(
        "pause_ms",
        number(0, 60_000),
        "closed loops: begin each iteration, or each of its actions, just after the next multiple of so many ms; 0 if left out: at once",
    ),
    key(
        "arm_order",
        Kind::Word(&["interleaved", "sequential"]),
        "interleaved: in each iteration every arm has a turn; sequential: one arm after another; interleaved if left out",
    ),
    key(
        "if_missing",
        Kind::Word(&["fail", "leave_out"]),
        "what becomes of actions and arms that need what this kernel cannot do: the run fails, or leaves them out and says so; fail if \
         left out",
    ),
    key(
        "balloon_pages",
        Kind::NumberOr { least: 1, most: u32::MAX, word: NEEDED },
        "pin the balloon: so many pages are in it before anything is mapped, or as many as the steps map at their worst moment; if left \
         out it is as it is",
    ),
];

/// The tables at the file's head.
pub const TABLES: &[(&str, &str)] = &[
    ("parameters", "names with their defaults, numbers or words: \"$name\" stands for them wherever a number or a word can be"),
    ("arms", "parameters with several values each: every combination is an arm, and arms take turns in a seeded random order"),
    ("workers", "who does what: one [[workers]] for each"),
];

/// The kinds of buffers, as `--buffers` names them.
pub const KINDS: &[&str] = &["pages", "wc", "coherent", "foreign"];

const BUFFER_KIND: Key = key("kind", Kind::Word(KINDS), "the kind of buffer that it is about, by which --buffers chooses it");

/// The keys of a worker whose values are plain.
pub const WORKER: &[Key] = &[
    needed("name", Kind::Name, "the worker's name"),
    key("after", Kind::Name, "begin when this other worker is done, instead of beside it"),
    key(
        "iterations",
        number(1, MOST_ITERATIONS),
        "instead of the file's, for all that work at the same time; --iterations leaves it",
    ),
    BUFFER_KIND,
    key("processes", number(1, 64), "how many processes; 1 if left out"),
    key("threads", number(1, 64), "how many threads each; 1 if left out"),
];

/// The keys of an action whose values are plain.
pub const ACTION: &[Key] = &[needed("name", Kind::Text, "the action's name"), BUFFER_KIND];

/// What a worker's actions are.
pub const ACTIONS: (&str, &str) = ("actions", "what the step `actions` does: one [[workers.actions]] for each");

/// The lists of steps of a worker, and of an action.
pub const LISTS: &[(&str, &str)] = &[
    ("start", "steps done once, before the first iteration"),
    ("each", "steps of an iteration"),
    ("end", "steps done once, after the last iteration"),
];

/// The keys of `pace`, where it is not `"closed"`.
pub const PACE: &[Key] = &[
    key("rate_hz", number(1, 100_000), "open loop: so many iterations are due each second"),
    key("frame_rate", number(1, 1_000), "the same, for those whose iterations are frames"),
];

/// The keys of a rule for page counts.
pub const RULES: &[(&str, &str)] = &[
    ("cycle", "one after the other, from the beginning again after the last"),
    ("between", "drawn anew each time, from the first to the second"),
];

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is described in the table below")]
pub enum Verb {
    Open,
    Close,
    Map,
    Mmap,
    Touch,
    Read,
    Munmap,
    Unmap,
    Export,
    Attach,
    Detach,
    Release,
    Wait,
    Allocate,
    Free,
    Import,
    ImportRelease,
    Grant,
    Ungrant,
    PeerGrant,
    PeerUngrant,
    PeerImport,
    PeerImportRelease,
    Copy,
    Pipe,
    Drain,
    Actions,
    HoldFrames,
    SleepMs,
}

/// A verb as it is written: its own name is the step's first key, and what it is about is behind that.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it does.
    pub verb: Verb,
    /// As it is written.
    pub name: &'static str,
    /// What stands behind the verb itself.
    pub value: Kind,
    /// What else the step may say.
    pub keys: &'static [Key],
    /// What it does, in words.
    pub meaning: &'static str,
}

/// Answers that a step can expect.
pub const ERRNOS: &[&str] = &[
    "E2BIG",
    "EACCES",
    "EAGAIN",
    "EBADF",
    "EBUSY",
    "EEXIST",
    "EFAULT",
    "EINTR",
    "EINVAL",
    "EIO",
    "ENODEV",
    "ENOENT",
    "ENOMEM",
    "ENOSPC",
    "ENOTTY",
    "EPERM",
    "ETIMEDOUT",
];

const PAGES: Key = needed("pages", Kind::Pages, "pages of each");
const COUNT: Key = key("count", number(1, 65_536), "how many of them this name stands for; 1 if left out");
const SOURCE: Key = key(
    "source",
    Kind::Word(&["own", "peer", "peer_dmabuf"]),
    "whose pages: this domain's own, the peer's, or a dma-buf's of the peer; if left out, as the run was started",
);
const GRANTS_OF: Key = key("grants_of", Kind::Name, "map the very grants that this other object maps, instead of its own");
const SAME: Key = key(
    "grants",
    Kind::Word(&["each", "same"]),
    "whether each of them has grants of its own, or all map the same; each if left out",
);
const ON: Key = key("on", Kind::Name, "which open device; needed only where there are several");
const BUFFER: Key = needed("buffer", Kind::Word(&["pages", "wc", "coherent"]), "which memory backs it");
const EXPECT: Key =
    key("expect", Kind::Word(ERRNOS), "the call must fail, and with this errno; then the step makes and changes nothing");
const FROM_ANY: Key = key(
    "from",
    Kind::Word(&["udmabuf", "dma_heap", "any"]),
    "which driver, or any: udmabuf, or dma_heap where there is none; udmabuf if left out",
);
const FROM: Key = key("from", Kind::Word(&["udmabuf", "dma_heap"]), "which driver; udmabuf if left out");
const ORDER: Key = key("order", Kind::Word(&["made", "reversed"]), "in which order, of several; made if left out");
const PICK: Key = key(
    "pick",
    Kind::Word(&["all", "next", "random"]),
    "which of several: all, the next one each iteration, or one drawn; all if left out",
);
const AT: Key =
    key("at", number(0, 1_000_000), "only in this one of the iterations that count, from 0; if left out in every one");

/// Every verb there is.
pub const STEPS: &[Entry] = &[
    Entry {
        verb: Verb::Open,
        name: "open",
        value: Kind::Name,
        keys: &[],
        meaning: "opens gntdev under this name; a worker that opens none has one from its start to its end",
    },
    Entry {
        verb: Verb::Close,
        name: "close",
        value: Kind::Name,
        keys: &[],
        meaning: "closes its descriptor. What is mmapped or exported holds it open until the last of that is gone; the rest of its maps goes with it",
    },
    Entry {
        verb: Verb::Map,
        name: "map",
        value: Kind::Name,
        keys: &[
            key("pages", Kind::Pages, "pages of each; left out with `of`"),
            COUNT,
            SOURCE,
            SAME,
            GRANTS_OF,
            key(
                "of",
                Kind::Name,
                "map the references of this peer_grant or peer_import, each of them, instead of a domain's pages",
            ),
            ON,
            EXPECT,
        ],
        meaning: "IOCTL_GNTDEV_MAP_GRANT_REF: makes room for grants; Xen is asked by mmap only",
    },
    Entry {
        verb: Verb::Mmap,
        name: "mmap",
        value: Kind::Name,
        keys: &[key("access", Kind::Word(&["read_write", "read_only"]), "read_write if left out"), EXPECT],
        meaning: "mmap of what map made, once in its life: now the grants are mapped",
    },
    Entry {
        verb: Verb::Touch,
        name: "touch",
        value: Kind::Name,
        keys: &[PICK],
        meaning: "reads a word of every page, and checks that it is its owner's",
    },
    Entry {
        verb: Verb::Read,
        name: "read",
        value: Kind::Name,
        keys: &[PICK],
        meaning: "copies every page out of the mapping into memory",
    },
    Entry {
        verb: Verb::Munmap,
        name: "munmap",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "munmap: takes the pages out of the address space; the grants stay mapped until unmap",
    },
    Entry {
        verb: Verb::Unmap,
        name: "unmap",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "IOCTL_GNTDEV_UNMAP_GRANT_REF; before munmap, the mapping keeps the grants until that",
    },
    Entry {
        verb: Verb::Export,
        name: "export",
        value: Kind::Name,
        keys: &[
            key("pages", Kind::Pages, "pages of each; left out with `of`"),
            BUFFER,
            COUNT,
            SOURCE,
            SAME,
            GRANTS_OF,
            key("of", Kind::Name, "export the references of this import, peer_import or peer_grant, instead of a domain's pages"),
            ON,
            EXPECT,
        ],
        meaning: "IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS: maps grants and makes a dma-buf of them",
    },
    Entry {
        verb: Verb::Attach,
        name: "attach",
        value: Kind::Name,
        keys: &[EXPECT],
        meaning: "hands a dma-buf to vgem, a driver that imports it (DRM_IOCTL_PRIME_FD_TO_HANDLE)",
    },
    Entry {
        verb: Verb::Detach,
        name: "detach",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "has vgem let go of it (DRM_IOCTL_GEM_CLOSE)",
    },
    Entry {
        verb: Verb::Release,
        name: "release",
        value: Kind::Name,
        keys: &[
            ORDER,
            key(
                "waiter_every",
                number(1, MOST_ITERATIONS),
                "in the first of every so many iterations somebody waits for it already; in the others the question comes after it",
            ),
        ],
        meaning: "closes what export made: the last close, which unmaps the grants; if vgem is attached, detach is the last",
    },
    Entry {
        verb: Verb::Wait,
        name: "wait",
        value: Kind::Name,
        keys: &[
            needed("limit_ms", number(0, 600_000), "how long at most"),
            key("detach_after_ms", number(1, 600_000), "meanwhile, so many ms after the wait has begun, vgem detaches"),
            EXPECT,
        ],
        meaning: "IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED: waits until it is released; that it already was (ENOENT) is as good",
    },
    Entry {
        verb: Verb::Allocate,
        name: "allocate",
        value: Kind::Name,
        keys: &[PAGES, COUNT, FROM_ANY],
        meaning: "a dma-buf that is not Xen's; not an operation",
    },
    Entry { verb: Verb::Free, name: "free", value: Kind::Name, keys: &[], meaning: "closes it; not an operation" },
    Entry {
        verb: Verb::Import,
        name: "import",
        value: Kind::Name,
        keys: &[needed("of", Kind::Name, "which dma-buf, of allocate or of export"), ON, EXPECT],
        meaning: "IOCTL_GNTDEV_DMABUF_IMP_TO_REFS: grants a dma-buf's pages to this domain itself",
    },
    Entry {
        verb: Verb::ImportRelease,
        name: "import_release",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "IOCTL_GNTDEV_DMABUF_IMP_RELEASE: takes those grants back",
    },
    Entry {
        verb: Verb::Grant,
        name: "grant",
        value: Kind::Name,
        keys: &[PAGES, COUNT, EXPECT],
        meaning: "IOCTL_GNTALLOC_ALLOC_GREF: grants fresh pages to this domain itself",
    },
    Entry {
        verb: Verb::Ungrant,
        name: "ungrant",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "IOCTL_GNTALLOC_DEALLOC_GREF: takes them back",
    },
    Entry {
        verb: Verb::PeerGrant,
        name: "peer_grant",
        value: Kind::Name,
        keys: &[PAGES, COUNT],
        meaning: "has the peer's frontend grant fresh pages to this domain; no operation of this domain",
    },
    Entry { verb: Verb::PeerUngrant, name: "peer_ungrant", value: Kind::Name, keys: &[ORDER], meaning: "has it take them back" },
    Entry {
        verb: Verb::PeerImport,
        name: "peer_import",
        value: Kind::Name,
        keys: &[PAGES, COUNT, FROM],
        meaning: "has the peer's frontend make a dma-buf and import it, which grants its pages to this domain; no operation of this domain",
    },
    Entry {
        verb: Verb::PeerImportRelease,
        name: "peer_import_release",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "has it take those grants back, and close the dma-buf",
    },
    Entry {
        verb: Verb::Copy,
        name: "copy",
        value: Kind::Word(&["in", "out"]),
        keys: &[PAGES, SOURCE, ON, EXPECT],
        meaning: "IOCTL_GNTDEV_GRANT_COPY: Xen copies whole pages from grants into memory (in), and checks that they are their owner's; or \
                  back unchanged (out)",
    },
    Entry {
        verb: Verb::Pipe,
        name: "pipe",
        value: Kind::Name,
        keys: &[needed("of", Kind::Name, "which mmapped map")],
        meaning: "puts the last page of a map into a pipe (vmsplice): the kernel uses it until drain, whatever is unmapped",
    },
    Entry {
        verb: Verb::Drain,
        name: "drain",
        value: Kind::Name,
        keys: &[],
        meaning: "reads the pipe empty, which lets go of the page",
    },
    Entry {
        verb: Verb::Actions,
        name: "actions",
        value: Kind::Word(&["listed", "shuffled"]),
        keys: &[],
        meaning: "does each of the worker's actions once: as they are listed, or in an order that is drawn anew each iteration",
    },
    Entry {
        verb: Verb::HoldFrames,
        name: "hold_frames",
        value: number(1, 1_000_000),
        keys: &[key("rate_hz", number(1, 1_000), "frames a second; 60 if left out"), AT],
        meaning: "does nothing for so many frames, while everything stays as it is",
    },
    Entry {
        verb: Verb::SleepMs,
        name: "sleep_ms",
        value: number(0, 600_000),
        keys: &[AT],
        meaning: "does nothing for so many milliseconds",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_every_key_is_in_the_documentation() {
        let document = include_str!("../../../docs/scenarios.md");
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
