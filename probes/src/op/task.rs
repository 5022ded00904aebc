//! The operation that each task is in: from the hook that begins it to the hook that reports it.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::bpf_get_current_comm;
use aya_ebpf::macros::map;
use aya_ebpf::maps::LruHashMap;
use grantscope_wire::{HookId, LossKind, Op, OpAt, OpHeader, Row, Stage, record};

use super::caller::CallSite;
use super::context::Context;
use super::evidence::{Evidence, Request, STATUSES_UNREAD};
use super::stages::Stages;
pub use super::stages::now_ns;
use crate::call::{Call, Return};
use crate::out::{loss, ring};

/// One entry per task, and per interrupt level of a processor; kept from one operation to the next: a lookup costs a fraction of an
/// insertion. Tasks that are gone make room for new ones.
#[map]
static TASKS: LruHashMap<u32, Task> = LruHashMap::with_max_entries(4_096, 0);

/// Where a task is.
#[repr(C)]
pub struct Task {
    pub stages: Stages,
    /// Of the call that the operation is: what its return wants to know.
    arguments: [u64; 2],
    /// Address of the map that it allocated, or maps; 0: none yet.
    map: u64,
    /// The operation may turn out to be none of ours: it counts only once it is confirmed.
    tentative: u32,
    reserved: u32,
    /// For the case that the operation fails.
    pub evidence: Evidence,
    /// The lock that it waits for; 0: none.
    lock: u64,
    /// The name of the interrupt that runs it; zero: a thread does.
    interrupt: [u8; 16],
}

// All zero, and zero means: no operation.
static IDLE: Task = Task {
    stages: Stages::NONE,
    arguments: [0; 2],
    map: 0,
    tentative: 0,
    reserved: 0,
    evidence: Evidence::NONE,
    lock: 0,
    interrupt: [0; 16],
};

#[inline(always)]
fn entry(context: Context) -> Option<&'static mut Task> {
    // SAFETY: only this context uses its entry, and it runs on one CPU at a time.
    TASKS.get_ptr_mut(context.id()).map(|task| unsafe { &mut *task })
}

#[inline(always)]
fn entry_or_new(context: Context, hook: HookId) -> Option<&'static mut Task> {
    if let Some(task) = entry(context) {
        return Some(task);
    }
    let _ = TASKS.insert(context.id(), &IDLE, 0);
    let task = entry(context);
    if task.is_none() {
        loss::count(hook, LossKind::TaskTableFull);
    }
    task
}

/// The current task, if it is inside an operation.
#[inline(always)]
pub fn busy() -> Option<&'static mut Task> {
    busy_in(Context::thread())
}

/// The current task, if it is inside this operation.
#[inline(always)]
pub fn busy_with(op: Op) -> Option<&'static mut Task> {
    busy().filter(|task| task.is(op))
}

/// Like `busy`, at a hook that interrupts reach too.
#[inline(always)]
pub fn busy_here() -> Option<&'static mut Task> {
    busy_in(Context::here())
}

#[inline(always)]
fn busy_in(context: Context) -> Option<&'static mut Task> {
    entry(context).filter(|task| task.stages.are_running())
}

/// The hook that begins an operation was entered. Inside another operation it is a stage of that.
#[inline(always)]
pub fn begin<H: Row, C>(_: &Call<H, C>, op: OpAt<H>, stage: Stage) {
    begin_or_push::<H>(op, stage, None);
}

/// Like `begin`, where only a hook further inside shows that this concerns gntdev: see `Task::confirm`.
/// The argument is kept until the operation's return.
#[inline(always)]
pub fn begin_tentative<H: Row, C>(_: &Call<H, C>, op: OpAt<H>, stage: Stage, argument: u64) {
    begin_or_push::<H>(op, stage, Some(argument));
}

