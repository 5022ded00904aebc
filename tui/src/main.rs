//! `grantscope`: see what mapping Xen grants costs. Every command lives in the module of its name.

use std::process::ExitCode;

use clap::Parser;
use grantscope::cli::{Cli, Command};
use grantscope::commands::{bench, doctor, export, judge, maps, record, summary, top};
use grantscope::exit;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Top(args) => top::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Judge(args) => judge::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Maps(args) => maps::run(&args),
    };
    exit::code(result)
}
