//! How much stack a BPF program needs at most, from its instructions as the kernel gives them back.
//!
//! Source: include/uapi/linux/bpf.h and kernel/bpf/verifier.c, Linux v6.12: check_max_stack_depth_subprog for how calls add up, and
//! jit_subprogs for what a call looks like in a program that is compiled.

use std::collections::BTreeMap;

/// One instruction, as far as it matters here.
#[derive(Debug, Clone, Copy)]
struct Instruction {
    code: u8,
    to: u8,
    from: u8,
    offset: i16,
    immediate: i32,
}

const BYTES: usize = 8;
/// The frame's end: registers are numbered.
const FRAME: u8 = 10;
/// Which of an instruction's bits are its class.
const CLASS: u8 = 0x07;
const LDX: u8 = 0x01;
const ST: u8 = 0x02;
const STX: u8 = 0x03;
/// A 64-bit move from a register, and an addition of a number.
const MOVE: u8 = 0xbf;
const ADD: u8 = 0x07;
const CALL: u8 = 0x85;
/// `from` of a call of a function of the same program.
const OWN_FUNCTION: u8 = 1;
/// A frame is rounded up to a multiple of it, where the kernel compiles programs.
const ROUNDED_TO: u32 = 16;

/// The most bytes of stack that are in use at one time, in the first function and in those that it calls.
pub fn depth(bytes: &[u8]) -> u32 {
    let all: Vec<_> = bytes.chunks_exact(BYTES).map(instruction).collect();
    let mut starts: Vec<_> = (0..all.len()).filter_map(|at| called(&all, at)).chain([0]).collect();
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([all.len()]);
    let functions: BTreeMap<_, _> = starts.iter().copied().zip(ends).collect();
    depth_from(0, &all, &functions)
}

/// The kernel refuses recursion.
fn depth_from(start: usize, all: &[Instruction], functions: &BTreeMap<usize, usize>) -> u32 {
    let Some(&end) = functions.get(&start) else { return 0 };
    let callees = (start..end).filter_map(|at| called(all, at)).map(|callee| depth_from(callee, all, functions));
    frame(&all[start..end]).next_multiple_of(ROUNDED_TO) + callees.max().unwrap_or(0)
}

/// The lowest byte that a function reaches through the frame's register, or through a copy of it that a number is added to at once.
fn frame(function: &[Instruction]) -> u32 {
    let mut lowest = 0;
    for (at, instruction) in function.iter().enumerate() {
        let base = match instruction.code & CLASS {
            LDX => instruction.from,
            ST | STX => instruction.to,
            _ => 0,
        };
        if base == FRAME {
            lowest = lowest.min(i32::from(instruction.offset));
        }
        if instruction.code == MOVE
            && instruction.from == FRAME
            && let Some(next) = function.get(at + 1)
            && next.code == ADD
            && next.to == instruction.to
        {
            lowest = lowest.min(next.immediate);
        }
    }
    lowest.unsigned_abs()
}

/// Where the function begins that this instruction calls: in a program that is compiled its offset says it.
fn called(all: &[Instruction], at: usize) -> Option<usize> {
    let instruction = all.get(at)?;
    let is_own = instruction.code == CALL && instruction.from == OWN_FUNCTION;
    is_own.then(|| at.checked_add_signed(isize::from(instruction.offset) + 1)).flatten()
}

fn instruction(bytes: &[u8]) -> Instruction {
    Instruction {
        code: bytes[0],
        to: bytes[1] & 0x0f,
        from: bytes[1] >> 4,
        offset: i16::from_le_bytes([bytes[2], bytes[3]]),
        immediate: i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXIT: [u8; 8] = [0x95, 0, 0, 0, 0, 0, 0, 0];
    /// `*(u64 *)(r10 - 40) = r1`
    const STORE_40: [u8; 8] = [0x7b, 0x1a, 0xd8, 0xff, 0, 0, 0, 0];
    /// `r2 = r10; r2 += -72`
    const ADDRESS_72: [[u8; 8]; 2] = [[0xbf, 0xa2, 0, 0, 0, 0, 0, 0], [0x07, 0x02, 0, 0, 0xb8, 0xff, 0xff, 0xff]];

    fn call(distance: u8) -> [u8; 8] {
        [0x85, 0x10, distance, 0, 1, 0, 0, 0]
    }

    #[test]
    fn a_frame_reaches_as_far_as_what_is_stored_or_pointed_to() {
        assert_eq!(depth(&[STORE_40, EXIT].concat()), 48);
        assert_eq!(depth(&[ADDRESS_72[0], ADDRESS_72[1], STORE_40, EXIT].concat()), 80);
    }

    #[test]
    fn the_deepest_chain_of_calls_counts_and_functions_side_by_side_do_not_add_up() {
        // The first calls both others, which use 48 and 80 bytes.
        let program = [STORE_40, call(2), call(3), EXIT, STORE_40, EXIT, ADDRESS_72[0], ADDRESS_72[1], EXIT].concat();
        assert_eq!(depth(&program), 48 + 80);
    }

    #[test]
    fn a_call_of_the_kernels_helpers_is_no_call_of_an_own_function() {
        assert_eq!(depth(&[[0x85, 0, 0, 0, 5, 0, 0, 0], EXIT].concat()), 0);
    }
}
