//! The files of the kernel that runs change, and what is ever written to them, whatever a journal says.

use std::ops::RangeInclusive;
use std::path::Path;

use crate::device::Balloon;
use crate::uapi::{fault_injection, gntalloc};

/// What a file of the kernel holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A number that is not negative, up to this one.
    Number(i64),
    /// `Y` or `N`, as a bool of debugfs (`debugfs_write_file_bool` in fs/debugfs/file.c, v6.12).
    Flag,
}

/// Far more KiB than a machine has, and far from where sums of them overflow.
const MOST_KB: i64 = 1 << 40;
/// `limit` of gntalloc, `min-order` of the fault injection and the console level are ints or u32s of the kernel.
const MOST_INT: i64 = i32::MAX as i64;

impl Form {
    /// Of the file at `path`; `None`: runs do not change it.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let [wait, page_wait, page_highmem, order] = fault_injection::FILES;
        let ints = [gntalloc::LIMIT, fault_injection::CONSOLE_LEVEL, order];
        // Not `Path`'s own comparison alone, which takes `a//b` and `a/./b` for `a/b`.
        let is = |file: &str| path.as_os_str() == file;
        if [wait, page_wait, page_highmem].into_iter().any(is) {
            return Some(Self::Flag);
        }
        if ints.into_iter().any(is) {
            return Some(Self::Number(MOST_INT));
        }
        let is_balloon = path.as_os_str() == Balloon::of_this_domain().target().as_os_str();
        // Unit tests change files of their own.
        (is_balloon || cfg!(test) && path.starts_with(std::env::temp_dir())).then_some(Self::Number(MOST_KB))
    }

    /// Whether a word is such a value.
    pub(super) fn has(self, word: &str) -> bool {
        match self {
            Self::Flag => matches!(word, "Y" | "N"),
            Self::Number(_) => {
                word.bytes().all(|byte| byte.is_ascii_digit())
                    && word.parse().is_ok_and(|number: i64| self.numbers().contains(&number))
            }
        }
    }

    /// The numbers that it may be; none of a flag.
    pub(super) fn numbers(self) -> RangeInclusive<i64> {
        match self {
            Self::Number(most) => 0..=most,
            Self::Flag => RangeInclusive::new(1, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_files_that_runs_change_are_known() {
        for known in ["/proc/sys/kernel/printk", gntalloc::LIMIT, "/sys/devices/system/xen_memory/xen_memory0/target_kb"] {
            assert!(Form::of(Path::new(known)).is_some(), "{known}");
        }
        for other in
            ["/etc/passwd", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/../kernel/printk", "/proc/sys//kernel/printk"]
        {
            assert_eq!(Form::of(Path::new(other)), None, "{other}");
        }
        assert!(fault_injection::FILES.iter().all(|file| Form::of(Path::new(file)).is_some()));
    }

    #[test]
    fn a_value_of_another_form_is_none() {
        let number = Form::Number(100);
        for (word, is_so) in
            [("0", true), ("100", true), ("101", false), ("-1", false), ("+1", false), ("", false), ("1\n", false)]
        {
            assert_eq!(number.has(word), is_so, "{word:?}");
        }
        for (word, is_so) in [("Y", true), ("N", true), ("1", false), ("Yes", false), ("", false)] {
            assert_eq!(Form::Flag.has(word), is_so, "{word:?}");
        }
        assert!(number.numbers().contains(&100) && Form::Flag.numbers().is_empty());
    }
}
