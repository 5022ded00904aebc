//! gntalloc: granting pages of one's own, and taking the grants back.
//!
//! Source: drivers/xen/gntalloc.c, Linux v6.12; numbers from include/uapi/xen/gntalloc.h.

use grantscope_wire::{Buffer, HookId, Op, Stage};

use crate::cause;
use crate::fields::user_u32;
use crate::hook::{Entered, Returned};
use crate::task;

const IOCTL_ALLOC_GREF: u32 = 0x18_4705;
const IOCTL_DEALLOC_GREF: u32 = 0x10_4706;

hook!(gntalloc_ioctl, ioctl_entered, ioctl_returned);

/// `long gntalloc_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)`
#[inline(always)]
fn ioctl_entered(call: &impl Entered) {
    let arguments = [call.long(0), call.long(2)];
    match operation(call.int(1)) {
        Some(op) => task::begin_call(op, HookId::GntallocIoctl, Stage::Remainder, arguments),
        None => task::begin_other_call(HookId::GntallocIoctl),
    }
}

#[inline(always)]
fn ioctl_returned(call: &impl Returned) {
    let Some(task) = task::operation_finished(HookId::GntallocIoctl) else { return };
    let [_, argument] = task.arguments();
    task.set_buffer(Buffer::Pages);
    // struct ioctl_gntalloc_alloc_gref: u16 domid, u16 flags, u32 count; ..._dealloc_gref: u64 index, u32 count.
    let granting = task.is(Op::Grant);
    if let Some(count) = user_u32(argument, if granting { 4 } else { 8 }) {
        task.set_pages(count);
    }
    if let (true, Some(word)) = (granting, user_u32(argument, 0)) {
        task.set_domid(word & 0xffff);
    }
    let ret = call.int();
    if ret < 0 {
        cause::of_gntalloc_ioctl(task, argument, ret);
    }
    task.emit(HookId::GntallocIoctl, ret);
}

#[inline(always)]
fn operation(command: u32) -> Option<Op> {
    match command {
        IOCTL_ALLOC_GREF => Some(Op::Grant),
        IOCTL_DEALLOC_GREF => Some(Op::Ungrant),
        _ => None,
    }
}
