//! What a recording tells, in the words of the field. Wire records become these values in `decode`, and nowhere else.

pub mod attach;
pub mod filter;

use std::borrow::Cow;
use std::fmt;

use grantscope_wire::{Buffer, Cause, HookId, LossKind, Op, Stage};
use serde::{Deserialize, Serialize};

/// One operation that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Monotonic time at which it began.
    pub start_ns: u64,
    /// How long it took.
    pub duration_ns: u64,
    /// What was asked for.
    #[serde(with = "ids::op")]
    pub op: Op,
    /// What backs the mapping; `None`: not known.
    #[serde(with = "ids::buffer")]
    pub buffer: Option<Buffer>,
    /// Grant references it was about; `None`: not known.
    pub pages: Option<u32>,
    /// How it ended.
    pub outcome: Outcome,
    /// The other domain; `None`: not known.
    pub domid: Option<u16>,
    /// Process.
    pub tgid: u32,
    /// Thread.
    pub tid: u32,
    /// The thread's name.
    pub comm: String,
    /// Tells maps apart that live at the same address one after the other; `None`: not known.
    pub map_generation_ns: Option<u64>,
    /// Stages may be charged to the one around them: the stack overflowed, or a return was unmatched.
    pub stages_incomplete: bool,
    /// Where the time went. Their `self_ns` add up to `duration_ns`.
    pub stages: Vec<StageSpan>,
    /// What else is known of it, in no fixed order.
    pub details: Vec<Detail>,
}

/// What only some operations have. Variants are numbered by position: new ones go to the end, and raise the recording's version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// The operation that asked for this one: a teardown ends later than what began it.
    StartedBy(#[serde(with = "ids::op")] Op),
    /// The kernel function that asked: of an operation that no call from user space began.
    Caller(String),
    /// Why it failed, where the errno stands for many reasons.
    Cause(#[serde(with = "ids::cause")] Cause),
    /// How many of its references got a grant status other than okay.
    Status {
        /// Xen's `GNTST_*`, or [`UNREAD`].
        status: i16,
        /// References.
        count: u32,
    },
}

impl Operation {
    /// Whether the stages account for every nanosecond.
    pub fn adds_up(&self) -> bool {
        self.stages.iter().map(|stage| stage.self_ns).sum::<u64>() == self.duration_ns
    }

    /// The operation that asked for this one; `None`: not known, or nobody's operation but its own.
    pub fn started_by(&self) -> Option<Op> {
        self.details.iter().find_map(|detail| if let Detail::StartedBy(op) = detail { Some(*op) } else { None })
    }
}

impl Operation {
    /// The kernel function that asked; `None`: not known, or a call from user space.
    pub fn caller(&self) -> Option<&str> {
        self.details.iter().find_map(|detail| if let Detail::Caller(name) = detail { Some(name.as_str()) } else { None })
    }

    /// Why it failed; `None`: not known, or its outcome says it all.
    pub fn cause(&self) -> Option<Cause> {
        self.details.iter().find_map(|detail| if let Detail::Cause(cause) = detail { Some(*cause) } else { None })
    }

    /// Grant references by the status that Xen refused them with, and those of which it is not known.
    pub fn statuses(&self) -> impl Iterator<Item = (i16, u32)> {
        self.details
            .iter()
            .filter_map(|detail| if let Detail::Status { status, count } = *detail { Some((status, count)) } else { None })
    }
}

/// In place of the grant status of references whose status could not be read: Xen has none above 0.
pub const UNREAD: i16 = 1;

/// The name of a grant status, as Xen's public header has it behind `GNTST_`. Source: Xen 4.17, xen/include/public/grant_table.h.
pub fn status_name(status: i16) -> Cow<'static, str> {
    Cow::Borrowed(match status {
        UNREAD => "unread",
        0 => "okay",
        -1 => "general_error",
        -2 => "bad_domain",
        -3 => "bad_gntref",
        -4 => "bad_handle",
        -5 => "bad_virt_addr",
        -6 => "bad_dev_addr",
        -7 => "no_device_space",
        -8 => "permission_denied",
        -9 => "bad_page",
        -10 => "bad_copy_arg",
        -11 => "address_too_big",
        -12 => "eagain",
        -13 => "no_space",
        -14 => "retry",
        other => return format!("status_{other}").into(),
    })
}

/// Time spent in one stage of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSpan {
    /// Which.
    #[serde(with = "ids::stage")]
    pub stage: Stage,
    /// Time in the stage itself, without stages inside it, over all its calls.
    pub self_ns: u64,
    /// When it was first entered, counted from the operation's start.
    pub first_offset_ns: u32,
    /// How often it was entered.
    pub calls: u16,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It did what was asked.
    Ok,
    /// It failed with this (positive) errno.
    Errno(i32),
}

impl Outcome {
    /// From what a kernel function returns: negative numbers are errnos.
    pub fn from_return(ret: i32) -> Self {
        match -ret {
            errno if errno <= 0 => Self::Ok,
            // What a driver says to the kernel of a call that it does not know, and user space never sees (fs/ioctl.c, vfs_ioctl).
            ENOIOCTLCMD => Self::Errno(ENOTTY),
            errno => Self::Errno(errno),
        }
    }

