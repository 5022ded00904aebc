//! The terminal, borrowed: raw mode and the alternate screen, given back on every way out, a panic included.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};

use anyhow::{Context, Result};
use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{
    self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{FlushArg, tcflush};
use nix::unistd::{Pid, getppid, getsid};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Rect, Size};
use ratatui::{TerminalOptions, Viewport};

use crate::screen::basic_colours::BasicColours;
use crate::screen::outlet::{Drained, Outlet};

/// What a terminal has that does not say how wide it is.
const USUAL_COLUMNS: u16 = 80;

/// The columns of the terminal that standard output is; of a file or a pipe, as many as are wanted.
pub fn columns() -> usize {
    if !io::stdout().is_terminal() {
        return usize::MAX;
    }
    match terminal::size() {
        Ok((columns @ 1.., _)) => columns.into(),
        _ => USUAL_COLUMNS.into(),
    }
}

/// Whether the mouse selects and scrolls here, or marks text in the terminal as elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// It selects and scrolls.
    Used,
    /// It is the terminal's.
    Left,
}

impl Mouse {
    /// It is the terminal's if this is so.
    pub fn unless(is_left: bool) -> Self {
        if is_left { Self::Left } else { Self::Used }
    }
}

/// Buttons, the wheel, and moves while a button is held, with coordinates of any size (xterm's control sequences, "Mouse Tracking"); not
/// its other moves: those would be bytes on a serial line for nothing.
const MOUSE_ON: &str = "\u{1b}[?1002h\u{1b}[?1006h";
const MOUSE_OFF: &str = "\u{1b}[?1006l\u{1b}[?1002l";

/// Draws to standard output until it is dropped.
pub struct Terminal {
    /// What draws.
    pub screen: Screen,
}

/// Whether standard output is a terminal that can move its cursor.
pub fn is_usable() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether nothing can be shown or typed any more: the line was hung up, or the window closed.
pub fn is_gone() -> bool {
    let stdout = io::stdout();
    let mut line = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let is_told = poll(&mut line, PollTimeout::ZERO).is_ok_and(|lines| lines > 0);
    is_told && line[0].revents().is_some_and(|what| what.intersects(PollFlags::POLLHUP | PollFlags::POLLERR))
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be set up, or its size is not known.
    pub fn take(mouse: Mouse) -> Result<Self> {
        HAS_MOUSE.store(mouse == Mouse::Used, Ordering::SeqCst);
        restore_on_panic();
        enter().and_then(|()| screen()).map(|screen| Self { screen }).inspect_err(|_| _ = restore())
    }

    /// Whether the terminal has all that was drawn: the next picture would not have to wait.
    ///
    /// # Errors
    /// It cannot be written to.
    pub fn is_free(&self) -> Result<bool> {
        outlet().check().context("the terminal cannot be drawn to")?;
        Ok(outlet().is_free())
    }

    /// How large a picture is.
    ///
    /// # Errors
    /// The terminal does not say.
    pub fn size(&mut self) -> Result<Size> {
        self.screen.autoresize().context("the terminal's size is not known")?;
        Ok(self.screen.get_frame().area().as_size())
    }

    /// Draws the next picture whole: something else may have written to the terminal.
    ///
    /// # Errors
    /// It cannot be written to.
    pub fn repaint(&mut self) -> Result<()> {
        execute!(outlet(), Clear(ClearType::All)).context("the terminal cannot be drawn to")?;
        // Not by asking where its cursor is: the answer would be read as keys.
        self.screen = screen()?;
        Ok(())
    }

    /// Gives a text to the terminal's clipboard (OSC 52), where the terminal lets programs do that.
    ///
    /// # Errors
    /// It cannot be written to.
    pub fn copy(&mut self, text: String) -> Result<()> {
        execute!(outlet(), CopyToClipboard::to_clipboard_from(text)).context("the terminal cannot be written to")
    }

    /// Gives the terminal back; whether it takes what comes after that.
    pub fn give_back(mut self) -> Drained {
        self.show_cursor();
        restore()
    }

    /// ratatui would do so when it is dropped: behind what is printed then.
    fn show_cursor(&mut self) {
        // To write to the outlet does not fail.
        let _ = self.screen.show_cursor();
    }

    /// Gives the terminal back and stops this process, as whoever sent SIGTSTP wants it; takes it again when the process is continued.
    ///
    /// # Errors
    /// It cannot be set up any more.
    pub fn suspend(&mut self) -> Result<()> {
        self.show_cursor();
        // Also one that takes nothing: whoever stops this process has reasons.
        let _ = restore();
        // An error means that nothing stops it: then it goes on.
        let _ = kill(Pid::this(), Signal::SIGSTOP);
        enter()?;
        // Of what was there, nothing is.
        self.screen = screen()?;
        Ok(())
    }
}

