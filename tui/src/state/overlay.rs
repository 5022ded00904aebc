//! The screens of text, wrapped: all keys; and where this was recorded, by which hooks, and what was lost.

use grantscope_analysis::live::ledger::{LEAK_AFTER, LiveMap};
use grantscope_analysis::model::{Environment, HookStatus, LossReport};
use grantscope_analysis::report::metrics::METRICS;
use grantscope_analysis::report::units;
use grantscope_wire::{Buffer, HOOKS};

use super::State;
use super::activity::RATE_SECONDS;
use super::event::Ended;
use crate::keys::BINDINGS;

/// A line, and what it means to the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Not longer than the screen is wide.
    pub text: String,
    /// How it should look.
    pub tone: Tone,
}

/// How a line should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A heading.
    Heading,
    /// Text.
    Plain,
    /// Something is missing.
    Missing,
    /// Something was lost, or is broken.
    Bad,
}

/// Collects lines of one width.
struct Text {
    columns: usize,
    lines: Vec<Line>,
}

impl Text {
    fn heading(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.put(Tone::Plain, String::new());
        }
        self.put(Tone::Heading, text.to_owned());
    }

    fn put(&mut self, tone: Tone, text: String) {
        self.lines.push(Line { text, tone });
    }

    /// A name, then what it is; further lines of that are indented as far.
    fn entry(&mut self, tone: Tone, name: &str, width: usize, about: &str) {
        let indent = width + 4;
        for (i, words) in wrap(about, self.columns.saturating_sub(indent)).into_iter().enumerate() {
            let name = if i == 0 { name } else { "" };
            self.put(tone, format!("  {name:<width$}  {words}"));
        }
    }
}

/// All keys, and what the columns mean.
pub fn help(columns: usize) -> Vec<Line> {
    let mut text = Text { columns, lines: Vec::new() };
    text.heading("Keys");
    for binding in BINDINGS {
        text.entry(Tone::Plain, binding.shown, 7, binding.about);
    }
    text.heading("Numbers");
    text.entry(Tone::Plain, "count", 7, "operations: one row each for those that succeeded (ok) and for each errno");
    text.entry(Tone::Plain, "rate", 7, &rate_about());
    for metric in METRICS {
        text.entry(Tone::Plain, metric.heading, 7, metric.about);
    }
    text.entry(Tone::Plain, "self", 7, "time in a stage itself, without the stages inside it: the parts add up to the whole");
    text.entry(Tone::Plain, "–", 7, "not known; never the same as 0");
    text.lines
}

fn rate_about() -> String {
    format!(
        "operations per second: over the last {RATE_SECONDS} s of the recording's own clock; once it has ended, over all of it"
    )
}

/// Where this was recorded, by which hooks, and what was lost.
pub fn info(state: &State, columns: usize) -> Vec<Line> {
    let mut text = Text { columns, lines: Vec::new() };
    let aggregate = &state.data().aggregate;
    recording(&mut text, aggregate.environment(), state);
    loss(&mut text, aggregate.loss());
    match aggregate.environment() {
        Some(environment) => hooks(&mut text, &environment.hooks),
        None => text.put(Tone::Plain, "Nothing has arrived yet.".to_owned()),
    }
    text.lines
}

/// What is mapped, the oldest first, and what of it looks like a leak.
pub fn maps(state: &State, columns: usize) -> Vec<Line> {
    let mut text = Text { columns, lines: Vec::new() };
    let (ledger, now_ns) = (state.data().aggregate.ledger(), state.data().now_ns().unwrap_or_default());
    let page_size = state.data().aggregate.environment().map_or(0, |environment| environment.page_size);
    let Some(held) = ledger.held() else {
        text.put(Tone::Plain, "Not known: this recording has no ledger of live mappings.".to_owned());
        return text.lines;
    };
    text.heading(&format!("{} mappings of {} pages", held.mappings, held.pages));
    if let Some(why) = ledger.no_census() {
        text.entry(Tone::Missing, "not in it", 9, &format!("mappings from before the tool: {why}"));
    }
    for map in ledger.maps() {
        let suspicion = map.suspicion(now_ns, LEAK_AFTER);
        let tone = if suspicion.is_some() { Tone::Bad } else { Tone::Plain };
        text.entry(tone, &map.age_text(now_ns), 15, &about(map, page_size));
        if let Some(suspicion) = suspicion {
            text.entry(Tone::Bad, "", 15, &format!("LEAK SUSPECT: {suspicion}"));
        }
    }
    text.lines
}

fn about(map: &LiveMap, page_size: u32) -> String {
    let domid = map.domid.map_or_else(|| "–".to_owned(), |domid| domid.to_string());
    format!(
        "{} · {} · {} pages of domain {domid} · {} · {} KiB granted, {} KiB spanned",
        map.owner_text(),
        map.buffer.map_or("–", Buffer::name),
        map.pages,
        map.state.name(),
        map.granted_bytes() / 1024,
        map.spanned_bytes(page_size) / 1024
    )
}

