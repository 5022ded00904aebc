//! Runs the kernel's own make, and reports how far it is.
//!
//! The total is exact: once the tree is prepared, a dry run of make prints every step that the build will take.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread::available_parallelism,
};

use anyhow::{Context, Result};

use crate::{command, platform::Architecture, progress::Step};

/// The last steps by how many compilations each takes about as long as; the linker and pahole work on one processor.
const HEAVY: &[(&str, &str, u64)] = &[
    ("LD", "vmlinux.o", 8),
    ("MODPOST", "vmlinux.symvers", 2),
    ("LD", ".tmp_vmlinux1", 12),
    ("BTF", ".tmp_vmlinux1.btf.o", 20),
    ("LD", ".tmp_vmlinux2", 4),
    ("LD", "vmlinux", 12),
];

/// A source tree with a folder for its objects.
#[derive(Debug)]
pub struct Tree {
    source: PathBuf,
    objects: PathBuf,
    architecture: Architecture,
}

impl Tree {
    /// Names the two folders, and what the kernel is built for.
    pub fn new(source: &Path, objects: &Path, architecture: Architecture) -> Self {
        Self { source: source.into(), objects: objects.into(), architecture }
    }

    /// The folder of the objects.
    pub fn objects(&self) -> &Path {
        &self.objects
    }

    /// Make, for the tree's architecture. Who built it, where and when would make every image another one.
    ///
    /// `-fno-var-tracking` would save a fifth of the compiler's work and leave the same code; but pahole from 1.25 on (Debian 13) leaves
    /// functions out of BTF whose parameters have no location, and those could not be hooked by fentry.
    pub fn make(&self) -> Command {
        let mut make = Command::new("make");
        make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").env("LC_ALL", "C");
        make.arg("-C").arg(&self.source);
        make.arg(format!("O={}", self.objects.display()));
        make.args(match self.architecture {
            Architecture::Arm64 => ["ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-"],
            Architecture::X86_64 => ["ARCH=x86_64", "CROSS_COMPILE="],
        });
        make.args(["KBUILD_BUILD_USER=grantscope", "KBUILD_BUILD_HOST=lab", "KBUILD_BUILD_TIMESTAMP=@0"]);
        make
    }

    /// What make is asked for. x86-64's usual image unpacks itself, which takes long under emulation: Xen takes the kernel proper too.
    fn target(&self) -> &'static str {
        match self.architecture {
            Architecture::Arm64 => "Image",
            Architecture::X86_64 => "vmlinux",
        }
    }

    /// Puts what boots to where it is to be.
    ///
    /// # Errors
    /// When the build left none.
    pub fn take_image(&self, to: &Path) -> Result<()> {
        match self.architecture {
            Architecture::Arm64 => {
                let from = self.objects.join("arch/arm64/boot/Image");
                fs::rename(&from, to).with_context(|| format!("the kernel's build left no {from:?}"))
            }
            // As in arch/x86/boot/compressed/Makefile, v6.12.
            Architecture::X86_64 => {
                command::run(Command::new("objcopy").args(["-R", ".comment", "-S"]).arg(self.objects.join("vmlinux")).arg(to))
            }
        }
    }

    /// Builds the image.
    ///
    /// # Errors
    /// When make fails.
    pub fn build(&self, step: &Step) -> Result<()> {
        let jobs = available_parallelism().map_or(1, usize::from);
        let jobs = format!("-j{jobs}");
        step.note("preparing");
        command::lines(self.make().args([&jobs, "prepare"]), |line| step.note(line)).context("the kernel cannot be prepared")?;
        step.set_total(self.count_steps() + heavy_total(), "steps");
        let mut position = 0;
        command::lines(self.make().args([&jobs, self.target()]), |line| {
            position += cost(line);
            step.set_position(position);
            step.note(line);
        })
        .context("the kernel cannot be built")
    }

    /// How many compilations a dry run announces. It ends in an error where a step needs what was not made: the objects
    /// that are linked; all that counts here is announced by then.
    fn count_steps(&self) -> u64 {
        let dry = self.make().args(["--dry-run", self.target()]).output();
        let text = dry.map(|output| output.stdout).unwrap_or_default();
        count_announced(&String::from_utf8_lossy(&text))
    }
}

/// A dry run prints commands; each compilation's contains the line that a real run would print: `echo '  CC      mm/slub.o'`.
fn count_announced(text: &str) -> u64 {
    let is_compilation = |line: &&str| ["'  CC ", "'  AS "].iter().any(|mark| line.contains(mark));
    text.lines().filter(is_compilation).count() as u64
}

fn heavy_total() -> u64 {
    HEAVY.iter().map(|(_, _, cost)| cost).sum()
}

/// What a line of a real run, `  CC      mm/slub.o`, stands for.
fn cost(line: &str) -> u64 {
    let mut words = line.split_whitespace();
    let (Some(tool), Some(target)) = (words.next(), words.next()) else {
        return 0;
    };
    match tool {
        "CC" | "AS" => 1,
        _ => HEAVY.iter().find(|(heavy, what, _)| (*heavy, *what) == (tool, target)).map_or(0, |(_, _, cost)| *cost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_announces_the_steps_that_a_real_run_prints() {
        let dry = "set -e; echo '  CC      mm/slub.o'; aarch64-linux-gnu-gcc -c x.c\n\
                   set -e; echo '  AS      arch/arm64/kernel/entry.o'; gcc\n\
                   set -e; echo '  AR      mm/built-in.a'; ar\n";
        let real = "  CC      mm/slub.o\n  AS      arch/arm64/kernel/entry.o\n  AR      mm/built-in.a\n";
        assert_eq!(count_announced(dry), 2);
        assert_eq!(real.lines().map(cost).sum::<u64>(), 2);
    }

    #[test]
    fn the_last_steps_add_up_to_what_was_added_to_the_total() {
        let real = "  LD      vmlinux.o\n  MODPOST vmlinux.symvers\n  LD      .tmp_vmlinux1\n  \
                    BTF     .tmp_vmlinux1.btf.o\n  LD      .tmp_vmlinux2\n  LD      vmlinux\n  NM      System.map\n";
        assert_eq!(real.lines().map(cost).sum::<u64>(), heavy_total());
    }

    #[test]
    fn what_is_no_step_costs_nothing() {
        for line in ["", "make[1]: Entering directory", "  GEN     Makefile", "  LD      arch/arm64/kernel/vdso/vdso.so"] {
            assert_eq!(cost(line), 0, "{line:?}");
        }
    }
}
