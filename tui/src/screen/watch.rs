//! Shows an input from its beginning to its end: on the screen, or as plain text where there is no terminal.

use std::io::{self, Write};
use std::sync::mpsc;

use anyhow::{Result, bail};
use grantscope_analysis::report::text::summary;
use grantscope_analysis::series::Wanted;
use grantscope_analysis::shown::Shown;

use grantscope_output::say;

use crate::exit::Exit;
use crate::screen::app::{App, Quit};
use crate::screen::feed::{self, Backlog};
use crate::screen::text;
use crate::screen::until::{Until, Watching};
use crate::screen::{event_loop, plain, signals, terminal};
use crate::source::control::Control;
use crate::source::frames::{Ended, Input};
use crate::source::pace::Speed;

/// Shows what is wanted of an input, on the screen or as plain text.
///
/// # Errors
/// The terminal cannot be used, or the input is not a recording.
pub fn watch(input: Input, speed: Speed, wanted: Wanted, how: Watching) -> Result<Exit> {
    let (events, incoming) = mpsc::channel();
    let backlog = Backlog::default();
    let app = App::new(input.origin, wanted).about(&input, speed);
    let control = Control::new(app.common().playback);
    let has_terminal = terminal::is_usable();
    signals::forward(events.clone(), has_terminal)?;
    feed::spawn(input, control.clone(), events.clone(), backlog.clone());
    let app = if has_terminal {
        event_loop::run(app, &incoming, events, (&backlog, &control), how)
    } else {
        drop(events);
        // Its standard output is for what becomes of it.
        let out: Box<dyn Write> = if how.until == Until::ItsEnd { Box::new(io::sink()) } else { Box::new(io::stdout().lock()) };
        plain::run(app, &incoming, &backlog, out).map_err(Into::into)
    };
    control.end();
    finish(&app?, how.until)
}

fn finish(app: &App, until: Until) -> Result<Exit> {
    if let Some(Quit::Failed(why)) = app.quit() {
        bail!("{why}");
    }
    if until == Until::AskedFor {
        print_summary(app)?;
    }
    match (app.quit(), app.common().ended()) {
        (Some(Quit::Signal(signal)), _) => Ok(Exit::Signal(*signal)),
        (_, Some(ended)) if ended.is_partial() => Ok(Exit::PARTIAL),
        _ => Ok(Exit::OK),
    }
}

fn print_summary(app: &App) -> io::Result<()> {
    let data = app.common().all_data();
    let mut out = io::stdout().lock();
    out.write_all(summary::table(&data.aggregate).as_bytes())?;
    if app.common().ended().is_none() && app.common().is_replay() {
        writeln!(out, "watching ended at {}: what comes after that is not in this table", text::how_far(app.common()))?;
    }
    if data.reset_at_ns.is_some() {
        writeln!(out, "operations before the last reset (Ctrl-r) are not in this table")?;
    }
    out.flush()?;
    if let Some(why) = app.common().ended().and_then(Ended::problem) {
        say!("grantscope: warning: {}", Shown(why));
    }
    Ok(())
}
