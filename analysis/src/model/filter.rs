//! What a recording was asked to leave out, and how much that was.

use std::fmt;

use grantscope_wire::Buffer;

use crate::shown::Shown;

/// Bytes of a thread's name in the kernel, the zero at its end included (`TASK_COMM_LEN` in include/linux/sched.h, Linux v6.12).
const COMM_BYTES: usize = 16;

/// What an operation must be to be recorded: everything that is asked for here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// It is of this process.
    pub pid: Option<u32>,
    /// The thread has this name.
    pub comm: Option<String>,
    /// It concerns this other domain.
    pub domid: Option<u16>,
    /// It is about a buffer of one of these kinds; empty: of any.
    pub buffers: Vec<Buffer>,
    /// The minimum duration; 0: any.
    pub min_duration_ns: u64,
    /// It failed, in whole or in part.
    pub errors_only: bool,
}

/// A thread's name that no thread can have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a thread's name has 1 to 15 bytes, and {0:?} has {bytes}: give what /proc/PID/comm shows", bytes = .0.len())]
pub struct ImpossibleName(String);

impl Filter {
    /// Whether it leaves nothing out.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// As the probes take it.
    ///
    /// # Errors
    ///
    /// Where no thread can have the name that is asked for.
    pub fn to_wire(&self) -> Result<grantscope_wire::Filter, ImpossibleName> {
        use grantscope_wire::Filter as Wire;
        Ok(Wire {
            min_duration_ns: self.min_duration_ns,
            comm: self.comm.as_deref().map_or(Ok(Wire::ANY.comm), padded)?,
            tgid: self.pid.unwrap_or(Wire::ANY.tgid),
            domid: self.domid.map_or(Wire::ANY_DOMID, u32::from),
            buffers: self.buffers.iter().fold(Wire::ANY.buffers, |bits, buffer| bits | 1 << buffer.id()),
            errors_only: u32::from(self.errors_only),
        })
    }
}

fn padded(name: &str) -> Result<[u8; COMM_BYTES], ImpossibleName> {
    if name.is_empty() || name.len() >= COMM_BYTES {
        return Err(ImpossibleName(name.to_owned()));
    }
    let mut bytes = [0; COMM_BYTES];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Ok(bytes)
}

/// In words; nothing for one that leaves nothing out.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.buffers.iter().map(|buffer| buffer.name()).collect();
        let parts = [
            self.pid.map(|pid| format!("pid {pid}")),
            self.comm.as_deref().map(|comm| format!("comm {}", Shown(comm))),
            self.domid.map(|domid| format!("domid {domid}")),
            (!kinds.is_empty()).then(|| format!("buffer {}", kinds.join(" or "))),
            (self.min_duration_ns > 0).then(|| format!("at least {}", crate::units::duration(self.min_duration_ns as f64))),
            self.errors_only.then(|| "errors".to_owned()),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// How much was left out since the recording began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterReport {
    /// Monotonic time of the count.
    pub at_ns: u64,
    /// The filter.
    pub filter: Filter,
    /// Operations that were something else.
    pub left_out: u64,
}

/// In words, for a screen.
impl fmt::Display for FilterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {}: {} left out", self.filter, self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Cause;
    use grantscope_wire::record::{DOMID_KNOWN, OpHeader};

    use super::*;

    /// An operation that every filter below lets pass.
    fn head() -> OpHeader {
        OpHeader {
            duration_ns: 50_000,
            tgid: 12,
            comm: *b"backend\0\0\0\0\0\0\0\0\0",
            ret: -22,
            domid: 3,
            flags: DOMID_KNOWN,
            buffer: Buffer::Wc.id(),
            ..OpHeader::default()
        }
    }

    fn whole() -> Filter {
        Filter {
            pid: Some(12),
            comm: Some("backend".to_owned()),
            domid: Some(3),
            buffers: vec![Buffer::Wc, Buffer::Coherent],
            min_duration_ns: 50_000,
            errors_only: true,
        }
    }

    #[test]
    fn everything_that_is_asked_for_has_to_hold() {
        let filter = whole().to_wire().unwrap();
        assert!(filter.passes(&head()));
        let others = [
            OpHeader { duration_ns: 49_999, ..head() },
            OpHeader { tgid: 13, ..head() },
            OpHeader { comm: *b"backends\0\0\0\0\0\0\0\0", ..head() },
            OpHeader { ret: 0, ..head() },
            OpHeader { domid: 4, ..head() },
            OpHeader { buffer: Buffer::Pages.id(), ..head() },
        ];
        for other in others {
            assert!(!filter.passes(&other), "{other:?}");
            assert!(Filter::default().to_wire().unwrap().passes(&other), "{other:?}");
        }
    }

    #[test]
    fn what_xen_refused_in_part_is_an_error_also_where_the_kernel_calls_it_a_success() {
        let errors = Filter { errors_only: true, ..Filter::default() }.to_wire().unwrap();
        assert!(errors.passes(&OpHeader { ret: 0, cause: Cause::GrantsRefused.id(), ..head() }));
        assert!(!errors.passes(&OpHeader { ret: 0, cause: 0, ..head() }));
    }

    #[test]
    fn what_is_not_known_is_not_what_was_asked_for() {
        let [domid, buffers] =
            [Filter { domid: Some(3), ..Filter::default() }, Filter { buffers: vec![Buffer::Wc], ..Filter::default() }];
        assert!(!domid.to_wire().unwrap().passes(&OpHeader { flags: 0, ..head() }));
        assert!(!buffers.to_wire().unwrap().passes(&OpHeader { buffer: 0, ..head() }));
    }

    #[test]
    fn a_name_that_no_thread_can_have_is_refused() {
        let named = |comm: &str| Filter { comm: Some(comm.to_owned()), ..Filter::default() }.to_wire();
        assert!(named("fifteen-letters").is_ok());
        let refused = named("sixteen-letters!").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "a thread's name has 1 to 15 bytes, and \"sixteen-letters!\" has 16: give what /proc/PID/comm shows"
        );
        assert!(named("").is_err());
    }

    #[test]
    fn a_filter_is_said_in_words() {
        let report = FilterReport { at_ns: 0, filter: whole(), left_out: 7 };
        let said = "only pid 12, comm backend, domid 3, buffer wc or coherent, at least 50.0 µs, errors: 7 left out";
        assert_eq!(report.to_string(), said);
        assert_eq!(Filter::default().to_string(), "");
    }
}
