//! All keys, and what the numbers mean.

use grantscope_analysis::column::METRICS;
use grantscope_analysis::quantile;
use grantscope_analysis::series::activity::RATE_SECONDS;
use grantscope_analysis::shown::width;
use grantscope_wire::{Buffer, Cause, Op, Stage};

use crate::screen::command::{Command, ViewId};
use crate::screen::model::common::Common;
use crate::screen::widgets::lines::{Line, Text, Tone};

/// All keys, and what the columns mean.
pub fn lines(common: &Common) -> Vec<Line> {
    let mut text = Text::new(common.size.columns);
    text.heading("Keys");
    let widest = common.keys.all().iter().map(|binding| width(&binding.shown)).max().unwrap_or(0);
    // The table is the first view, and has no key of its own.
    let mut view = 1;
    for binding in common.keys.all() {
        let mut about = binding.about.to_owned();
        if let Command::Open(_) = binding.command {
            view += 1;
            about.push_str(&format!(" (view {view})"));
        }
        text.entry(Tone::Plain, &binding.shown, widest, &about);
    }
    text.heading("Numbers");
    text.entry(Tone::Plain, "count", 8, "operations: one row each for those that succeeded (ok) and for each errno");
    text.entry(Tone::Plain, "rate", 8, &rate_about());
    for metric in METRICS {
        text.entry(Tone::Plain, metric.heading, 8, metric.about);
        if metric.name == "max_ns" {
            text.entry(
                Tone::Plain,
                "",
                8,
                "(one operation, which anything on the machine can have held up: not what they mostly take)",
            );
        }
    }
    text.entry(
        Tone::Plain,
        "errors",
        8,
        "operations that failed, of all phases; an errno that is an answer is none: see the outcomes",
    );
    let key = |view| common.keys.shown(Command::Open(ViewId(view)));
    let lost = format!("operations that happened and are in no number here ({}: where and why)", key("probes"));
    text.entry(Tone::Plain, "lost", 8, &lost);
    let held = format!("maps that are alive now, and the granted pages in them ({}: which)", key("maps"));
    text.entry(Tone::Plain, "held", 8, &held);
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
    words(&mut text);
    text.lines()
}

/// What the views call operations, kinds of buffer and stages, and why operations fail.
fn words(text: &mut Text) {
    let buffers = Buffer::ALL.iter().map(|buffer| (buffer.name(), buffer.about())).collect();
    let operations = Op::ALL.iter().map(|op| (op.name(), op.about())).collect();
    let stages = Stage::ALL.iter().map(|stage| (stage.name(), stage.about())).collect();
    let causes = Cause::ALL.iter().map(|cause| (cause.name(), cause.about())).collect();
    let sections: [(&str, Vec<(&str, &str)>); 4] =
        [("Buffers", buffers), ("Operations", operations), ("Stages", stages), ("Causes of failures", causes)];
    for (heading, words) in sections {
        text.heading(heading);
        let widest = words.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        words.iter().for_each(|(name, about)| text.entry(Tone::Plain, name, widest, about));
    }
}

fn rate_about() -> String {
    format!(
        "operations per second: over the last {RATE_SECONDS} s of the recording's own clock; once it has ended, over all of it"
    )
}

#[cfg(test)]
mod tests;
