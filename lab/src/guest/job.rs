//! A job: the shell script that dom0's /init runs, with the files that it needs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use object::{
    FileKind, LittleEndian,
    elf::{FileHeader64, PT_INTERP},
    read::elf::{FileHeader as _, ProgramHeader as _},
};

use crate::platform::{Architecture, Clock};

/// Where our own program of the host is found in dom0.
const PROGRAM: &str = "/job/program";
/// The port of the recording, in the name that /init gives it.
const STREAM: &str = "/dev/gs.stream";

/// One job.
#[derive(Debug)]
pub enum Job {
    /// Record while a command runs to its end.
    Record {
        /// What to run.
        command: Command,
        /// The clock's name, which goes into the recording.
        clock: Clock,
        /// The run's name, which goes into the recording.
        run: String,
    },
    /// Run a command to its end without a recorder.
    Bare(Command),
    /// The same; where nothing else leaves dom0, what it says goes to the console.
    Said(Command),
    /// Run a shell script; for the lab's own checks.
    Script(String),
    /// Give a person a shell.
    Shell {
        /// The terminal's size, as rows and columns.
        size: (u16, u16),
        /// The terminal's kind, as in TERM.
        terminal: String,
    },
}

/// A command for dom0.
#[derive(Debug, Clone)]
pub struct Command {
    /// What to run, by its path in dom0.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Files of the host to put under /job, by their names there.
    pub files: Vec<(String, PathBuf)>,
}

impl Command {
    /// A program that is in the image already.
    pub fn inside(program: &str, arguments: &[&str]) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.iter().map(|&argument| argument.into()).collect(),
            files: Vec::new(),
        }
    }

    /// A program as a person names it: a static program of the host for dom0's architecture, or one that is in dom0 already.
    ///
    /// # Errors
    /// When there is no such program, or it could not run in dom0.
    pub fn named(program: &str, arguments: &[String], architecture: Architecture) -> Result<Self> {
        let arguments = arguments.to_vec();
        // Hardly a program in this machine's /bin is static and of dom0's architecture, so a path there means dom0's.
        if program.starts_with("/bin/") {
            return Ok(Self { program: program.into(), arguments, files: Vec::new() });
        }
        let path = Path::new(program);
        if !path.exists() {
            bail!(
                "no program {program:?}: give the path of a static {} program on this machine, or of one in dom0's /bin, such as /bin/busybox",
                architecture.name()
            );
        }
        let header = read_start(path)?;
        check_runs_in_dom0(&header, architecture).with_context(|| format!("{program} cannot run in dom0"))?;
        Ok(Self { program: PROGRAM.into(), arguments, files: vec![("program".into(), path.into())] })
    }

    fn words(&self) -> String {
        let mut words = quoted(&self.program);
        for argument in &self.arguments {
            words.push(' ');
            words.push_str(&quoted(argument));
        }
        words
    }
}

impl Job {
    /// The script, and its name under /job: /init treats each name differently.
    pub fn script(&self) -> (&'static str, String) {
        match self {
            Self::Record { command, clock, run } => (
                "run",
                format!(
                    "exec grantscope record -o {STREAM} --clock {} --run {} -- {}\n",
                    clock.name(),
                    quoted(run),
                    command.words()
                ),
            ),
            Self::Bare(command) => ("run", format!("exec {}\n", command.words())),
            Self::Said(command) => ("said", format!("exec {}\n", command.words())),
            Self::Script(script) => ("run", script.clone()),
            Self::Shell { size: (rows, columns), terminal } => (
                "shell",
                format!(
                    "stty rows {rows} cols {columns}\nexport TERM={}\nPS1='dom0:\\w# '\nexport PS1\ncd /root\nsh\n",
                    quoted(terminal)
                ),
            ),
        }
    }

    /// The files of the host that go under /job.
    pub fn files(&self) -> &[(String, PathBuf)] {
        match self {
            Self::Record { command, .. } | Self::Bare(command) | Self::Said(command) => &command.files,
            Self::Script(_) | Self::Shell { .. } => &[],
        }
    }
}

