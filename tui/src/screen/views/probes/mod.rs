//! What watching costs, and what is missing: the recorder, the selected operation, and every hook.

mod hooks;

use grantscope_analysis::model::Environment;
use grantscope_analysis::report::text::{correction, recorder};
use grantscope_analysis::series::{Extent, merged};
use grantscope_analysis::shown::counted;
use grantscope_analysis::units::{self, UNKNOWN};

use crate::screen::model::common::Common;
use crate::screen::text;
use crate::screen::widgets::lines::{Line, Text, Tone};

/// As wide as the longest name of a fact.
const NAME: usize = 18;

/// All of it.
pub fn lines(common: &Common) -> Vec<Line> {
    let mut text = Text::new(common.size.columns);
    costs(&mut text, common);
    missing(&mut text, common);
    hooks::table(&mut text, common);
    hooks::meaning(&mut text, common);
    text.lines()
}

fn costs(text: &mut Text, common: &Common) {
    text.heading("What watching costs");
    let data = common.data();
    let said = recorder::at_most(&data.aggregate).and_then(|line| Some(line.strip_prefix("recorder: ")?.to_owned()));
    let said = said.unwrap_or_else(|| format!("{UNKNOWN} (the recording does not say)"));
    text.entry(Tone::Plain, "the recorder", NAME, &said);
    let all = correction::mean(data.corrected().subtracted()).unwrap_or_else(|| format!("{UNKNOWN} ({})", why_unknown(common)));
    text.entry(Tone::Plain, "on average", NAME, &all);
    text.entry(Tone::Plain, "the selected one", NAME, &of_selected(common));
}

/// `export · wc · 256 pages · ok: 3.20 µs ± 100 ns, 0.10 % of the 3.13 ms without it`.
fn of_selected(common: &Common) -> String {
    let Some(row) = common.listing.selected().map(|index| &common.listing.rows()[index]) else {
        return format!("{UNKNOWN} (none is selected)");
    };
    let series = merged(common.data().corrected(), &row.members, None);
    let name = text::group(&row.group, row.shows_domain);
    let (Some(own_ns), Some(mean_ns), Some(error_ns)) = (series.mean_own_ns(), series.mean_ns(), series.mean_own_error_ns())
    else {
        return format!("{name}: {UNKNOWN} ({})", why_unknown(common));
    };
    if series.extent() != Some(Extent::All) {
        return format!("{name}: {UNKNOWN} (known of {} of {})", series.subtracted().operations, series.count());
    }
    let percent = if mean_ns > 0.0 { format!("{:.2} %", own_ns / mean_ns * 100.0) } else { UNKNOWN.to_owned() };
    let [own, error, mean] = [own_ns, error_ns, mean_ns].map(units::duration);
    format!("{name}: {own} ± {error}, {percent} of the mean of {mean} without it")
}

fn why_unknown(common: &Common) -> &'static str {
    let aggregate = common.data().corrected();
    match aggregate.operations() {
        0 => "no operation so far",
        _ if aggregate.is_calibrated() => "what these operations passed has no known cost",
        _ => "the recording has no calibration",
    }
}

/// What is not attached, and what was lost.
fn missing(text: &mut Text, common: &Common) {
    text.heading("What is missing");
    let (environment, loss) = (common.data().aggregate.environment(), common.data().aggregate.loss());
    let before = text.height();
    for hook in environment.iter().flat_map(|environment: &&Environment| &environment.hooks) {
        if hook.attached_by.is_none() {
            let why = hook.problem.as_deref().unwrap_or("not known why");
            text.entry(Tone::Missing, hook.hook.name(), hooks::NAME, &format!("NOT ATTACHED: {why}"));
            text.entry(Tone::Missing, "", hooks::NAME, &format!("missing: {}", hooks::without(hook.hook)));
        }
    }
    for counter in &loss.counters {
        let effect = if counter.loses_operations() { "operations are missing" } else { "no operation is missing" };
        let about = format!("LOST {} {} ({}): {effect}", counter.count, counter.kind.name(), counter.kind.about());
        text.entry(Tone::Bad, counter.hook.name(), hooks::NAME, &about);
    }
    let said = match environment {
        None => format!("{UNKNOWN} (nothing has arrived yet)"),
        Some(_) if loss.at_ns == 0 && loss.counters.is_empty() => format!("{UNKNOWN} (no report of losses has come yet)"),
        Some(environment) if text.height() == before => {
            format!("nothing: {} attached, none of them lost anything", counted(environment.hooks.len() as u64, "hook"))
        }
        Some(_) => return,
    };
    text.wrapped(&said);
}

#[cfg(test)]
mod tests;
