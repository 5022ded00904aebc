//! The clockwork: for each task the operation it is in, the stages it is inside of, and the time each took.
//!
//! At every hook the time since the last one goes to the stage that was current. So the self times add up to the
//! operation's duration by construction, whatever hooks are missing.

use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use aya_ebpf::macros::map;
use aya_ebpf::maps::LruHashMap;
use grantscope_wire::record::{
    self, DOMID_KNOWN, HEADER_BYTES, MAX_STAGES, MAX_STATUSES, PAGES_KNOWN, STAGE_BYTES, STAGES_INCOMPLETE,
};
use grantscope_wire::{Buffer, Cause, GrantStatus, HookId, LossKind, Op, OpHeader, OpRecord, Stage, StageTime};

use crate::caller::CallSite;
use crate::context::Context;
use crate::evidence::{Evidence, Request, STATUSES, STATUSES_UNREAD};
use crate::ledger::MapInfo;
use crate::{loss, output};

/// Deepest nesting of hooks in one task. Measured depth is 5; a power of two, so that an index can be masked.
const MAX_DEPTH: usize = 16;
const STAGE_MASK: usize = MAX_STAGES - 1;
const DEPTH_MASK: usize = MAX_DEPTH - 1;

/// One entry per task, and per interrupt level of a processor; kept from one operation to the next: a lookup costs a fraction of an insertion.
/// Tasks that are gone make room for new ones.
#[map]
static TASKS: LruHashMap<u32, Task> = LruHashMap::with_max_entries(4_096, 0);

/// A hook that was entered, and the stage to go back to when it returns.
#[derive(Clone, Copy)]
#[repr(C)]
struct Frame {
    hook: u8,
    resume: u8,
}

/// Where a task is.
#[repr(C)]
pub struct Task {
    record: OpRecord,
    /// Time of the last hook.
    mark_ns: u64,
    /// Of the call that the operation is: what its return wants to know.
    arguments: [u64; 2],
    /// Address of the map that it allocated, or maps; 0: none yet.
    map: u64,
    /// For each stage id one more than its index in `record.stages`; 0: not entered yet.
    slot_of: [u8; MAX_STAGES],
    stack: [Frame; MAX_DEPTH],
    /// Frames on the stack; 0: no operation.
    depth: u32,
    /// Hooks entered above a full stack.
    overflowed: u32,
    /// Index of the stage that time goes to.
    current: u32,
    /// The operation may turn out to be none of ours: it counts only once it is confirmed.
    tentative: u32,
    /// For the case that the operation fails.
    pub evidence: Evidence,
    /// The lock that it waits for; 0: none.
    lock: u64,
    /// The name of the interrupt that runs it; zero: a thread does.
    interrupt: [u8; 16],
}

// All zero, and zero means: no operation.
static IDLE: Task = Task {
    record: OpRecord {
        head: OpHeader {
            start_ns: 0,
            duration_ns: 0,
            map_generation_ns: 0,
            tgid: 0,
            tid: 0,
            comm: [0; 16],
            pages: 0,
            ret: 0,
            domid: 0,
            op: 0,
            buffer: 0,
            stage_count: 0,
            flags: 0,
            started_by: 0,
            cause: 0,
            caller: 0,
            status_count: 0,
            reserved: [0; 3],
        },
        stages: [StageTime { self_ns: 0, first_offset_ns: 0, calls: 0, stage: 0, reserved: 0 }; MAX_STAGES],
        statuses: [GrantStatus { count: 0, status: 0, reserved: 0 }; MAX_STATUSES],
    },
    mark_ns: 0,
    arguments: [0; 2],
    map: 0,
    slot_of: [0; MAX_STAGES],
    stack: [Frame { hook: 0, resume: 0 }; MAX_DEPTH],
    depth: 0,
    overflowed: 0,
    current: 0,
    tentative: 0,
    evidence: Evidence::NONE,
    lock: 0,
    interrupt: [0; 16],
};

/// Monotonic time.
pub fn now_ns() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_ns() }
}

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

/// Like `busy`, at a hook that interrupts reach too.
#[inline(always)]
pub fn busy_here() -> Option<&'static mut Task> {
    busy_in(Context::here())
}

#[inline(always)]
fn busy_in(context: Context) -> Option<&'static mut Task> {
    entry(context).filter(|task| task.depth > 0)
}

/// The hook that begins an operation was entered. Inside another operation it is a stage of that.
#[inline(always)]
pub fn begin(op: Op, hook: HookId, stage: Stage) {
    begin_or_push(op, hook, stage, None);
}

/// Like `begin`, where only a hook further inside can tell that this concerns gntdev: see `Task::confirm`.
/// The argument is kept until the operation's return.
#[inline(always)]
pub fn begin_tentative(op: Op, hook: HookId, stage: Stage, argument: u64) {
    begin_or_push(op, hook, stage, Some(argument));
}

