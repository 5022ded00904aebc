//! Everything that can go wrong, each with what it was about and what to do next.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::op::Op;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. The text says what, on what, and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This kernel does not run on Xen at all.
    #[error(
        "this machine does not run under Xen ({path} does not exist, /sys/hypervisor/type is not \
         \"xen\"): run this in a Xen domain, or in the lab with `cargo xtask lab run`"
    )]
    NoXen {
        /// The device that was looked for.
        path: &'static str,
    },

    /// Under Xen, but the driver is not there.
    #[error("{path} does not exist: {advice}")]
    NoDevice {
        /// The device that was looked for.
        path: &'static str,
        /// Which module to load, or which kernel option to set.
        advice: &'static str,
    },

    /// The device is there, but not for us.
    #[error("{path} may not be opened ({}): run this as root", .errno.desc())]
    NotPermitted {
        /// The device.
        path: &'static str,
        /// EACCES or EPERM.
        errno: Errno,
    },

    /// Opening a device failed for another reason.
    #[error("cannot open {path}: {} ({errno:?}); the kernel's log (dmesg) may say more", .errno.desc())]
    Open {
        /// The device.
        path: &'static str,
        /// The kernel's answer.
        errno: Errno,
    },

    /// A dma-buf call on a kernel without them.
    #[error(
        "this kernel's gntdev knows no dma-bufs (ENOTTY): build the kernel with \
         CONFIG_XEN_GNTDEV_DMABUF and CONFIG_XEN_GRANT_DMA_ALLOC (distribution kernels leave them \
         off), or drive plain maps only: with `--without-dmabuf --buffers pages`, or by a scenario such as latency-1"
    )]
    NoDmabuf,

    /// This domain cannot map what it grants itself.
    #[error(
        "an x86 PVH or HVM domain cannot map what it grants itself: Xen takes away the frame that a mapped page had before, which is \
         the granted one, and the kernel would crash over it: map another domain's pages, with --peer"
    )]
    NoOwnGrants,

    /// No importer of dma-bufs but gntdev.
    #[error(
        "no render node in /dev/dri is vgem's ({}): load the module vgem (modprobe vgem), or build the kernel with CONFIG_DRM_VGEM",
        if .others.is_empty() { "there are none".to_owned() } else { .others.join(", ") }
    )]
    NoVgem {
        /// The checked nodes, and what each is.
        others: Vec<String>,
    },

    /// An importer of which it cannot be seen what it does.
    #[error(
        "whether vgem maps what it imports cannot be counted ({cause}): it takes root, and a kernel with CONFIG_PERF_EVENTS and CONFIG_KPROBE_EVENTS"
    )]
    ImporterUnseen {
        /// Why not.
        cause: io::Error,
    },

    /// A count of zero.
    #[error("{call} of 0 pages: give at least one")]
    EmptyCount {
        /// The operation that failed.
        call: &'static str,
    },

    /// This kernel supports nothing that was requested.
    #[error("nothing to do: this kernel supports none of it ({why}); run another scenario")]
    NothingPossible {
        /// The reason.
        why: String,
    },

    /// More pages than the driver's limit.
    #[error(
        "{call} of {count} pages is over the limit of {limit} in {limit_path}: ask for fewer pages, \
         or raise it there as root"
    )]
    OverLimit {
        /// The operation that failed.
        call: &'static str,
        /// How many were asked for.
        count: usize,
        /// How many are allowed.
        limit: usize,
        /// The parameter that says so.
        limit_path: &'static str,
    },

    /// An import that would corrupt the kernel.
    #[error(
        "import of {count} pages refused: from 65536 pages on this call corrupts the kernel's list \
         of free grants (its count is cut to 16 bits); import at most 65535 pages at a time"
    )]
    ImportTooLarge {
        /// How many were asked for.
        count: usize,
    },

    /// A piece of a copy that leaves its granted page.
    #[error("a range of {len} bytes at {offset} does not fit in the 4096 granted bytes of a page: split it")]
    OutsideGrant {
        /// Where it starts.
        offset: usize,
        /// How long it is.
        len: usize,
    },

    /// A counted operation that the kernel refused.
    #[error("{op} {on} failed: {} ({errno:?}){}", .errno.desc(), hint(*.op, *.errno))]
    Operation {
        /// Which operation.
        op: Op,
        /// On what.
        on: String,
        /// The kernel's answer.
        errno: Errno,
    },

    /// Another call, which is not an operation in the sense of the truth file.
    #[error("{call} failed on {on}: {} ({errno:?})", .errno.desc())]
    Call {
        /// The call.
        call: &'static str,
        /// On what.
        on: String,
        /// The kernel's answer.
        errno: Errno,
    },

    /// The other domain's pages could not be found.
    #[error(
        "domain {peer} offers no pages to this domain: looked {searched} for {seconds} s. \
         Is it up? Start `grantscope-workload frontend --to {own} --pages {pages}` in it; if it printed \
         another reference, give that with --directory-ref; a slow boot needs a longer --peer-timeout; \
         or use --self to grant to this domain itself"
    )]
    PeerSilent {
        /// The domain.
        peer: u16,
        /// This domain.
        own: u16,
        /// Where was looked.
        searched: String,
        /// For how long.
        seconds: u64,
        /// How many pages are needed.
        pages: u32,
    },

    /// The other domain shares fewer pages than the scenario needs.
    #[error(
        "domain {peer} grants {granted} pages, the scenario needs {needed}: start its frontend with \
         --pages {needed}, or give smaller --pages here"
    )]
    PeerTooSmall {
        /// The domain.
        peer: u16,
        /// What it grants.
        granted: usize,
        /// What is needed.
        needed: u32,
    },

    /// A frontend that does not do what it is asked for as it should.
    #[error("a request to the frontend of domain {peer} failed: {what}")]
    PeerRequests {
        /// The domain.
        peer: u16,
        /// What is wrong.
        what: String,
    },

    /// A frontend that did not answer an earlier request.
    #[error("the frontend of domain {peer} is not asked to {what}: it did not answer before")]
    PeerGivenUp {
        /// The domain.
        peer: u16,
        /// The request.
        what: String,
    },

    /// A frontend could not carry out a request.
    #[error("domain {peer} could not {what}: {} ({errno:?}); see the messages of its frontend", .errno.desc())]
    PeerRefused {
        /// The domain.
        peer: u16,
        /// The request.
        what: String,
        /// Its answer.
        errno: Errno,
    },

    /// Two frontends for the same backend.
    #[error(
        "another frontend of this domain publishes its grants to domain {to} at {path} in xenstore: end that one, or use --channel directory"
    )]
    TwoFrontends {
        /// The backend.
        to: u16,
        /// Where.
        path: String,
    },

    /// xenstore refused something.
    #[error("cannot {access} {path} in xenstore: {} ({errno:?}){}", .errno.desc(), xenstore_hint(*.errno))]
    Xenstore {
        /// The operation that failed.
        access: &'static str,
        /// With what.
        path: String,
        /// xenstored's answer.
        errno: Errno,
    },

    /// There is a device for xenstore, and no xenstore.
    #[error(
        "no xenstored answers on {path}: start one in this domain or leave --channel xenstore out; then references are published by a \
         directory page"
    )]
    NoXenstored {
        /// The device.
        path: &'static str,
    },

    /// xenstore does not answer.
    #[error("cannot {access} {path} in xenstore: no answer; does xenstored run?")]
    XenstoreSilent {
        /// The operation that failed.
        access: &'static str,
        /// With what.
        path: String,
    },

    /// What is in xenstore makes no sense.
    #[error("{path} in xenstore is broken: {reason}")]
    XenstoreContents {
        /// Which node.
        path: String,
        /// The defect.
        reason: String,
    },

    /// The directory could be mapped but makes no sense.
    #[error("the directory page at reference {reference} of domain {peer} is broken: {reason}; restart its frontend")]
    BrokenDirectory {
        /// The domain.
        peer: u16,
        /// The page's reference.
        reference: u32,
        /// The defect.
        reason: String,
    },

    /// A mapped page does not hold what its owner wrote.
    #[error(
        "page {page} of {pages} holds {found:#x} instead of {expected:#x}: this is not the page its \
         owner filled; restart the frontend, and if it stays so, the mapping itself is wrong"
    )]
    WrongContents {
        /// Which page.
        page: usize,
        /// Of how many.
        pages: usize,
        /// The value found.
        found: u32,
        /// The expected value.
        expected: u32,
    },

    /// Xen refused a piece of a copy, although the call succeeded.
    #[error(
        "segment {segment} of a grant copy was refused by Xen with status {status}: does its owner \
         still grant it, writable?"
    )]
    CopyRefused {
        /// Which one.
        segment: usize,
        /// Xen's grant status.
        status: i16,
    },

    /// A step of a scenario file failed.
    #[error("{place}: {cause}")]
    Step {
        /// File and line.
        place: String,
        /// Why.
        cause: Box<Error>,
    },

    /// A step ended otherwise than the file expects.
    #[error("{what}: the kernel answered {answered}, and the file expects {expected}")]
    Surprise {
        /// What was done.
        what: &'static str,
        /// The kernel's answer.
        answered: String,
        /// The expected answer.
        expected: String,
    },

    /// More than there is room for, found before anything was mapped.
    #[error("the scenario needs {needed}, but {room}: {advice}; nothing was mapped")]
    NoRoom {
        /// The resource that it needs, with its amount.
        needed: String,
        /// The available amount.
        room: String,
        /// The remedy, with the amount that would fit.
        advice: String,
    },

    /// The balloon cannot be pinned.
    #[error("the balloon cannot be pinned: {why}; {advice}")]
    Balloon {
        /// The obstacle.
        why: String,
        /// What to do.
        advice: &'static str,
    },

    /// One of the run's processes failed.
    #[error("a process of the scenario failed: {text}")]
    Process {
        /// Its own words.
        text: String,
    },

    /// A module parameter could not be read or set.
    #[error("cannot {access} {path}: {cause}; is the driver there, and are you root?")]
    Parameter {
        /// "read" or "raise".
        access: &'static str,
        /// The parameter.
        path: &'static str,
        /// Why.
        cause: io::Error,
    },

    /// The waiting thread did not get into the kernel, or did not come back as expected.
    #[error("the thread waiting for a buffer's release {what}; see the truth file for its calls")]
    Waiter {
        /// What it did.
        what: String,
    },

    /// The truth file could not even be opened.
    #[error(
        "cannot open the truth file {}: {cause}; nothing was run, give another place with --truth",
        .path.display()
    )]
    TruthPath {
        /// Where to.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },

    /// The truth could not be written.
    #[error(
        "cannot write the truth file {}: {cause}; free some space or choose another place with \
         --truth{}", .path.display(), if *.rescued { " (the truth went to standard output instead)" } else { "" }
    )]
    Truth {
        /// Where to.
        path: PathBuf,
        /// Why.
        cause: io::Error,
        /// Whether standard output got it.
        rescued: bool,
    },

    /// A conformance test found something else than the kernel's source calls for, or cannot look.
    #[error(transparent)]
    Test(Box<dyn std::error::Error + Send + Sync>),

    /// Ctrl-C or a termination signal.
    #[error("interrupted; what was mapped and granted has been undone")]
    Interrupted,
}

