//! The prompt at the bottom: what is shown alone, or looked for, in the language of selectors, with its mistakes while one types; or a name.

use anstream::adapter::strip_str;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use grantscope_analysis::model::MOST_MARK_BYTES;
use grantscope_analysis::select::{Problem, Selector};

/// More is not typed by anybody.
const MOST_BYTES: usize = 1024;

/// What the text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// What it means is shown alone.
    Filter,
    /// What it means is selected, one after the other.
    Search,
    /// It is the name of a mark.
    Mark,
}

impl Purpose {
    /// A text has no more.
    pub fn most_bytes(self) -> usize {
        if self == Self::Mark { MOST_MARK_BYTES } else { MOST_BYTES }
    }
}

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// The prompt stays.
    Goes,
    /// It is closed, and nothing changes.
    Left,
    /// It is closed, and this is wanted; `None`: all, or nothing.
    Entered(Option<Selector>),
    /// It is closed, and this is the name; empty: any.
    Named(String),
}

/// A text that is being typed.
#[derive(Clone, Debug)]
pub struct Prompt {
    purpose: Purpose,
    text: String,
    /// Where the next character comes: bytes from the beginning.
    at: usize,
    /// What came last did not fit.
    is_full: bool,
}

impl Prompt {
    /// Begins with what there is already.
    pub fn new(purpose: Purpose, present: Option<&Selector>) -> Self {
        let text = present.map(ToString::to_string).unwrap_or_default();
        Self { purpose, at: text.len(), text, is_full: false }
    }

    /// What the text is for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the next character comes: bytes from the beginning.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What is wrong with the text; `None`: nothing. A name is any.
    pub fn problem(&self) -> Option<Problem> {
        if self.purpose == Purpose::Mark { None } else { self.selector().err() }
    }

