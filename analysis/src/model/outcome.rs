//! How an operation ended, and the names of errnos.

use std::borrow::Cow;
use std::fmt;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It did what was asked.
    Ok,
    /// It failed with this (positive) errno.
    Errno(i32),
}

impl Outcome {
    /// From what a kernel function returns: negative numbers are errnos.
    pub fn from_return(ret: i32) -> Self {
        // The smallest number has no positive one, and is no errno either.
        match ret.saturating_neg() {
            errno if errno <= 0 => Self::Ok,
            // What a driver says to the kernel of a call that it does not know, and user space never sees (fs/ioctl.c, vfs_ioctl).
            ENOIOCTLCMD => Self::Errno(ENOTTY),
            errno => Self::Errno(errno),
        }
    }

    /// That of a name; `None`: it is of none.
    pub fn named(name: &str) -> Option<Self> {
        if name == Self::Ok.name() {
            return Some(Self::Ok);
        }
        let by_name = (1..=MOST_ERRNO).find(|&errno| errno_name(errno) == Some(name));
        let by_number = || name.strip_prefix('E')?.parse().ok().filter(|errno| *errno > 0);
        by_name.or_else(by_number).map(Self::Errno)
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

/// The largest that has a name here.
const MOST_ERRNO: i32 = 524;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_return_is_an_outcome() {
        assert_eq!([0, 7, i32::MAX].map(Outcome::from_return), [Outcome::Ok; 3]);
        assert_eq!([-22, i32::MIN].map(Outcome::from_return), [22, i32::MAX].map(Outcome::Errno));
    }
}
