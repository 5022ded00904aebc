//! What each hook means. A hook has one function for its meaning, and a program for each attach mode that a kernel may support.
//!
//! A function's entry can be watched by fentry, `<stem>_entry`, or by a kprobe, `<stem>_kprobe`; its return by fexit, `<stem>_exit`,
//! or by a kretprobe, `<stem>_kretprobe`. The collector loads those that this kernel takes and leaves the others alone.

/// Declares a hook's programs: its row, what to do on entry, and, where both ends are watched, on return.
macro_rules! hook {
    ($hook:ident, $entered:expr) => {
        hook!(@watches $hook, Entry);
        hook!(@entry $hook, $entered);
    };
    ($hook:ident, $entered:expr, $returned:expr) => {
        hook!(@watches $hook, Both);
        hook!(@entry $hook, $entered);
        ::pastey::paste! {
            #[cfg(not(feature = "early"))]
            #[::aya_ebpf::macros::fexit]
            fn [<$hook:snake _exit>](ctx: ::aya_ebpf::programs::FExitContext) -> i32 {
                if cfg!(feature = "empty") {
                    return 0;
                }
                $crate::op::sounding::around(|| ($returned)(&$crate::call::Return::<::grantscope_wire::hook::rows::$hook, _>::new(ctx)));
                0
            }

            #[::aya_ebpf::macros::kretprobe]
            fn [<$hook:snake _kretprobe>](ctx: ::aya_ebpf::programs::RetProbeContext) -> u32 {
                if cfg!(feature = "empty") {
                    return 0;
                }
                $crate::op::sounding::around(|| ($returned)(&$crate::call::Return::<::grantscope_wire::hook::rows::$hook, _>::new(ctx)));
                0
            }
        }
    };
    (@entry $hook:ident, $entered:expr) => {
        ::pastey::paste! {
            #[cfg(not(feature = "early"))]
            #[::aya_ebpf::macros::fentry]
            fn [<$hook:snake _entry>](ctx: ::aya_ebpf::programs::FEntryContext) -> i32 {
                if cfg!(feature = "empty") {
                    return 0;
                }
                $crate::op::sounding::around(|| ($entered)(&$crate::call::Call::<::grantscope_wire::hook::rows::$hook, _>::new(ctx)));
                0
            }

            #[::aya_ebpf::macros::kprobe]
            fn [<$hook:snake _kprobe>](ctx: ::aya_ebpf::programs::ProbeContext) -> u32 {
                if cfg!(feature = "empty") {
                    return 0;
                }
                $crate::op::sounding::around(|| ($entered)(&$crate::call::Call::<::grantscope_wire::hook::rows::$hook, _>::new(ctx)));
                0
            }
        }
    };
    (@watches $hook:ident, $ends:ident) => {
        const _: () = assert!(
            matches!(
                <::grantscope_wire::hook::rows::$hook as ::grantscope_wire::Row>::HOOK.ends,
                ::grantscope_wire::hook::Ends::$ends
            ),
            "the hook's row watches other ends",
        );
    };
}

/// Declares a tracepoint's program: its row, and what to do there.
macro_rules! tracepoint {
    ($hook:ident, $passed:expr) => {
        hook!(@watches $hook, Tracepoint);
        ::pastey::paste! {
            #[::aya_ebpf::macros::raw_tracepoint]
            fn [<$hook:snake _tracepoint>](ctx: ::aya_ebpf::programs::RawTracePointContext) -> i32 {
                if cfg!(feature = "empty") {
                    return 0;
                }
                $crate::op::sounding::around(|| ($passed)(&$crate::call::Event::<::grantscope_wire::hook::rows::$hook>::new(ctx)));
                0
            }
        }
    };
}

/// Declares the programs of functions that are a stage from entry to return, and nothing more.
macro_rules! stage_hooks {
    ($($(#[$about:meta])* $hook:ident;)+) => {
        $(
            hook!($hook, $crate::op::task::enter, |call: &_| drop($crate::op::task::leave(call)));
        )+
    };
}

mod dma;
mod dmabuf;
mod gntalloc;
mod gntdev;
mod grant_table;
mod lock;
mod memory;
mod teardown;
mod twins;