/// Whether somebody would notice that this process is stopped, and could continue it: a parent in the same session, as a shell is. POSIX
/// calls a process group without one orphaned, and its members do not stop at SIGTSTP either.
pub fn can_be_continued() -> bool {
    let session = |pid| getsid(Some(pid)).ok();
    getppid() != Pid::from_raw(1) && session(getppid()) == session(Pid::this())
}

/// Stops what the terminal's key would stop in another program: the whole of the shell's job, this process by its own signal.
pub fn suspend_all() {
    // An error means that nothing stops: then it goes on.
    let _ = kill(Pid::from_raw(0), Signal::SIGTSTP);
}

type Screen = ratatui::Terminal<CrosstermBackend<BasicColours<Outlet>>>;

/// An empty screen.
fn screen() -> Result<Screen> {
    let backend = CrosstermBackend::new(BasicColours::new(outlet()));
    let viewport = match terminal::size().unwrap_or_default() {
        // A serial line has no size, until somebody gives it one.
        (0, _) | (_, 0) => Viewport::Fixed(USUAL),
        _ => Viewport::Fullscreen,
    };
    ratatui::Terminal::with_options(backend, TerminalOptions { viewport }).context("the terminal's size is not known")
}

/// The size of a terminal that does not say its own.
const USUAL: Rect = Rect::new(0, 0, 80, 24);

impl Drop for Terminal {
    fn drop(&mut self) {
        if TAKEN.load(Ordering::SeqCst) {
            self.show_cursor();
        }
        let _ = restore();
    }
}

/// The way to the terminal.
fn outlet() -> Outlet {
    static OUTLET: OnceLock<Outlet> = OnceLock::new();
    OUTLET.get_or_init(Outlet::to_stdout).clone()
}

/// Whether there is something to undo: leaving the alternate screen twice would move the cursor over what was printed since.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the mouse is asked for.
static HAS_MOUSE: AtomicBool = AtomicBool::new(false);

/// Takes it, as [`restore`] gives it back.
fn enter() -> Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode().context("the terminal cannot be set up; pipe the output (`| cat`) to get plain text")?;
    execute!(outlet(), EnterAlternateScreen, EnableBracketedPaste, Print(mouse(MOUSE_ON)))
        .context("the terminal cannot be written to")
}

/// This, if the mouse is asked for.
fn mouse(sequence: &'static str) -> &'static str {
    if HAS_MOUSE.load(Ordering::SeqCst) { sequence } else { "" }
}

/// Undoes all, once. Errors are ignored: a terminal that is gone needs no restoring. One that takes nothing loses what is on its way to
/// it: then it has room for what undoes the rest.
fn restore() -> Drained {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return Drained::All;
    }
    let mut drained = outlet().drain();
    if drained == Drained::Stuck {
        let _ = tcflush(io::stdout(), FlushArg::TCOFLUSH);
        outlet().forget();
    }
    let _ = execute!(outlet(), Print(mouse(MOUSE_OFF)), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let restored = outlet().drain();
    if drained == Drained::All {
        drained = restored;
    }
    let _ = disable_raw_mode();
    drained
}

/// The message of a panic would be lost on the alternate screen.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let _ = restore();
            report(panic);
        }));
    });
}
