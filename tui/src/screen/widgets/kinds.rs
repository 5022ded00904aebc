//! The names of the kinds of buffer in a heading, each in its colour.

use grantscope_wire::Buffer;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::screen::theme::Theme;

/// A heading whose columns are named after these kinds, from left to right: the first place of each, in its colour.
pub fn named(heading: &str, kinds: &[Buffer], theme: &Theme) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut rest = heading;
    for &kind in kinds {
        let Some((before, behind)) = split_at_word(rest, kind.name()) else { continue };
        spans.extend([Span::raw(before.to_owned()), Span::styled(kind.name(), theme.kind(Some(kind)))]);
        rest = behind;
    }
    spans.push(Span::styled(rest.to_owned(), Style::new()));
    spans
}

/// What is before and behind a word that stands alone: `pages` is also a part of `n pages`.
fn split_at_word<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let is_alone = |place: usize| {
        let before = &text[..place];
        let behind = &text[place + word.len()..];
        !before.ends_with("n ")
            && before.chars().next_back().is_none_or(char::is_whitespace)
            && !behind.starts_with(char::is_alphanumeric)
    };
    let (place, _) = text.match_indices(word).find(|&(place, _)| is_alone(place))?;
    Some((&text[..place], &text[place + word.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_colour_and_the_page_count_none() {
        let theme = Theme::colourful();
        let spans = named("operation  n pages   pages     wc  wc/p", &[Buffer::Pages, Buffer::Wc], &theme);
        let texts: Vec<_> = spans.iter().map(|span| span.content.as_ref()).collect();
        assert_eq!(texts, ["operation  n pages   ", "pages", "     ", "wc", "  wc/p"]);
        assert_eq!([&spans[1], &spans[3]].map(|span| span.style), [Buffer::Pages, Buffer::Wc].map(|kind| theme.kind(Some(kind))));
    }
}