    /// Whether what came last did not fit.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Text comes all at once: without escape sequences, and with a blank between words that lines or tabs keep apart.
    pub fn paste(&mut self, text: &str) {
        self.is_full = false;
        let blank = |character: char| if character.is_whitespace() { ' ' } else { character };
        let plain = strip_str(text.trim_matches(['\r', '\n'])).to_string().replace("\r\n", " ");
        plain.chars().map(blank).for_each(|character| self.insert(character));
    }

    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent) -> Typed {
        let has_control = key.modifiers.contains(KeyModifiers::CONTROL);
        self.is_full = false;
        match key.code {
            KeyCode::Esc => return Typed::Left,
            KeyCode::Enter if self.purpose == Purpose::Mark => return Typed::Named(self.text.trim().to_owned()),
            KeyCode::Enter => return self.selector().map_or(Typed::Goes, Typed::Entered),
            KeyCode::Char('u') if has_control => self.erase(0),
            KeyCode::Char('w') if has_control => self.erase(self.word_before()),
            KeyCode::Char('a') if has_control => self.at = 0,
            KeyCode::Char('e') if has_control => self.at = self.text.len(),
            KeyCode::Char(character) if !has_control => self.insert(character),
            KeyCode::Backspace => self.erase(self.before()),
            KeyCode::Delete => {
                self.text.drain(self.at..self.behind());
            }
            KeyCode::Left => self.at = self.before(),
            KeyCode::Right => self.at = self.behind(),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = self.text.len(),
            _ => {}
        }
        Typed::Goes
    }

    /// What the text means; `None`: it is empty.
    fn selector(&self) -> Result<Option<Selector>, Problem> {
        if self.text.trim().is_empty() { Ok(None) } else { Selector::parse(&self.text).map(Some) }
    }

    /// Control characters mean nothing here.
    fn insert(&mut self, character: char) {
        if character.is_control() {
            return;
        }
        // What comes behind one that does not fit does not take its place.
        self.is_full |= self.text.len() + character.len_utf8() > self.purpose.most_bytes();
        if !self.is_full {
            self.text.insert(self.at, character);
            self.at += character.len_utf8();
        }
    }

    fn erase(&mut self, from: usize) {
        self.text.drain(from..self.at);
        self.at = from;
    }

    fn before(&self) -> usize {
        self.text[..self.at].char_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn behind(&self) -> usize {
        self.at + self.text[self.at..].chars().next().map_or(0, char::len_utf8)
    }

    /// Where the word before begins, as a shell has it: blanks end it.
    fn word_before(&self) -> usize {
        let before = self.text[..self.at].trim_end();
        before
            .char_indices()
            .rev()
            .find(|(_, character)| character.is_whitespace())
            .map_or(0, |(at, blank)| at + blank.len_utf8())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[KeyCode]) -> (Prompt, Typed) {
        let mut prompt = Prompt::new(Purpose::Filter, None);
        let last = keys.iter().map(|&code| prompt.key(KeyEvent::new(code, KeyModifiers::NONE))).last();
        (prompt, last.unwrap_or(Typed::Goes))
    }

    fn keys(text: &str) -> Vec<KeyCode> {
        text.chars().map(KeyCode::Char).collect()
    }

    #[test]
    fn enter_gives_what_was_typed_and_nothing_is_given_while_it_has_a_mistake() {
        let (_, entered) = typed(&[keys("buffer=wc pages>=256"), vec![KeyCode::Enter]].concat());
        assert_eq!(entered, Typed::Entered(Some(Selector::parse("buffer=wc pages>=256").unwrap())));
        let (prompt, entered) = typed(&[keys("export[sides=1]"), vec![KeyCode::Enter]].concat());
        assert_eq!((entered, prompt.problem().map(|problem| problem.at)), (Typed::Goes, Some(7)));
        assert_eq!(typed(&[KeyCode::Char(' '), KeyCode::Enter]).1, Typed::Entered(None));
        assert_eq!(typed(&[KeyCode::Char('x'), KeyCode::Esc]).1, Typed::Left);
    }

    #[test]
    fn a_name_is_any_text_and_no_longer_than_a_mark_may_have() {
        let mut prompt = Prompt::new(Purpose::Mark, None);
        prompt.paste(&format!(" export[{}", "é".repeat(100)));
        assert_eq!((prompt.problem(), prompt.text().len()), (None, MOST_MARK_BYTES));
        let entered = prompt.key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
        assert_eq!(entered, Typed::Named(format!("export[{}", "é".repeat(28))));
    }

    #[test]
    fn of_what_is_pasted_words_stay_apart_and_escape_sequences_leave_nothing() {
        for (pasted, text) in [
            ("\u{1b}[31mcable\u{1b}[0m out", "cable out"),
            ("\u{1b}]0;title\u{7}cable\tout", "cable out"),
            ("cable\r\nout\n", "cable out"),
            ("\ncable\u{2028}out", "cable out"),
        ] {
            let mut prompt = Prompt::new(Purpose::Mark, None);
            prompt.paste(pasted);
            assert_eq!((prompt.text(), prompt.is_full()), (text, false), "{pasted:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_known_until_the_next_key() {
        let mut prompt = Prompt::new(Purpose::Mark, None);
        prompt.paste(&"x".repeat(MOST_MARK_BYTES));
        assert!(!prompt.is_full());
        prompt.key(KeyEvent::new(KeyCode::Char('y'), KeyModifiers::NONE));
        assert_eq!((prompt.text(), prompt.is_full()), ("x".repeat(MOST_MARK_BYTES).as_str(), true));
        prompt.key(KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE));
        // The second does not fit, and so what is behind it is no part of it either.
        prompt.paste("éy");
        assert_eq!((prompt.text().len(), prompt.is_full()), (MOST_MARK_BYTES - 1, true));
    }

    #[test]
    fn a_text_is_edited_at_any_place_whatever_its_characters() {
        let (mut prompt, _) = typed(&keys("é計🎉 a"));
        let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        let press = |prompt: &mut Prompt, keys: &[KeyEvent]| keys.iter().for_each(|&key| drop(prompt.key(key)));
        press(&mut prompt, &[plain(KeyCode::Left), plain(KeyCode::Left), plain(KeyCode::Backspace)]);
        assert_eq!((prompt.text(), prompt.at()), ("é計 a", 5));
        press(&mut prompt, &[plain(KeyCode::Home), plain(KeyCode::Delete), plain(KeyCode::Char('b')), plain(KeyCode::End)]);
        assert_eq!(prompt.text(), "b計 a");
        press(&mut prompt, &[control('w'), control('q')]);
        assert_eq!(prompt.text(), "b計 ");
        prompt.paste("x\u{7}y\n");
        assert_eq!(prompt.text(), "b計 xy");
        prompt.key(control('u'));
        assert_eq!((prompt.text(), prompt.at()), ("", 0));
        prompt.paste(&"é".repeat(MOST_BYTES));
        assert_eq!(prompt.text().len(), MOST_BYTES);
    }
}
