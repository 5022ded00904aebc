//! Shows an input from its beginning to its end: on the screen, or as plain text where there is no terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc;

use anyhow::{Result, bail};
use grantscope_analysis::report::text::summary;
use grantscope_analysis::series::Wanted;
use grantscope_analysis::shown::Shown;

use grantscope_output::say;

use crate::exit::Exit;
use crate::screen::app::{App, Quit};
use crate::screen::ascii::Written;
use crate::screen::colours::Characters;
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
    let characters = how.theme.characters();
    let tee = input.tee.clone();
    let control = Control::new(app.common().playback);
    let has_terminal = terminal::is_usable() && !how.reports.are_wanted;
    signals::forward(events.clone(), has_terminal)?;
    feed::spawn(input, control.clone(), events.clone(), backlog.clone());
    let app = if has_terminal {
        event_loop::run(app, &incoming, events, (&backlog, &control, tee.as_ref()), how)
    } else {
        drop(events);
        // Its standard output is for what becomes of it; but where a person reads it, and asked for reports.
        let is_asked_for = how.until == Until::AskedFor || how.reports.are_wanted && io::stdout().is_terminal();
        let out: Box<dyn Write> = if is_asked_for { Box::new(io::stdout().lock()) } else { Box::new(io::sink()) };
        plain::run(app, &incoming, &backlog, how.reports.interval, Written { to: out, characters }).map_err(Into::into)
    };
    control.end();
    // An input that is cut short leaves a recording that is.
    let is_quit = app.as_ref().is_ok_and(|app| app.common().ended().is_none());
    let written = tee.map_or(Ok(()), |tee| tee.finish(is_quit));
    let exit = finish(&app?, how.until, characters)?;
    written.map(|()| exit)
}

fn finish(app: &App, until: Until, characters: Characters) -> Result<Exit> {
    if let Some(Quit::Failed(why)) = app.quit() {
        bail!("{why}");
    }
    if until == Until::AskedFor {
        print_summary(app, characters)?;
    }
    match (app.quit(), app.common().ended()) {
        (Some(Quit::Signal(signal)), _) => Ok(Exit::Signal(*signal)),
        (_, Some(ended)) if ended.is_partial() => Ok(Exit::PARTIAL),
        _ => Ok(Exit::OK),
    }
}

fn print_summary(app: &App, characters: Characters) -> io::Result<()> {
    let data = app.common().all_data();
    let mut out = Written { to: io::stdout().lock(), characters };
    out.text(&summary::table(&data.aggregate))?;
    if app.common().ended().is_none() && app.common().is_replay() {
        out.text(&format!("watching ended at {}: what comes after that is not in this table\n", text::how_far(app.common())))?;
    }
    if data.reset_at_ns.is_some() {
        out.text("operations before the last reset (Ctrl-r) are not in this table\n")?;
    }
    if let Some(why) = app.common().ended().and_then(Ended::problem) {
        say!("grantscope: warning: {}", Shown(why));
    }
    Ok(())
}
