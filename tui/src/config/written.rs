//! What is in force, written as a configuration file that would change nothing, with where each line is from.

use std::fmt::Write;

use clap::ValueEnum;
use grantscope_analysis::shown::{Shown, width};
use toml::Value;

use crate::config::file::{File, NamedBy};
use crate::config::in_force::{InForce, Origin, Setting};
use crate::config::read::{ASCII, COLOR, COLOURS, KEYS, MOUSE};
use crate::screen::binding::Bound;
use crate::screen::capabilities::Said;
use crate::screen::colours::{Characters, Colours};
use crate::screen::key::Key;
use crate::screen::palette::Palette;

/// All that is in force, in this environment.
pub fn written(in_force: &InForce, variable: impl Fn(&str) -> Option<String>) -> String {
    let mut lines = vec![
        Line::comment(
            "All that is in force, and where it is from. As a configuration file, this would change nothing.".to_owned(),
        ),
        Line::comment(file(in_force, &variable)),
    ];
    let colours = in_force.color.value.colours(&variable);
    lines.push(setting(in_force, COLOR, word(in_force.color), &here(&colours, colours_name(colours.value))));
    let characters = in_force.ascii.value.characters(&variable);
    lines.push(setting(in_force, ASCII, word(in_force.ascii), &here(&characters, characters_name(characters.value))));
    lines.push(setting(in_force, MOUSE, (Value::Boolean(in_force.mouse.value), in_force.mouse.origin), ""));
    lines.push(Line::heading(COLOURS));
    lines.extend(Palette::names().map(|name| colour(in_force, name)));
    lines.push(Line::heading(KEYS));
    lines.extend(in_force.loaded.config.keys.all().iter().map(|bound| key(in_force, bound)));
    let widest = lines.iter().filter(|line| !line.about.is_empty()).map(|line| width(&line.text)).max().unwrap_or(0);
    lines.iter().fold(String::new(), |mut all, line| {
        let _ = match line.about.is_empty() {
            true => writeln!(all, "{}", line.text),
            false => writeln!(all, "{}{:blanks$}  # {}", line.text, "", Shown(&line.about), blanks = widest - width(&line.text)),
        };
        all
    })
}

struct Line {
    text: String,
    /// The comment behind it.
    about: String,
}

impl Line {
    fn comment(text: String) -> Self {
        Self { text: format!("# {}", Shown(&text)), about: String::new() }
    }

    fn heading(table: &str) -> Self {
        Self { text: format!("\n[{table}]"), about: String::new() }
    }
}

/// Which file was read. Under sudo it can be another than its user thinks.
fn file(in_force: &InForce, variable: impl Fn(&str) -> Option<String>) -> String {
    let Some(File { path, by }) = &in_force.loaded.file else {
        return "No file: neither XDG_CONFIG_HOME nor HOME is set; --config names one.".to_owned();
    };
    let why = match by {
        NamedBy::Option => "by --config".to_owned(),
        NamedBy::Variable(name) | NamedBy::Folder(name) => format!("by ${name}"),
    };
    let is_there = if in_force.loaded.is_there { "was read" } else { "is not there" };
    let of_root = match (by, variable("SUDO_USER")) {
        (NamedBy::Folder(_), Some(user)) => format!(" Under sudo that need not be the file of {user}: --config names another."),
        _ => String::new(),
    };
    format!("{}: {is_there} ({why}).{of_root}", path.display())
}

fn origin(in_force: &InForce, origin: Origin) -> String {
    match (origin, &in_force.loaded.file) {
        (Origin::Line(line), Some(file)) => format!("{}:{line}", file.path.display()),
        (Origin::Line(line), None) => format!("line {line}"),
        (Origin::Option(name), _) => format!("option {name}"),
        (Origin::BuiltIn, _) => "built in".to_owned(),
    }
}

fn setting(in_force: &InForce, name: &str, (value, from): (Value, Origin), here: &str) -> Line {
    Line { text: format!("{name} = {value}"), about: origin(in_force, from) + here }
}

fn word<T: ValueEnum>(setting: Setting<T>) -> (Value, Origin) {
    let name = setting.value.to_possible_value().map(|value| value.get_name().to_owned());
    (Value::String(name.unwrap_or_default()), setting.origin)
}

/// What follows from the environment, where it is asked.
fn here<T>(said: &Said<T>, name: &str) -> String {
    if said.by.is_empty() { String::new() } else { format!("; on this terminal {name}, by {}", said.by) }
}

fn colours_name(colours: Colours) -> &'static str {
    match colours {
        Colours::Never => "none",
        Colours::Basic => "16",
        Colours::Indexed => "256",
        Colours::True => "all",
    }
}

fn characters_name(characters: Characters) -> &'static str {
    match characters {
        Characters::Ascii => "ASCII alone",
        Characters::Unicode => "all characters",
    }
}

fn colour(in_force: &InForce, name: &str) -> Line {
    let config = &in_force.loaded.config;
    let from = config.line(Some(COLOURS), name).map_or(Origin::BuiltIn, Origin::Line);
    let value = Value::String(config.palette.written(name).expect("it is one of the names"));
    setting(in_force, name, (value, from), "")
}

fn key(in_force: &InForce, bound: &Bound) -> Line {
    let config = &in_force.loaded.config;
    let name = bound.name();
    let mut written: Vec<_> = bound.keys.iter().map(|key| Value::String(key.to_string())).collect();
    let value = if written.len() == 1 { written.remove(0) } else { Value::Array(written) };
    match config.line(Some(KEYS), &name) {
        Some(line) => setting(in_force, &name, (value, Origin::Line(line)), ""),
        None => {
            let lost: String = bound.lost().into_iter().map(|key| taken(in_force, key)).collect();
            setting(in_force, &name, (value, Origin::BuiltIn), &lost)
        }
    }
}

/// A key that is built in, and which command has it now.
fn taken(in_force: &InForce, key: Key) -> String {
    let config = &in_force.loaded.config;
    let by = config.keys.all().iter().find(|other| other.keys.contains(&key)).map(Bound::name).unwrap_or_default();
    let from = config.line(Some(KEYS), &by).map_or(Origin::BuiltIn, Origin::Line);
    format!(", without {key}: {} gives it to {by}", origin(in_force, from))
}

#[cfg(test)]
mod tests;
