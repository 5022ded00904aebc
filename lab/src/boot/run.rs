//! Runs the machine once: starts QEMU, stores its output, and stops it when the console watch decides.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use super::{
    console_watch::{ConsoleWatch, End},
    machine::{self, Files},
};
use crate::{
    cache::remove_folder,
    command,
    guest::cpio,
    platform::{Clock, Platform},
    setup::Parts,
};
use anyhow::{Context, Result, anyhow, bail};

/// How often the watch looks at the time.
const TICK: Duration = Duration::from_millis(200);
/// How the folders of runs are named in the system's folder for temporary files.
const SCRATCH: &str = "grantscope-lab-";
/// How long to wait for the last bytes of the ports once the machine has ended.
const LAST_BYTES: Duration = Duration::from_secs(3);

/// One boot: what to start, and where what comes out of it goes.
#[derive(Debug)]
pub struct Boot<'a> {
    /// What boots.
    pub parts: &'a Parts,
    /// The clock of the run.
    pub clock: Clock,
    /// The files of the machine.
    pub files: &'a Files,
    /// How long nothing may come.
    pub timeout: Duration,
    /// The folder that gets `console.log` and `recording.gsr`.
    pub out: &'a Path,
}

/// An observer of a run.
pub trait Follower {
    /// A domain reported its progress.
    fn stage(&mut self, _stage: &str) {}

    /// Bytes of the recording came.
    ///
    /// # Errors
    /// An error ends the run, for example when the follower's own screen was closed.
    fn recorded(&mut self, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// An observer that ignores everything.
impl Follower for () {}

/// What a run left.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// What was under /out in dom0; empty if the run did not get that far.
    pub files: Vec<cpio::File>,
    /// The kernel's complaints.
    pub warnings: Vec<String>,
    /// The end of the console.
    pub tail: Vec<String>,
    /// Bytes of recording received.
    pub recorded: u64,
}

impl Outcome {
    /// A file of /out, as text.
    pub fn text(&self, path: &str) -> Option<String> {
        let file = self.files.iter().find(|file| file.path == path)?;
        Some(String::from_utf8_lossy(&file.data).into_owned())
    }

    /// A file of /out that has to be there, as text, without blanks around it.
    ///
    /// # Errors
    /// When it did not come back.
    pub fn required(&self, path: &str) -> Result<String> {
        Ok(self.text(path).with_context(|| format!("{path} did not come back"))?.trim().to_owned())
    }

    /// The exit status of the job.
    pub fn status(&self) -> Option<i32> {
        self.text("status")?.trim().parse().ok()
    }

    /// The failure as an error that a person can act on.
    pub fn error(&self, console: &Path) -> anyhow::Error {
        anyhow!(
            "{}\n  what to try: {}\n  the whole console: {}\n  its end:\n    {}",
            self.end.sentence(),
            self.end.advice(),
            console.display(),
            self.tail.join("\n    ")
        )
    }
}

/// What the threads that read from QEMU send to the one that judges.
enum Event {
    Console(std::io::Result<String>),
    ConsoleEnded,
    Recorded(std::io::Result<Vec<u8>>),
    RecordingEnded,
    Files(std::io::Result<Vec<u8>>),
}

impl Boot<'_> {
    /// Boots, follows the run to its end, and gives what it left.
    ///
    /// # Errors
    /// When QEMU cannot be started, or what comes out of it cannot be stored. A run that fails by its own doing is no error
    /// here: its [`Outcome`] says how it ended.
    pub fn run(&self, follower: &mut dyn Follower) -> Result<Outcome> {
        let scratch = Scratch::new()?;
        let (sender, receiver) = channel();
        let mut command = machine::command(self.parts, self.clock, self.files, &scratch.0)?;
        command.args(["-serial", "stdio"]);
        listen(&mut command, self.parts.platform, &scratch.0, machine::STREAM, sender.clone(), read_recording)?;
        listen(&mut command, self.parts.platform, &scratch.0, machine::FILES, sender.clone(), read_files)?;
        let mut machine = Machine::start(command, sender)?;
        let mut console = Store::create(self.out, "console.log")?;
        let mut recording = Store::create(self.out, "recording.gsr")?;
        let outcome = self.follow(&receiver, &mut console, &mut recording, follower);
        machine.end();
        outcome
    }

