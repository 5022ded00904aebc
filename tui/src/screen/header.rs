//! The header: where this comes from, whether it is whole, and what happens now.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use grantscope_analysis::report::text::{bound, earlier, phases, recorder};
use grantscope_analysis::shown::{Shown, counted, width as width_of};

use crate::screen::command::{Command, Travel};
use crate::screen::model::baseline::Against;
use crate::screen::model::common::Common;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::views::{BASELINE, ERRORS, INFO, MAPS};
use crate::screen::widgets::wrap::wrap;
use crate::source::frames::{Ended, Origin};
use crate::source::pace::Speed;

/// A stream that is silent for this long gets a remark.
const SILENT_SECONDS: u64 = 3;
/// The name of a file is cut behind as many, and so is a filter.
const NAME_COLUMNS: usize = 40;
/// Between two facts.
const SEPARATOR: &str = " · ";

/// A fact that stays in one piece where it can.
struct Chip {
    text: String,
    style: Style,
}

/// One line of so many may be the header's, but for what is not in order.
const PART_OF_LINES: usize = 8;
const LEAST_LINES: usize = 2;

/// All lines of the header: whether all is well, and of the facts, which are in a view of their own too, as many as there is room for.
pub fn lines(common: &Common, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let most = (common.size.lines / PART_OF_LINES).max(LEAST_LINES);
    let (health, mut facts) = (health(common, theme), facts(common, theme));
    loop {
        let together = flow(health.iter().chain(&facts), width.into(), theme);
        let mut apart = flow(health.iter(), width.into(), theme);
        apart.extend(flow(facts.iter(), width.into(), theme));
        let lines = if apart.len() <= together.len() { apart } else { together };
        if lines.len() <= most || facts.pop().is_none() {
            return lines;
        }
    }
}

/// How many lines a body has below the header and above the footer.
pub fn lines_below(common: &Common) -> u16 {
    let header = lines(common, &Theme::plain(), common.size.columns as u16).len();
    common.size.lines.saturating_sub(header + 1) as u16
}

fn facts(common: &Common, theme: &Theme) -> Vec<Chip> {
    let plain = |text| Chip { text, style: Style::new() };
    let clock = text::clock(common).map(plain);
    let all_hooks = hooks(common, theme).filter(|(_, all)| *all).map(|(chip, _)| chip);
    let recorder = recorder::now(&common.data().aggregate).map(plain);
    text::facts(common).into_iter().map(plain).chain(all_hooks).chain(clock).chain(recorder).collect()
}

fn health(common: &Common, theme: &Theme) -> Vec<Chip> {
    let data = common.data();
    let name = common.connection.name().map(|name| format!("{:.NAME_COLUMNS$}", Shown(name)));
    let name = Chip { text: name.unwrap_or_else(|| "grantscope".to_owned()), style: theme.heading() };
    if data.aggregate.environment().is_none() {
        // Nothing is known: not even that nothing was lost.
        return vec![name, status(common, theme)];
    }
    let (lost, is_lost) = text::lost(data);
    let warn_if = |bad, style| if bad { style } else { Style::new() };
    let mut chips = vec![name, status(common, theme)];
    if let Some(past_ns) = common.past_ns() {
        let (when, key) = (text::second(common, past_ns), common.keys.shown(Command::Travel(Travel::Now)));
        chips.push(Chip { text: format!("AS OF {when} ({key}: now)"), style: theme.warning() });
    }
    if data.aggregate.environment().is_some_and(|environment| environment.clock.caveat().is_some()) {
        chips.push(Chip { text: "EMULATED TIME".to_owned(), style: theme.warning() });
    }
    chips.extend([
        Chip { text: lost, style: warn_if(is_lost, theme.bad()) },
        errors_chip(common, theme),
        Chip { text: counted(data.aggregate.operations(), "operation"), style: Style::new() },
        Chip { text: format!("{}{}", text::operation_rate(text::total_rate(common)), rate_over(common)), style: Style::new() },
        Chip { text: text::how_far(common), style: Style::new() },
    ]);
    if let Some((text, is_broken)) = text::output(common) {
        chips.push(Chip { text, style: warn_if(is_broken, theme.bad()) });
    }
    if let Some((text, is_raw)) = text::times(&data.aggregate) {
        chips.push(Chip { text, style: warn_if(is_raw, theme.warning()) });
    }
    if let Some(against) = &common.against {
        chips.extend(against_chip(against, common, theme));
    }
    if let Some(report) = data.aggregate.filtered() {
        chips.push(Chip { text: report.to_string(), style: theme.warning() });
    }
    if let Some(filter) = common.listing.filter() {
        let hidden = counted(common.listing.hidden() as u64, "row");
        let text = format!("filter {:.NAME_COLUMNS$} hides {hidden}", Shown(&filter.to_string()));
        chips.push(Chip { text, style: theme.warning() });
    }
    if let Some(text) = phases::line(&data.aggregate) {
        chips.push(Chip { text, style: Style::new() });
    }
    if let Some(text) = bound::line(&data.aggregate) {
        chips.push(Chip { text, style: theme.warning() });
    }
    if let Some(text) = earlier::line(&data.aggregate) {
        chips.push(Chip { text, style: theme.warning() });
    }
    chips.push(Chip { text: text::held(data), style: Style::new() });
    if let suspects @ 1.. = text::suspects(data) {
        let key = common.keys.shown(MAPS);
        chips.push(Chip { text: format!("LEAK SUSPECTS {suspects} ({key}: which)"), style: theme.bad() });
    }
    // Hooks that are missing are a matter of health; that all are there is a fact among others.
    chips.extend(hooks(common, theme).filter(|(_, all)| !all).map(|(chip, _)| chip));
    if data.reset_at_ns.is_some() {
        chips.push(Chip { text: "since reset".to_owned(), style: theme.warning() });
    }
    chips
}

