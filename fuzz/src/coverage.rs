//! Where an execution got: the counters that `-C instrument-coverage` puts into the code, read as a fuzzer does.
//!
//! They are LLVM's, and stable Rust links the library that they belong to (`compiler-rt/lib/profile/InstrProfiling.h`, LLVM 21).
//! Without that option there are none, and an execution is judged by what its reader says of it alone.

/// Where executions have got so far.
#[derive(Default)]
pub struct Coverage {
    /// For each counter, a bit for each class of counts.
    seen: Vec<u8>,
}

impl Coverage {
    /// An execution begins: what came before is none.
    pub fn forget(&self) {
        counters().fill(0);
    }

    /// Whether the execution got somewhere new, or passed a place more often than any before: in classes, of which each has counts that
    /// are some times those of the one before.
    pub fn is_new(&mut self) -> bool {
        let counters = counters();
        self.seen.resize(counters.len(), 0);
        let mut is_new = false;
        for (seen, counter) in self.seen.iter_mut().zip(counters) {
            let class = class(*counter);
            is_new |= class & !*seen != 0;
            *seen |= class;
        }
        is_new
    }

    /// Places that were passed, of all; `None`: nobody counts them.
    pub fn places(&self) -> Option<(usize, usize)> {
        (!self.seen.is_empty()).then(|| (self.seen.iter().filter(|seen| **seen > 0).count(), self.seen.len()))
    }
}

/// A bit for never more than once, for a few times, and so on.
fn class(count: u64) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2..4 => 1 << 1,
        4..8 => 1 << 2,
        8..32 => 1 << 3,
        32..128 => 1 << 4,
        128..1_024 => 1 << 5,
        1_024..16_384 => 1 << 6,
        _ => 1 << 7,
    }
}

#[cfg(not(guided))]
fn counters() -> &'static mut [u64] {
    &mut []
}

#[cfg(guided)]
fn counters() -> &'static mut [u64] {
    unsafe extern "C" {
        fn __llvm_profile_begin_counters() -> *mut u64;
        fn __llvm_profile_end_counters() -> *mut u64;
    }
    // SAFETY: the library's own bounds of one array. It is used by one thread: the worker has no other.
    unsafe {
        let (begin, end) = (__llvm_profile_begin_counters(), __llvm_profile_end_counters());
        std::slice::from_raw_parts_mut(begin, end.offset_from_unsigned(begin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_never_a_lower_class() {
        let classes: Vec<_> = (0..20_000).map(class).collect();
        assert!(classes.is_sorted() && classes[0] == 0);
        assert!(classes.iter().all(|class| class.count_ones() <= 1));
    }
}
