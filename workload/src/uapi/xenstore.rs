//! `/dev/xen/xenbus`: xenstore's messages, as they are written to it and read from it.
//!
//! Facts are those of `include/xen/interface/io/xs_wire.h` and `drivers/xen/xenbus/xenbus_dev_frontend.c` of Linux 6.12, and of
//! `docs/misc/xenstore.txt` of Xen 4.17.

use nix::errno::Errno;

/// The device node; root only by default.
pub const PATH: &str = "/dev/xen/xenbus";

/// The most that a message's body can have here: the device has room for 4,096 bytes (`XENSTORE_PAYLOAD_MAX`), header included.
pub const MOST_BYTES: usize = 4096 - Header::BYTES;

/// The most that xenstored lets an unprivileged domain write into one node, by default (`quota_max_entry_size`, path and
/// permissions included).
pub const MOST_NODE_BYTES: usize = 2048;

/// The type of a request or of an answer (`enum xsd_sockmsg_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "the protocol's own words")]
pub enum Kind {
    Directory = 1,
    Read = 2,
    Watch = 4,
    TransactionStart = 6,
    TransactionEnd = 7,
    Write = 11,
    Remove = 13,
    SetPermissions = 14,
    WatchEvent = 15,
    Error = 16,
}

/// `struct xsd_sockmsg`: four words in the machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// A [`Kind`], or another that is not used here.
    pub kind: u32,
    /// The answer has the request's. An event's is not set at all.
    pub request: u32,
    /// The number of the transaction; 0: none.
    pub transaction: u32,
    /// How many bytes the body has.
    pub bytes: u32,
}

impl Header {
    /// How long it is itself.
    pub const BYTES: usize = 16;

    /// As it is written.
    pub fn encode(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (word, value) in [self.kind, self.request, self.transaction, self.bytes].into_iter().enumerate() {
            bytes[word * 4..][..4].copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }

    /// As it was read.
    pub fn decode(bytes: [u8; Self::BYTES]) -> Self {
        let word = |word: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|byte| bytes[word * 4 + byte]));
        Self { kind: word(0), request: word(1), transaction: word(2), bytes: word(3) }
    }

    /// Whether it is of this kind.
    pub fn is(self, kind: Kind) -> bool {
        self.kind == kind as u32
    }
}

/// The errno of an error's text (`xsd_errors`). One that is not known is an input/output error.
pub fn errno(text: &str) -> Errno {
    const KNOWN: [Errno; 15] = [
        Errno::EINVAL,
        Errno::EACCES,
        Errno::EEXIST,
        Errno::EISDIR,
        Errno::ENOENT,
        Errno::ENOMEM,
        Errno::ENOSPC,
        Errno::EIO,
        Errno::ENOTEMPTY,
        Errno::ENOSYS,
        Errno::EROFS,
        Errno::EBUSY,
        Errno::EAGAIN,
        Errno::EISCONN,
        Errno::E2BIG,
    ];
    KNOWN.into_iter().find(|errno| format!("{errno:?}") == text).unwrap_or(Errno::EIO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_four_words_in_this_order() {
        let header = Header { kind: Kind::Write as u32, request: 7, transaction: 3, bytes: 12 };
        assert_eq!(header.encode()[0..4], 11u32.to_ne_bytes());
        assert_eq!(header.encode()[12..16], 12u32.to_ne_bytes());
        assert_eq!(Header::decode(header.encode()), header);
        assert!(header.is(Kind::Write) && !header.is(Kind::Read));
    }

    #[test]
    fn an_error_is_known_by_its_text() {
        assert_eq!(errno("ENOENT"), Errno::ENOENT);
        assert_eq!(errno("ENOSPC"), Errno::ENOSPC);
        assert_eq!(errno("EWHATEVER"), Errno::EIO);
    }
}
