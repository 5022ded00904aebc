//! Files by which the kernel's fault injection is steered (Documentation/fault-injection/fault-injection.rst, Linux v6.12).

/// Settings of debugfs that keep some allocations from failing.
pub const FILES: [&str; 4] = [
    "/sys/kernel/debug/failslab/ignore-gfp-wait",
    "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait",
    "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem",
    "/sys/kernel/debug/fail_page_alloc/min-order",
];

/// Its first number is the level below which messages go to the console.
pub const CONSOLE_LEVEL: &str = "/proc/sys/kernel/printk";
