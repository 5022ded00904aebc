//! What the header says, in pieces: whether all is well, and facts.

use grantscope_analysis::report::text::{bound, earlier, phases, recorder};
use grantscope_analysis::shown::{Shown, counted, cut, escaped};
use ratatui::style::Style;

use crate::screen::command::{Command, Travel};
use crate::screen::model::baseline::Against;
use crate::screen::model::common::Common;
use crate::screen::open::{BASELINE, ERRORS, INFO, MAPS};
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::source::frames::{Ended, Origin};
use crate::source::pace::Speed;

/// A stream that is silent for this long gets a remark.
const SILENT_SECONDS: u64 = 3;
/// The name of a file is cut behind as many, and so is a filter.
const NAME_COLUMNS: usize = 40;
/// A filter is cut behind as many where there is little room.
const SHORT_COLUMNS: usize = 10;

/// What comes first where there is no room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Without it, what is on the screen misleads: whether this goes on, whether something was lost, whether it is kept, whether all of
    /// it is seen.
    First,
    /// What a second is.
    Clock,
    /// Something is not in order, or not all is shown.
    Alarm,
    /// The rest.
    Rest,
}

/// A fact that stays in one piece where it can.
pub struct Chip {
    /// What it says.
    pub text: String,
    /// The same where there is no room for all of it; `None`: it has no shorter words.
    pub short: Option<String>,
    /// How it looks.
    pub style: Style,
    /// How much it matters.
    pub rank: Rank,
}

impl Chip {
    /// With one text, however little room there is.
    pub fn new(text: String, style: Style, rank: Rank) -> Self {
        Self { text, short: None, style, rank }
    }

    fn plain(text: String) -> Self {
        Self::new(text, Style::new(), Rank::Rest)
    }

    fn alarm(text: String, style: Style) -> Self {
        Self::new(text, style, Rank::Alarm)
    }

    fn first(text: String, style: Style) -> Self {
        Self::new(text, style, Rank::First)
    }

    fn or_short(self, short: String) -> Self {
        Self { short: Some(short), ..self }
    }

    fn alarm_if(is_alarm: bool, text: String, style: Style) -> Self {
        if is_alarm { Self::alarm(text, style) } else { Self::plain(text) }
    }
}

/// Facts, which are in a view of their own too.
pub fn facts(common: &Common, theme: &Theme) -> Vec<Chip> {
    let clock = text::clock(common).map(Chip::plain);
    let all_hooks = hooks(common, theme).filter(|(_, all)| *all).map(|(chip, _)| chip);
    let recorder = recorder::now(&common.data().aggregate).map(Chip::plain);
    text::facts(common).into_iter().map(Chip::plain).chain(all_hooks).chain(clock).chain(recorder).collect()
}

/// Whether all is well, in the order in which a wide header says it.
pub fn health(common: &Common, theme: &Theme) -> Vec<Chip> {
    let data = common.data();
    let name = common.connection.name().map(|name| format!("{:.NAME_COLUMNS$}", Shown(name)));
    let name = Chip::new(name.unwrap_or_else(|| "grantscope".to_owned()), theme.heading(), Rank::Rest);
    if data.aggregate.environment().is_none() {
        // Nothing is known: not even that nothing was lost.
        return vec![name, status(common, theme)];
    }
    let (lost, is_lost) = text::lost(data);
    let mut chips = vec![name, status(common, theme)];
    if let Some(past_ns) = common.past_ns() {
        let (when, key) = (text::second(common, past_ns), common.keys.shown(Command::Travel(Travel::Now)));
        chips.push(Chip::first(format!("AS OF {when} ({key}: now)"), theme.warning()));
    }
    if data.aggregate.environment().is_some_and(|environment| environment.clock.caveat().is_some()) {
        chips.push(Chip::new("EMULATED TIME".to_owned(), theme.warning(), Rank::Clock));
    }
    chips.extend([
        Chip::first(lost, if is_lost { theme.bad() } else { Style::new() }),
        errors_chip(common, theme),
        Chip::plain(counted(data.aggregate.operations(), "operation")),
        Chip::plain(format!("{}{}", text::operation_rate(text::total_rate(common)), rate_over(common))),
        Chip::plain(text::how_far(common)),
    ]);
    if let Some((text, is_broken)) = text::output(common) {
        chips.push(match is_broken {
            true => Chip::first(text, theme.bad()).or_short(format!("NOT WRITTEN ({}: why)", common.keys.shown(INFO))),
            false => Chip::plain(text),
        });
    }
    if let Some((text, is_raw)) = text::times(&data.aggregate) {
        chips.push(Chip::alarm_if(is_raw, text, theme.warning()));
    }
    if let Some(against) = &common.against {
        chips.extend(against_chip(against, common, theme));
    }
    if let Some(report) = data.aggregate.filtered() {
        chips.push(Chip::alarm(report.to_string(), theme.warning()));
    }
    if let Some(filter) = common.listing.filter() {
        let (filter, hidden) = (filter.to_string(), counted(common.listing.hidden() as u64, "row"));
        let text = format!("filter {:.NAME_COLUMNS$} hides {hidden}", Shown(&filter));
        let short = format!("filter {}", cut(&escaped(&filter), SHORT_COLUMNS));
        chips.push(Chip::first(text, theme.warning()).or_short(short));
    }
    if let Some(text) = phases::line(&data.aggregate) {
        chips.push(Chip::plain(text));
    }
    if let Some(text) = bound::line(&data.aggregate) {
        chips.push(Chip::alarm(text, theme.warning()));
    }
    if let Some(text) = earlier::line(&data.aggregate) {
        chips.push(Chip::alarm(text, theme.warning()));
    }
    chips.push(Chip::plain(text::held(data)));
    if let suspects @ 1.. = text::suspects(data) {
        let key = common.keys.shown(MAPS);
        let text = format!("LEAK SUSPECTS {suspects}");
        chips.push(Chip::first(format!("{text} ({key}: which)"), theme.bad()).or_short(text));
    }
    // Hooks that are missing are a matter of health; that all are there is a fact among others.
    chips.extend(hooks(common, theme).filter(|(_, all)| !all).map(|(chip, _)| chip));
    if data.reset_at_ns.is_some() {
        chips.push(Chip::alarm("since reset".to_owned(), theme.warning()));
    }
    chips
}

/// Failures alone: an answer is none.
fn errors_chip(common: &Common, theme: &Theme) -> Chip {
    match common.data().errors {
        0 => Chip::plain("errors 0".to_owned()),
        errors => {
            let key = common.keys.shown(ERRORS);
            Chip::alarm(format!("errors {errors} ({key}: which)"), theme.bad())
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
            Chip::plain(format!("0 regressed{so_far}{open} ({key}: which)"))
        }
        regressed => Chip::alarm(format!("{regressed} REGRESSED ({key}: which)"), theme.bad()),
    })
}

fn rate_over(common: &Common) -> &'static str {
    if common.ended().is_some() { " on average" } else { "" }
}

/// How many are attached, and whether that is all.
fn hooks(common: &Common, theme: &Theme) -> Option<(Chip, bool)> {
    let (text, all) = text::hooks(common.data())?;
    if all {
        return Some((Chip::plain(text), true));
    }
    let key = common.keys.shown(INFO);
    Some((Chip::alarm(format!("{text} ({key}: which)"), theme.warning()), false))
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
        return Chip::first(format!("{text}, PAUSED{}", came.unwrap_or_default()), theme.warning());
    }
    Chip::first(text, style)
}
