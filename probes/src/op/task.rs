//! The operation that each context is in: from the hook that begins it to the hook that reports it.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use grantscope_wire::{DmaMapping, HookId, LossKind, Op, OpAt, OpHeader, Row, TeardownInside, record};

use super::caller::CallSite;
use super::context::Context;
use super::events::now_ns;
use super::evidence::{Request, STATUSES_UNREAD};
use super::slots::Mapping;
pub use super::slots::Task;
use super::sounding;
use super::statuses;
use super::teardown::{self, PARKED};
use super::{handover, slots};
use crate::call::{Call, Return};
use crate::kernel::current;
use crate::kernel::fields::sg_table_entries;
use crate::out::{filter, loss};

/// The current thread, if it is inside an operation.
#[inline(always)]
pub fn busy() -> Option<&'static mut Task> {
    slots::find(Context::thread())
}

/// The current thread, if it is inside this operation.
#[inline(always)]
pub fn busy_with(op: Op) -> Option<&'static mut Task> {
    busy().filter(|task| task.is(op))
}

/// Like `busy`, at a hook that interrupts reach too.
#[inline(always)]
pub fn busy_here() -> Option<&'static mut Task> {
    slots::find(Context::here())
}

/// The hook that begins an operation was entered. Inside another operation it is a stage of that.
#[inline(always)]
pub fn begin<H: Row, C>(_: &Call<H, C>, op: OpAt<H>) {
    begin_or_enter::<H>(op, None);
}

/// Like `begin`, where only a hook further inside shows that this concerns gntdev: see `Task::confirm`.
/// The argument is kept until the operation's return.
#[inline(always)]
pub fn begin_tentative<H: Row, C>(_: &Call<H, C>, op: OpAt<H>, argument: u64) {
    begin_or_enter::<H>(op, Some(argument));
}

/// The hook of a call from user space was entered: it begins an operation, because it is inside of none.
/// The arguments are kept until its return.
#[inline(always)]
pub fn begin_call<H: Row, C>(_: &Call<H, C>, op: OpAt<H>, arguments: [u64; 2]) {
    let Some(task) = outermost(H::HOOK.id) else { return };
    task.arguments = arguments;
    task.start(op.op().id(), H::HOOK.id, false);
}

/// Like `begin_call`, where only a hook further inside shows that this concerns gntdev.
#[inline(always)]
pub fn begin_tentative_call<H: Row, C>(_: &Call<H, C>, op: OpAt<H>) {
    let Some(task) = outermost(H::HOOK.id) else { return };
    task.start(op.op().id(), H::HOOK.id, true);
}

/// A call through the same hook that is no operation: its return must not be taken for one whose beginning was missed.
#[inline(always)]
pub fn begin_other_call<H: Row, C>(_: &Call<H, C>) {
    const NO_OPERATION: u8 = 0;
    let Some(task) = outermost(H::HOOK.id) else { return };
    task.start(NO_OPERATION, H::HOOK.id, true);
}

#[inline(always)]
fn begin_or_enter<H: Row>(op: OpAt<H>, tentative_with: Option<u64>) {
    let hook = H::HOOK.id;
    let context = Context::thread();
    if let Some(task) = slots::find(context) {
        task.nested += u8::from(task.hook == hook.id());
        return task.events.enter(hook);
    }
    let Some(task) = slots::claim(context, hook) else { return };
    if let Some(argument) = tentative_with {
        task.arguments = [argument, 0];
    }
    task.start(op.op().id(), hook, tentative_with.is_some());
}

/// The task, at the beginning of a call from user space. What it still was in can only have returned unseen: the kernel
/// runs out of kretprobe instances when many tasks sleep in one function.
#[inline(always)]
fn outermost(hook: HookId) -> Option<&'static mut Task> {
    let context = Context::thread();
    let Some(task) = slots::find(context) else { return slots::claim(context, hook) };
    if task.tentative == 0 {
        loss::count_at(task.hook, LossKind::ReturnMissed);
    }
    handover::unreturned(task);
    Some(task)
}

/// Who in the kernel makes a request, where no operation of a process is around.
pub enum Requested {
    /// An in-kernel user, of a domain if that is known.
    ByUser(CallSite, Option<u16>),
    /// gntdev, of which a teardown is under way: its item.
    ByGntdev(u64),
}

/// A hook was entered that in-kernel users reach too, also in interrupts: a stage of the operation around it; where there is none, an
/// operation of theirs. `user` describes them, before its time begins.
#[inline(always)]
pub fn enter_or_begin<H: Row, C>(_: &Call<H, C>, op: OpAt<H>, request: Request, user: impl FnOnce() -> Requested) {
    let hook = H::HOOK.id;
    let context = Context::here();
    if let Some(task) = slots::find(context) {
        // What a failing operation gives back does not show why it failed.
        if !matches!(op.op(), Op::UnmapRefs) {
            task.evidence.keep(request);
        }
        return task.events.enter(hook);
    }
    let user = user();
    let Some(task) = slots::claim(context, hook) else { return };
    task.evidence.keep(request);
    task.prepare(op.op().id(), hook, false);
    let head = task.head_mut();
    match user {
        Requested::ByUser(caller, domid) => {
            head.caller = caller.offset();
            head.set_pages(request.count);
            if let Some(domid) = domid {
                head.set_domid(domid.into());
            }
        }
        Requested::ByGntdev(item) => {
            head.op = Op::Teardown.id();
            (task.unmapping.item, task.unmapping.map) = (item, PARKED);
        }
    }
    task.events.start();
}

