//! What a program may ask of the function that it is attached to: what the hook's row in `wire/src/hook.rs` says, and nothing else.
//!
//! The row is a type, and every read is compared with it while the program is compiled. The collector compares the same row with
//! the running kernel's BTF, so that no argument is read that has not been compared.

use core::ffi::c_void;
use core::marker::PhantomData;

use aya_ebpf::helpers::generated::bpf_get_func_arg;
use aya_ebpf::programs::{FEntryContext, FExitContext, ProbeContext, RawTracePointContext, RetProbeContext};
use grantscope_wire::Row;
use grantscope_wire::hook::Shape;

use crate::kernel::fields::at::Place;
use crate::kernel::fields::{Plain, read};

/// The watched function was entered.
pub struct Call<H, C> {
    context: C,
    row: PhantomData<H>,
}

/// The watched function returned. Its arguments may not be available: by a kretprobe they are gone.
pub struct Return<H, C> {
    context: C,
    row: PhantomData<H>,
}

/// The watched tracepoint was passed.
pub struct Event<H> {
    context: RawTracePointContext,
    row: PhantomData<H>,
}

impl<H: Row, C: Entered> Call<H, C> {
    /// For `hook!`, which names the row that the program belongs to.
    pub fn new(context: C) -> Self {
        Self { context, row: PhantomData }
    }

    /// An argument that is a pointer to a structure.
    #[inline(always)]
    pub fn pointer<const INDEX: usize>(&self) -> u64 {
        const { assert!(matches!(H::HOOK.argument(INDEX), Shape::Pointer(_)), "the hook's row has no such pointer") };
        self.context.register(INDEX)
    }

    /// Where an argument points that is a pointer to a structure, as a number: the verifier lets nobody calculate with a pointer.
    #[inline(always)]
    pub fn address<const INDEX: usize>(&self) -> u64 {
        const { assert!(matches!(H::HOOK.argument(INDEX), Shape::Pointer(_)), "the hook's row has no such pointer") };
        self.context.number(INDEX)
    }

    /// An argument that is a pointer to pointers.
    #[inline(always)]
    pub fn pointers<const INDEX: usize>(&self) -> u64 {
        const { assert!(matches!(H::HOOK.argument(INDEX), Shape::Pointers(_)), "the hook's row has no such pointers") };
        self.context.number(INDEX)
    }

    /// An argument that is an int.
    #[inline(always)]
    pub fn int<const INDEX: usize>(&self) -> u32 {
        const { assert!(matches!(H::HOOK.argument(INDEX), Shape::Int), "the hook's row has no such int") };
        self.context.int(INDEX)
    }

    /// An argument that is a long.
    #[inline(always)]
    pub fn long<const INDEX: usize>(&self) -> u64 {
        const { assert!(matches!(H::HOOK.argument(INDEX), Shape::Long), "the hook's row has no such long") };
        self.context.register(INDEX)
    }

    /// What lies in a structure that an argument points to.
    #[inline(always)]
    pub fn load<T: Plain>(&self, place: Place<T>) -> Option<T> {
        // SAFETY: the place is a member of what an argument points to, as the kernel describes it.
        place.0.and_then(|address| unsafe { self.context.load(address) })
    }

    /// The program's context and, where the processor has it in a register, the return address: for a walk up the stack.
    #[inline(always)]
    pub fn stack(&self) -> (*mut c_void, Option<u64>) {
        (self.context.as_ptr(), self.context.link())
    }
}

impl<H: Row, C: Returned> Return<H, C> {
    /// For `hook!`, likewise.
    pub fn new(context: C) -> Self {
        Self { context, row: PhantomData }
    }

    /// What lies in a structure that an argument points to; `None`: it is gone, or this kernel does not have it.
    #[inline(always)]
    pub fn load<const INDEX: usize, T: Plain>(&self, place: impl FnOnce(u64) -> Place<T>) -> Option<T> {
        const { assert!(matches!(H::HOOK.argument(INDEX), Shape::Pointer(_)), "the hook's row has no such pointer") };
        self.context.load(INDEX, place)
    }

    /// An argument that is an int; `None`: it is gone.
    #[inline(always)]
    pub fn int_argument<const INDEX: usize>(&self) -> Option<u32> {
        const { assert!(matches!(H::HOOK.argument(INDEX), Shape::Int), "the hook's row has no such int") };
        self.context.argument(INDEX)
    }

    /// What the function returned, where that is 0 or an errno.
    #[inline(always)]
    pub fn int(&self) -> i32 {
        const { assert!(matches!(H::HOOK.returns, Shape::Int | Shape::Long), "the hook's row has no returned number") };
        self.context.value() as i32
    }

    /// What the function returned, where that is a pointer.
    #[inline(always)]
    pub fn pointer(&self) -> u64 {
        const { assert!(matches!(H::HOOK.returns, Shape::Pointer(_)), "the hook's row has no returned pointer") };
        self.context.value()
    }
}

impl<H: Row> Event<H> {
    /// For `tracepoint!`, likewise.
    pub fn new(context: RawTracePointContext) -> Self {
        Self { context, row: PhantomData }
    }