impl Error {
    /// The kernel's answer, where it is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Operation { errno, .. } | Self::Call { errno, .. } | Self::Open { errno, .. } => Some(*errno),
            Self::NoDmabuf => Some(Errno::ENOTTY),
            _ => None,
        }
    }
}

/// The kernel's answer behind an error of the standard library; an input/output error where there is none.
pub fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// Why xenstored may have said that, and what to do.
fn xenstore_hint(errno: Errno) -> &'static str {
    match errno {
        Errno::EACCES => {
            ": a domain may write below its own data/ only, and only if the toolstack has made that for it (xl does)"
        }
        Errno::ENOSPC => {
            ": this domain has as many nodes, or as large ones, as xenstored allows it (its quotas); grant fewer pages, or use \
             --channel directory"
        }
        Errno::EAGAIN => ": others change the same nodes all the time",
        _ => "",
    }
}

/// Why the kernel may have said that, and what to do: empty where its own words are enough.
fn hint(op: Op, errno: Errno) -> &'static str {
    match (op, errno) {
        (Op::Mmap, Errno::EINVAL) => ": Xen refused at least one grant; does its owner still grant it, to this domain?",
        (Op::Export, Errno::EINVAL) => {
            ": Xen refused at least one grant (exports need writable ones), the flags contradict each \
             other, or this kind of domain cannot export (x86 PV; \
             PVH and HVM too, unless gntdev was changed: `grantscope doctor` says more)"
        }
        (Op::Export, Errno::ENOMEM) => {
            ": WC and coherent buffers need contiguous memory; boot with a larger cma= (64M holds a \
             1080p frame), or give smaller --pages"
        }
        (Op::Map, Errno::ENOMEM) => ": the domain is out of memory; give smaller --pages",
        (Op::Import, Errno::EINVAL) => ": the page count must be exactly the buffer's",
        (Op::Import | Op::Grant, Errno::ENOSPC) => {
            ": no grant references left; raise /sys/module/xen_gntalloc/parameters/limit, or Xen's \
             gnttab_max_frames= for the domain"
        }
        (_, Errno::ENOTTY) => ": the kernel does not know this call; dma-buf calls need CONFIG_XEN_GNTDEV_DMABUF",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_on_what_and_what_to_do() {
        let refused = Error::Operation { op: Op::Export, on: "of 2025 wc pages of domain 1".into(), errno: Errno::ENOMEM };
        insta::assert_snapshot!(refused, @"export of 2025 wc pages of domain 1 failed: Out of memory (ENOMEM): WC and coherent buffers need contiguous memory; boot with a larger cma= (64M holds a 1080p frame), or give smaller --pages");
        let over = Error::OverLimit { call: "map", count: 70_000, limit: 65_536, limit_path: crate::uapi::gntdev::LIMIT };
        insta::assert_snapshot!(over, @"map of 70000 pages is over the limit of 65536 in /sys/module/xen_gntdev/parameters/limit: ask for fewer pages, or raise it there as root");
        insta::assert_snapshot!(Error::ImportTooLarge { count: 65_536 }, @"import of 65536 pages refused: from 65536 pages on this call corrupts the kernel's list of free grants (its count is cut to 16 bits); import at most 65535 pages at a time");
    }
}
