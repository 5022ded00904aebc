//! Pictures of the screen without a terminal: as text, and as SVG.

mod block;
mod colour;
mod svg;

use std::time::Duration;

use anyhow::{Result, bail};
use crossterm::event::KeyEvent;
use grantscope_analysis::series::Wanted;
use grantscope_analysis::shown::width;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};

use crate::screen::app::{App, Quit};
use crate::screen::command::Command;
use crate::screen::event::{Event, Size};
use crate::screen::keys::Keys;
use crate::screen::model::baseline::Baseline;
use crate::screen::request::Request;
use crate::screen::theme::Theme;
use crate::screen::{draw, past};
use crate::source::frames::{Ended, Input};
use crate::source::pace::Speed;

pub use self::colour::Ground;
pub use self::svg::svg;

/// What a picture is of.
#[derive(Debug)]
pub struct Of<'a> {
    /// What is shown of the input.
    pub wanted: Wanted,
    /// What it is compared with.
    pub baseline: Option<Baseline>,
    /// Columns and lines.
    pub size: (u16, u16),
    /// What the keys do.
    pub keys: Keys,
    /// The view that is opened when all was read.
    pub opens: Option<Command>,
    /// Keys that are pressed then.
    pub pressed: &'a [KeyEvent],
}

/// What a viewer shows that has read all of an input, and was given these keys then; and how the input ended.
///
/// # Errors
/// The input is no recording, or a key means nothing.
pub fn picture(mut input: Input, of: Of<'_>, theme: &Theme) -> Result<(Buffer, Ended)> {
    let Of { wanted, baseline, size: (columns, lines), keys, opens, pressed } = of;
    let mut app = App::new(input.origin, wanted).about(&input, Speed::Max).against(baseline).with_keys(keys);
    app.update(Event::Resize(Size { columns: columns.into(), lines: lines.into() }));
    let ended = loop {
        match input.source.next_frame() {
            Ok(Some(frame)) => app.update(Event::Frame(frame)),
            Ok(None) => break Ended::Complete,
            Err(ended) => break ended,
        }
    };
    app.update(Event::StreamEnded(ended.clone()));
    app.update(Event::Tick(Duration::ZERO));
    opens.into_iter().for_each(|command| app.update(Event::Key(command)));
    for &key in pressed {
        if app.prompt().is_none() && app.common().keys.command(key).is_none() {
            bail!("the key {} means nothing here", key.code);
        }
        app.update(Event::Typed(key));
        if let Some(Request::Past(question)) = app.take_request() {
            past::read(&question, || true)?.into_iter().for_each(|data| app.update(Event::Past(question.at_ns, data)));
        }
    }
    match app.quit() {
        None => {}
        Some(Quit::Failed(why)) => bail!("{why}"),
        Some(_) => bail!("these keys end the viewer, and there is nothing to draw"),
    }
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap_or_else(|never| match never {});
    terminal.draw(|canvas| draw::draw(canvas, &app, theme)).unwrap_or_else(|never| match never {});
    Ok((terminal.backend().buffer().clone(), ended))
}

/// As text, line by line.
pub fn text(picture: &Buffer) -> String {
    // Behind a character of two columns stands a cell that is not drawn.
    let line = |cells: &[Cell]| {
        let mut places = cells.iter();
        let symbols = std::iter::from_fn(|| {
            let symbol = places.next()?.symbol();
            (1..width(symbol)).for_each(|_| {
                places.next();
            });
            Some(symbol)
        });
        symbols.collect::<String>().trim_end().to_owned() + "\n"
    };
    picture.content().chunks(picture.area.width.into()).map(line).collect()
}
