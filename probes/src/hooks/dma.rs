//! DMA: an importer's device gets addresses for a buffer. A stage, and what it was made of.
//!
//! Source: kernel/dma/mapping.c, drivers/xen/swiotlb-xen.c and include/trace/events/swiotlb.h, Linux v6.12. swiotlb-xen looks at every
//! entry of the scatter list, and maps it where it lies only if the machine's frames behind it follow one another. All drivers map this
//! way, also in interrupts: what is not inside an operation of that context is none of ours.

use grantscope_wire::HookId;
use grantscope_wire::hook::rows::{DmaMapSgtable, SwiotlbBounced};

use crate::call::{Call, Entered, Event, Return};
use crate::op::events::now_ns;
use crate::op::task;

hook!(DmaMapSgtable, on_dma_map_sgtable, on_dma_map_sgtable_return);
tracepoint!(SwiotlbBounced, on_swiotlb_bounced);

/// `int dma_map_sgtable(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir, unsigned long attrs)`
#[inline(always)]
fn on_dma_map_sgtable(call: &Call<DmaMapSgtable, impl Entered>) {
    if let Some(task) = task::busy_here() {
        task.begin_to_map(HookId::DmaMapSgtable, call.address::<1>());
    }
}

#[inline(always)]
fn on_dma_map_sgtable_return<C>(_: &Return<DmaMapSgtable, C>) {
    let now = now_ns();
    if let Some(task) = task::busy_here() {
        task.end_to_map(HookId::DmaMapSgtable, now);
    }
}

/// `swiotlb_bounced(struct device *dev, dma_addr_t dev_addr, size_t size)`: before there is room in the bounce buffer, and also if there is
/// none.
#[inline(always)]
fn on_swiotlb_bounced(event: &Event<SwiotlbBounced>) {
    if let Some(task) = task::busy_here() {
        task.bounce(HookId::SwiotlbBounced, event.long::<2>());
    }
}
