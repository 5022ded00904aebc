//! gntalloc: granting pages of one's own, and taking the grants back.
//!
//! Source: drivers/xen/gntalloc.c, Linux v6.12; numbers from include/uapi/xen/gntalloc.h.

use grantscope_wire::hook::rows::GntallocIoctl;
use grantscope_wire::{Buffer, Op, OpAt};

use crate::call::{Call, Entered, Return, Returned};
use crate::kernel::fields::user_u32;
use crate::op::cause;
use crate::op::task;

const IOCTL_ALLOC_GREF: u32 = 0x18_4705;
const IOCTL_DEALLOC_GREF: u32 = 0x10_4706;

hook!(GntallocIoctl, on_gntalloc_ioctl, on_gntalloc_ioctl_return);

/// `long gntalloc_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)`
#[inline(always)]
fn on_gntalloc_ioctl(call: &Call<GntallocIoctl, impl Entered>) {
    match operation(call.int::<1>()) {
        Some(op) => task::begin_call(call, op, [call.long::<2>(), 0]),
        None => task::begin_other_call(call),
    }
}

#[inline(always)]
fn on_gntalloc_ioctl_return(call: &Return<GntallocIoctl, impl Returned>) {
    let Some(task) = task::operation_finished(call) else { return };
    let [argument, _] = task.arguments();
    task.head_mut().set_buffer(Buffer::Pages);
    // struct ioctl_gntalloc_alloc_gref: u16 domid, u16 flags, u32 count; ..._dealloc_gref: u64 index, u32 count.
    let granting = task.is(Op::Grant);
    if let Some(count) = user_u32(argument, if granting { 4 } else { 8 }) {
        task.head_mut().set_pages(count);
    }
    if let (true, Some(word)) = (granting, user_u32(argument, 0)) {
        task.head_mut().set_domid(word & 0xffff);
    }
    let ret = call.int();
    if ret < 0 {
        cause::of_gntalloc_ioctl(task, ret);
    }
    task.emit(call, ret);
}

#[inline(always)]
fn operation(command: u32) -> Option<OpAt<GntallocIoctl>> {
    match command {
        IOCTL_ALLOC_GREF => Some(const { OpAt::new(Op::Grant) }),
        IOCTL_DEALLOC_GREF => Some(const { OpAt::new(Op::Ungrant) }),
        _ => None,
    }
}
