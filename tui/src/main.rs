//! `grantscope`: see what mapping Xen grants costs. Every verb lives in the file of its name.

use std::process::ExitCode;

use grantscope::{commands, exit};

fn main() -> ExitCode {
    exit::code(commands::run())
}
