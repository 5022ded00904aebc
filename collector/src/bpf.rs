//! The calls of bpf(2) that aya does not make (include/uapi/linux/bpf.h, Linux v6.12).

use std::collections::HashMap;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use aya_obj::generated::{bpf_attach_type, bpf_attr, bpf_btf_info, bpf_prog_info, bpf_prog_type, perf_event_attr};
use nix::errno::Errno;
use nix::libc;

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_RUN: libc::c_int = 10;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BPF_RAW_TRACEPOINT_OPEN: libc::c_int = 17;
const BPF_BTF_GET_FD_BY_ID: libc::c_int = 19;
const BPF_BTF_GET_NEXT_ID: libc::c_int = 23;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_LINK_GET_FD_BY_ID: libc::c_int = 30;
const BPF_LINK_GET_NEXT_ID: libc::c_int = 31;
const BPF_ITER_CREATE: libc::c_int = 33;
const BPF_TRACE_ITER: u32 = 28;
const BPF_PERF_EVENT: u32 = 41;
const BPF_LINK_TYPE_PERF_EVENT: u32 = 7;
const BPF_PERF_EVENT_KRETPROBE: u32 = 4;

/// Runs a program for a test, with no input.
///
/// # Errors
/// The kernel cannot do that with this kind of program.
pub fn run_for_a_test(program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attributes = [0_u32; 20];
    attributes[0] = program.as_raw_fd() as u32;
    call(BPF_PROG_RUN, &mut attributes).map(drop)
}

/// Runs the program of a raw tracepoint, with these arguments.
///
/// # Errors
/// It is no such program.
pub fn run_with(program: BorrowedFd<'_>, arguments: &[u64]) -> io::Result<()> {
    /// Of the members behind `prog_fd`: see `union bpf_attr`.
    #[repr(C)]
    #[derive(Default)]
    struct Attributes {
        program: u32,
        returned: u32,
        data_sizes: [u32; 2],
        data: [u64; 2],
        repeat: u32,
        duration: u32,
        context_bytes: u32,
        context_bytes_out: u32,
        context: u64,
        context_out: u64,
        flags: u32,
        processor: u32,
        batch: u32,
        padding: u32,
    }
    let mut attributes = Attributes {
        program: program.as_raw_fd() as u32,
        context_bytes: size_of_val(arguments) as u32,
        context: arguments.as_ptr() as u64,
        ..Attributes::default()
    };
    call(BPF_PROG_RUN, &mut attributes).map(drop)
}

/// What reads from an iterator over tasks, of which it visits this process alone: by its number in the caller's PID namespace
/// (`bpf_iter_attach_task` in kernel/bpf/task_iter.c). Kernels before 6.1 visit all.
///
/// # Errors
/// It is no program of such an iterator.
pub fn iterate_one_task(program: BorrowedFd<'_>, pid: u32) -> io::Result<File> {
    /// See `union bpf_attr`.
    #[repr(C)]
    struct Attributes {
        program: u32,
        target: u32,
        attach_type: u32,
        flags: u32,
        info: u64,
        info_bytes: u32,
        padding: u32,
    }
    // `union bpf_iter_link_info`: by the id of a thread, which is that of its process for the first; not by a process; by no descriptor.
    let info = [pid, 0, 0];
    let mut attributes = Attributes {
        program: program.as_raw_fd() as u32,
        target: 0,
        attach_type: BPF_TRACE_ITER,
        flags: 0,
        info: info.as_ptr() as u64,
        info_bytes: size_of_val(&info) as u32,
        padding: 0,
    };
    let link = call(BPF_LINK_CREATE, &mut attributes)?;
    // SAFETY: the kernel has just made it, for nobody else.
    let link = unsafe { OwnedFd::from_raw_fd(link) };
    let iterator = call(BPF_ITER_CREATE, &mut [link.as_raw_fd() as u32, 0])?;
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(iterator) }.into())
}

