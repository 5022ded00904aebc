//! Live mappings: what of them looks like a leak, then the rest, each the oldest first.

use grantscope_analysis::live::LEAK_AFTER;
use grantscope_analysis::model::LiveMap;
use grantscope_analysis::report::text::maps::{about_runs, age, buffer, owner, runs};
use grantscope_analysis::shown::counted;
use grantscope_analysis::units;

use crate::screen::model::common::Common;
use crate::screen::widgets::lines::{Line, Text, Tone};

/// What looks like a leak, which nobody should have to scroll for, and then what else is mapped; each the oldest first.
pub fn lines(common: &Common) -> Vec<Line> {
    let mut text = Text::new(common.size.columns);
    let data = common.data();
    let (ledger, now_ns) = (data.aggregate.ledger(), data.now_ns().unwrap_or_default());
    let page_size = data.aggregate.environment().map_or(0, |environment| environment.page_size);
    let Some(held) = ledger.held() else {
        text.wrapped("Not known: this recording has no ledger of live mappings.");
        return text.lines();
    };
    text.heading(&format!("{} of {}", counted(held.mappings, "mapping"), counted(held.pages, "page")));
    if let Some(why) = ledger.no_census() {
        text.entry(Tone::Missing, "not in it", 9, &format!("mappings from before the tool: {why}"));
    }
    let maps = ledger.maps().into_iter().map(|map| (map, map.suspicion(now_ns, LEAK_AFTER)));
    let (suspects, others): (Vec<_>, Vec<_>) = maps.partition(|(_, suspicion)| suspicion.is_some());
    for (map, suspicion) in suspects.into_iter().chain(others) {
        let tone = if suspicion.is_some() { Tone::Bad } else { Tone::Plain };
        text.entry(tone, &age(map, now_ns), 15, &about(map, page_size));
        if let Some(suspicion) = suspicion {
            text.entry(Tone::Bad, "", 15, &format!("LEAK SUSPECT: {suspicion}"));
        }
    }
    about_runs(ledger).into_iter().flatten().for_each(|line| text.wrapped(line));
    text.lines()
}

fn about(map: &LiveMap, page_size: u32) -> String {
    let domid = map.domid.map_or_else(|| "–".to_owned(), |domid| domid.to_string());
    let runs = runs(map).map_or_else(String::new, |runs| format!(" · pfn/bfn/split {runs}"));
    format!(
        "{} · {} · {} of domain {domid} · {} · {} granted, {} spanned{runs}",
        owner(map),
        buffer(map),
        counted(map.pages.into(), "page"),
        map.state.name(),
        units::size(map.granted_bytes()),
        units::size(map.spanned_bytes(page_size))
    )
}

#[cfg(test)]
mod tests;
