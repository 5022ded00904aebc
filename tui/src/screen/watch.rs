//! Shows an input from its beginning to its end: on the screen, or as plain text where there is no terminal.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver};

use anyhow::{Result, bail};
use grantscope_analysis::report::text::summary;
use grantscope_analysis::series::Wanted;
use grantscope_analysis::shown::Shown;

use grantscope_output::say;

use crate::exit::Exit;
use crate::screen::app::{App, Quit};
use crate::screen::ascii::Written;
use crate::screen::colours::Characters;
use crate::screen::command::Command;
use crate::screen::event::Event;
use crate::screen::feed::{self, Backlog};
use crate::screen::model::baseline::Baseline;
use crate::screen::outlet::{Drained, Outlet};
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
pub fn watch(input: Input, speed: Speed, wanted: Wanted, baseline: Option<Baseline>, how: Watching) -> Result<Exit> {
    let (events, incoming) = mpsc::channel();
    let backlog = Backlog::default();
    let until = how.until;
    let look = &how.look;
    let app = App::new(input.origin, wanted).about(&input, speed).against(baseline);
    let app = app.with_keys(look.keys.clone()).configured_by(look.file.clone());
    let characters = look.theme.characters();
    let tee = input.tee.clone();
    let control = Control::new(app.common().playback);
    let has_terminal = terminal::is_usable() && !how.reports.are_wanted;
    signals::forward(events.clone(), has_terminal)?;
    feed::spawn(input, control.clone(), events.clone(), backlog.clone());
    let shown = if has_terminal {
        event_loop::run(app, incoming, events, (&backlog, &control, tee.as_ref()), how)
    } else {
        drop(events);
        report(app.without_past(), incoming, &backlog, how)
    };
    control.end();
    // An input that is cut short leaves a recording that is.
    let is_quit = shown.as_ref().is_ok_and(|(app, _)| app.common().ended().is_none());
    let written = tee.map_or(Ok(()), |tee| tee.finish(is_quit));
    let (app, drained) = shown?;
    let exit = finish(&app, drained, until, characters)?;
    written.map(|()| exit)
}

/// Shows it as plain text.
fn report(app: App, incoming: Receiver<Event>, backlog: &Backlog, how: Watching) -> Result<(App, Drained)> {
    // Its standard output is for what becomes of it; but where a person reads it, and asked for reports.
    let is_asked_for = how.until == Until::AskedFor || how.reports.are_wanted && io::stdout().is_terminal();
    let mut out = is_asked_for.then(Outlet::to_stdout);
    let app = plain::run(app, &incoming, backlog, how.reports.interval, how.look.theme.characters(), &mut out)?;
    // From here on, signals end this in the usual way.
    drop(incoming);
    let drained = drained(out, &app)?;
    Ok((app, drained))
}

/// Waits for whoever reads; but not longer than a signal allows, which has come already.
fn drained(out: Option<Outlet>, app: &App) -> io::Result<Drained> {
    match (out, app.quit()) {
        (None, _) => Ok(Drained::All),
        (Some(out), Some(Quit::Signal(_))) => Ok(out.drain()),
        (Some(out), _) => out.drain_all().map(|()| Drained::All),
    }
}

/// `drained`: whether what is printed now will be read.
fn finish(app: &App, drained: Drained, until: Until, characters: Characters) -> Result<Exit> {
    if let Some(Quit::Failed(why)) = app.quit() {
        bail!("{why}");
    }
    if until == Until::AskedFor && drained == Drained::All {
        let printed = print_summary(app, characters);
        // A hangup takes the terminal with it; and a signal is a reason of its own to end.
        if !matches!(app.quit(), Some(Quit::Signal(_))) {
            printed?;
        }
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
    out.text(&summary::table(&data.aggregate, terminal::columns()))?;
    if app.common().ended().is_none() && app.common().is_replay() {
        out.text(&format!("watching ended at {}: what comes after that is not in this table\n", text::how_far(app.common())))?;
    }
    if let Some(against) = &app.common().against {
        out.text(&format!("\n{}", against.text()))?;
    }
    if data.reset_at_ns.is_some() {
        let key = app.common().keys.shown(Command::Reset);
        out.text(&format!("operations before the last reset ({key}) are not in this table\n"))?;
    }
    if let Some(why) = app.common().ended().and_then(Ended::problem) {
        say!("grantscope: warning: {}", Shown(why));
    }
    Ok(())
}
