//! Work that is done again and again.
//!
//! By a helper, `bpf_loop` (Linux 5.17), whose callback the verifier follows once. For kernels without it by a loop, which the verifier
//! follows as often as it may go round: so that has a bound of its own.

#[cfg(not(feature = "early"))]
use core::ffi::c_void;

/// Does `each` so often, with the number of the time, until it says to stop by a number other than 0; `MOST` times at most where there is
/// no helper. How often it was done.
#[cfg(not(feature = "early"))]
#[inline(always)]
pub fn repeat<const MOST: u32, T>(times: u32, each: extern "C" fn(u64, *mut T) -> i64, with: &mut T) -> u32 {
    // SAFETY: the callback takes what is handed to it here, and the kernel calls it only during this call.
    let done = unsafe { aya_ebpf::helpers::generated::bpf_loop(times, each as *mut c_void, (&raw mut *with).cast(), 0) };
    done as u32
}

/// The same by a loop.
#[cfg(feature = "early")]
#[inline(always)]
pub fn repeat<const MOST: u32, T>(times: u32, each: extern "C" fn(u64, *mut T) -> i64, with: &mut T) -> u32 {
    let mut done = 0;
    while done < times && done < MOST {
        done += 1;
        if each(u64::from(done - 1), with) != 0 {
            break;
        }
    }
    done
}
