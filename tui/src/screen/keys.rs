//! The one table of keys: what each does, for the event loop, the footer and the help screen.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a user can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The row above.
    Up,
    /// The row below.
    Down,
    /// A screenful up.
    PageUp,
    /// A screenful down.
    PageDown,
    /// The first row.
    First,
    /// The last row.
    Last,
    /// The selected row alone, large; and back.
    Zoom,
    /// The next layout of the lower half.
    NextPane,
    /// Sort by the next column.
    Sort,
    /// Turn the order round.
    Reverse,
    /// One row for all page counts, or one row each.
    MergePages,
    /// Buffer kinds side by side; and back.
    Compare,
    /// Compare by the next metric.
    Metric,
    /// What was recorded where, with which hooks, and what was lost.
    Info,
    /// Live mappings, and what of them looks like a leak.
    Maps,
    /// All keys.
    Help,
    /// Hold the display; data goes on being read.
    Pause,
    /// Begin new histograms.
    Reset,
    /// One step back; from the table: quit.
    Back,
    /// Quit.
    Quit,
}

/// One line of the help screen, and one word of the footer.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Keys that do it.
    pub codes: &'static [KeyCode],
    /// How the keys are written.
    pub shown: &'static str,
    /// What they do.
    pub command: Command,
    /// One word for the footer.
    pub word: &'static str,
    /// A sentence for the help screen.
    pub about: &'static str,
}

use KeyCode::{Char, Down, End, Enter, Esc, Home, PageDown, PageUp, Tab, Up};

/// All keys. Ctrl-C quits as well.
pub const BINDINGS: &[Binding] = &[
    binding(&[Char('q')], "q", Command::Quit, "quit", "quit, and print the summary (Ctrl-C too)"),
    binding(&[Char('?'), Char('h')], "?", Command::Help, "help", "this help (h too)"),
    binding(&[Up, Char('k')], "↑ k", Command::Up, "up", "the row above"),
    binding(&[Down, Char('j')], "↓ j", Command::Down, "down", "the row below"),
    binding(&[PageUp], "PgUp", Command::PageUp, "page up", "ten rows up"),
    binding(&[PageDown], "PgDn", Command::PageDown, "page down", "ten rows down"),
    binding(&[Home, Char('g')], "Home g", Command::First, "first", "the first row"),
    binding(&[End, Char('G')], "End G", Command::Last, "last", "the last row"),
    binding(&[Enter], "⏎", Command::Zoom, "zoom", "the selected row alone, large; again: back to the table"),
    binding(&[Tab], "Tab", Command::NextPane, "panes", "lower half: histogram and stages, one of them, or none"),
    binding(&[Char('c')], "c", Command::Compare, "compare", "pages, wc and coherent side by side; again: back to the table"),
    binding(&[Char('m')], "m", Command::Metric, "metric", "compare by the next metric: p50, p90, p99, …"),
    binding(&[Char('p')], "p", Command::MergePages, "merge", "one row for all page counts, or one row for each"),
    binding(&[Char('s')], "s", Command::Sort, "sort", "sort by the next column"),
    binding(&[Char('r')], "r", Command::Reverse, "reverse", "turn the order round"),
    binding(&[Char('i')], "i", Command::Info, "info", "where this was recorded, all hooks, and what was lost"),
    binding(&[Char('l')], "l", Command::Maps, "maps", "live mappings, the oldest first, and leak suspects among them"),
    binding(&[Char(' ')], "space", Command::Pause, "pause", "hold the display (data goes on being read); again: go on"),
    binding(&[Char('x')], "x", Command::Reset, "reset", "forget all operations so far, and begin new histograms"),
    binding(&[Esc], "Esc", Command::Back, "back", "one step back; from the table: quit"),
];

const fn binding(
    codes: &'static [KeyCode],
    shown: &'static str,
    command: Command,
    word: &'static str,
    about: &'static str,
) -> Binding {
    Binding { codes, shown, command, word, about }
}

/// How the key for a command is written.
pub fn binding_of(command: Command) -> &'static Binding {
    BINDINGS.iter().find(|binding| binding.command == command).expect("every command has a key: tested")
}

/// What a key asks for; `None`: nothing.
pub fn command(key: KeyEvent) -> Option<Command> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == Char('c')).then_some(Command::Quit);
    }
    BINDINGS.iter().find(|binding| binding.codes.contains(&key.code)).map(|binding| binding.command)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_means_two_things() {
        let codes: Vec<_> = BINDINGS.iter().flat_map(|binding| binding.codes).collect();
        assert_eq!(codes.len(), codes.iter().collect::<HashSet<_>>().len());
    }

    #[test]
    fn control_c_quits_and_c_compares() {
        let key = |modifiers| command(KeyEvent::new(Char('c'), modifiers));
        assert_eq!(key(KeyModifiers::CONTROL), Some(Command::Quit));
        assert_eq!(key(KeyModifiers::NONE), Some(Command::Compare));
    }

    #[test]
    fn other_control_keys_do_nothing() {
        assert_eq!(command(KeyEvent::new(Char('x'), KeyModifiers::CONTROL)), None);
    }

    #[test]
    fn letting_go_of_a_key_does_nothing() {
        let key = KeyEvent::new_with_kind(Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(command(key), None);
    }
}
