//! Runs other programs. The report of one that fails has its command line, its exit status and the end of its output.

use std::{
    fmt::Write as _,
    fs::File,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

/// How many lines of a failed program's output an error shows.
const TAIL: usize = 25;

/// The command as a person would type it.
pub fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        if argument.contains(|c: char| c.is_whitespace() || c == '"' || c == '\'') {
            let _ = write!(text, " {argument:?}");
        } else {
            let _ = write!(text, " {argument}");
        }
    }
    text
}

/// Whether a program of this name is in PATH.
pub fn exists(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| is_executable(&folder.join(program))))
}

fn is_executable(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok() && path.is_file()
}

/// Runs a command to its end, in silence, and gives what it wrote to standard output.
///
/// # Errors
/// When it cannot be started or does not succeed; the error ends with the tail of its output.
pub fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = die_with_us(command).stdin(Stdio::null()).output().with_context(|| format!("cannot start: {shown}"))?;
    ensure_success(&shown, &output)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command to its end on this terminal.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = die_with_us(command).status().with_context(|| format!("cannot start: {shown}"))?;
    if !status.success() {
        bail!("{shown}: {}", ended(status));
    }
    Ok(())
}

/// Unpacks a file that gzip packed.
///
/// # Errors
/// When it is damaged, or a file cannot be opened.
pub fn gunzip(packed: &Path, plain: &Path) -> Result<()> {
    let file = File::create(plain).with_context(|| format!("cannot make {plain:?}"))?;
    let packed = File::open(packed).with_context(|| format!("cannot open {packed:?}"))?;
    run(Command::new("gzip").args(["--decompress", "--stdout"]).stdin(Stdio::from(packed)).stdout(Stdio::from(file)))
}

/// Runs a command to its end and hands every line that it writes, to either output, to `line`.
///
/// # Errors
/// When it cannot be started or does not succeed; the error ends with the tail of its output.
pub fn lines(command: &mut Command, mut line: impl FnMut(&str)) -> Result<()> {
    let shown = shown(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = die_with_us(command).spawn().with_context(|| format!("cannot start: {shown}"))?;
    let mut tail = Vec::new();
    for text in merged_lines(&mut child) {
        line(&text);
        tail.push(text);
        if tail.len() > 4 * TAIL {
            tail.drain(..2 * TAIL);
        }
    }
    let status = child.wait().with_context(|| format!("cannot wait for: {shown}"))?;
    if !status.success() {
        bail!("{shown}: {}\n{}", ended(status), last_lines(&tail.join("\n")));
    }
    Ok(())
}

/// Has the kernel kill the command's process when this one ends, however it ends.
pub fn die_with_us(command: &mut Command) -> &mut Command {
    let parent = nix::unistd::getpid();
    // SAFETY: the closure runs between fork and exec and makes only async-signal-safe system calls.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // Our process may have ended before the line above took effect.
            if nix::unistd::getppid() != parent {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            Ok(())
        })
    }
}

fn merged_lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let pipes: [Option<Box<dyn Read + Send>>; 2] =
        [child.stdout.take().map(|pipe| Box::new(pipe) as _), child.stderr.take().map(|pipe| Box::new(pipe) as _)];
    for pipe in pipes.into_iter().flatten() {
        let sender = sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
    }
    receiver.into_iter()
}

fn ensure_success(shown: &str, output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    bail!("{shown}: {}\n{}", ended(output.status), last_lines(&said))
}

/// How a program ended, in words.
pub fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (_, Some(signal)) => match Signal::try_from(signal) {
            Ok(signal) => format!("was ended by {signal}"),
            Err(_) => format!("was ended by signal {signal}"),
        },
        _ => "ended in an unknown way".into(),
    }
}

/// The last lines of a text, indented, to stand under an error.
pub fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    let tail = &lines[lines.len().saturating_sub(TAIL)..];
    tail.iter().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn an_error_says_what_ran_how_it_ended_and_what_it_said() {
        let error = output(&mut shell("echo out; echo err >&2; exit 3")).unwrap_err();
        insta::assert_snapshot!(error, @r#"
        sh -c "echo out; echo err >&2; exit 3": ended with status 3
            out
            err
        "#);
    }

    #[test]
    fn an_error_names_the_signal_that_ended_a_program() {
        let error = lines(&mut shell("kill -TERM $$"), |_| ()).unwrap_err();
        assert!(error.to_string().contains("was ended by SIGTERM"), "{error}");
    }

    #[test]
    fn every_line_of_both_outputs_is_handed_on() {
        let mut seen = Vec::new();
        lines(&mut shell("echo a; echo b >&2; printf c"), |line| seen.push(line.to_owned())).unwrap();
        seen.sort();
        assert_eq!(seen, ["a", "b", "c"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = output(&mut Command::new("no-such-program-here")).unwrap_err();
        assert_eq!(error.to_string(), "cannot start: no-such-program-here");
    }
}
