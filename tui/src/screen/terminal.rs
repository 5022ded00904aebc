//! The terminal, borrowed: raw mode and the alternate screen, given back on every way out, a panic included.

use std::io::{self, IsTerminal, Stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::backend::CrosstermBackend;

use crate::screen::basic_colours::BasicColours;

/// Draws to standard output until it is dropped.
pub struct Terminal {
    /// What draws.
    pub screen: ratatui::Terminal<CrosstermBackend<BasicColours<Stdout>>>,
}

/// Whether standard output is a terminal that can move its cursor.
pub fn is_usable() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be set up, or its size is not known.
    pub fn take() -> Result<Self> {
        restore_on_panic();
        TAKEN.store(true, Ordering::SeqCst);
        Self::set_up().inspect_err(|_| restore())
    }

    fn set_up() -> Result<Self> {
        enable_raw_mode().context("the terminal cannot be set up; pipe the output (`| cat`) to get plain text")?;
        execute!(io::stdout(), EnterAlternateScreen).context("the terminal cannot be written to")?;
        let screen = ratatui::Terminal::new(CrosstermBackend::new(BasicColours::new(io::stdout())))
            .context("the terminal's size is not known")?;
        Ok(Self { screen })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether there is something to undo: leaving the alternate screen twice would move the cursor over what was printed since.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Undoes all, once. Errors are ignored: a terminal that is gone needs no restoring.
fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// The message of a panic would be lost on the alternate screen.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
    });
}
