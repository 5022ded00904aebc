//! Where this was recorded, by which hooks, and what was lost.

use grantscope_analysis::history::History;
use grantscope_analysis::model::{Environment, HookStatus, LossReport};
use grantscope_analysis::report::text::{correction, marks};
use grantscope_analysis::series::Aggregate;
use grantscope_analysis::shown::{counted, escaped};
use grantscope_analysis::units;
use grantscope_wire::HOOKS;

use crate::screen::header;
use crate::screen::model::common::Common;
use crate::screen::text::page_size;
use crate::screen::widgets::lines::{Line, Text, Tone};
use crate::source::frames::Ended;

/// Where this was recorded, by which hooks, and what was lost.
pub fn lines(common: &Common) -> Vec<Line> {
    let mut text = Text::new(common.size.columns);
    let aggregate = &common.data().aggregate;
    left_out(&mut text, common);
    recording(&mut text, aggregate.environment(), common);
    loss(&mut text, aggregate.loss());
    named(&mut text, aggregate);
    match aggregate.environment() {
        Some(environment) => hooks(&mut text, &environment.hooks),
        None => text.put(Tone::Plain, "Nothing has arrived yet.".to_owned()),
    }
    text.lines()
}

/// What the header of the other views has no room for on this screen.
fn left_out(text: &mut Text, common: &Common) {
    let facts = header::left_out(common);
    if !facts.is_empty() {
        text.heading("Without room in the header");
        facts.iter().for_each(|fact| text.wrapped(fact));
    }
}

fn recording(text: &mut Text, environment: Option<&Environment>, common: &Common) {
    text.heading("Recording");
    if let Some(environment) = environment {
        for (name, value) in facts(environment) {
            text.entry(Tone::Plain, name, 9, &value);
        }
    }
    let watched = common.data().watched_ns().map(|ns| ns as f64);
    text.entry(Tone::Plain, "length", 9, &units::maybe_duration(watched));
    if let Some(times) = correction::line(&common.data().aggregate) {
        text.entry(Tone::Plain, "times", 9, &times);
    }
    text.entry(Tone::Plain, "history", 9, &history(&common.data().history));
    if let Some(file) = &common.configuration {
        text.entry(Tone::Plain, "keys", 9, &format!("and colours by {}", escaped(file)));
    }
    let ending = match common.ended() {
        None => return,
        Some(Ended::Complete) => (Tone::Plain, "complete"),
        Some(broken) => (Tone::Bad, broken.problem().unwrap_or_default()),
    };
    text.entry(ending.0, "end", 9, ending.1);
}

/// How finely the past is told apart, and in how much memory.
fn history(history: &History) -> String {
    let window = history.window();
    let coarsest = window.and_then(|window| history.resolution_ns(window.from_ns)).map(|ns| ns as f64);
    let slices = counted(history.slices() as u64, "slice");
    format!(
        "{slices} of time, the first of {}; {} of at most {}",
        units::maybe_duration(coarsest),
        units::size(history.bytes() as u64),
        units::size(history.most_bytes() as u64)
    )
}

fn facts(environment: &Environment) -> Vec<(&'static str, String)> {
    let clock = match environment.clock.caveat() {
        Some(caveat) => format!("{}: {caveat}", environment.clock.name()),
        None => environment.clock.name().to_owned(),
    };
    let known = |text: &str| if text.is_empty() { "–".to_owned() } else { escaped(text).into_owned() };
    vec![
        ("run", known(&environment.run)),
        ("host", known(&environment.host)),
        ("kernel", known(&environment.kernel)),
        ("Xen", environment.xen.as_deref().map(known).unwrap_or_else(|| "no Xen, or its version is not readable".to_owned())),
        ("machine", known(&environment.arch)),
        ("page size", page_size(environment.page_size)),
        ("clock", clock),
        ("tool", known(&environment.tool)),
    ]
}

fn loss(text: &mut Text, loss: &LossReport) {
    text.heading("Lost");
    if loss.counters.is_empty() {
        let known = if loss.at_ns == 0 { "  not known: no report has come yet" } else { "  nothing" };
        text.put(Tone::Plain, known.to_owned());
    }
    for counter in &loss.counters {
        let effect = if counter.loses_operations() { "operations are missing" } else { "no operation is missing" };
        let about = format!("{} × {} ({}): {effect}", counter.count, counter.kind.name(), counter.kind.about());
        text.entry(Tone::Bad, counter.hook.name(), 28, &about);
    }
}

/// Where nobody made a mark, there is no heading either.
fn named(text: &mut Text, aggregate: &Aggregate) {
    let lines = marks::lines(aggregate);
    if !lines.is_empty() {
        text.heading(&format!("Marks: {}", aggregate.marks().count()));
        lines.iter().for_each(|line| text.wrapped(line));
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

#[cfg(test)]
mod tests;
