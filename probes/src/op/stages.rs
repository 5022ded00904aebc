//! The timing state machine of one operation: the hooks that it is inside, the stages that it reached, and the time in each.
//!
//! At every hook the time since the last one goes to the stage that was current. So the self times add up to the
//! operation's duration by construction, whatever hooks are missing.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use grantscope_wire::record::{HEADER_BYTES, MAX_STAGES, MAX_STATUSES, STAGE_BYTES, STAGES_INCOMPLETE};
use grantscope_wire::{GrantStatus, HookId, LossKind, OpHeader, OpRecord, Stage, StageTime};

use crate::op::evidence::STATUSES;
use crate::out::loss;

/// Deepest nesting of hooks in one operation. Measured depth is 5; a power of two, so that an index can be masked.
const MAX_DEPTH: usize = 16;
const STAGE_MASK: usize = MAX_STAGES - 1;
const DEPTH_MASK: usize = MAX_DEPTH - 1;

/// A hook that was entered, and the stage to go back to when it returns.
#[derive(Clone, Copy)]
#[repr(C)]
struct Frame {
    hook: u8,
    resume: u8,
}

/// Where an operation is, and its record.
#[repr(C)]
pub struct Stages {
    record: OpRecord,
    /// Time of the last hook.
    mark_ns: u64,
    /// For each stage id one more than its index in `record.stages`; 0: not entered yet.
    slot_of: [u8; MAX_STAGES],
    stack: [Frame; MAX_DEPTH],
    /// Frames on the stack; 0: no operation.
    depth: u32,
    /// Hooks entered above a full stack.
    overflowed: u32,
    /// Index of the stage that time goes to.
    current: u32,
    reserved: u32,
}

/// Monotonic time.
pub fn now_ns() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_ns() }
}

impl Stages {
    /// No operation. All zero.
    pub const NONE: Self = Self {
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
        slot_of: [0; MAX_STAGES],
        stack: [Frame { hook: 0, resume: 0 }; MAX_DEPTH],
        depth: 0,
        overflowed: 0,
        current: 0,
        reserved: 0,
    };

    /// An operation begins: everything of the last one is forgotten.
    #[inline(always)]
    pub fn prepare(&mut self, op: u8, hook: HookId) {
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
    }

    /// Its time begins, in this stage.
    #[inline(always)]
    pub fn start(&mut self, stage: Stage) {
        let now = now_ns();
        self.record.head.start_ns = now;
        self.mark_ns = now;
        self.open(0, stage, 0);
        self.current = 0;
    }

    /// Whether there is an operation.
    pub fn are_running(&self) -> bool {
        self.depth > 0
    }

    /// The id of the hook that began the operation.
    pub fn outermost(&self) -> u8 {
        self.stack[0].hook
    }

    /// Who and what.
    pub fn head(&self) -> &OpHeader {
        &self.record.head
    }

    pub fn head_mut(&mut self) -> &mut OpHeader {
        &mut self.record.head
    }

    /// The finished record. It has room for every stage, and behind them for every status.
    pub fn record(&mut self) -> *mut OpHeader {
        (&raw mut self.record).cast()
    }

    /// How long the operation took, up to the last hook.
    pub fn duration_ns(&self) -> u64 {
        self.mark_ns.wrapping_sub(self.record.head.start_ns)
    }

    /// Time of the last hook.
    pub fn mark_ns(&self) -> u64 {
        self.mark_ns
    }

    /// A hook was entered that begins a stage.
    #[inline(always)]
    pub fn push(&mut self, hook: HookId, stage: Stage) {
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
    pub fn pop(&mut self, hook: HookId, now: u64) -> bool {
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
        self.open(slot, stage, if offset > u64::from(u32::MAX) { u32::MAX } else { offset as u32 });
        slot as u32
    }

    /// A stage is entered for the first time.
    #[inline(always)]
    fn open(&mut self, slot: usize, stage: Stage, first_offset_ns: u32) {
        self.record.stages[slot] = StageTime { self_ns: 0, first_offset_ns, calls: 1, stage: stage.id(), reserved: 0 };
        self.slot_of[stage.id() as usize & STAGE_MASK] = slot as u8 + 1;
        self.record.head.stage_count = slot as u8 + 1;
    }

    /// Whether the stage was entered.
    pub fn entered(&self, stage: Stage) -> bool {
        self.slot_of[stage.id() as usize & STAGE_MASK] != 0
    }

    /// Writes the grant statuses behind the stages that travel: all of them, also those of no reference, because a branch for each
    /// would make more paths than the verifier follows.
    #[inline(never)]
    pub fn append_statuses(&mut self, counts: &[u32; STATUSES]) {
        let stages = usize::from(self.record.head.stage_count) & STAGE_MASK;
        // SAFETY: inside the record, which has room for every status behind the last of its stages.
        let behind =
            unsafe { (&raw mut self.record).cast::<u8>().add(HEADER_BYTES + stages * STAGE_BYTES).cast::<GrantStatus>() };
        for status in 1..STATUSES {
            let entry = GrantStatus { count: counts[status], status: -(status as i16), reserved: 0 };
            // SAFETY: as above; fewer than `STATUSES`, which is no more than `MAX_STATUSES`.
            unsafe { behind.add(status - 1).write_unaligned(entry) };
        }
        self.record.head.status_count = STATUSES as u8 - 1;
    }
}
