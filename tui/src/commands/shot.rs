//! `grantscope shot`: a picture of what `top` shows of a recording, without a terminal.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueHint};
use crossterm::event::KeyEvent;
use grantscope_analysis::shown::Shown;
use grantscope_output::{FileId, say};

use crate::commands::export::Table;
use crate::commands::verb::{Example, Verb};
use crate::exit::{self, Exit, Exits};
use crate::options::baseline::BaselineArgs;
use crate::options::look::LookArgs;
use crate::options::shown::ShownArgs;
use crate::screen::colours::Colours;
use crate::screen::command::ViewId;
use crate::screen::key::Key;
use crate::screen::picture::{Ground, Of, picture, svg, text};
use crate::screen::views::{VIEWS, index};
use crate::source;
use crate::source::stream::is_stdin;

/// Make a picture of what `top` shows of a recording.
///
/// Reads the recording to its end, opens a view, presses keys, and writes what is on the screen: as SVG where the output is
/// named *.svg, else as text. The same recording gives the same picture.
#[derive(Debug, Parser)]
#[command(name = "shot")]
pub struct Shot {
    /// The recording
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "replay")]
    pub file: Option<PathBuf>,

    /// The same, by name
    #[arg(long, value_name = "FILE", conflicts_with = "file", value_hint = ValueHint::FilePath)]
    pub replay: Option<PathBuf>,

    /// The view
    #[arg(long, value_name = "NAME", default_value = VIEWS[0].id.0, value_parser = PossibleValuesParser::new(VIEWS.iter().map(|view| view.id.0)))]
    pub view: String,

    /// Columns and lines of the terminal
    #[arg(long, value_name = "COLUMNSxLINES", default_value = "120x36", value_parser = size)]
    pub size: (u16, u16),

    /// Keys that are pressed then, with spaces between them, as the help writes them: `j j Enter`, `W`, `Ctrl-r`, `PgDn`, `space`
    #[arg(long, value_name = "KEYS", default_value = "")]
    pub keys: String,

    /// How it looks; without --color, *.svg has all colours and text none.
    #[command(flatten)]
    pub look: LookArgs,

    /// What is behind it
    #[arg(long, value_enum, default_value_t = Ground::Dark)]
    pub ground: Ground,

    /// Where it goes: *.svg, or any other name for text. Without, or `-`: text on standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// What is shown.
    #[command(flatten)]
    pub shown: ShownArgs,

    /// What it is compared with.
    #[command(flatten)]
    pub baseline: BaselineArgs,
}

impl Verb for Shot {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope shot run.gsr --view compare -o compare.svg", ""),
        Example("grantscope shot run.gsr --keys 'j j enter' --size 80x24", "text, on standard output"),
    ];
    const EXITS: Exits = exit::OF_A_READER;

    fn run(&self) -> Result<Exit> {
        let path_of_input = self.file.as_deref().or(self.replay.as_deref());
        let output = self.output.as_deref().filter(|path| !is_stdin(path));
        let is_svg = output.is_some_and(|path| path.extension().is_some_and(|extension| extension == "svg"));
        let opens = VIEWS[index(ViewId(view_name(&self.view)))].key.map(|binding| binding.command);
        let pressed = self.keys.split_whitespace().map(key).collect::<Result<Vec<_>>>()?;
        let (theme, keys) = self.look.of_picture(if is_svg { Colours::True } else { Colours::Never })?;
        let input = source::open(path_of_input, Default::default())?;
        let wanted = self.shown.into();
        let shot = Of { wanted, baseline: self.baseline.read(wanted)?, size: self.size, keys, opens, pressed: &pressed };
        let (drawn, ended) = picture(input, shot, &theme)?;
        let bytes = if is_svg { svg(&drawn, self.ground) } else { text(&drawn) };
        match output {
            Some(path) => {
                let read: Vec<_> =
                    self.baseline.baseline.iter().map(PathBuf::as_path).chain(path_of_input).map(FileId::at).collect();
                let what = "a recording that is read";
                Table::at(path)?.fill(&read, what, |draft| Ok(draft.write_all(bytes.as_bytes())?))?;
            }
            None => {
                io::stdout().lock().write_all(bytes.as_bytes()).context("the picture cannot be written to standard output")?
            }
        }
        let Some(why) = ended.problem() else { return Ok(Exit::OK) };
        say!("grantscope: warning: {}", Shown(why));
        Ok(Exit::PARTIAL)
    }
}

/// clap has let pass the names of views alone.
fn view_name(name: &str) -> &'static str {
    VIEWS.iter().map(|view| view.id.0).find(|known| *known == name).unwrap_or(VIEWS[0].id.0)
}

fn key(text: &str) -> Result<KeyEvent> {
    // As the help and the configuration write it; a letter is that letter: `W` is not `w`.
    match text.parse::<Key>() {
        Ok(key) => Ok(key.event()),
        // Names that others have for keys: `pagedown`.
        Err(what) => crokey::parse(text).map(Into::into).map_err(|_| anyhow!("--keys: {what}")),
    }
}

/// Larger ones are no terminals.
const MOST: u16 = 1_000;

fn size(text: &str) -> Result<(u16, u16), String> {
    let sides = text.split_once('x').and_then(|(columns, lines)| Some((columns.parse().ok()?, lines.parse().ok()?)));
    match sides {
        Some((columns @ 1..=MOST, lines @ 1..=MOST)) => Ok((columns, lines)),
        _ => Err(format!("expected columns and lines of at most {MOST}, as in 120x36")),
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyModifiers};

    use super::*;
    use crate::screen::views;

    #[test]
    fn every_key_is_pressed_by_the_name_that_the_help_has_for_it_whatever_its_case() {
        for pressed in views::keys().all().iter().flat_map(|bound| &bound.keys) {
            let name = pressed.to_string();
            assert_eq!(key(&name).unwrap(), pressed.event(), "{name}");
            if name.chars().count() > 1 {
                assert_eq!(
                    [key(&name.to_lowercase()).unwrap(), key(&name.to_uppercase()).unwrap()],
                    [pressed.event(); 2],
                    "{name}"
                );
            }
        }
        assert_eq!(key("pagedown").unwrap().code, KeyCode::PageDown);
        assert_eq!(key("ctrl-r").unwrap(), KeyEvent::new(KeyCode::Char('r'), KeyModifiers::CONTROL));
        assert!(key("PgDown").unwrap_err().to_string().contains("is no key: write a character as it is typed"));
    }
}