    fn follow(
        &self,
        events: &Receiver<Event>,
        console: &mut Store,
        recording: &mut Store,
        follower: &mut dyn Follower,
    ) -> Result<Outcome> {
        let started = Instant::now();
        let mut watch = ConsoleWatch::new(self.timeout);
        let mut files = Vec::new();
        let mut recorded = 0;
        // The files and the recording have to be whole too, before the end of the machine is the end of the run.
        let mut open = 3;
        let mut console_ended = None;
        let end = loop {
            let event = events.recv_timeout(TICK);
            let now = started.elapsed();
            let end = match event {
                Ok(Event::Console(line)) => {
                    let line = line.context("cannot read QEMU's output")?;
                    console.write(format!("{}\n", line.trim_end()).as_bytes())?;
                    let before = watch.stage().to_owned();
                    let end = watch.line(now, &line);
                    if watch.stage() != before {
                        follower.stage(watch.stage());
                    }
                    end
                }
                Ok(Event::Recorded(bytes)) => {
                    let bytes = bytes.context("cannot read the recording from QEMU")?;
                    watch.life(now);
                    recording.write(&bytes)?;
                    recorded += bytes.len() as u64;
                    follower.recorded(&bytes)?;
                    None
                }
                Ok(Event::Files(bytes)) => {
                    files = bytes.context("cannot read the guest's files from QEMU")?;
                    open -= 1;
                    None
                }
                Ok(Event::ConsoleEnded) => {
                    console_ended = Some(now);
                    open -= 1;
                    None
                }
                Ok(Event::RecordingEnded) => {
                    open -= 1;
                    None
                }
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => bail!("every thread that reads from QEMU ended"),
            };
            let warnings = watch.warnings().to_vec();
            let tail = watch.tail();
            if let Some(end) = end.or_else(|| watch.tick(now)) {
                break (end, warnings, tail);
            }
            // A QEMU that refused to start has never opened the ports.
            let given_up = console_ended.is_some_and(|at| now - at >= LAST_BYTES);
            if open == 0 || given_up {
                break (watch.machine_ended(), warnings, tail);
            }
        };
        let (end, warnings, tail) = end;
        Ok(Outcome { end, files: unpack(&files)?, warnings, tail, recorded })
    }
}

fn unpack(archive: &[u8]) -> Result<Vec<cpio::File>> {
    if archive.is_empty() {
        return Ok(Vec::new());
    }
    cpio::read(archive).context("the archive of /out that the guest sent is damaged")
}

/// Where one output of a run goes.
struct Store {
    path: PathBuf,
    file: File,
}

impl Store {
    fn create(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, file })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).with_context(|| {
            format!(
                "cannot write {}: what was written until now is kept; free some space or give another --out",
                self.path.display()
            )
        })
    }
}

/// A running QEMU; it never outlives this value, nor this process.
struct Machine(Child);

impl Machine {
    fn start(mut command: Command, events: Sender<Event>) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command::die_with_us(&mut command).spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let stdout = child.stdout.take().context("QEMU has no output")?;
        let stderr = child.stderr.take().context("QEMU has no error output")?;
        let errors = events.clone();
        thread::spawn(move || send_lines(stderr, "QEMU: ", &errors));
        thread::spawn(move || {
            send_lines(stdout, "", &events);
            let _ = events.send(Event::ConsoleEnded);
        });
        Ok(Self(child))
    }

    fn end(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end();
    }
}

fn send_lines(pipe: impl Read, prefix: &str, events: &Sender<Event>) {
    for line in BufReader::new(pipe).split(b'\n') {
        let line = line.map(|bytes| format!("{prefix}{}", String::from_utf8_lossy(&bytes)));
        let failed = line.is_err();
        if events.send(Event::Console(line)).is_err() || failed {
            return;
        }
    }
}

/// Gives dom0 a port of this name, whose bytes a thread hands to `read`.
fn listen(
    command: &mut Command,
    platform: &Platform,
    folder: &Path,
    name: &str,
    events: Sender<Event>,
    read: fn(UnixStream, &Sender<Event>),
) -> Result<()> {
    let path = folder.join(name);
    let listener = UnixListener::bind(&path).with_context(|| format!("cannot listen on {path:?}"))?;
    command
        .args(["-chardev", &format!("socket,id={name},path={}", path.display())])
        .args(["-device", &machine::port(platform, name)]);
    thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            read(stream, &events);
        }
    });
    Ok(())
}

fn read_recording(mut stream: UnixStream, events: &Sender<Event>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let bytes = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(size) => Ok(buffer[..size].to_vec()),
            Err(error) => Err(error),
        };
        let failed = bytes.is_err();
        if events.send(Event::Recorded(bytes)).is_err() || failed {
            return;
        }
    }
    let _ = events.send(Event::RecordingEnded);
}

fn read_files(mut stream: UnixStream, events: &Sender<Event>) {
    let mut bytes = Vec::new();
    let result = stream.read_to_end(&mut bytes).map(|_| bytes);
    let _ = events.send(Event::Files(result));
}

/// A folder for one run's sockets and device tree, removed at the end. Sockets need a short path, so it lies in /tmp.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// Makes the folder.
    ///
    /// # Errors
    /// When it cannot be made, for example because the disk is full.
    pub fn new() -> Result<Self> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        sweep(&std::env::temp_dir());
        let path = std::env::temp_dir().join(format!("{SCRATCH}{}-{count}", std::process::id()));
        remove_folder(&path)?;
        fs::create_dir(&path).with_context(|| format!("cannot make {path:?}: is /tmp full?"))?;
        Ok(Self(path))
    }
}

/// Removes what runs left that were killed: their process is no more.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(SCRATCH)?.split('-').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            // Another run may be sweeping too, or the folder may be someone else's.
            let _ = remove_folder(&entry.path());
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = remove_folder(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_run_that_was_killed_is_swept_and_that_of_a_living_one_is_not() {
        let folder = Scratch::new().unwrap();
        // Process ids end far below this one.
        let [dead, living] =
            ["4999999-0".to_owned(), format!("{}-9", std::process::id())].map(|owner| folder.0.join(format!("{SCRATCH}{owner}")));
        for path in [&dead, &living] {
            fs::create_dir(path).unwrap();
        }
        sweep(&folder.0);
        assert!(!dead.exists() && living.exists());
    }
}
