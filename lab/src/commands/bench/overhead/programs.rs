//! The kernel's own statistics of each program.

use std::collections::BTreeMap;

/// Those of all programs that were open at one moment, by their ids.
#[derive(Debug, Default)]
pub struct Programs(BTreeMap<u64, BTreeMap<String, u64>>);

impl Programs {
    /// `run_time_ns`, `run_cnt` and the like of `fdinfo` (kernel/bpf/syscall.c, Linux v6.12).
    pub fn read(fdinfo: &str) -> Self {
        let (mut programs, mut current) = (BTreeMap::new(), BTreeMap::new());
        // Every descriptor's part begins with its position.
        for line in fdinfo.lines().chain(["pos: 0"]) {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name == "pos" {
                let last: BTreeMap<String, u64> = std::mem::take(&mut current);
                if let (Some(&id), true) = (last.get("prog_id"), last.contains_key("run_cnt")) {
                    programs.insert(id, last);
                }
            }
            if let Ok(value) = value.trim().parse() {
                current.insert(name.to_owned(), value);
            }
        }
        Self(programs)
    }

    /// How often any of them ran.
    pub fn runs(&self) -> u64 {
        self.0.values().filter_map(|program| program.get("run_cnt")).sum()
    }

    /// Prints those that ran.
    pub fn print(&self) {
        println!("\n{:>7} {:>9} {:>9} {:>9}", "program", "runs", "ns a run", "verified");
        for (id, program) in &self.0 {
            let of = |name: &str| program.get(name).copied().unwrap_or(0);
            if of("run_cnt") > 0 {
                let each = of("run_time_ns") / of("run_cnt");
                println!("{id:>7} {:>9} {each:>9} {:>9}", of("run_cnt"), of("verified_insns"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistics_of_programs_are_taken_from_among_other_descriptors() {
        let fdinfo = "pos:\t0\nflags:\t02\npos:\t0\nprog_id:\t7\nrun_time_ns:\t900\nrun_cnt:\t3\npos:\t0\nmap_id:\t7\n";
        let programs = Programs::read(fdinfo);
        assert_eq!(programs.0.keys().collect::<Vec<_>>(), [&7]);
        assert_eq!((programs.runs(), programs.0[&7]["run_time_ns"]), (3, 900));
    }
}