    /// An argument that is a pointer.
    #[inline(always)]
    pub fn pointer<const INDEX: usize>(&self) -> u64 {
        const { assert!(matches!(H::HOOK.argument(INDEX), Shape::Pointer(_)), "the hook's row has no such pointer") };
        self.context.arg(INDEX)
    }

    /// An argument that is an int.
    #[inline(always)]
    pub fn int<const INDEX: usize>(&self) -> u32 {
        const { assert!(matches!(H::HOOK.argument(INDEX), Shape::Int), "the hook's row has no such int") };
        self.context.arg(INDEX)
    }

    /// An argument that is a long.
    #[inline(always)]
    pub fn long<const INDEX: usize>(&self) -> u64 {
        const { assert!(matches!(H::HOOK.argument(INDEX), Shape::Long), "the hook's row has no such long") };
        self.context.arg(INDEX)
    }
}

/// The context of a program at a function's entry.
pub trait Entered {
    fn as_ptr(&self) -> *mut c_void;
    fn register(&self, index: usize) -> u64;
    fn number(&self, index: usize) -> u64;
    fn int(&self, index: usize) -> u32;
    fn link(&self) -> Option<u64>;

    /// What lies at an address of the kernel.
    ///
    /// # Safety
    /// It is that of a member of a structure that an argument points to, and of this type.
    unsafe fn load<T: Plain>(&self, address: u64) -> Option<T>;
}

/// The context of a program at a function's return.
pub trait Returned {
    fn value(&self) -> u64;
    fn argument(&self, index: usize) -> Option<u32>;
    fn load<T: Plain>(&self, index: usize, place: impl FnOnce(u64) -> Place<T>) -> Option<T>;
}

impl Entered for FEntryContext {
    /// The verifier knows what the arguments point to, and lets the program read it by itself.
    #[inline(always)]
    unsafe fn load<T: Plain>(&self, address: u64) -> Option<T> {
        // SAFETY: as the caller says; the kernel makes a read of what is not mapped one of zero.
        Some(unsafe { *(address as *const T) })
    }

    #[inline(always)]
    fn as_ptr(&self) -> *mut c_void {
        aya_ebpf::EbpfContext::as_ptr(self)
    }

    #[inline(always)]
    fn register(&self, index: usize) -> u64 {
        self.arg(index)
    }

    /// The verifier does not let a program read a pointer to pointers by itself (btf_ctx_access in kernel/bpf/btf.c, Linux v6.12), nor
    /// calculate with a pointer to a structure. It puts a few instructions in the helper's place.
    #[inline(always)]
    fn number(&self, index: usize) -> u64 {
        let mut argument = 0;
        // SAFETY: the context is this program's own. An argument that is not there leaves 0.
        unsafe { bpf_get_func_arg(Entered::as_ptr(self), index as u32, &raw mut argument) };
        argument
    }

    #[inline(always)]
    fn int(&self, index: usize) -> u32 {
        self.arg(index)
    }

    #[inline(always)]
    fn link(&self) -> Option<u64> {
        None
    }
}

impl Entered for ProbeContext {
    #[inline(always)]
    unsafe fn load<T: Plain>(&self, address: u64) -> Option<T> {
        read(address)
    }

    #[inline(always)]
    fn as_ptr(&self) -> *mut c_void {
        aya_ebpf::EbpfContext::as_ptr(self)
    }

    #[inline(always)]
    fn register(&self, index: usize) -> u64 {
        // `None` only for more arguments than registers carry them, which no function of ours has.
        self.arg(index).unwrap_or(0)
    }

    #[inline(always)]
    fn number(&self, index: usize) -> u64 {
        self.register(index)
    }

    #[inline(always)]
    fn int(&self, index: usize) -> u32 {
        // The register's upper half is not the argument's.
        self.register(index) as u32
    }

    /// At the very entry the function has made no frame yet: on arm64 the return address is in the link register alone.
    #[inline(always)]
    fn link(&self) -> Option<u64> {
        #[cfg(bpf_target_arch = "aarch64")]
        // SAFETY: a kprobe's context are the registers.
        return Some(unsafe { (*self.regs).regs[30] });
        #[cfg(not(bpf_target_arch = "aarch64"))]
        None
    }
}

impl Returned for FExitContext {
    #[inline(always)]
    fn argument(&self, index: usize) -> Option<u32> {
        // The register's upper half is not the argument's.
        Some(self.arg::<u64>(index) as u32)
    }

    #[inline(always)]
    fn load<T: Plain>(&self, index: usize, place: impl FnOnce(u64) -> Place<T>) -> Option<T> {
        // SAFETY: a member of what the argument points to; the kernel makes a read of what is not mapped one of zero.
        place(self.arg(index)).0.map(|address| unsafe { *(address as *const T) })
    }

    #[inline(always)]
    fn value(&self) -> u64 {
        // The helper refuses only program types that this one is not of.
        self.ret().unwrap_or(0)
    }
}

impl Returned for RetProbeContext {
    #[inline(always)]
    fn argument(&self, _: usize) -> Option<u32> {
        None
    }

    #[inline(always)]
    fn load<T: Plain>(&self, _: usize, _: impl FnOnce(u64) -> Place<T>) -> Option<T> {
        None
    }

    #[inline(always)]
    fn value(&self) -> u64 {
        self.ret()
    }
}
