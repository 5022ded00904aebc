//! Whose a journal is: a process, told from a later one that has the same number.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A process of a boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its number.
    pub pid: u32,
    /// When it was started, in ticks since the machine was (`starttime` in proc_pid_stat(5)): a reused number has another one.
    started_ticks: u64,
    /// Which boot that was.
    boot_id: String,
    /// Its arguments, for people.
    pub arguments: Vec<String>,
}

impl Owner {
    /// This process.
    pub fn this() -> std::io::Result<Self> {
        let pid = std::process::id();
        let unknown = || std::io::Error::other(format!("/proc/{pid}/stat does not say when this process was started"));
        let started_ticks = read(Path::new("/proc"), pid).ok_or_else(unknown)?.started_ticks;
        Ok(Self { pid, started_ticks, boot_id: boot_id()?, arguments: std::env::args().skip(1).collect() })
    }

    /// Whether it is still there.
    pub fn is_alive(&self) -> bool {
        // Unknown is not dead: what a living run needs is not touched.
        if boot_id().is_ok_and(|now| now != self.boot_id) {
            return false;
        }
        read(Path::new("/proc"), self.pid).is_some_and(|process| process.started_ticks == self.started_ticks && !process.is_dead)
    }

    /// Whether the machine has started anew since.
    pub fn is_of_another_boot(&self) -> bool {
        boot_id().is_ok_and(|now| now != self.boot_id)
    }

    /// The younger one has the larger number.
    pub fn age(&self) -> u64 {
        self.started_ticks
    }

    /// For people.
    pub fn describe(&self) -> String {
        format!("pid {}: {}", self.pid, self.arguments.join(" "))
    }
}

fn boot_id() -> std::io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

struct Process {
    started_ticks: u64,
    /// Nobody has asked for its exit status yet, but nothing of it is left.
    is_dead: bool,
}

fn read(proc: &Path, pid: u32) -> Option<Process> {
    parse(&fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?)
}

/// The name, in parentheses, may hold spaces and parentheses: what follows it is by fields, the first of them being the third.
fn parse(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied();
    Some(Process { started_ticks: field(22)?.parse().ok()?, is_dead: matches!(field(3)?, "Z" | "X") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_when_it_started_and_a_zombie_is_dead() {
        let stat = |state: &str| format!("812 (a) R (b) {state} 1 812 812 0 -1 4194304 1 0 0 0 5 6 0 0 20 0 1 0 48213 1 2 3");
        let process = parse(&stat("S")).unwrap();
        assert_eq!((process.started_ticks, process.is_dead), (48_213, false));
        assert!(parse(&stat("Z")).unwrap().is_dead);
        assert!(parse("812 (a) S 1").is_none());
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
