//! The header: where this comes from, whether it is whole, and what happens now, as far as there is room.

use ratatui::text::{Line, Span};

use grantscope_analysis::shown::width as width_of;

use crate::screen::chips::{Chip, Rank, facts, health};
use crate::screen::model::common::Common;
use crate::screen::open::INFO;
use crate::screen::theme::Theme;
use crate::screen::widgets::wrap::wrap;

/// Between two facts.
const SEPARATOR: &str = " · ";
/// One line of so many may be the header's, but for what is not in order.
const PART_OF_LINES: usize = 8;
/// One line of so many may be that too.
const PART_WITH_HEALTH: usize = 5;
const LEAST_LINES: usize = 2;

/// All lines of the header: whether all is well, and of the facts, which are in a view of their own too, as many as there is room for.
/// On a low terminal what matters most comes first, and the rest is counted.
pub fn lines(common: &Common, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let most = (common.size.lines / PART_OF_LINES).max(LEAST_LINES);
    let (health, mut facts) = (health(common, theme), facts(common, theme));
    loop {
        let together = flow(health.iter().chain(&facts), width.into(), theme);
        let mut apart = flow(health.iter(), width.into(), theme);
        apart.extend(flow(facts.iter(), width.into(), theme));
        let lines = if apart.len() <= together.len() { apart } else { together };
        if lines.len() <= most {
            return lines;
        }
        if facts.pop().is_none() {
            break;
        }
    }
    flow(seen(health, common, width.into(), theme).iter(), width.into(), theme)
}

/// How many lines a body has below the header and above the footer.
pub fn lines_below(common: &Common) -> u16 {
    let header = lines(common, &Theme::plain(), common.size.columns as u16).len();
    common.size.lines.saturating_sub(header + 1) as u16
}

/// What of it the header has no room for, or not for all of it, but for the facts.
pub fn left_out(common: &Common) -> Vec<String> {
    let theme = Theme::plain();
    let seen = seen(health(common, &theme), common, common.size.columns, &theme);
    let is_seen = |chip: &Chip| seen.iter().any(|seen| seen.text == chip.text);
    health(common, &theme).into_iter().filter(|chip| !is_seen(chip)).map(|chip| chip.text).collect()
}

/// What there is room for, with a count of the rest.
fn seen(mut chips: Vec<Chip>, common: &Common, width: usize, theme: &Theme) -> Vec<Chip> {
    let most = (common.size.lines / PART_WITH_HEALTH).max(LEAST_LINES);
    if flow(chips.iter(), width, theme).len() <= most {
        return chips;
    }
    chips.sort_by_key(|chip| chip.rank);
    for chip in &mut chips {
        if let Some(short) = chip.short.take() {
            chip.text = short;
        }
    }
    let all = chips.len();
    // What comes first stays whatever room it takes.
    while chips.pop_if(|last| last.rank != Rank::First).is_some() {
        let more = format!("+{} ({}: which)", all - chips.len(), common.keys.shown(INFO));
        let more = Chip::new(more, theme.frame(), Rank::First);
        if flow(chips.iter().chain([&more]), width, theme).len() <= most || chips.iter().all(|chip| chip.rank == Rank::First) {
            chips.push(more);
            break;
        }
    }
    chips
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