fn read_start(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut start = Vec::new();
    file.take(64 * 1024).read_to_end(&mut start).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(start)
}

/// Checks that a file starts as a static ELF program of dom0's architecture, or as a script for dom0's shell.
fn check_runs_in_dom0(start: &[u8], architecture: Architecture) -> Result<()> {
    let name = architecture.name();
    let build = format!("build it static for {name}, for example with `{}`", architecture.static_compiler());
    if start.starts_with(b"#!/bin/sh\n") {
        return Ok(());
    }
    if !matches!(FileKind::parse(start), Ok(FileKind::Elf64)) {
        bail!("it is not a 64-bit ELF program and not a #!/bin/sh script: {build}");
    }
    let header = FileHeader64::<LittleEndian>::parse(start).context("its ELF header is cut off or damaged")?;
    let machine = header.e_machine(LittleEndian);
    if machine != architecture.elf_machine() {
        bail!("it is for another machine (ELF machine {machine}, {name} is {}): {build}", architecture.elf_machine());
    }
    let segments = header.program_headers(LittleEndian, start).context("its program headers are cut off or damaged")?;
    if segments.iter().any(|segment| segment.p_type(LittleEndian) == PT_INTERP) {
        bail!("it is linked dynamically and dom0 has no shared libraries: {build}");
    }
    Ok(())
}

/// A word as the shell takes it unchanged.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF header for `machine` with one program header of type `kind`.
    fn elf(machine: u16, kind: u32) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..36].copy_from_slice(&64u32.to_le_bytes());
        bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1u16.to_le_bytes());
        bytes[64..68].copy_from_slice(&kind.to_le_bytes());
        bytes
    }

    fn refusal(start: &[u8]) -> String {
        check_runs_in_dom0(start, Architecture::Arm64).unwrap_err().to_string()
    }

    #[test]
    fn a_static_program_of_dom0s_architecture_and_a_shell_script_can_run_there() {
        check_runs_in_dom0(&elf(183, 1), Architecture::Arm64).unwrap();
        check_runs_in_dom0(&elf(62, 1), Architecture::X86_64).unwrap();
        check_runs_in_dom0(b"#!/bin/sh\nexit 3\n", Architecture::Arm64).unwrap();
    }

    #[test]
    fn what_cannot_run_in_dom0_is_refused_with_the_reason() {
        assert!(refusal(&elf(62, 1)).contains("another machine"));
        assert!(refusal(&elf(183, 3)).contains("linked dynamically"));
        assert!(refusal(b"hello").contains("not a 64-bit ELF"));
        assert!(refusal(&elf(183, 1)[..40]).contains("cut off"));
    }

    #[test]
    fn a_program_that_is_nowhere_is_refused_before_anything_boots() {
        let error = Command::named("./no-such-program", &[], Architecture::Arm64).unwrap_err().to_string();
        assert!(error.starts_with("no program \"./no-such-program\""), "{error}");
    }

    #[test]
    fn a_path_in_bin_means_dom0s_also_where_this_machine_has_such_a_program() {
        let command = Command::named("/bin/sh", &["-c".into()], Architecture::Arm64).unwrap();
        assert!(command.files.is_empty());
        assert_eq!(command.words(), "/bin/sh -c");
    }

    #[test]
    fn a_recorded_command_is_quoted_for_the_shell() {
        let command = Command::inside("/bin/echo", &["a b", "it's", "", "--x=1"]);
        let job = Job::Record { command, clock: Clock::Counted, run: "my run".into() };
        insta::assert_snapshot!(
            job.script().1,
            @r"exec grantscope record -o /dev/gs.stream --clock counted --run 'my run' -- /bin/echo 'a b' 'it'\''s' '' --x=1"
        );
    }

    #[test]
    fn a_shell_knows_the_terminals_size_and_kind() {
        let job = Job::Shell { size: (40, 120), terminal: "xterm-256color".into() };
        insta::assert_snapshot!(job.script().1, @r"
        stty rows 40 cols 120
        export TERM=xterm-256color
        PS1='dom0:\w# '
        export PS1
        cd /root
        sh
        ");
    }
}
