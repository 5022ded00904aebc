//! Who may change a place of the probes' tables now, on kernels whose programs cannot compare and exchange in one step: whoever has put a
//! key into their hash map. See `probes/src/exchange/held.rs`.

use std::thread;

use aya::Ebpf;
use aya::maps::{HashMap as BpfMap, MapData};
use grantscope_wire::Turn;

use crate::CaptureError;
use crate::object::take;

/// Flag of an update: only if nothing is there (include/uapi/linux/bpf.h, v6.12).
pub const BPF_NOEXIST: u64 = 1;

/// The hash map, where the programs have one.
pub struct Turns(Option<BpfMap<MapData, u64, u64>>);

impl Turns {
    /// Takes the map of a loaded object.
    ///
    /// # Errors
    /// The object's map is none of this kind.
    pub fn of(ebpf: &mut Ebpf) -> Result<Self, CaptureError> {
        const HELD: &str = "HELD";
        let has_turns = ebpf.map(HELD).is_some();
        has_turns.then(|| take(ebpf, HELD)).transpose().map(Self)
    }

    /// Does something to a place while no program does. Programs that come meanwhile take another place.
    pub fn during<R>(&mut self, turn: Turn, work: impl FnOnce() -> R) -> R {
        let Some(held) = &mut self.0 else { return work() };
        // A program has it for as long as it takes to write a word, and is not preempted meanwhile.
        while held.insert(turn.0, turn.0, BPF_NOEXIST).is_err() {
            thread::yield_now();
        }
        let done = work();
        let _ = held.remove(&turn.0);
        done
    }
}
