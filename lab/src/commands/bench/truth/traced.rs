//! What the kernel's tracer `function_graph` wrote of functions that it followed alone: a pair of hooks on each and on nothing in it.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use grantscope_analysis::verify::Call;

/// When functions were entered, and how long they took: `(µs, ns)` by function, by time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Traced(BTreeMap<String, Vec<(u64, u64)>>);

impl Traced {
    /// Reads the tracer's text, with absolute times and without columns for the processor and for long durations. Functions with something
    /// inside are left out.
    ///
    /// # Errors
    /// When the tracer had no room for all.
    pub fn read(text: &str) -> Result<Self> {
        ensure!(written(text).is_none_or(|(kept, written)| kept == written), "the tracer had no room for all calls");
        let mut all = Self::default();
        for (function, at_us, ns) in text.lines().filter_map(leaf) {
            all.0.entry(function.to_owned()).or_default().push((at_us, ns));
        }
        Ok(all)
    }

    /// How long the function took in a call, in ns; `None`: it was not in the call, or more than once.
    pub fn within(&self, function: &str, call: &Call) -> Option<u64> {
        let calls = self.0.get(function)?;
        let (first, last) = (call.start_ns / 1000, (call.start_ns + call.duration_ns) / 1000);
        let from = calls.partition_point(|(at_us, _)| *at_us < first);
        match calls[from..].iter().take_while(|(at_us, _)| *at_us <= last).collect::<Vec<_>>()[..] {
            [(_, ns)] => Some(*ns),
            _ => None,
        }
    }
}

/// How many entries the tracer kept, and how many it wrote.
fn written(text: &str) -> Option<(&str, &str)> {
    let line = text.lines().find_map(|line| line.split_once("entries-in-buffer/entries-written:"))?;
    line.1.split_whitespace().next()?.split_once('/')
}

/// `  12.345678 |   2.384 us    |  gntdev_ioctl();`: the function, the time in µs, the duration in ns.
fn leaf(line: &str) -> Option<(&str, u64, u64)> {
    let mut columns = line.split('|');
    let (at, duration, call) = (columns.next()?.trim(), columns.next()?.trim(), columns.next()?.trim());
    let function = call.strip_suffix("();")?;
    Some((function, parts(at, 6)?, parts(duration.strip_suffix("us")?.trim(), 3)?))
}

/// A decimal number in parts of 10 to the power of `-digits`.
fn parts(number: &str, digits: usize) -> Option<u64> {
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let rest = format!("{rest:0<digits$}");
    format!("{whole}{}", rest.get(..digits)?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::truth::tests::call;

    const TEXT: &str = "\
# tracer: function_graph
#
#     TIME        DURATION                  FUNCTION CALLS
#      |           |   |                     |   |   |   |
   12.000010 |   2.384 us    |  gntdev_ioctl();
   12.000020 |               |  __arm64_sys_munmap() {
   12.000025 |   1.000 us    |    gntdev_release();
   12.000029 |   9.500 us    |  }
   12.000040 |   1234.56 us  |  gntdev_ioctl();
   12.000041 |   0.736 us    |  gntdev_mmap();
";

    #[test]
    fn a_function_is_found_in_the_call_that_it_was_in() {
        let traced = Traced::read(TEXT).unwrap();
        let within = |function, start_ns, duration_ns| traced.within(function, &call("map", start_ns, duration_ns));
        assert_eq!(within("gntdev_ioctl", 12_000_009_500, 4_000), Some(2_384));
        assert_eq!(within("gntdev_ioctl", 12_000_040_900, 50), Some(1_234_560));
        assert_eq!(within("gntdev_ioctl", 12_000_041_000, 50), None);
        assert_eq!(within("gntdev_mmap", 12_000_041_000, 50), Some(736));
    }

    #[test]
    fn what_is_ambiguous_or_has_something_inside_is_unknown() {
        let traced = Traced::read(TEXT).unwrap();
        assert_eq!(traced.within("gntdev_ioctl", &call("map", 12_000_000_000, 90_000)), None);
        assert_eq!(traced.within("__arm64_sys_munmap", &call("munmap", 12_000_000_000, 90_000)), None);
    }

    #[test]
    fn a_trace_that_is_not_whole_is_an_error() {
        let header = |counts| format!("# entries-in-buffer/entries-written: {counts}   #P:1\n{TEXT}");
        assert!(Traced::read(&header("6/6")).is_ok());
        assert!(Traced::read(&header("6/9")).is_err());
    }
}