/// The hook of a call from user space was entered: it begins an operation, because it is inside of none.
/// The arguments are kept until its return.
#[inline(always)]
pub fn begin_call(op: Op, hook: HookId, stage: Stage, arguments: [u64; 2]) {
    let Some(task) = outermost(hook) else { return };
    task.arguments = arguments;
    task.start(op.id(), hook, stage, false);
}

/// Like `begin_call`, where only a hook further inside can tell that this concerns gntdev.
#[inline(always)]
pub fn begin_tentative_call(op: Op, hook: HookId, stage: Stage) {
    let Some(task) = outermost(hook) else { return };
    task.start(op.id(), hook, stage, true);
}

/// A call through the same hook that is no operation: its return must not be taken for one whose beginning was missed.
#[inline(always)]
pub fn begin_other_call(hook: HookId) {
    const NO_OPERATION: u8 = 0;
    let Some(task) = outermost(hook) else { return };
    task.start(NO_OPERATION, hook, Stage::Remainder, true);
}

#[inline(always)]
fn begin_or_push(op: Op, hook: HookId, stage: Stage, tentative_with: Option<u64>) {
    let Some(task) = entry_or_new(Context::thread(), hook) else { return };
    if task.depth == 0 {
        if let Some(argument) = tentative_with {
            task.arguments = [argument, 0];
        }
        task.start(op.id(), hook, stage, tentative_with.is_some());
    } else {
        task.push(hook, stage);
    }
}

/// The task, at the beginning of a call from user space. What it still was in can only have returned unseen: the kernel
/// runs out of kretprobe instances when many tasks sleep in one function.
#[inline(always)]
fn outermost(hook: HookId) -> Option<&'static mut Task> {
    let task = entry_or_new(Context::thread(), hook)?;
    if task.depth > 0 && task.tentative == 0 {
        loss::count_at(task.stack[0].hook, LossKind::ReturnMissed);
    }
    Some(task)
}

/// Who in the kernel asked for what, where no operation of a process is around.
#[derive(Clone, Copy)]
pub struct KernelUser {
    pub caller: CallSite,
    pub domid: Option<u16>,
}

/// A hook was entered that in-kernel users reach too, also in interrupts: a stage of the operation around it; where there is none, an
/// operation of theirs. `user` tells of it, before its time begins; `None`: it is nobody's.
#[inline(always)]
pub fn enter_or_begin(op: Op, hook: HookId, stage: Stage, request: Request, user: impl FnOnce() -> Option<KernelUser>) {
    let context = Context::here();
    if let Some(task) = busy_in(context) {
        // What a failing operation gives back does not tell why it failed.
        if !matches!(op, Op::UnmapRefs) {
            task.evidence.keep(request);
        }
        return task.push(hook, stage);
    }
    let Some(user) = user() else { return };
    let Some(task) = entry_or_new(context, hook) else { return };
    task.interrupt = context.interrupt().unwrap_or_default();
    task.evidence.keep(request);
    task.start(op.id(), hook, stage, false);
    task.record.head.caller = user.caller.offset();
    task.set_pages(request.count);
    if let Some(domid) = user.domid {
        task.set_domid(domid.into());
    }
}

/// The return of that. Gives the task if that was the end of an operation of theirs, like `finished`.
#[inline(always)]
pub fn finished_here(hook: HookId) -> Option<&'static mut Task> {
    let now = now_ns();
    let task = busy_here()?;
    task.pop(hook, now).then_some(task)
}

/// A hook that begins a stage was entered.
#[inline(always)]
pub fn enter(hook: HookId, stage: Stage) {
    if let Some(task) = busy() {
        task.push(hook, stage);
    }
}

/// A hook that is a stage and nothing more returned.
#[inline(always)]
pub fn leave(hook: HookId) {
    if let Some(task) = finished(hook) {
        task.emit(hook, 0);
    }
}

/// A hook returned. Gives the task if that was the end of its operation: it waits for the last facts and `emit`.
#[inline(always)]
pub fn finished(hook: HookId) -> Option<&'static mut Task> {
    returned(hook, false)
}

/// The hook of an operation returned; like `finished`, but then there must have been a beginning.
#[inline(always)]
pub fn operation_finished(hook: HookId) -> Option<&'static mut Task> {
    returned(hook, true)
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
    task.pop(hook, now).then_some(task)
}