/// Failures alone: an answer is none.
fn errors_chip(common: &Common, theme: &Theme) -> Chip {
    match common.data().errors {
        0 => Chip { text: "errors 0".to_owned(), style: Style::new() },
        errors => {
            let key = common.keys.shown(ERRORS);
            Chip { text: format!("errors {errors} ({key}: which)"), style: theme.bad() }
        }
    }
}

/// Whether something became slower since the baseline.
fn against_chip(against: &Against, common: &Common, theme: &Theme) -> Option<Chip> {
    let key = common.keys.shown(BASELINE);
    let so_far = if common.ended().is_some() { "" } else { " so far" };
    against.comparison.as_ref()?;
    Some(match against.regressed() {
        0 => {
            let open = against.inconclusive();
            let open = if open == 0 { String::new() } else { format!(", {open} not decided") };
            Chip { text: format!("0 regressed{so_far}{open} ({key}: which)"), style: Style::new() }
        }
        regressed => Chip { text: format!("{regressed} REGRESSED ({key}: which)"), style: theme.bad() },
    })
}

fn rate_over(common: &Common) -> &'static str {
    if common.ended().is_some() { " on average" } else { "" }
}

/// How many are attached, and whether that is all.
fn hooks(common: &Common, theme: &Theme) -> Option<(Chip, bool)> {
    let (text, all) = text::hooks(common.data())?;
    if all {
        return Some((Chip { text, style: Style::new() }, true));
    }
    let key = common.keys.shown(INFO);
    Some((Chip { text: format!("{text} ({key}: which)"), style: theme.warning() }, false))
}

fn status(common: &Common, theme: &Theme) -> Chip {
    let (text, style) = match (common.ended(), common.connection.origin()) {
        (Some(Ended::Complete), _) => ("ENDED", theme.heading()),
        (Some(Ended::CutShort(_)), _) => ("CUT SHORT", theme.bad()),
        (Some(Ended::Damaged(_)), _) => ("DAMAGED", theme.bad()),
        (Some(Ended::Unreadable(_)), _) => ("UNREADABLE", theme.bad()),
        (None, _) if common.data().aggregate.environment().is_none() => ("WAITING for the first frame", theme.warning()),
        (None, Origin::Live) => ("LIVE", theme.good()),
        (None, Origin::Replay) => ("REPLAY", theme.good()),
    };
    let mut text = text.to_owned();
    let silent = common.connection.silent_for().as_secs();
    if common.ended().is_none() && common.connection.origin() == Origin::Live && silent >= SILENT_SECONDS {
        text.push_str(&format!(", silent for {silent} s"));
    }
    let speed = common.playback.speed;
    if common.is_replay() && speed != Speed::Times(1.0) {
        text.push_str(&format!(" {speed}"));
    }
    if common.is_paused() {
        let came = common
            .came_meanwhile()
            .filter(|&count| count > 0)
            .map(|count| format!(", {} meanwhile", counted(count, "operation")));
        return Chip { text: format!("{text}, PAUSED{}", came.unwrap_or_default()), style: theme.warning() };
    }
    Chip { text, style }
}

/// Puts chips side by side, as many as a line holds; a chip that is wider than a line is wrapped.
fn flow<'a>(chips: impl Iterator<Item = &'a Chip>, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines: Vec<Vec<Span>> = Vec::new();
    let mut used = 0;
    for chip in chips {
        for piece in wrap(&chip.text, width) {
            let length = width_of(&piece);
            let joined = used + width_of(SEPARATOR) + length;
            match lines.last_mut() {
                Some(line) if joined <= width => {
                    line.push(Span::styled(SEPARATOR, theme.frame()));
                    line.push(Span::styled(piece, chip.style));
                    used = joined;
                }
                _ => {
                    lines.push(vec![Span::styled(piece, chip.style)]);
                    used = length;
                }
            }
        }
    }
    lines.into_iter().map(Line::from).collect()
}
