//! gntalloc: granting pages of one's own, and taking the grants back.
//!
//! Source: drivers/xen/gntalloc.c, Linux v6.12; numbers from include/uapi/xen/gntalloc.h.

use aya_ebpf::macros::{fentry, fexit};
use aya_ebpf::programs::{FEntryContext, FExitContext};
use grantscope_wire::{Buffer, HookId, Op, Stage};

use crate::fields::user_u32;
use crate::task;

const IOCTL_ALLOC_GREF: u32 = 0x18_4705;
const IOCTL_DEALLOC_GREF: u32 = 0x10_4706;

/// `long gntalloc_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)`
#[fentry(function = "gntalloc_ioctl")]
fn gntalloc_ioctl_entry(ctx: FEntryContext) -> i32 {
    if let Some(op) = operation(ctx.arg(1)) {
        task::begin(op, HookId::GntallocIoctl, Stage::Remainder);
    }
    0
}

#[fexit(function = "gntalloc_ioctl")]
fn gntalloc_ioctl_exit(ctx: FExitContext) -> i32 {
    if operation(ctx.arg(1)).is_none() {
        return 0;
    }
    if let Some(task) = task::operation_finished(HookId::GntallocIoctl) {
        let argument = ctx.arg::<u64>(2);
        task.set_buffer(Buffer::Pages);
        // struct ioctl_gntalloc_alloc_gref: u16 domid, u16 flags, u32 count; ..._dealloc_gref: u64 index, u32 count.
        let granting = task.is(Op::Grant);
        if let Some(count) = user_u32(argument, if granting { 4 } else { 8 }) {
            task.set_pages(count);
        }
        if let (true, Some(word)) = (granting, user_u32(argument, 0)) {
            task.set_domid(word & 0xffff);
        }
        task.emit(HookId::GntallocIoctl, ctx.arg::<i64>(3) as i32);
    }
    0
}

#[inline(always)]
fn operation(command: u32) -> Option<Op> {
    match command {
        IOCTL_ALLOC_GREF => Some(Op::Grant),
        IOCTL_DEALLOC_GREF => Some(Op::Ungrant),
        _ => None,
    }
}