impl Task {
    #[inline(always)]
    fn start(&mut self, op: u8, hook: HookId, stage: Stage, tentative: bool) {
        let head = &mut self.record.head;
        head.op = op;
        head.buffer = 0;
        head.flags = 0;
        head.pages = 0;
        head.domid = 0;
        head.map_generation_ns = 0;
        head.stage_count = 0;
        head.cause = 0;
        head.caller = 0;
        head.status_count = 0;
        self.slot_of = [0; MAX_STAGES];
        self.stack[0] = Frame { hook: hook.id(), resume: 0 };
        self.depth = 1;
        self.overflowed = 0;
        self.evidence.facts = 0;
        self.tentative = u32::from(tentative);
        self.lock = 0;
        self.map = 0;
        let now = now_ns();
        self.record.head.start_ns = now;
        self.mark_ns = now;
        self.current = self.slot(stage);
    }

    #[inline(always)]
    fn push(&mut self, hook: HookId, stage: Stage) {
        let depth = self.depth as usize;
        if depth >= MAX_DEPTH {
            self.overflowed += 1;
            self.record.head.flags |= STAGES_INCOMPLETE;
            loss::count(hook, LossKind::StackOverflow);
            return;
        }
        self.stack[depth & DEPTH_MASK] = Frame { hook: hook.id(), resume: self.current as u8 };
        self.depth += 1;
        self.switch(stage);
    }

    /// Somebody else holds a lock. A mutex tells several times that it is waited for, and may have to wait for a lock of its own:
    /// all that is one wait.
    #[inline(always)]
    pub fn begin_to_wait(&mut self, hook: HookId, stage: Stage, lock: u64) {
        if self.lock == 0 {
            self.lock = lock;
            self.push(hook, stage);
        }
    }

    /// The wait is over, if it is for this lock that it began.
    #[inline(always)]
    pub fn end_to_wait(&mut self, hook: HookId, lock: u64, now: u64) {
        if self.lock == lock {
            self.lock = 0;
            self.pop(hook, now);
        }
    }

    /// From here on time goes to another stage, until the hook around it returns.
    #[inline(always)]
    pub fn switch(&mut self, stage: Stage) {
        self.account(now_ns());
        self.current = self.slot(stage);
    }

    /// Whether the innermost hook is this one.
    #[inline(always)]
    pub fn is_inside(&self, hook: HookId) -> bool {
        self.overflowed == 0 && self.stack[(self.depth.wrapping_sub(1)) as usize & DEPTH_MASK].hook == hook.id()
    }

    /// Takes the hook off the stack; whether that was the last.
    #[inline(always)]
    fn pop(&mut self, hook: HookId, now: u64) -> bool {
        if self.overflowed > 0 {
            self.overflowed -= 1;
            return false;
        }
        if !self.is_inside(hook) && !self.unwind(hook) {
            return false;
        }
        self.account(now);
        self.depth -= 1;
        self.current = u32::from(self.stack[self.depth as usize & DEPTH_MASK].resume);
        self.depth == 0
    }

    /// A return was missed further inside: goes back to the frame of this hook, if there is one.
    #[inline(never)]
    fn unwind(&mut self, hook: HookId) -> bool {
        loss::count(hook, LossKind::Unmatched);
        self.record.head.flags |= STAGES_INCOMPLETE;
        for above in 0..MAX_DEPTH as u32 {
            let depth = self.depth.wrapping_sub(above);
            if depth == 0 || depth as usize > MAX_DEPTH {
                return false;
            }
            if self.stack[(depth - 1) as usize & DEPTH_MASK].hook == hook.id() {
                self.depth = depth;
                return true;
            }
        }
        false
    }

    #[inline(always)]
    fn account(&mut self, now: u64) {
        self.record.stages[self.current as usize & STAGE_MASK].self_ns += now.wrapping_sub(self.mark_ns);
        self.mark_ns = now;
    }

    /// The place where time of this stage is kept.
    #[inline(always)]
    fn slot(&mut self, stage: Stage) -> u32 {
        let id = stage.id() as usize & STAGE_MASK;
        let known = self.slot_of[id];
        if known != 0 {
            let slot = usize::from(known - 1) & STAGE_MASK;
            let time = &mut self.record.stages[slot];
            time.calls = time.calls.saturating_add(1);
            return slot as u32;
        }
        let slot = usize::from(self.record.head.stage_count) & STAGE_MASK;
        let offset = self.mark_ns.wrapping_sub(self.record.head.start_ns);
        self.record.stages[slot] = StageTime {
            self_ns: 0,
            first_offset_ns: if offset > u64::from(u32::MAX) { u32::MAX } else { offset as u32 },
            calls: 1,
            stage: stage.id(),
            reserved: 0,
        };
        self.slot_of[id] = slot as u8 + 1;
        self.record.head.stage_count = slot as u8 + 1;
        slot as u32
    }

    /// The operation does concern gntdev.
    pub fn confirm(&mut self) {
        self.tentative = 0;
    }

    /// Whether the operation is this one.
    pub fn is(&self, op: Op) -> bool {
        self.record.head.op == op.id()
    }

