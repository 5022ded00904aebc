//! What an execution allocates: all of this program's memory is counted.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What a call gives, and the bytes that were allocated at its worst moment beyond those before it.
pub fn measured<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let value = call();
    (value, MEMORY.peak_usage().saturating_sub(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_moment_counts_also_when_it_is_over() {
        let (length, bytes) = measured(|| std::hint::black_box(vec![1_u8; 3 << 20]).len());
        assert!(length == 3 << 20 && bytes >= length, "{bytes}");
    }
}
