//! What an object is, what each verb makes of it, and what to write where a verb does not fit.

use crate::script::vocabulary::Verb;

/// The state of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Of open.
    Device,
    /// Of map: whether it is still to be unmapped, and what became of its mapping.
    Map { held: bool, mapping: Mapping },
    /// Of export.
    Buffer { attached: bool },
    /// Of export, and released since: an importer keeps it until it detaches.
    Left,
    /// Of allocate.
    Foreign { attached: bool },
    /// Of import.
    Import,
    /// Of grant.
    Grant,
    /// Of pipe.
    Pipe,
    /// Of peer_grant.
    PeerGrant,
    /// Of peer_import.
    PeerImport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    Never,
    There,
    Gone,
}

impl State {
    /// As it is called in a sentence.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Device => "an open device",
            Self::Map { mapping: Mapping::There, .. } => "a map that is mmapped",
            Self::Map { .. } => "a map",
            Self::Buffer { .. } => "an exported dma-buf",
            Self::Left => "a dma-buf that was released and that an importer keeps",
            Self::Foreign { .. } => "another driver's dma-buf",
            Self::Import => "an import",
            Self::Grant => "a grant",
            Self::Pipe => "a pipe",
            Self::PeerGrant => "a grant of the peer's",
            Self::PeerImport => "an import of the peer's",
        }
    }

    /// The step that releases it next.
    pub fn end(self) -> &'static str {
        match self {
            Self::Device => "close",
            Self::Map { mapping: Mapping::There, .. } => "munmap",
            Self::Map { .. } => "unmap",
            Self::Buffer { attached: true } | Self::Left | Self::Foreign { attached: true } => "detach",
            Self::Buffer { .. } => "release",
            Self::Foreign { .. } => "free",
            Self::Import => "import_release",
            Self::Grant => "ungrant",
            Self::Pipe => "drain",
            Self::PeerGrant => "peer_ungrant",
            Self::PeerImport => "peer_import_release",
        }
    }

    /// As a verb makes it; none if it makes nothing.
    pub fn made_by(verb: Verb) -> Option<Self> {
        Some(match verb {
            Verb::Open => Self::Device,
            Verb::Map => Self::Map { held: true, mapping: Mapping::Never },
            Verb::Export => Self::Buffer { attached: false },
            Verb::Allocate => Self::Foreign { attached: false },
            Verb::Import => Self::Import,
            Verb::Grant => Self::Grant,
            Verb::Pipe => Self::Pipe,
            Verb::PeerGrant => Self::PeerGrant,
            Verb::PeerImport => Self::PeerImport,
            _ => return None,
        })
    }

    /// What a verb makes of it, nothing being left of it with `Some(None)`; none: the verb does not fit it.
    pub fn after(self, verb: Verb) -> Option<Option<Self>> {
        use Mapping::There;
        match (verb, self) {
            (Verb::Mmap, Self::Map { held, .. }) => Some(Some(Self::Map { held, mapping: There })),
            (Verb::Munmap, Self::Map { held: true, mapping: There }) => {
                Some(Some(Self::Map { held: true, mapping: Mapping::Gone }))
            }
            (Verb::Unmap, Self::Map { held: true, mapping: There }) => Some(Some(Self::Map { held: false, mapping: There })),
            (Verb::Attach, Self::Buffer { attached: false }) => Some(Some(Self::Buffer { attached: true })),
            (Verb::Attach, Self::Foreign { attached: false }) => Some(Some(Self::Foreign { attached: true })),
            (Verb::Detach, Self::Buffer { attached: true }) => Some(Some(Self::Buffer { attached: false })),
            (Verb::Detach, Self::Foreign { attached: true }) => Some(Some(Self::Foreign { attached: false })),
            (Verb::Release, Self::Buffer { attached: true }) => Some(Some(Self::Left)),
            (Verb::Munmap, Self::Map { held: false, mapping: There })
            | (Verb::Unmap, Self::Map { held: true, .. })
            | (Verb::Detach, Self::Left)
            | (Verb::Release, Self::Buffer { attached: false })
            | (Verb::Close, Self::Device)
            | (Verb::Free, Self::Foreign { attached: false })
            | (Verb::ImportRelease, Self::Import)
            | (Verb::Ungrant, Self::Grant)
            | (Verb::Drain, Self::Pipe)
            | (Verb::PeerUngrant, Self::PeerGrant)
            | (Verb::PeerImportRelease, Self::PeerImport) => Some(None),
            _ => None,
        }
    }
}

/// Whether it can be looked into.
pub fn is_mmapped(state: State) -> bool {
    matches!(state, State::Map { mapping: Mapping::There, .. })
}

/// Whether the value of a verb's `of` is of a kind that it takes.
pub fn has_references_for(verb: &str, state: State) -> bool {
    match verb {
        "map of" => matches!(state, State::PeerGrant | State::PeerImport),
        "export of" => matches!(state, State::Import | State::PeerGrant | State::PeerImport),
        _ => matches!(state, State::Buffer { .. } | State::Foreign { .. }),
    }
}

/// The verbs that make the objects of a verb.
pub fn makers(verb: &str) -> &'static str {
    match verb {
        "close" | "on" => "open it in a step before",
        "mmap" | "touch" | "read" | "pipe of" | "munmap" | "unmap" => "map it in a step before",
        "release" | "wait" => "export it in a step before",
        "attach" | "detach" | "import of" => "export or allocate it in a step before",
        "free" => "allocate it in a step before",
        "import_release" => "import it in a step before",
        "export of" => "import it in a step before, or peer_import or peer_grant it",
        "map of" => "peer_grant or peer_import it in a step before",
        "peer_ungrant" => "peer_grant it in a step before",
        "peer_import_release" => "peer_import it in a step before",
        "ungrant" => "grant it in a step before",
        "drain" => "pipe it in a step before",
        _ => "make it in a step before",
    }
}

/// The text to write instead.
pub fn advice(verb: &str, state: State) -> String {
    match (verb, state) {
        ("touch" | "read" | "pipe of", State::Map { mapping: Mapping::Never, .. }) => "mmap it before".to_owned(),
        ("touch" | "read" | "pipe of", State::Map { .. }) => "it was munmapped: do it before".to_owned(),
        ("munmap", State::Map { .. }) => "it is not mmapped: leave munmap out, or mmap it before".to_owned(),
        ("unmap", State::Map { held: false, .. }) => "it was unmapped before, or its device closed: write munmap".to_owned(),
        ("free", State::Foreign { attached: true }) => "an importer is attached to it: detach it before".to_owned(),
        ("attach" | "import of", State::Left) => {
            format!("its descriptor is closed: {} before release", verb.trim_end_matches(" of"))
        }
        ("attach", State::Buffer { .. } | State::Foreign { .. }) => "it is attached already: detach it before".to_owned(),
        ("detach", State::Buffer { .. } | State::Foreign { .. }) => "it is not attached: leave detach out".to_owned(),
        (_, state) => format!("end it with {}", state.end()),
    }
}
