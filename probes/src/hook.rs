//! The programs of a hook: one text for what the hook means, and a program for each means by which a kernel may let it be attached.
//!
//! A function's entry can be watched by fentry, `<stem>_entry`, or by a kprobe, `<stem>_kprobe`; its return by fexit, `<stem>_exit`,
//! or by a kretprobe, `<stem>_kretprobe`. The collector loads those that this kernel takes and leaves the others alone.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::generated::bpf_get_func_arg;
use aya_ebpf::programs::{FEntryContext, FExitContext, ProbeContext, RetProbeContext};

use crate::caller::{self, CallSite};

/// What can be asked of a function that was entered.
pub trait Entered {
    /// The `index`th argument, where it is a pointer or a long.
    fn long(&self, index: usize) -> u64;
    /// The `index`th argument, where it is a pointer to pointers.
    fn pointers(&self, index: usize) -> u64;
    /// The `index`th argument, where it is an int.
    fn int(&self, index: usize) -> u32;
    /// Who called the grant table. Dear: a walk up the stack.
    fn caller(&self) -> CallSite;
}

/// What can be asked of a function that returned. Not its arguments: by a kretprobe they are gone.
pub trait Returned {
    /// What it returned, where that is a pointer or a long.
    fn long(&self) -> u64;
    /// What it returned, where that is an int.
    fn int(&self) -> i32 {
        self.long() as i32
    }
}

impl Entered for FEntryContext {
    #[inline(always)]
    fn long(&self, index: usize) -> u64 {
        self.arg(index)
    }

    /// The verifier does not let a program read such an argument by itself (btf_ctx_access in kernel/bpf/btf.c, Linux v6.12).
    #[inline(always)]
    fn pointers(&self, index: usize) -> u64 {
        let mut argument = 0;
        // SAFETY: the context is this program's own. An argument that is not there leaves 0.
        unsafe { bpf_get_func_arg(self.as_ptr(), index as u32, &raw mut argument) };
        argument
    }

    #[inline(always)]
    fn int(&self, index: usize) -> u32 {
        self.arg(index)
    }

    #[inline(always)]
    fn caller(&self) -> CallSite {
        caller::call_site(self.as_ptr(), None)
    }
}

impl Entered for ProbeContext {
    #[inline(always)]
    fn long(&self, index: usize) -> u64 {
        // `None` only for more arguments than registers carry them, which no function of ours has.
        self.arg(index).unwrap_or(0)
    }

    #[inline(always)]
    fn pointers(&self, index: usize) -> u64 {
        Entered::long(self, index)
    }

    #[inline(always)]
    fn int(&self, index: usize) -> u32 {
        // The register's upper half is not the argument's.
        Entered::long(self, index) as u32
    }

    /// At the very entry the function has made no frame yet: on arm64 the return address is in the link register alone.
    #[inline(always)]
    fn caller(&self) -> CallSite {
        #[cfg(bpf_target_arch = "aarch64")]
        // SAFETY: a kprobe's context are the registers.
        let link = Some(unsafe { (*self.regs).regs[30] });
        #[cfg(not(bpf_target_arch = "aarch64"))]
        let link = None;
        caller::call_site(self.as_ptr(), link)
    }
}

impl Returned for FExitContext {
    #[inline(always)]
    fn long(&self) -> u64 {
        // The helper refuses only program types that this one is not of.
        self.ret().unwrap_or(0)
    }
}

impl Returned for RetProbeContext {
    #[inline(always)]
    fn long(&self) -> u64 {
        self.ret()
    }
}

/// Declares a hook's programs: its stem, what to do on entry, and, where both ends are watched, on return.
macro_rules! hook {
    ($stem:ident, $entered:expr) => {
        ::pastey::paste! {
            #[::aya_ebpf::macros::fentry]
            fn [<$stem _entry>](ctx: ::aya_ebpf::programs::FEntryContext) -> i32 {
                ($entered)(&ctx);
                0
            }

            #[::aya_ebpf::macros::kprobe]
            fn [<$stem _kprobe>](ctx: ::aya_ebpf::programs::ProbeContext) -> u32 {
                ($entered)(&ctx);
                0
            }
        }
    };
    ($stem:ident, $entered:expr, $returned:expr) => {
        hook!($stem, $entered);
        ::pastey::paste! {
            #[::aya_ebpf::macros::fexit]
            fn [<$stem _exit>](ctx: ::aya_ebpf::programs::FExitContext) -> i32 {
                ($returned)(&ctx);
                0
            }

            #[::aya_ebpf::macros::kretprobe]
            fn [<$stem _kretprobe>](ctx: ::aya_ebpf::programs::RetProbeContext) -> u32 {
                ($returned)(&ctx);
                0
            }
        }
    };
}

/// Declares the programs of functions that are a stage from entry to return, and nothing more: stem, hook, stage.
macro_rules! stage_hooks {
    ($($(#[$about:meta])* $stem:ident, $hook:ident, $stage:ident;)+) => {
        $(
            hook!(
                $stem,
                |_: &_| $crate::task::enter(::grantscope_wire::HookId::$hook, ::grantscope_wire::Stage::$stage),
                |_: &_| $crate::task::leave(::grantscope_wire::HookId::$hook)
            );
        )+
    };
}