/// The return of that. Gives the task if that was the end of an operation of theirs, like `finished`.
#[inline(always)]
pub fn finished_here<H: Row, C>(_: &Return<H, C>) -> Option<&'static mut Task> {
    let now = now_ns();
    let task = busy_here()?;
    task.returned(H::HOOK.id, now).then_some(task)
}

/// The operation of the twins begins. Every second is sounded.
#[inline(always)]
pub fn begin_twins<H: Row, C>(_: &Call<H, C>, op: u8) {
    static mut NEXT_IS_SOUNDED: bool = false;
    let Some(task) = outermost(H::HOOK.id) else { return };
    task.start(op, H::HOOK.id, false);
    // SAFETY: any value of it is good, and who calibrates is alone.
    let is_sounded = unsafe {
        NEXT_IS_SOUNDED = !NEXT_IS_SOUNDED;
        NEXT_IS_SOUNDED
    };
    if is_sounded {
        sounding::start(task);
    } else {
        sounding::stop(task);
        task.head_mut().flags = 0;
    }
}

/// The operation of the twins is over.
#[inline(always)]
pub fn end_twins() {
    let Some(task) = busy() else { return };
    task.head_mut().tid = bpf_get_current_pid_tgid() as u32;
    task.events.finish();
    release(task);
}

/// A hook was entered that is a boundary between stages, or begins one.
#[inline(always)]
pub fn enter<H: Row, C>(_: &Call<H, C>) {
    if let Some(task) = busy() {
        task.events.enter(H::HOOK.id);
    }
}

/// Like `enter`, at a hook that interrupts reach too.
#[inline(always)]
pub fn enter_here<H: Row, C>(_: &Call<H, C>) {
    if let Some(task) = busy_here() {
        task.events.enter(H::HOOK.id);
    }
}

/// A hook that is a stage and nothing more returned: it cannot be the last of an operation, because it began none. Gives the task.
#[inline(always)]
pub fn leave<H: Row, C>(_: &Return<H, C>) -> Option<&'static mut Task> {
    let now = now_ns();
    let task = busy()?;
    task.events.leave(H::HOOK.id, now);
    Some(task)
}

/// A hook returned. Gives the task if that was the end of its operation: it waits for the last facts and `emit`.
#[inline(always)]
pub fn finished<H: Row, C>(_: &Return<H, C>) -> Option<&'static mut Task> {
    let now = now_ns();
    let task = busy()?;
    task.returned(H::HOOK.id, now).then_some(task)
}

/// The hook of an operation returned; like `finished`, but then there must have been a beginning.
#[inline(always)]
pub fn operation_finished<H: Row, C>(_: &Return<H, C>) -> Option<&'static mut Task> {
    let now = now_ns();
    let Some(task) = busy() else {
        loss::count(H::HOOK.id, LossKind::Unseen);
        return None;
    };
    task.returned(H::HOOK.id, now).then_some(task)
}

/// A call that all of the system makes returned; like `finished`, but who is not concerned does not pay for a look at the clock.
#[inline(always)]
pub fn confirmed_finished<H: Row, C>(_: &Return<H, C>) -> Option<&'static mut Task> {
    let task = busy()?;
    if task.tentative != 0 && task.hook == H::HOOK.id.id() {
        release(task);
        return None;
    }
    task.returned(H::HOOK.id, now_ns()).then_some(task)
}

/// The operation is over.
#[inline(always)]
fn release(task: &mut Task) {
    sounding::stop(task);
    slots::release(task);
}

impl Task {
    #[inline(always)]
    fn start(&mut self, op: u8, hook: HookId, tentative: bool) {
        self.prepare(op, hook, tentative);
        self.events.start();
    }

    #[inline(always)]
    fn prepare(&mut self, op: u8, hook: HookId, tentative: bool) {
        // Who waits shows nothing in the meantime.
        if self.events.is_full() || op == Op::WaitReleased.id() && self.events.has_finished() {
            handover::before(self);
        }
        self.hook = hook.id();
        self.nested = 0;
        self.tentative = u8::from(tentative);
        self.map = 0;
        self.lock = 0;
        self.unmapping.item = 0;
        self.evidence.facts = 0;
        self.events.begin(op);
        if sounding::is_turn(op) {
            sounding::start(self);
        }
    }

    /// The hook returned; whether its operation is over.
    #[inline(always)]
    pub fn returned(&mut self, hook: HookId, now: u64) -> bool {
        if self.hook == hook.id() {
            if self.nested == 0 {
                self.events.end(now);
                return true;
            }
            self.nested -= 1;
        }
        self.events.leave(hook, now);
        false
    }