    /// The operation's number.
    pub fn op(&self) -> u8 {
        self.record.head.op
    }

    /// What `begin_call` was given, or `begin_tentative` first.
    pub fn arguments(&self) -> [u64; 2] {
        self.arguments
    }

    /// Whether the stage was entered.
    pub fn entered(&self, stage: Stage) -> bool {
        self.slot_of[stage.id() as usize & STAGE_MASK] != 0
    }

    /// Grant references that the operation is about; 0: none, or not known.
    pub fn pages(&self) -> u32 {
        self.record.head.pages
    }

    pub fn set_cause(&mut self, cause: Cause) {
        self.record.head.cause = cause.id();
    }

    /// Address and generation of the map that the operation allocated, or maps.
    pub fn map(&self) -> (u64, u64) {
        (self.map, self.record.head.map_generation_ns)
    }

    /// Whether it allocated one.
    pub fn has_map(&self) -> bool {
        self.map != 0
    }

    pub fn set_map_address(&mut self, map: u64) {
        self.map = map;
    }

    pub fn set_buffer(&mut self, buffer: Buffer) {
        self.record.head.buffer = buffer.id();
    }

    pub fn knows_pages(&self) -> bool {
        self.record.head.flags & PAGES_KNOWN != 0
    }

    pub fn knows_buffer(&self) -> bool {
        self.record.head.buffer != 0
    }

    pub fn set_pages(&mut self, pages: u32) {
        self.record.head.pages = pages;
        self.record.head.flags |= PAGES_KNOWN;
    }

    pub fn set_domid(&mut self, domid: u32) {
        // Xen's domid_t has 16 bits, and so does what the kernel hands to Xen.
        self.record.head.domid = domid as u16;
        self.record.head.flags |= DOMID_KNOWN;
    }

    pub fn set_generation(&mut self, generation_ns: u64) {
        self.record.head.map_generation_ns = generation_ns;
    }

    /// The operation is about this map.
    pub fn set_map(&mut self, info: &MapInfo) {
        let head = &mut self.record.head;
        head.pages = info.pages;
        head.flags |= PAGES_KNOWN;
        head.buffer = info.buffer;
        head.map_generation_ns = info.generation_ns;
        if let Some(domid) = info.domid() {
            self.set_domid(domid.into());
        }
    }

    /// What is known of the map that the operation is about.
    pub fn map_info(&self) -> MapInfo {
        let head = &self.record.head;
        MapInfo {
            generation_ns: head.map_generation_ns,
            pages: head.pages,
            buffer: head.buffer,
            domid_known: head.flags & DOMID_KNOWN,
            domid: head.domid,
        }
    }

    /// Time of the last hook.
    pub fn mark_ns(&self) -> u64 {
        self.mark_ns
    }

    /// Hands the finished operation to the collector.
    #[inline(always)]
    pub fn emit(&mut self, hook: HookId, ret: i32) {
        if self.tentative != 0 {
            return;
        }
        let ids = bpf_get_current_pid_tgid();
        let head = &mut self.record.head;
        // The thread that an interrupt came upon has nothing to do with it.
        let is_thread = self.interrupt[0] == 0;
        head.tid = if is_thread { ids as u32 } else { 0 };
        head.tgid = if is_thread { (ids >> 32) as u32 } else { 0 };
        head.comm = if is_thread { bpf_get_current_comm().unwrap_or_default() } else { self.interrupt };
        head.duration_ns = self.mark_ns.wrapping_sub(head.start_ns);
        head.ret = ret;
        if self.evidence.refused() {
            self.append_statuses();
        } else if self.evidence.has(STATUSES_UNREAD) {
            head.flags |= record::STATUSES_UNREAD;
        }
        // SAFETY: the record has room for every stage, and behind them for every status.
        unsafe { output::send((&raw mut self.record).cast(), hook) };
    }

    /// Writes the grant statuses behind the stages that travel: all of them, also those of no reference, because a branch for each
    /// would make more paths than the verifier follows.
    #[inline(never)]
    fn append_statuses(&mut self) {
        let stages = usize::from(self.record.head.stage_count) & STAGE_MASK;
        // SAFETY: inside the record, which has room for every status behind the last of its stages.
        let behind =
            unsafe { (&raw mut self.record).cast::<u8>().add(HEADER_BYTES + stages * STAGE_BYTES).cast::<GrantStatus>() };
        for status in 1..STATUSES {
            let entry = GrantStatus { count: self.evidence.statuses[status], status: -(status as i16), reserved: 0 };
            // SAFETY: as above; fewer than `STATUSES`, which is no more than `MAX_STATUSES`.
            unsafe { behind.add(status - 1).write_unaligned(entry) };
        }
        self.record.head.status_count = STATUSES as u8 - 1;
    }
}
