//! Twins of the simplest hooks, at functions that do nothing and that the kernel calls on request one after the other (`bpf_fentry_test1` and
//! so on, `bpf_prog_test_run_tracing` in net/bpf/test_run.c, Linux v6.12): what passes between two of them is what two crossings cost.
//!
//! They make an operation of their own, which the collector asks for before a recording begins: `collector/src/calibrate.rs`.

use grantscope_wire::Row;
use grantscope_wire::hook::rows::{DmaBufExport, DmaBufGet, GnttabAllocGrantReferences, GnttabAllocPages};
use grantscope_wire::record::CALIBRATION;

use crate::call::{Call, Return};
use crate::op::task;

/// Declares the programs of a twin, as `hook!` does.
macro_rules! twin {
    ($stem:ident, $row:ident, entered $entered:expr) => {
        ::pastey::paste! {
            #[::aya_ebpf::macros::fentry]
            fn [<$stem _entry>](ctx: ::aya_ebpf::programs::FEntryContext) -> i32 {
                if cfg!(feature = "empty") {
                    return 0;
                }
                $crate::op::sounding::around(|| ($entered)(&Call::<$row, _>::new(ctx)));
                0
            }

            #[::aya_ebpf::macros::kprobe]
            fn [<$stem _kprobe>](ctx: ::aya_ebpf::programs::ProbeContext) -> u32 {
                if cfg!(feature = "empty") {
                    return 0;
                }
                $crate::op::sounding::around(|| ($entered)(&Call::<$row, _>::new(ctx)));
                0
            }
        }
    };
    ($stem:ident, $row:ident, returned) => {
        ::pastey::paste! {
            #[::aya_ebpf::macros::fexit]
            fn [<$stem _exit>](ctx: ::aya_ebpf::programs::FExitContext) -> i32 {
                if cfg!(feature = "empty") {
                    return 0;
                }
                $crate::op::sounding::around(|| drop(task::leave(&Return::<$row, _>::new(ctx))));
                0
            }

            #[::aya_ebpf::macros::kretprobe]
            fn [<$stem _kretprobe>](ctx: ::aya_ebpf::programs::RetProbeContext) -> u32 {
                if cfg!(feature = "empty") {
                    return 0;
                }
                $crate::op::sounding::around(|| drop(task::leave(&Return::<$row, _>::new(ctx))));
                0
            }
        }
    };
}

twin!(twin_1, GnttabAllocGrantReferences, entered begin);
twin!(twin_2, GnttabAllocGrantReferences, entered task::enter);
twin!(twin_3, GnttabAllocPages, entered task::enter);
twin!(twin_3, GnttabAllocPages, returned);
twin!(twin_4, GnttabAllocGrantReferences, entered task::enter);
twin!(twin_5, DmaBufExport, returned);
twin!(twin_6, GnttabAllocGrantReferences, entered task::enter);
twin!(twin_7, DmaBufGet, entered mark);
twin!(twin_8, GnttabAllocGrantReferences, entered end);

#[inline(always)]
fn begin<C>(call: &Call<GnttabAllocGrantReferences, C>) {
    task::begin_twins(call, CALIBRATION);
    task::enter(call);
}

#[inline(always)]
fn mark<C>(_: &Call<DmaBufGet, C>) {
    if let Some(task) = task::busy() {
        task.events.mark(DmaBufGet::HOOK.id);
    }
}

#[inline(always)]
fn end<C>(call: &Call<GnttabAllocGrantReferences, C>) {
    task::enter(call);
    task::end_twins();
}