/// The hook of a call from user space was entered: it begins an operation, because it is inside of none.
/// The arguments are kept until its return.
#[inline(always)]
pub fn begin_call<H: Row, C>(_: &Call<H, C>, op: OpAt<H>, stage: Stage, arguments: [u64; 2]) {
    let Some(task) = outermost(H::HOOK.id) else { return };
    task.arguments = arguments;
    task.start(op.op().id(), H::HOOK.id, stage, false);
}

/// Like `begin_call`, where only a hook further inside shows that this concerns gntdev.
#[inline(always)]
pub fn begin_tentative_call<H: Row, C>(_: &Call<H, C>, op: OpAt<H>, stage: Stage) {
    let Some(task) = outermost(H::HOOK.id) else { return };
    task.start(op.op().id(), H::HOOK.id, stage, true);
}

/// A call through the same hook that is no operation: its return must not be taken for one whose beginning was missed.
#[inline(always)]
pub fn begin_other_call<H: Row, C>(_: &Call<H, C>) {
    const NO_OPERATION: u8 = 0;
    let Some(task) = outermost(H::HOOK.id) else { return };
    task.start(NO_OPERATION, H::HOOK.id, Stage::Remainder, true);
}

#[inline(always)]
fn begin_or_push<H: Row>(op: OpAt<H>, stage: Stage, tentative_with: Option<u64>) {
    let hook = H::HOOK.id;
    let Some(task) = entry_or_new(Context::thread(), hook) else { return };
    if task.stages.are_running() {
        task.stages.push(hook, stage);
    } else {
        if let Some(argument) = tentative_with {
            task.arguments = [argument, 0];
        }
        task.start(op.op().id(), hook, stage, tentative_with.is_some());
    }
}

/// The task, at the beginning of a call from user space. What it still was in can only have returned unseen: the kernel
/// runs out of kretprobe instances when many tasks sleep in one function.
#[inline(always)]
fn outermost(hook: HookId) -> Option<&'static mut Task> {
    let task = entry_or_new(Context::thread(), hook)?;
    if task.stages.are_running() && task.tentative == 0 {
        loss::count_at(task.stages.outermost(), LossKind::ReturnMissed);
    }
    Some(task)
}

/// Who in the kernel makes a request, where no operation of a process is around.
#[derive(Clone, Copy)]
pub struct KernelUser {
    pub caller: CallSite,
    pub domid: Option<u16>,
}

/// A hook was entered that in-kernel users reach too, also in interrupts: a stage of the operation around it; where there is none, an
/// operation of theirs. `user` describes them, before its time begins; `None`: the request is gntdev's own.
#[inline(always)]
pub fn enter_or_begin<H: Row, C>(
    _: &Call<H, C>,
    op: OpAt<H>,
    stage: Stage,
    request: Request,
    user: impl FnOnce() -> Option<KernelUser>,
) {
    let hook = H::HOOK.id;
    let context = Context::here();
    if let Some(task) = busy_in(context) {
        // What a failing operation gives back does not show why it failed.
        if !matches!(op.op(), Op::UnmapRefs) {
            task.evidence.keep(request);
        }
        return task.stages.push(hook, stage);
    }
    let Some(user) = user() else { return };
    let Some(task) = entry_or_new(context, hook) else { return };
    task.interrupt = context.interrupt().unwrap_or_default();
    task.evidence.keep(request);
    task.start(op.op().id(), hook, stage, false);
    let head = task.head_mut();
    head.caller = user.caller.offset();
    head.set_pages(request.count);
    if let Some(domid) = user.domid {
        head.set_domid(domid.into());
    }
}

/// The return of that. Gives the task if that was the end of an operation of theirs, like `finished`.
#[inline(always)]
pub fn finished_here<H: Row, C>(_: &Return<H, C>) -> Option<&'static mut Task> {
    let now = now_ns();
    let task = busy_here()?;
    task.stages.pop(H::HOOK.id, now).then_some(task)
}

