//! `cargo xtask lab shell`: dom0 on this terminal.

use std::{
    fs,
    io::IsTerminal,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};

use crate::{
    boot::{machine, run::Scratch},
    cache::Cache,
    command,
    fetch::Consent,
    guest::job::Job,
    lab::Lab,
    platform::{self, Clock, Domains, Platform, Ports, clock},
    programs, setup,
};

/// Arguments of `lab shell`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The platform: the emulated machine and the kernel
    #[arg(long, alias = "bench", value_name = "NAME", default_value = platform::MAIN.name, value_parser = platform::parser())]
    pub platform: &'static Platform,
    /// The lab's clock: the host's clock suits interactive use
    #[arg(long, value_name = "CLOCK", default_value = Clock::Wall.name(), value_parser = clock::parser())]
    pub clock: Clock,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
}

/// Boots and hands the terminal over.
///
/// # Errors
/// When there is no terminal, the lab cannot be set up, or QEMU fails.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        bail!("lab shell needs a terminal; for one command use: cargo xtask lab run --bare --out DIR -- PROGRAM");
    }
    if arguments.platform.ports != Ports::Virtio {
        bail!(
            "dom0 of the platform {} has no terminal; for one command use: cargo xtask lab run --platform {0} --bare --out DIR -- PROGRAM",
            arguments.platform.name
        );
    }
    if arguments.platform.domains == Domains::Guest {
        bail!(
            "the terminal would be dom0's, and the platform {} profiles its guest; for one command there use: cargo xtask lab run --platform {0} \
             --bare --out DIR -- PROGRAM",
            arguments.platform.name
        );
    }
    let cache = Cache::open()?;
    let consent = Consent::new(arguments.yes);
    let platform = arguments.platform;
    let clock = platform.clock(Some(arguments.clock))?;
    let compilers = setup::compilers(&cache, consent, &[platform])?;
    let ours = programs::for_lab(&compilers, platform.architecture)?;
    let lab = Lab::new(setup::parts(&cache, consent, platform)?, Some(&ours))?;
    let job = Job::Shell { size: terminal_size()?, terminal: std::env::var("TERM").unwrap_or_else(|_| "linux".into()) };
    let images = lab.images(&job)?;
    let scratch = Scratch::new()?;
    let log = cache.root().join("shell-console.log");
    let mut boot = machine::command(lab.parts(), clock, &images.files, &scratch.0)?;
    boot.args(["-serial", &format!("file:{}", log.display())]);
    // signal=off: Ctrl-C is for dom0. mux=on: Ctrl-a x ends the emulator, whatever dom0 does.
    boot.args(["-chardev", "stdio,id=shell,mux=on,signal=off", "-device", "virtconsole,chardev=shell"]);
    eprintln!("dom0 appears on this terminal in about ten seconds.");
    eprintln!("to leave: `exit`, or Ctrl-a x. The consoles of Xen and its domains go to {}", log.display());
    let status = command::die_with_us(&mut boot).status().context("cannot start QEMU")?;
    restore_terminal();
    if !status.success() {
        let console = fs::read_to_string(&log).unwrap_or_default();
        bail!("QEMU {}; the end of its console:\n{}", command::ended(status), command::last_lines(&console));
    }
    Ok(ExitCode::SUCCESS)
}

/// The terminal's rows and columns.
fn terminal_size() -> Result<(u16, u16)> {
    let said = Command::new("stty").arg("size").stdin(std::process::Stdio::inherit()).output();
    let said = said.context("cannot ask stty for the terminal's size")?;
    Ok(parse_size(&String::from_utf8_lossy(&said.stdout)).unwrap_or((24, 80)))
}

fn parse_size(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// QEMU restores the terminal itself, unless it was killed.
fn restore_terminal() {
    let _ = Command::new("stty").arg("sane").status();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminals_size_is_read_from_what_stty_says() {
        assert_eq!(parse_size("40 120\n"), Some((40, 120)));
        assert_eq!(parse_size(""), None);
    }
}
