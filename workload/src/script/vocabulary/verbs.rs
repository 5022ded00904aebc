//! The verbs of a scenario file.

use super::{Key, Kind, MOST_ITERATIONS, key, needed, number};

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
    Mark,
}

/// The effect on the object that a verb names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is made.
    Makes,
    /// It is used, or there is none.
    Uses,
    /// It ends, or a part of it does.
    Ends,
}

/// A verb as it is written: its own name is the step's first key, and what it is about is behind that.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it does.
    pub verb: Verb,
    /// The effect on the object that it names.
    pub role: Role,
    /// As it is written.
    pub name: &'static str,
    /// The value of the verb's key.
    pub value: Kind,
    /// What else the step may say.
    pub keys: &'static [Key],
    /// Its effect, in words.
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
const COUNT: Key = key("count", number(1, 65_536), "the number of objects that this name stands for; 1 if left out");
const SOURCE: Key = key(
    "source",
    Kind::Word(&["own", "peer", "peer_dmabuf"]),
    "whose pages: this domain's own, the peer's, or those of a dma-buf of the peer; if left out, as the run was started",
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
        role: Role::Makes,
        name: "open",
        value: Kind::Name,
        keys: &[],
        meaning: "opens gntdev under this name; a worker that opens none has one from its start to its end",
    },
    Entry {
        verb: Verb::Close,
        role: Role::Ends,
        name: "close",
        value: Kind::Name,
        keys: &[],
        meaning: "closes its descriptor. Mmapped maps and exported buffers hold it open until the last of them is gone; its other maps go with it",
    },
    Entry {
        verb: Verb::Map,
        role: Role::Makes,
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
        meaning: "IOCTL_GNTDEV_MAP_GRANT_REF: reserves the map; the hypercall follows in mmap",
    },
    Entry {
        verb: Verb::Mmap,
        role: Role::Uses,
        name: "mmap",
        value: Kind::Name,
        keys: &[key("access", Kind::Word(&["read_write", "read_only"]), "read_write if left out"), EXPECT],
        meaning: "mmaps a map, once in its life: this maps the grants",
    },
    Entry {
        verb: Verb::Touch,
        role: Role::Uses,
        name: "touch",
        value: Kind::Name,
        keys: &[PICK],
        meaning: "reads a word of every page, and checks that it is its owner's",
    },
    Entry {
        verb: Verb::Read,
        role: Role::Uses,
        name: "read",
        value: Kind::Name,
        keys: &[PICK],
        meaning: "copies every page out of the mapping into memory",
    },
    Entry {
        verb: Verb::Munmap,
        role: Role::Ends,
        name: "munmap",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "munmap: takes the pages out of the address space; the grants stay mapped until unmap",
    },
    Entry {
        verb: Verb::Unmap,
        role: Role::Ends,
        name: "unmap",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "IOCTL_GNTDEV_UNMAP_GRANT_REF; before munmap, the mapping keeps the grants until that",
    },
    Entry {
        verb: Verb::Export,
        role: Role::Makes,
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
        role: Role::Uses,
        name: "attach",
        value: Kind::Name,
        keys: &[key("to", Kind::Word(&["vgem", "device"]), "which importer; vgem if left out"), EXPECT],
        meaning: "hands a dma-buf to an importer: to vgem (DRM_IOCTL_PRIME_FD_TO_HANDLE), or to the one of the lab's that has a device",
    },
    Entry {
        verb: Verb::Detach,
        role: Role::Ends,
        name: "detach",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "has the importer unmap it and detach (of vgem: DRM_IOCTL_GEM_CLOSE)",
    },
    Entry {
        verb: Verb::Release,
        role: Role::Ends,
        name: "release",
        value: Kind::Name,
        keys: &[
            ORDER,
            key(
                "waiter_every",
                number(1, MOST_ITERATIONS),
                "in the first of every N iterations a thread already waits for it; in the others the query follows the release",
            ),
        ],
        meaning: "closes an exported dma-buf: the last close, which unmaps the grants; if an importer is attached, detach is the last",
    },
    Entry {
        verb: Verb::Wait,
        role: Role::Uses,
        name: "wait",
        value: Kind::Name,
        keys: &[
            needed("limit_ms", number(0, 600_000), "how long at most"),
            key("detach_after_ms", number(1, 600_000), "the importer detaches during the wait, this many ms after its start"),
            EXPECT,
        ],
        meaning: "IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED: waits until it is released; ENOENT, released before, is accepted too",
    },
    Entry {
        verb: Verb::Allocate,
        role: Role::Makes,
        name: "allocate",
        value: Kind::Name,
        keys: &[PAGES, COUNT, FROM_ANY],
        meaning: "a dma-buf that is not Xen's; not an operation",
    },
    Entry {
        verb: Verb::Free,
        role: Role::Ends,
        name: "free",
        value: Kind::Name,
        keys: &[],
        meaning: "closes it; not an operation",
    },
    Entry {
        verb: Verb::Import,
        role: Role::Makes,
        name: "import",
        value: Kind::Name,
        keys: &[needed("of", Kind::Name, "which dma-buf, of allocate or of export"), ON, EXPECT],
        meaning: "IOCTL_GNTDEV_DMABUF_IMP_TO_REFS: grants a dma-buf's pages to this domain itself",
    },
    Entry {
        verb: Verb::ImportRelease,
        role: Role::Ends,
        name: "import_release",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "IOCTL_GNTDEV_DMABUF_IMP_RELEASE: revokes those grants",
    },
    Entry {
        verb: Verb::Grant,
        role: Role::Makes,
        name: "grant",
        value: Kind::Name,
        keys: &[PAGES, COUNT, EXPECT],
        meaning: "IOCTL_GNTALLOC_ALLOC_GREF: grants fresh pages to this domain itself",
    },
    Entry {
        verb: Verb::Ungrant,
        role: Role::Ends,
        name: "ungrant",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "IOCTL_GNTALLOC_DEALLOC_GREF: revokes them",
    },
    Entry {
        verb: Verb::PeerGrant,
        role: Role::Makes,
        name: "peer_grant",
        value: Kind::Name,
        keys: &[PAGES, COUNT],
        meaning: "has the peer's frontend grant fresh pages to this domain; no operation of this domain",
    },
    Entry {
        verb: Verb::PeerUngrant,
        role: Role::Ends,
        name: "peer_ungrant",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "has the frontend revoke them",
    },
    Entry {
        verb: Verb::PeerImport,
        role: Role::Makes,
        name: "peer_import",
        value: Kind::Name,
        keys: &[PAGES, COUNT, FROM],
        meaning: "has the peer's frontend make a dma-buf and import it, which grants its pages to this domain; no operation of this domain",
    },
    Entry {
        verb: Verb::PeerImportRelease,
        role: Role::Ends,
        name: "peer_import_release",
        value: Kind::Name,
        keys: &[ORDER],
        meaning: "has the frontend revoke those grants and close the dma-buf",
    },
    Entry {
        verb: Verb::Copy,
        role: Role::Uses,
        name: "copy",
        value: Kind::Word(&["in", "out"]),
        keys: &[PAGES, SOURCE, ON, EXPECT],
        meaning: "IOCTL_GNTDEV_GRANT_COPY: Xen copies whole pages from grants into memory (in), and checks that they are their owner's; or \
                  back unchanged (out)",
    },
    Entry {
        verb: Verb::Pipe,
        role: Role::Makes,
        name: "pipe",
        value: Kind::Name,
        keys: &[needed("of", Kind::Name, "which mmapped map")],
        meaning: "puts the last page of a map into a pipe (vmsplice): the kernel uses it until drain, even after an unmap",
    },
    Entry {
        verb: Verb::Drain,
        role: Role::Ends,
        name: "drain",
        value: Kind::Name,
        keys: &[],
        meaning: "reads the pipe empty, which releases the page",
    },
    Entry {
        verb: Verb::Actions,
        role: Role::Uses,
        name: "actions",
        value: Kind::Word(&["listed", "shuffled"]),
        keys: &[],
        meaning: "runs each of the worker's actions once: as listed, or in a new random order in each iteration",
    },
    Entry {
        verb: Verb::HoldFrames,
        role: Role::Uses,
        name: "hold_frames",
        value: number(1, 1_000_000),
        keys: &[key("rate_hz", number(1, 1_000), "frames a second; 60 if left out"), AT],
        meaning: "waits for this many frames, while all objects stay as they are",
    },
    Entry {
        verb: Verb::SleepMs,
        role: Role::Uses,
        name: "sleep_ms",
        value: number(0, 600_000),
        keys: &[AT],
        meaning: "sleeps for this many milliseconds",
    },
    Entry {
        verb: Verb::Mark,
        role: Role::Uses,
        name: "mark",
        value: Kind::Text,
        keys: &[AT],
        meaning: "gives the present this name in the recording, where a profiler runs the generator: each thread that comes to it does",
    },
];
