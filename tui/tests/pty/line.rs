//! Both ends of a pseudo-terminal.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::pty::{Winsize, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::setsid;

nix::ioctl_write_ptr_bad!(set_size, libc::TIOCSWINSZ, Winsize);
nix::ioctl_write_int_bad!(make_controlling, libc::TIOCSCTTY);
nix::ioctl_read_bad!(get_unread, libc::FIONREAD, libc::c_int);

/// A pseudo-terminal.
pub struct Line {
    /// The end at which somebody sits.
    here: File,
    /// The end at which programs run, as long as none has it yet: without one, the terminal would be hung up.
    there: Option<File>,
    /// The name of that end.
    name: String,
}

impl Line {
    /// A terminal of this size. Closed on exec from the first moment on: tests run beside each other, and one that inherited it would keep
    /// it from being closed.
    pub fn open(lines: u16, columns: u16) -> Self {
        let here = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&here).unwrap();
        unlockpt(&here).unwrap();
        let name = ptsname_r(&here).unwrap();
        let there = other_end(&name);
        // SAFETY: the descriptor is open, and nobody else's: `into_raw_fd` gave it up.
        let here = unsafe { File::from_raw_fd(here.into_raw_fd()) };
        let line = Self { here, there: Some(there), name };
        line.resize(lines, columns);
        line
    }

    /// The terminal has another size; who controls it gets SIGWINCH.
    pub fn resize(&self, lines: u16, columns: u16) {
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the descriptor is a terminal's, and the size lives until the call returns (ioctl_tty(2), TIOCSWINSZ).
        unsafe { set_size(self.here.as_raw_fd(), &size) }.unwrap();
    }

    /// Where keys are typed and pictures seen.
    pub fn file(&self) -> &File {
        &self.here
    }

    /// What programs left to be seen, once they are gone.
    pub fn read_waiting(&self) -> String {
        let mut bytes = Vec::new();
        // Behind the last byte comes the error that nobody has the other end any more.
        let _ = (&self.here).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How many bytes were typed that no program has read.
    pub fn unread(&self) -> i32 {
        let mut count = 0;
        // SAFETY: the descriptor is a terminal's, and the number lives until the call returns (ioctl_tty(2), FIONREAD).
        unsafe { get_unread(other_end(&self.name).as_raw_fd(), &raw mut count) }.unwrap();
        count
    }

    /// How it treats what is typed and shown.
    pub fn settings(&self) -> Termios {
        tcgetattr(&self.here).unwrap()
    }

    /// The other end, for a program.
    pub fn end(&self) -> Stdio {
        self.there.as_ref().unwrap().try_clone().unwrap().into()
    }

    /// The program is to lead a session that this terminal controls, and to heed a hangup, which whoever runs the tests may ignore
    /// (nohup(1)).
    pub fn own(&self, command: &mut Command) {
        let begin = || {
            setsid()?;
            // SAFETY: the default action is no function of this program.
            unsafe { signal(Signal::SIGHUP, SigHandler::SigDfl) }?;
            // SAFETY: no pointer is passed; standard output is this terminal (ioctl_tty(2), TIOCSCTTY).
            unsafe { make_controlling(libc::STDOUT_FILENO, 0) }.map_err(Errno::into)
        };
        // SAFETY: between fork and exec, only setsid, ioctl and signal are called, which are safe there (signal-safety(7)); nothing is allocated.
        unsafe { command.pre_exec(move || begin().map(drop)) };
    }

    /// Programs have the other end now: once they have closed it, it is closed.
    pub fn leave(&mut self) {
        self.there = None;
    }
}

fn other_end(name: &str) -> File {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(name).unwrap()
}