fn recording(text: &mut Text, environment: Option<&Environment>, state: &State) {
    text.heading("Recording");
    if let Some(environment) = environment {
        for (name, value) in facts(environment) {
            text.entry(Tone::Plain, name, 9, &value);
        }
    }
    let watched = state.data().watched_ns().map(|ns| ns as f64);
    text.entry(Tone::Plain, "length", 9, &units::maybe_duration(watched));
    let ending = match state.ended() {
        None => return,
        Some(Ended::Complete) => (Tone::Plain, "complete"),
        Some(broken) => (Tone::Bad, broken.problem().unwrap_or_default()),
    };
    text.entry(ending.0, "end", 9, ending.1);
}

fn facts(environment: &Environment) -> Vec<(&'static str, String)> {
    let clock = match environment.clock.caveat() {
        Some(caveat) => format!("{}: {caveat}", environment.clock.name()),
        None => environment.clock.name().to_owned(),
    };
    let known = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    vec![
        ("run", known(&environment.run)),
        ("host", known(&environment.host)),
        ("kernel", known(&environment.kernel)),
        ("Xen", environment.xen.clone().unwrap_or_else(|| "no Xen, or its version is not readable".to_owned())),
        ("machine", known(&environment.arch)),
        ("page size", page_size(environment.page_size)),
        ("clock", clock),
        ("tool", known(&environment.tool)),
    ]
}

/// Bytes of a page, in KiB where that is whole.
pub fn page_size(bytes: u32) -> String {
    match bytes {
        0 => "–".to_owned(),
        bytes if bytes % 1024 == 0 => format!("{} KiB", bytes / 1024),
        bytes => format!("{bytes} B"),
    }
}

fn loss(text: &mut Text, loss: &LossReport) {
    text.heading("Lost");
    if loss.counters.is_empty() {
        let told = if loss.at_ns == 0 { "  not known: no report has come yet" } else { "  nothing" };
        text.put(Tone::Plain, told.to_owned());
    }
    for counter in &loss.counters {
        let effect = if counter.kind.loses_operations() { "operations are missing" } else { "no operation is missing" };
        let about = format!("{} × {} ({}): {effect}", counter.count, counter.kind.name(), counter.kind.about());
        text.entry(Tone::Bad, counter.hook.name(), 28, &about);
    }
}

/// What is not attached comes first: that is what one looks for.
fn hooks(text: &mut Text, hooks: &[HookStatus]) {
    let (attached, missing): (Vec<_>, Vec<_>) = hooks.iter().partition(|hook| hook.attached_by.is_some());
    text.heading(&format!("Hooks: {} of {} attached", attached.len(), hooks.len()));
    for hook in missing {
        let why = hook.problem.as_deref().unwrap_or("not known why");
        text.entry(Tone::Missing, hook.hook.name(), 28, &format!("NOT ATTACHED: {why}"));
        text.entry(Tone::Missing, "", 28, &format!("missing: {}", without(hook)));
    }
    for hook in attached {
        let by = hook.attached_by.as_deref().unwrap_or("–");
        let symbol = hook.symbol.as_deref().unwrap_or("–");
        text.entry(Tone::Plain, hook.hook.name(), 28, &format!("{by} at {symbol}"));
    }
}

fn without(status: &HookStatus) -> &'static str {
    HOOKS.iter().find(|hook| hook.id == status.hook).map_or("–", |hook| hook.without)
}

/// Breaks between words; a word that is longer than the width is broken itself. At least one line.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    // A no-break space does not break.
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        place_word(&mut lines, word, width);
    }
    lines
}

fn place_word(lines: &mut Vec<String>, word: &str, width: usize) {
    let length = |text: &str| text.chars().count();
    let used = lines.last().map_or(0, |line| length(line));
    match lines.last_mut() {
        Some(line) if used > 0 && used + 1 + length(word) <= width => {
            line.push(' ');
            line.push_str(word);
        }
        Some(line) if used == 0 && length(word) <= width => line.push_str(word),
        _ => {
            let letters: Vec<char> = word.chars().collect();
            let pieces = letters.chunks(width).map(|piece| piece.iter().collect());
            lines.extend(pieces);
            lines.retain(|line: &String| !line.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    }

    #[test]
    fn a_word_longer_than_the_line_is_broken() {
        assert_eq!(wrap("a bcdefg h", 3), ["a", "bcd", "efg", "h"]);
    }

    #[test]
    fn nothing_is_one_empty_line() {
        assert_eq!(wrap("", 10), [""]);
    }
}
