//! What the terminal can show, as far as its environment says.

use crate::screen::colours::{Characters, Colours};

/// The value of a variable; `None`: it is not set, or empty, which is the same to all who read these.
pub fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(|value| value.to_string_lossy().into_owned())
}

/// Something that the environment says, and by which words: `TERM=xterm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    /// What it is.
    pub value: T,
    /// The variable and its value, or that there is none.
    pub by: String,
}

impl<T> Said<T> {
    fn by(variable: &str, text: &str, value: T) -> Self {
        Self { value, by: format!("{variable}={text}") }
    }
}

/// The colours: none where `NO_COLOR` is set (<https://no-color.org>); what `COLORTERM` and `TERM` say, else sixteen.
pub fn colours(variable: impl Fn(&str) -> Option<String>) -> Said<Colours> {
    match variable("NO_COLOR") {
        Some(text) => Said::by("NO_COLOR", &text, Colours::Never),
        None => colours_of_terminal(variable),
    }
}

/// The same without asking `NO_COLOR`.
pub fn colours_of_terminal(variable: impl Fn(&str) -> Option<String>) -> Said<Colours> {
    if let Some(text) = variable("COLORTERM").filter(|text| text == "truecolor" || text == "24bit") {
        return Said::by("COLORTERM", &text, Colours::True);
    }
    let Some(term) = variable("TERM") else { return Said { value: Colours::Basic, by: "TERM is not set".to_owned() } };
    let colours = if term.ends_with("-direct") {
        Colours::True
    } else if term.contains("256color") {
        Colours::Indexed
    } else if term == "dumb" || MONOCHROME.iter().any(|name| term.starts_with(name)) {
        Colours::Never
    } else {
        Colours::Basic
    };
    Said::by("TERM", &term, colours)
}

/// DEC's terminals before the colour ones: terminfo knows no colours of them.
const MONOCHROME: [&str; 4] = ["vt1", "vt2", "vt3", "vt4"];

/// The characters: all where the locale is UTF-8. POSIX takes the first of these variables that is set, and `C` if none is (XBD, section
/// 8.2, "Internationalization Variables").
pub fn characters(variable: impl Fn(&str) -> Option<String>) -> Said<Characters> {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| Some((name, variable(name)?)));
    let Some((name, locale)) = set else { return Said { value: Characters::Ascii, by: "LANG is not set".to_owned() } };
    let small = locale.to_ascii_lowercase();
    let is_utf8 = small.contains("utf-8") || small.contains("utf8");
    Said::by(name, &locale, if is_utf8 { Characters::Unicode } else { Characters::Ascii })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn colours_are_those_of_the_terminal_and_none_where_nobody_wants_them() {
        let of = |variables: &[(&str, &str)]| colours(set(variables)).value;
        assert_eq!(of(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]), Colours::True);
        assert_eq!(of(&[("TERM", "tmux-256color")]), Colours::Indexed);
        assert_eq!(of(&[("TERM", "linux")]), Colours::Basic);
        assert_eq!(of(&[("TERM", "vt100")]), Colours::Never);
        assert_eq!(of(&[("TERM", "dumb")]), Colours::Never);
        assert_eq!(of(&[("TERM", "xterm-256color"), ("COLORTERM", "24bit"), ("NO_COLOR", "1")]), Colours::Never);
        let with_colours = colours_of_terminal(set(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]));
        assert_eq!((with_colours.value, with_colours.by.as_str()), (Colours::Indexed, "TERM=xterm-256color"));
    }

    #[test]
    fn the_first_variable_that_is_set_says_the_locale() {
        let of = |variables: &[(&str, &str)]| characters(set(variables)).value;
        assert_eq!(of(&[("LANG", "de_DE.UTF-8")]), Characters::Unicode);
        assert_eq!(of(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")]), Characters::Unicode);
        assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]), Characters::Ascii);
        assert_eq!(of(&[("LANG", "de_DE.ISO-8859-1")]), Characters::Ascii);
        assert_eq!(of(&[]), Characters::Ascii);
    }
}