/// Attaches a program of kprobes to an event of tracefs, with this id. It is attached as long as what comes back lives.
///
/// # Errors
/// There is no such event, or it takes no such program.
pub fn attach_to_event(program: BorrowedFd<'_>, event: u64) -> io::Result<Vec<OwnedFd>> {
    /// include/uapi/linux/perf_event.h, v6.12.
    const PERF_TYPE_TRACEPOINT: u32 = 2;
    const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
    // _IOW('$', 8, __u32)
    const PERF_EVENT_IOC_SET_BPF: u32 = 0x4004_2408;
    const ANY_PROCESS: libc::pid_t = -1;
    const NO_GROUP: RawFd = -1;
    // SAFETY: plain old data, of which zeros are one.
    let mut attributes = unsafe { std::mem::zeroed::<perf_event_attr>() };
    attributes.type_ = PERF_TYPE_TRACEPOINT;
    attributes.size = size_of::<perf_event_attr>() as u32;
    attributes.config = event;
    let processor: libc::c_int = 0;
    // SAFETY: the attributes are as long as they say. Whatever processor is named, its programs run on all.
    let opened = unsafe {
        libc::syscall(libc::SYS_perf_event_open, &raw mut attributes, ANY_PROCESS, processor, NO_GROUP, PERF_FLAG_FD_CLOEXEC)
    };
    if opened < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made it, for nobody else.
    let opened = unsafe { OwnedFd::from_raw_fd(opened as RawFd) };
    let mut attributes = [program.as_raw_fd() as u32, opened.as_raw_fd() as u32, BPF_PERF_EVENT, 0];
    if let Ok(link) = call(BPF_LINK_CREATE, &mut attributes) {
        // SAFETY: as above.
        return Ok(vec![unsafe { OwnedFd::from_raw_fd(link) }, opened]);
    }
    // Before 5.15 there are no links of events.
    // SAFETY: the argument is a number.
    let set = unsafe { libc::ioctl(opened.as_raw_fd(), PERF_EVENT_IOC_SET_BPF as _, program.as_raw_fd()) };
    if set < 0 { Err(io::Error::last_os_error()) } else { Ok(vec![opened]) }
}

/// Whether programs can compare and exchange in one step (BPF_CMPXCHG, Linux 5.12; on arm64 5.18): one is loaded that does.
///
/// # Errors
/// Programs cannot be loaded at all.
pub fn exchanges() -> io::Result<bool> {
    // `struct bpf_insn` (include/uapi/linux/bpf.h, v6.12) as one number: the code, then the registers, the offset and the constant.
    const SET_R0: u64 = 0xb7;
    const SET_R1: u64 = 0x1b7;
    const CLEAR_STACK: u64 = 0xfff8_0a7a;
    const EXCHANGE_R1: u64 = 0xfff8_1adb;
    const EXIT: u64 = 0x95;
    const BPF_CMPXCHG: u64 = 0xf1 << 32;
    let exchanging = [SET_R0, SET_R1, CLEAR_STACK, EXCHANGE_R1 | BPF_CMPXCHG, SET_R0, EXIT];
    let returning = [SET_R0, EXIT];
    match load_raw_tracepoint(&exchanging) {
        Ok(_) => Ok(true),
        Err(_) => load_raw_tracepoint(&returning).map(|_| false),
    }
}

fn load_raw_tracepoint(instructions: &[u64]) -> io::Result<OwnedFd> {
    const BPF_PROG_TYPE_RAW_TRACEPOINT: u32 = 17;
    /// See `union bpf_attr`.
    #[repr(C)]
    struct Attributes {
        kind: u32,
        count: u32,
        instructions: u64,
        license: u64,
        log: [u64; 2],
    }
    let mut attributes = Attributes {
        kind: BPF_PROG_TYPE_RAW_TRACEPOINT,
        count: instructions.len() as u32,
        instructions: instructions.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        log: [0; 2],
    };
    let loaded = call(BPF_PROG_LOAD, &mut attributes)?;
    // SAFETY: the kernel has just made it, for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(loaded) })
}

/// A program of fentry or fexit at a function of a module.
pub struct TracingProgram<'a> {
    /// What others see of it.
    pub name: &'a str,
    /// What it may call.
    pub license: &'a CStr,
    /// Its instructions, relocated, and what describes them.
    pub function: &'a aya_obj::Function,
    /// At which end.
    pub attach_type: bpf_attach_type,
    /// The BTF that the program's own description refers to.
    pub own_btf: Option<BorrowedFd<'a>>,
    /// The module's BTF, and the function's number in it.
    pub of_function: BorrowedFd<'a>,
    pub attach_to: u32,
}

