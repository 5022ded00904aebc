//! The eBPF programs: they time grant operations inside the kernel and write one record for each.
//!
//! Each watched function has programs for its entry and, where the table in `wire/src/hook.rs` says `Both`, for its return:
//! `hooks` says what they mean, `op` keeps the time of the operation that they are in, `live` what lives between operations.
//!
//! A hook reads the clock as its last act on entry and as its first on return, so that a stage carries as little of
//! the probes' own time as can be: the rest is in the stage around it, until whoever reads the recording subtracts it.
#![no_std]
#![no_main]
// Inline assembly for the BPF machine: one instruction, in `exchange.rs`.
#![feature(asm_experimental_arch)]

mod call;
mod exchange;
mod hooks;
mod kernel;
mod live;
mod op;
mod out;
mod repeat;

/// The programs call helpers that the kernel gives to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
