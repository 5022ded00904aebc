//! The options that choose what is recorded.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Args, ValueEnum};
use grantscope_analysis::model::filter::Filter;
use grantscope_wire::Buffer;

/// Options that choose in the kernel what is recorded: everything that is given has to hold.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What is recorded, decided in the kernel (default: everything; all that is given has to hold)")]
pub struct FilterArgs {
    /// Only operations of this process
    #[arg(long, value_name = "PID")]
    pub pid: Option<NonZeroU32>,

    /// Only operations of threads with this name, as /proc/PID/comm shows it
    #[arg(long, value_name = "NAME")]
    pub comm: Option<String>,

    /// Only operations that are known to concern this other domain
    #[arg(long, value_name = "DOMID")]
    pub domid: Option<u16>,

    /// Only operations on a buffer of this kind; more than one with commas
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',')]
    pub buffer: Vec<BufferName>,

    /// Only operations that took at least so long, like 50us or 2ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub min_duration: Option<Duration>,

    /// Only operations that failed, or of which Xen refused a part
    #[arg(long)]
    pub errors_only: bool,
}

/// A kind of buffer, by the name that it has in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BufferName {
    /// Ordinary pages
    Pages,
    /// A write-combining DMA buffer
    Wc,
    /// A coherent DMA buffer
    Coherent,
    /// A dma-buf of another driver
    Foreign,
}

impl From<BufferName> for Buffer {
    fn from(name: BufferName) -> Self {
        match name {
            BufferName::Pages => Self::Pages,
            BufferName::Wc => Self::Wc,
            BufferName::Coherent => Self::Coherent,
            BufferName::Foreign => Self::Foreign,
        }
    }
}

impl From<&FilterArgs> for Filter {
    fn from(args: &FilterArgs) -> Self {
        Self {
            pid: args.pid.map(NonZeroU32::get),
            comm: args.comm.clone(),
            domid: args.domid,
            buffers: args.buffer.iter().map(|&name| name.into()).collect(),
            // More than a u64 of nanoseconds is 584 years: no operation takes so long either.
            min_duration_ns: args.min_duration.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
            errors_only: args.errors_only,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn buffers_have_the_names_that_files_use() {
        for name in BufferName::value_variants() {
            let value = name.to_possible_value().expect("no variant is skipped");
            assert_eq!(value.get_name(), Buffer::from(*name).name());
        }
        assert_eq!(BufferName::value_variants().len(), Buffer::ALL.len());
    }

    #[test]
    fn options_become_a_filter() {
        let line = "grantscope record -o run.gsr --pid 7 --comm backend --domid 1 --buffer wc,coherent --min-duration 50us --errors-only";
        let cli = Cli::try_parse_from(line.split(' ')).expect("a valid command line");
        let Command::Record(args) = cli.command else { panic!("not record") };
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