/// Loads it.
///
/// # Errors
/// Why the kernel refuses it, and what its verifier says.
pub fn load_tracing(program: &TracingProgram<'_>) -> Result<OwnedFd, (io::Error, String)> {
    // The verifier says what it does, which is long and takes long: it is asked only by whoever wants to know why it refuses.
    const FIRST: usize = 1 << 20;
    const LONGEST: usize = 1 << 24;
    if let Ok(loaded) = try_load_tracing(program, &mut []) {
        return Ok(loaded);
    }
    let mut log = vec![0; FIRST];
    loop {
        match try_load_tracing(program, &mut log) {
            Ok(loaded) => return Ok(loaded),
            Err(error) if error.raw_os_error() == Some(Errno::ENOSPC as i32) && log.len() < LONGEST => {
                log.resize(log.len() * 4, 0)
            }
            Err(error) => return Err((error, until_zero(&log))),
        }
    }
}

fn until_zero(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn try_load_tracing(program: &TracingProgram<'_>, log: &mut [u8]) -> io::Result<OwnedFd> {
    const BRANCHES_AND_STATISTICS: u32 = 1 | 4;
    // SAFETY: plain old data, of which zeros are one.
    let mut attributes = unsafe { std::mem::zeroed::<bpf_attr>() };
    let function = program.function;
    let (functions, lines) = (function.func_info.func_info_bytes(), function.line_info.line_info_bytes());
    {
        // SAFETY: all members of the union are plain old data.
        let load = unsafe { &mut attributes.__bindgen_anon_3 };
        let name_bytes = load.prog_name.len() - 1;
        for (to, from) in load.prog_name.iter_mut().zip(program.name.bytes().take(name_bytes)) {
            *to = from as _;
        }
        load.prog_type = bpf_prog_type::BPF_PROG_TYPE_TRACING as u32;
        load.expected_attach_type = program.attach_type as u32;
        load.insns = function.instructions.as_ptr() as u64;
        load.insn_cnt = function.instructions.len() as u32;
        load.license = program.license.as_ptr() as u64;
        load.attach_btf_id = program.attach_to;
        load.__bindgen_anon_1.attach_btf_obj_fd = program.of_function.as_raw_fd() as u32;
        if let Some(btf) = program.own_btf {
            load.prog_btf_fd = btf.as_raw_fd() as u32;
            load.func_info = functions.as_ptr() as u64;
            load.func_info_cnt = function.func_info.len() as u32;
            load.func_info_rec_size = function.func_info_rec_size as u32;
            load.line_info = lines.as_ptr() as u64;
            load.line_info_cnt = function.line_info.len() as u32;
            load.line_info_rec_size = function.line_info_rec_size as u32;
        }
        if !log.is_empty() {
            load.log_level = BRANCHES_AND_STATISTICS;
            load.log_buf = log.as_mut_ptr() as u64;
            load.log_size = log.len() as u32;
        }
    }
    let loaded = call(BPF_PROG_LOAD, &mut attributes)?;
    // SAFETY: the kernel has just made it, for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(loaded) })
}

/// Attaches a loaded program of fentry or fexit to its function. It is attached as long as what comes back lives.
///
/// # Errors
/// The kernel cannot call programs from this function.
pub fn attach_tracing(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // No name: the program knows its function.
    let link = call(BPF_RAW_TRACEPOINT_OPEN, &mut [0_u64, program.as_raw_fd() as u64])?;
    // SAFETY: the kernel has just made it, for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(link) })
}

/// The BTF that describes a program; `None`: it was loaded without.
///
/// # Errors
/// The kernel does not give it.
pub fn btf_of_program(program: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    match program_info(program)?.btf_id {
        0 => Ok(None),
        id => btf_by_id(id).map(Some),
    }
}

/// The BTF of a module that is loaded.
///
/// # Errors
/// There is none of this name, or the kernel does not give it.
pub fn btf_of_module(module: &str) -> io::Result<OwnedFd> {
    let mut last = 0;
    loop {
        let mut attributes = [last, 0, 0];
        // The one behind the last is "not there" as well.
        call(BPF_BTF_GET_NEXT_ID, &mut attributes)?;
        last = attributes[1];
        // It may be gone by now.
        if let Ok(btf) = btf_by_id(last)
            && is_btf_of(btf.as_raw_fd(), module)?
        {
            return Ok(btf);
        }
    }
}

fn btf_by_id(id: u32) -> io::Result<OwnedFd> {
    let btf = call(BPF_BTF_GET_FD_BY_ID, &mut [id, 0, 0])?;
    // SAFETY: the kernel has just made it, for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(btf) })
}

/// Whether it is the kernel's own description of this module: programs can have BTF of any name.
fn is_btf_of(btf: RawFd, module: &str) -> io::Result<bool> {
    // As long as a module's name is at most (MODULE_NAME_LEN in include/linux/moduleparam.h, v6.12).
    let mut name = [0_u8; 64];
    // SAFETY: plain old data, of which zeros are one.
    let mut info = unsafe { std::mem::zeroed::<bpf_btf_info>() };
    info.name = name.as_mut_ptr() as u64;
    info.name_len = name.len() as u32;
    let bytes = size_of::<bpf_btf_info>() as u32;
    call(BPF_OBJ_GET_INFO_BY_FD, &mut Object { descriptor: btf as u32, bytes, info: &raw mut info as u64 })?;
    Ok(info.kernel_btf != 0 && until_zero(&name) == module)
}

/// How often the kernel did not run a program because it ran already on that processor (kernel/bpf/trampoline.c, Linux v6.12); 0 where it
/// does not count that.
///
/// # Errors
/// It is no program.
pub fn misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    program_info(program).map(|info| info.recursion_misses)
}

