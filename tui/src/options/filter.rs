//! The options that choose what is recorded.

use std::time::Duration;

use clap::{Args, value_parser};
use grantscope_analysis::model::Filter;
use grantscope_wire::Buffer;

use crate::options::one_of::one_of;

/// Options that choose in the kernel what is recorded: an operation has to pass all of them.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Filters, applied in the kernel: an operation is recorded if it passes all that are given")]
pub struct FilterArgs {
    /// Only operations of this process, by its id in this PID namespace
    #[arg(long, value_name = "PID", value_parser = value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    pub pid: Option<u32>,

    /// Only operations of threads with this name, as /proc/PID/comm shows it
    #[arg(long, value_name = "NAME")]
    pub comm: Option<String>,

    /// Only operations that are known to concern this other domain
    #[arg(long, value_name = "DOMID")]
    pub domid: Option<u16>,

    /// Only operations on a buffer of this kind; more than one with commas
    #[arg(
        long,
        value_name = "KIND",
        value_parser = one_of(Buffer::ALL, Buffer::name, Buffer::about),
        value_delimiter = ','
    )]
    pub buffer: Vec<Buffer>,

    /// Only operations that took at least this long, such as 50us or 2ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub min_duration: Option<Duration>,

    /// Only operations that failed, or of which Xen refused a part
    #[arg(long)]
    pub errors_only: bool,
}

impl From<&FilterArgs> for Filter {
    fn from(args: &FilterArgs) -> Self {
        Self {
            pid: args.pid,
            comm: args.comm.clone(),
            domid: args.domid,
            buffers: args.buffer.clone(),
            // More than a u64 of nanoseconds is 584 years: no operation takes that long either.
            min_duration_ns: args.min_duration.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
            errors_only: args.errors_only,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// The options alone, as a program of their own.
    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        filter: FilterArgs,
    }

    #[test]
    fn options_become_a_filter() {
        let line = "options --pid 7 --comm backend --domid 1 --buffer wc,coherent --min-duration 50us --errors-only";
        let args = Options::try_parse_from(line.split(' ')).expect("a valid command line");
        let filter = Filter::from(&args.filter);
        let expected = Filter {
            pid: Some(7),
            comm: Some("backend".to_owned()),
            domid: Some(1),
            buffers: vec![Buffer::Wc, Buffer::Coherent],
            min_duration_ns: 50_000,
            errors_only: true,
        };
        assert_eq!(filter, expected);
    }

    #[test]
    fn without_options_nothing_is_left_out() {
        assert!(Filter::from(&FilterArgs::default()).is_any());
    }
}
