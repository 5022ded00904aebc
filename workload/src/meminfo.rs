//! The kernel's report of this domain's memory.
//!
//! Not by the `procfs` crate: that fails as a whole if any of a dozen lines is missing, and here each number may be unknown alone.

use std::fs;

use crate::device::page_size;

/// What /proc/meminfo reports, in pages. `None` is unknown.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Pages available without swapping.
    pub available: Option<u64>,
    /// Pages of CMA.
    pub cma: Option<u64>,
    /// Free pages of CMA.
    pub cma_free: Option<u64>,
    /// The size of a page, in bytes.
    pub page_size: u64,
}

impl Memory {
    /// As it is now; unknown if the file cannot be read.
    pub fn now() -> Self {
        fs::read_to_string("/proc/meminfo").map_or_else(|_| Self::default(), |text| Self::parse(&text, page_size()))
    }

    /// From the text of the file.
    pub fn parse(text: &str, page_size: usize) -> Self {
        let pages = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            Some(kib * 1024 / page_size as u64)
        };
        let (cma, cma_free) = (pages("CmaTotal"), pages("CmaFree"));
        Self { available: pages("MemAvailable"), cma, cma_free, page_size: page_size as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:        1000000 kB\nMemAvailable:     800000 kB\nCmaTotal:          65536 kB\n";

    #[test]
    fn memory_is_read_in_pages_and_what_is_not_there_is_unknown() {
        let memory = Memory::parse(MEMINFO, 4096);
        assert_eq!((memory.available, memory.cma), (Some(200_000), Some(16_384)));
        assert_eq!(Memory::parse("MemTotal: 5 kB\n", 4096).cma, None);
    }
}
