//! Builds recordings by hand, in the words of the test.

use grantscope_analysis::model::{Environment, HookStatus, Log, LossCounter, LossReport, Operation, Outcome, StageSpan};
use grantscope_analysis::recording::{Frame, Writer};
use grantscope_wire::{Buffer, HOOKS, HookId, LossKind, Op, Stage};

/// A successful operation whose stages have these self times.
pub fn operation(op: Op, buffer: Buffer, pages: u32, start_ns: u64, stages: &[(Stage, u64)]) -> Operation {
    Operation {
        start_ns,
        duration_ns: stages.iter().map(|(_, ns)| ns).sum(),
        op,
        buffer: Some(buffer),
        pages: Some(pages),
        outcome: Outcome::Ok,
        domid: Some(1),
        tgid: 1,
        tid: 1,
        comm: "test".into(),
        map_generation_ns: None,
        details: Vec::new(),
        stages_incomplete: false,
        log: Log::new(),
        is_sounded: false,
        phase: None,
        stages: stages.iter().map(|&(stage, self_ns)| span(stage, self_ns)).collect(),
    }
}

fn span(stage: Stage, self_ns: u64) -> StageSpan {
    StageSpan { stage, self_ns, first_offset_ns: 0, calls: 1 }
}

/// Hooks of the made-up machine: a fixed number, so that a new row at the end of the table changes no picture.
pub const HOOKS_SHOWN: usize = 42;

/// A machine with all its hooks attached.
pub fn environment() -> Environment {
    Environment {
        run: "synthetic".to_owned(),
        host: "made-up".to_owned(),
        kernel: "6.12.0".to_owned(),
        xen: Some("4.17.0".to_owned()),
        arch: "aarch64".to_owned(),
        page_size: 4096,
        tool: "test".to_owned(),
        hooks: HOOKS[..HOOKS_SHOWN].iter().map(|hook| attached(hook.id)).collect(),
        ..Environment::default()
    }
}

fn attached(hook: HookId) -> HookStatus {
    HookStatus { hook, attached_by: Some("fentry".to_owned()), symbol: Some(hook.name().to_owned()), problem: None }
}

/// The same hook, not attached.
pub fn not_attached(hook: HookId, problem: &str) -> HookStatus {
    HookStatus { hook, attached_by: None, symbol: None, problem: Some(problem.to_owned()) }
}

/// Something was lost.
pub fn loss(at_ns: u64, hook: HookId, kind: LossKind, count: u64) -> Frame {
    Frame::Loss(LossReport { at_ns, counters: vec![LossCounter { hook, kind, count }] })
}

/// The bytes of a recording; the first frame is its environment.
pub fn bytes(frames: &[Frame]) -> Vec<u8> {
    let Some((Frame::Environment(environment), rest)) = frames.split_first() else {
        panic!("a recording begins with its environment")
    };
    let mut writer = Writer::begin(Vec::new(), environment).expect("a Vec takes all bytes");
    rest.iter().for_each(|frame| writer.write(frame).expect("a Vec takes all bytes"));
    writer.into_inner()
}
