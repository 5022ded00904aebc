//! The terminal, borrowed: raw mode and the alternate screen, given back on every way out, a panic included.

use std::io::{self, IsTerminal, Stdout};
use std::panic;
use std::sync::Once;

use anyhow::{Context, Result};
use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::backend::CrosstermBackend;

/// Draws to standard output until it is dropped.
pub struct Terminal {
    /// What draws.
    pub screen: ratatui::Terminal<CrosstermBackend<Stdout>>,
}

/// Whether standard output is a terminal that can move its cursor.
pub fn is_usable() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Terminal {
    /// Takes the terminal.
    pub fn take() -> Result<Self> {
        restore_on_panic();
        enable_raw_mode().context("the terminal cannot be set up; pipe the output (`| cat`) to get plain text")?;
        // From here on, dropping gives it back.
        let screen = ratatui::Terminal::new(CrosstermBackend::new(io::stdout())).inspect_err(|_| restore());
        let terminal = Self { screen: screen.context("the terminal's size is not known")? };
        execute!(io::stdout(), EnterAlternateScreen).context("the terminal cannot be written to")?;
        Ok(terminal)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Undoes all; more than once does no harm. Errors are ignored: a terminal that is gone needs no restoring.
fn restore() {
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