    /// Another task holds a lock. A mutex reports several times that it is contended, and may have to wait for a lock of its own:
    /// all that is one wait.
    #[inline(always)]
    pub fn begin_to_wait(&mut self, hook: HookId, lock: u64) {
        if self.lock == 0 {
            self.lock = lock;
            self.events.enter(hook);
        }
    }

    /// The wait is over, if it is for this lock that it began.
    #[inline(always)]
    pub fn end_to_wait(&mut self, hook: HookId, lock: u64, now: u64) {
        if self.lock == lock {
            self.lock = 0;
            self.events.leave(hook, now);
        }
    }

    /// A buffer's scatter list is to be mapped for a device.
    #[inline(always)]
    pub fn begin_to_map(&mut self, hook: HookId, table: u64) {
        self.mapping = Mapping::of(table);
        self.events.enter(hook);
    }

    /// gntdev is asked to map a buffer for a device: whether by a hook that sees how, is not known yet.
    #[inline(always)]
    pub fn is_to_map(&mut self) {
        self.mapping = Mapping::of(0);
    }

    /// An entry of it is mapped by way of a bounce buffer, if there is one.
    #[inline(always)]
    pub fn bounce(&mut self, hook: HookId, bytes: u64) {
        self.mapping.bounced_bytes = self.mapping.bounced_bytes.wrapping_add(bytes);
        self.mapping.last_bounce_bytes = bytes;
        self.events.mark(hook);
    }

    /// It is mapped, or cannot be.
    #[inline(always)]
    pub fn end_to_map(&mut self, hook: HookId, now: u64) {
        self.events.leave(hook, now);
        self.add_mapping(self.mapping.table);
    }

    /// How large the last entry was that went by way of a bounce buffer, or was to; 0: none did that is known of.
    #[inline(always)]
    pub fn last_bounce_bytes(&self) -> u64 {
        self.mapping.last_bounce_bytes
    }

    /// What is known of it: by its scatter list. 0: that is not known.
    #[inline(always)]
    pub fn add_mapping(&mut self, table: u64) {
        let (entries, bounced_bytes) = (sg_table_entries(table), self.mapping.bounced_bytes);
        self.events.add(DmaMapping { entries, bounced_bytes }.word());
    }

    /// Whether the end of what it unmaps goes into its own record: not where that may never be sent.
    #[inline(always)]
    pub fn reports_teardowns(&self) -> bool {
        self.tentative == 0 && filter::is_any()
    }

    /// What it requested to be unmapped is: that goes into its record.
    #[inline(always)]
    pub fn add_teardown(&mut self, ret: i32) {
        self.events.add_teardown(TeardownInside { ret, map: self.unmapping.info });
        self.unmapping.item = 0;
    }

    /// The operation does concern gntdev.
    pub fn confirm(&mut self) {
        self.tentative = 0;
    }

    /// What is known of the operation.
    pub fn head(&self) -> &OpHeader {
        self.events.head()
    }

    pub fn head_mut(&mut self) -> &mut OpHeader {
        self.events.head_mut()
    }

    /// Whether the operation is this one.
    pub fn is(&self, op: Op) -> bool {
        self.head().op == op.id()
    }

    /// Whether the operation passed this hook.
    pub fn passed(&self, hook: HookId) -> bool {
        self.events.passed(hook)
    }

    /// What `begin_call` was given, or `begin_tentative` first.
    pub fn arguments(&self) -> [u64; 2] {
        self.arguments
    }

    /// It is over without a record of its own.
    pub fn release(&mut self) {
        release(self);
    }

    /// Address of the map that the operation allocated, or maps; 0: none yet.
    pub fn map(&self) -> u64 {
        self.map
    }

    /// Whether it allocated one.
    pub fn has_map(&self) -> bool {
        self.map != 0
    }

    pub fn set_map_address(&mut self, map: u64) {
        self.map = map;
    }

    /// Hands the finished operation to the collector, at the return of the hook that it began at: the one in its row.
    #[inline(always)]
    pub fn emit<H: Row, C>(&mut self, _: &Return<H, C>, ret: i32) {
        if self.unmapping.is_here() {
            // It is deferred.
            teardown::park(&self.unmapping, self.head().op);
        }
        if self.tentative == 0 {
            self.send(ret);
        }
        release(self);
    }

    #[inline(always)]
    fn send(&mut self, ret: i32) {
        let interrupt = Context::interrupt(self.owner);
        let head = self.events.head_mut();
        head.ret = ret;
        match interrupt {
            None => {
                let ids = bpf_get_current_pid_tgid();
                head.tid = ids as u32;
                head.tgid = (ids >> 32) as u32;
                current::write_comm(&mut head.comm);
            }
            Some(name) => {
                // The interrupted thread is unrelated.
                head.tid = 0;
                head.tgid = 0;
                head.comm = name;
            }
        }
        if !filter::passes(head) {
            return;
        }
        if self.evidence.refused() {
            statuses::append(self);
        } else if self.evidence.has(STATUSES_UNREAD) {
            self.events.head_mut().flags |= record::STATUSES_UNREAD;
        }
        self.events.finish();
    }
}