fn program_info(program: BorrowedFd<'_>) -> io::Result<bpf_prog_info> {
    // SAFETY: plain old data, of which zeros are one.
    let mut info = unsafe { std::mem::zeroed::<bpf_prog_info>() };
    let bytes = size_of::<bpf_prog_info>() as u32;
    call(BPF_OBJ_GET_INFO_BY_FD, &mut Object { descriptor: program.as_raw_fd() as u32, bytes, info: &raw mut info as u64 })?;
    Ok(info)
}

/// Of what a descriptor stands for, as much as there is room for.
#[repr(C)]
struct Object {
    descriptor: u32,
    bytes: u32,
    info: u64,
}

/// How many returns each kretprobe has missed, by its program's id: more tasks were inside its function than it has instances
/// (kernel/kprobes.c and `bpf_perf_link_fill_kprobe` in kernel/bpf/syscall.c, Linux v6.12). Kernels before 6.7 say 0.
pub fn missed_returns() -> HashMap<u32, u64> {
    let mut missed = HashMap::new();
    let mut id = 0;
    while let Some(next) = next_link(id) {
        id = next;
        // It may be gone by now.
        if let Some(info) = link_info(id)
            && (info.kind, info.event) == (BPF_LINK_TYPE_PERF_EVENT, BPF_PERF_EVENT_KRETPROBE)
        {
            *missed.entry(info.program).or_default() += info.missed;
        }
    }
    missed
}

/// The link with the next larger id.
fn next_link(id: u32) -> Option<u32> {
    let mut attributes = [id, 0, 0];
    call(BPF_LINK_GET_NEXT_ID, &mut attributes).ok()?;
    Some(attributes[1])
}

/// Of `struct bpf_link_info` as much as a kretprobe has.
#[repr(C)]
#[derive(Default)]
struct LinkInfo {
    kind: u32,
    id: u32,
    program: u32,
    padding: u32,
    event: u32,
    padding_of_event: u32,
    function: u64,
    function_bytes: u32,
    offset: u32,
    address: u64,
    missed: u64,
    cookie: u64,
}

fn link_info(id: u32) -> Option<LinkInfo> {
    let descriptor = call(BPF_LINK_GET_FD_BY_ID, &mut [id, 0, 0]).ok()?;
    // SAFETY: the kernel has just made it, for nobody else.
    let link = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let mut info = LinkInfo::default();
    let bytes = size_of::<LinkInfo>() as u32;
    let mut attributes = Object { descriptor: link.as_raw_fd() as u32, bytes, info: &raw mut info as u64 };
    call(BPF_OBJ_GET_INFO_BY_FD, &mut attributes).ok()?;
    Some(info)
}

/// What the kernel returns, if that is no error.
fn call<T>(command: libc::c_int, attributes: &mut T) -> io::Result<RawFd> {
    // SAFETY: the attributes are those of the command, as long as is said, and what they point to outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as RawFd) }
}