    /// `ok`, or the errno's name.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Ok => "ok".into(),
            Self::Errno(errno) => errno_name(errno).map_or_else(|| format!("E{errno}").into(), Cow::from),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

/// include/linux/errno.h, Linux v6.12.
const ENOIOCTLCMD: i32 = 515;
/// include/uapi/asm-generic/errno-base.h, Linux v6.12.
const ENOTTY: i32 = 25;

/// Names of the errnos that this path can give. Source: Linux v6.12, include/uapi/asm-generic/errno{,-base}.h, include/linux/errno.h.
fn errno_name(errno: i32) -> Option<&'static str> {
    Some(match errno {
        1 => "EPERM",
        2 => "ENOENT",
        4 => "EINTR",
        5 => "EIO",
        6 => "ENXIO",
        7 => "E2BIG",
        9 => "EBADF",
        11 => "EAGAIN",
        12 => "ENOMEM",
        13 => "EACCES",
        14 => "EFAULT",
        16 => "EBUSY",
        17 => "EEXIST",
        19 => "ENODEV",
        22 => "EINVAL",
        23 => "ENFILE",
        24 => "EMFILE",
        25 => "ENOTTY",
        28 => "ENOSPC",
        34 => "ERANGE",
        38 => "ENOSYS",
        62 => "ETIME",
        75 => "EOVERFLOW",
        95 => "EOPNOTSUPP",
        110 => "ETIMEDOUT",
        512 => "ERESTARTSYS",
        517 => "EPROBE_DEFER",
        524 => "ENOTSUPP",
        _ => return None,
    })
}

/// Where and with what a recording was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Name of the run, chosen by whoever started it.
    pub run: String,
    /// Host name.
    pub host: String,
    /// Kernel release.
    pub kernel: String,
    /// Xen version; `None`: not running under Xen, or not readable.
    pub xen: Option<String>,
    /// Machine, as `uname -m` says it.
    pub arch: String,
    /// Bytes in a page of this kernel. A grant is always 4,096.
    pub page_size: u32,
    /// The clock behind all `_ns`.
    pub clock: Clock,
    /// Version of the tool that recorded.
    pub tool: String,
    /// Wall-clock time of the start, milliseconds since 1970.
    pub started_unix_ms: u64,
    /// How each hook is attached.
    pub hooks: Vec<HookStatus>,
}

impl Environment {
    /// Hooks attached, and hooks there are.
    pub fn hooks_attached(&self) -> (usize, usize) {
        let attached = self.hooks.iter().filter(|hook| hook.attached_by.is_some()).count();
        (attached, self.hooks.len())
    }
}

/// The clock that gave the nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clock {
    /// The machine's monotonic clock.
    #[default]
    Wall,
    /// Instructions counted by an emulator, 2 ns each: ratios mean something, absolute times do not.
    Counted,
}

impl Clock {
    /// All, in the order of the help texts.
    pub const ALL: &[Self] = &[Self::Wall, Self::Counted];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Counted => "counted",
        }
    }

    /// What it counts, for the help text of an option.
    pub fn about(self) -> &'static str {
        match self {
            Self::Wall => "Time, as on all real machines",
            Self::Counted => "Instructions counted by an emulator (2 ns each): ratios mean something, absolute times do not",
        }
    }

    /// What a reader has to know about its numbers; `None`: nothing.
    pub fn caveat(self) -> Option<&'static str> {
        match self {
            Self::Wall => None,
            Self::Counted => Some("counted instructions under emulation (2 ns each), not time on silicon"),
        }
    }
}

/// How a hook is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookStatus {
    /// Which.
    #[serde(with = "ids::hook")]
    pub hook: HookId,
    /// `fentry` or the like; `None`: not attached.
    pub attached_by: Option<String>,
    /// The kernel function it sits on.
    pub symbol: Option<String>,
    /// Why it is not attached, or not by a better means.
    pub problem: Option<String>,
}

/// What was lost since the recording began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossReport {
    /// Monotonic time of the count.
    pub at_ns: u64,
    /// Only counters that are not zero.
    pub counters: Vec<LossCounter>,
}

impl LossReport {
    /// Operations that are missing from the counts.
    pub fn operations(&self) -> u64 {
        self.counters.iter().filter(|counter| counter.kind.loses_operations()).map(|counter| counter.count).sum()
    }

    /// All that was lost, of every kind.
    pub fn total(&self) -> u64 {
        self.counters.iter().map(|counter| counter.count).sum()
    }
}

/// One way to lose, at one hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossCounter {
    /// Where.
    #[serde(with = "ids::hook")]
    pub hook: HookId,
    /// How.
    #[serde(with = "ids::loss")]
    pub kind: LossKind,
    /// How often.
    pub count: u64,
}

/// Ids on the wire, names in the program.
pub(crate) mod ids {
    macro_rules! by_id {
        ($module:ident, $name:ident) => {
            pub mod $module {
                use grantscope_wire::$name;
                use serde::de::Error;
                use serde::{Deserialize, Deserializer, Serializer};

                pub fn serialize<S: Serializer>(value: &$name, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_u8(value.id())
                }

                pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                    let id = u8::deserialize(deserializer)?;
                    $name::from_id(id).ok_or_else(|| D::Error::custom(concat!("unknown ", stringify!($name))))
                }
            }
        };
    }

    by_id!(op, Op);
    by_id!(stage, Stage);
    by_id!(hook, HookId);
    by_id!(loss, LossKind);
    by_id!(cause, Cause);

    /// A buffer kind, 0 for unknown.
    pub mod buffer {
        use grantscope_wire::Buffer;
        use serde::{Deserialize, Deserializer, Serializer};

        pub fn serialize<S: Serializer>(value: &Option<Buffer>, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u8(value.map_or(0, Buffer::id))
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Buffer>, D::Error> {
            Ok(Buffer::from_id(u8::deserialize(deserializer)?))
        }
    }
}
