//! All keys, and what the numbers mean.

use grantscope_analysis::column::METRICS;
use grantscope_analysis::quantile;
use grantscope_analysis::series::activity::RATE_SECONDS;
use grantscope_analysis::shown::width;

use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::widgets::lines::{Line, Text, Tone};

/// All keys, and what the columns mean.
pub fn lines(common: &Common) -> Vec<Line> {
    let mut text = Text::new(common.size.columns);
    text.heading("Keys");
    let widest = common.keys.all().iter().map(|binding| width(binding.shown)).max().unwrap_or(0);
    // The table is the first view, and has no key of its own.
    let mut view = 1;
    for binding in common.keys.all() {
        let mut about = binding.about.to_owned();
        if let Command::Open(_) = binding.command {
            view += 1;
            about.push_str(&format!(" (view {view})"));
        }
        text.entry(Tone::Plain, binding.shown, widest, &about);
    }
    text.heading("Numbers");
    text.entry(Tone::Plain, "count", 8, "operations: one row each for those that succeeded (ok) and for each errno");
    text.entry(Tone::Plain, "rate", 8, &rate_about());
    for metric in METRICS {
        text.entry(Tone::Plain, metric.heading, 8, metric.about);
    }
    text.entry(Tone::Plain, "self", 8, "time in a stage itself, without the stages inside it: the parts add up to the whole");
    text.entry(
        Tone::Plain,
        "per page",
        8,
        "where page counts are added up: p50 of each page count divided by its pages, from the least to the most",
    );
    text.entry(Tone::Plain, quantile::MARK, 8, &quantile::legend_words());
    text.entry(Tone::Plain, "domN", 8, "the other domain: only where rows differ by nothing else");
    text.entry(Tone::Plain, "–", 8, "not known; never the same as 0");
    text.lines()
}

fn rate_about() -> String {
    format!(
        "operations per second: over the last {RATE_SECONDS} s of the recording's own clock; once it has ended, over all of it"
    )
}

#[cfg(test)]
mod tests;
