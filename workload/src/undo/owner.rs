//! The owner of a journal: a process, distinguished from a later one with the same pid.

use std::io::{Error, Result};

use procfs::process::{Process, Stat};
use procfs::sys::kernel::random::boot_id;
use serde::{Deserialize, Serialize};

/// A process of a boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its pid.
    pub pid: u32,
    /// When it was started, in clock ticks since boot (`starttime` in proc_pid_stat(5)): a process that reuses the pid has another one.
    started_ticks: u64,
    /// The boot, as in /proc/sys/kernel/random/boot_id.
    boot_id: String,
    /// Its arguments, for messages.
    pub arguments: Vec<String>,
}

impl Owner {
    /// This process.
    ///
    /// # Errors
    /// /proc does not say when it was started.
    pub fn this() -> Result<Self> {
        let stat = Process::myself().and_then(|process| process.stat()).map_err(Error::other)?;
        let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
        let (pid, started_ticks) = (std::process::id(), stat.starttime);
        Ok(Self { pid, started_ticks, boot_id: boot_id().map_err(Error::other)?, arguments })
    }

    /// Whether it is still running.
    pub fn is_alive(&self) -> bool {
        let stat = Process::new(self.pid.cast_signed()).and_then(|process| process.stat());
        !self.is_of_another_boot() && stat.is_ok_and(|stat| stat.starttime == self.started_ticks && !is_dead(&stat))
    }

    /// Whether the machine has been rebooted since. Unknown is no: what a living run needs is not touched.
    pub fn is_of_another_boot(&self) -> bool {
        boot_id().is_ok_and(|now| now != self.boot_id)
    }

    /// The younger of two processes has the larger one, in clock ticks.
    pub fn age(&self) -> u64 {
        self.started_ticks
    }

    /// As messages name it.
    pub fn describe(&self) -> String {
        format!("pid {}: {}", self.pid, self.arguments.join(" "))
    }
}

/// A zombie: its parent has not waited for it yet, but nothing else is left of it.
fn is_dead(stat: &Stat) -> bool {
    matches!(stat.state, 'Z' | 'X')
}

#[cfg(test)]
mod tests {
    use procfs::FromRead;

    use super::*;

    #[test]
    fn a_process_is_known_by_when_it_started_and_a_zombie_is_dead() {
        let stat = |state: &str| {
            format!(
                "812 (a) R (b) {state} 1 812 812 0 -1 4194304 1 0 0 0 5 6 0 0 20 0 1 0 48213 1 2 3 0 0 0 0 0 0 0 0 0 0 0 0 17 0"
            )
        };
        let parse = |stat: &str| Stat::from_read(stat.as_bytes());
        let process = parse(&stat("S")).unwrap();
        assert_eq!((process.starttime, is_dead(&process)), (48_213, false));
        assert!(is_dead(&parse(&stat("Z")).unwrap()));
        assert!(parse("812 (a) S 1").is_err());
    }

    #[test]
    fn this_process_is_alive_and_one_that_had_its_number_is_not() {
        let this = Owner::this().unwrap();
        assert!(this.is_alive() && !this.is_of_another_boot());
        assert!(!Owner { started_ticks: this.started_ticks - 1, ..this.clone() }.is_alive());
        let of_another_boot = Owner { boot_id: "another".into(), ..this };
        assert!(!of_another_boot.is_alive() && of_another_boot.is_of_another_boot());
    }
}