/// A hook that begins a stage was entered.
#[inline(always)]
pub fn enter<H: Row, C>(_: &Call<H, C>, stage: Stage) {
    if let Some(task) = busy() {
        task.stages.push(H::HOOK.id, stage);
    }
}

/// A hook that is a stage and nothing more returned: it cannot be the last of an operation, because it began none.
#[inline(always)]
pub fn leave<H: Row, C>(call: &Return<H, C>) {
    let _ = finished(call);
}

/// A hook returned. Gives the task if that was the end of its operation: it waits for the last facts and `emit`.
#[inline(always)]
pub fn finished<H: Row, C>(_: &Return<H, C>) -> Option<&'static mut Task> {
    returned(H::HOOK.id, false)
}

/// The hook of an operation returned; like `finished`, but then there must have been a beginning.
#[inline(always)]
pub fn operation_finished<H: Row, C>(_: &Return<H, C>) -> Option<&'static mut Task> {
    returned(H::HOOK.id, true)
}

#[inline(always)]
fn returned(hook: HookId, must_have_begun: bool) -> Option<&'static mut Task> {
    let now = now_ns();
    let Some(task) = busy() else {
        if must_have_begun {
            loss::count(hook, LossKind::Unseen);
        }
        return None;
    };
    task.stages.pop(hook, now).then_some(task)
}

impl Task {
    #[inline(always)]
    fn start(&mut self, op: u8, hook: HookId, stage: Stage, tentative: bool) {
        self.stages.prepare(op, hook);
        self.evidence.facts = 0;
        self.tentative = u32::from(tentative);
        self.lock = 0;
        self.map = 0;
        self.stages.start(stage);
    }

    /// Another task holds a lock. A mutex reports several times that it is contended, and may have to wait for a lock of its own:
    /// all that is one wait.
    #[inline(always)]
    pub fn begin_to_wait(&mut self, hook: HookId, stage: Stage, lock: u64) {
        if self.lock == 0 {
            self.lock = lock;
            self.stages.push(hook, stage);
        }
    }

    /// The wait is over, if it is for this lock that it began.
    #[inline(always)]
    pub fn end_to_wait(&mut self, hook: HookId, lock: u64, now: u64) {
        if self.lock == lock {
            self.lock = 0;
            self.stages.pop(hook, now);
        }
    }

    /// The operation does concern gntdev.
    pub fn confirm(&mut self) {
        self.tentative = 0;
    }

    /// What is known of the operation.
    pub fn head(&self) -> &OpHeader {
        self.stages.head()
    }

    pub fn head_mut(&mut self) -> &mut OpHeader {
        self.stages.head_mut()
    }

    /// Whether the operation is this one.
    pub fn is(&self, op: Op) -> bool {
        self.head().op == op.id()
    }

    /// What `begin_call` was given, or `begin_tentative` first.
    pub fn arguments(&self) -> [u64; 2] {
        self.arguments
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
        if self.tentative != 0 {
            return;
        }
        let duration_ns = self.stages.duration_ns();
        let head = self.stages.head_mut();
        head.duration_ns = duration_ns;
        head.ret = ret;
        if self.interrupt[0] == 0 {
            let ids = bpf_get_current_pid_tgid();
            head.tid = ids as u32;
            head.tgid = (ids >> 32) as u32;
            // SAFETY: the buffer has room for that many bytes. The kernel fills them with zeros where it fails.
            unsafe { bpf_get_current_comm(head.comm.as_mut_ptr().cast(), size_of_val(&head.comm) as u32) };
        } else {
            // The interrupted thread is unrelated.
            head.tid = 0;
            head.tgid = 0;
            head.comm = self.interrupt;
        }
        if self.evidence.refused() {
            self.stages.append_statuses(&self.evidence.statuses);
        } else if self.evidence.has(STATUSES_UNREAD) {
            head.flags |= record::STATUSES_UNREAD;
        }
        // SAFETY: the record has room for every stage, and behind them for every status.
        unsafe { ring::send(self.stages.record(), H::HOOK.id) };
    }
}
