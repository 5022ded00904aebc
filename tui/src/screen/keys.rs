//! Keys: what each does, for the event loop, the footer and the help screen.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use grantscope_analysis::history::What;

use crate::screen::binding::{Binding, Bound, binding};
use crate::screen::command::{Command, Travel};
use crate::screen::key::Key;

use KeyCode::{BackTab, Backspace, Char, Down, End, Esc, F, Home, Left, PageDown, PageUp, Right, Tab, Up};

/// Keys that mean the same in every view.
const MOVING: &[Binding] = &[
    binding(&[Char('q')], "q", Command::Quit, "quit", "quit, and print the summary; close what lies over the views"),
    binding(&[], "Ctrl-c", Command::QuitAtOnce, "quit at once", "quit, whatever is seen").or_control(&['c']),
    binding(&[Esc, Left, Char('h'), Backspace], "Esc Left h", Command::Back, "back", "one step back, to the table"),
    binding(&[Right, Char('l')], "Right l", Command::Into, "open", "the slowest operations of the selected row"),
    binding(&[Up, Char('k')], "Up k", Command::Up, "up", "the row above"),
    binding(&[Down, Char('j')], "Down j", Command::Down, "down", "the row below"),
    binding(&[PageUp], "PgUp Ctrl-b Ctrl-u", Command::PageUp, "page up", "up by as many rows as are seen")
        .or_control(&['b', 'u']),
    binding(&[PageDown], "PgDn Ctrl-f Ctrl-d", Command::PageDown, "page down", "down by as many").or_control(&['f', 'd']),
    binding(&[Home, Char('g')], "Home g", Command::First, "first", "the first row"),
    binding(&[End, Char('G')], "End G", Command::Last, "last", "the last row"),
    binding(&[Char('[')], "[", Command::FewerPages, "fewer pages", "the same operation with the page count before"),
    binding(&[Char(']')], "]", Command::MorePages, "more pages", "the same operation with the next page count"),
    binding(&[Tab], "Tab", Command::NextView, "next view", "the next view"),
    binding(&[BackTab], "Shift-Tab", Command::PreviousView, "view before", "the view before"),
    binding(DIGITS, "1-9", Command::Number(1), "view", "the view of this number"),
];

/// Keys that look at another time. They do so in every view.
const TRAVELLING: &[Binding] = &[
    binding(
        &[Char('H')],
        "H",
        Command::Travel(Travel::Columns(-1)),
        "earlier",
        "look at the time before, by a column of the view time: then the other views show what was known then, of a recording in a file",
    ),
    binding(&[Char('L')], "L", Command::Travel(Travel::Columns(1)), "later", "look at the time after"),
    binding(&[Char('{')], "{", Command::Travel(Travel::Columns(-10)), "10 earlier", "ten columns back"),
    binding(&[Char('}')], "}", Command::Travel(Travel::Columns(10)), "10 later", "ten columns on"),
    binding(
        &[Char('W')],
        "W",
        Command::Travel(Travel::Longest),
        "worst",
        "look at when the longest operation of the selected row ended; in the table, that of all rows, which is selected then",
    ),
    binding(
        &[Char('F')],
        "F",
        Command::Travel(Travel::Next(What::Failure)),
        "failure",
        "look at the next failure; behind the last, the first",
    ),
    binding(&[Char('X')], "X", Command::Travel(Travel::Next(What::Loss)), "loss", "the next loss"),
    binding(&[Char('D')], "D", Command::Travel(Travel::Next(What::Deferral)), "deferral", "the next teardown that was deferred"),
    binding(&[Char('B')], "B", Command::Travel(Travel::Next(What::Phase)), "phase", "the next phase of a benchmark that begins"),
    binding(&[Char('K')], "K", Command::Travel(Travel::Next(What::Mark)), "next mark", "the next mark"),
    binding(&[Char('0')], "0", Command::Travel(Travel::Now), "now", "look at the present again"),
    binding(&[Char('+'), Char('=')], "+", Command::Finer, "finer", "shorter columns of time"),
    binding(&[Char('-')], "-", Command::Coarser, "coarser", "longer columns of time"),
];

const DIGITS: &[KeyCode] = &[Char('1'), Char('2'), Char('3'), Char('4'), Char('5'), Char('6'), Char('7'), Char('8'), Char('9')];

/// The key for help that other programs have.
pub const HELP_KEY: KeyCode = F(1);

/// Keys that change what a view shows. The keys that open a view are in the registry of views.
const CHANGING: &[Binding] = &[
    binding(
        &[Char('/')],
        "/",
        Command::Filter,
        "filter",
        "show some rows alone, as `buffer=wc pages>=256 outcome!=ok` or `export.wc` (docs/compare.md, Limits)",
    ),
    binding(&[Char('\\')], "\\", Command::Search, "search", "look for rows in the same language"),
    binding(&[Char('n')], "n", Command::NextMatch, "next", "the next row that is looked for"),
    binding(&[Char('N')], "N", Command::PreviousMatch, "previous", "the one before"),
    binding(&[Char('s')], "s", Command::Sort, "sort", "sort by the next column"),
    binding(&[Char('r')], "r", Command::Reverse, "reverse", "reverse the order"),
    binding(&[Char('p')], "p", Command::MergePages, "merge", "one row for all page counts, or one row for each"),
    binding(
        &[Char('e')],
        "e",
        Command::Expand,
        "expand",
        "a row for each page count of the selected operation alone, or one row for all of them",
    ),
    binding(&[Char('x')], "x", Command::Metric, "metric", "compare by the next metric: p50, p90, p99, …"),
    binding(
        &[Char('v')],
        "v",
        Command::NextPane,
        "panes",
        "lower half: histogram and stages, one of them, or none; in the comparison, where one quotient has room: the next",
    ),
    binding(&[Char('R')], "R", Command::OtherTimes, "raw", "times as measured, or without the probes' own time in them"),
    binding(
        &[Char(' ')],
        "space",
        Command::Pause,
        "pause",
        "hold a replay where it is; live: hold the display, while data goes on being read; again: go on",
    ),
    binding(&[Char('.')], ".", Command::Step, "step", "hold a replay, and go on by a tenth of a second of its own time"),
    binding(&[Char('<')], "<", Command::Slower, "slower", "play a recording half as fast"),
    binding(&[Char('>')], ">", Command::Faster, "faster", "play a recording twice as fast; beyond 64 times: at once"),
    binding(
        &[Char('m')],
        "m",
        Command::Mark,
        "mark",
        "give the present of the recording a name, also for the file of `-o`; without one it is in this view alone",
    ),
    binding(
        &[Char('w')],
        "w",
        Command::Write,
        "write",
        "write all series to grantscope-DATE-TIME.csv (UTC) in the current directory, as `export` does",
    ),
    binding(&[Char('y')], "y", Command::Copy, "copy", "copy the selected row, where the terminal lets programs do that (OSC 52)"),
    binding(
        &[],
        "Ctrl-r",
        Command::Reset,
        "reset",
        "forget all operations so far, and begin new histograms; not once the recording has ended",
    )
    .or_control(&['r']),
    binding(&[], "Ctrl-l", Command::Repaint, "repaint", "draw all anew").or_control(&['l']),
    binding(&[], "Ctrl-z", Command::Suspend, "stop", "give the terminal back to the shell, until `fg`").or_control(&['z']),
];

/// All keys there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys(Vec<Bound>);

impl Keys {
    /// The keys of every view, and those that open one.
    pub fn with(of_views: impl Iterator<Item = Binding>) -> Self {
        let of_all = TRAVELLING.iter().chain(CHANGING).copied();
        Self(MOVING.iter().copied().chain(of_views).chain(of_all).map(Bound::from).collect())
    }

    /// The same with other keys for the commands of these names. All other commands lose them.
    pub fn changed(self, wanted: &[(String, Vec<Key>)]) -> Self {
        let is_taken = |key: &Key| wanted.iter().any(|(_, keys)| keys.contains(key));
        let bound = |bound: Bound| {
            let name = bound.name();
            let keys = match wanted.iter().find(|(wanted, _)| *wanted == name) {
                Some((_, keys)) => keys.clone(),
                None => bound.keys.iter().copied().filter(|key| !is_taken(key)).collect(),
            };
            bound.with(keys)
        };
        Self(self.0.into_iter().map(bound).collect())
    }

    /// All, in the order of the help screen.
    pub fn all(&self) -> &[Bound] {
        &self.0
    }

    /// The keys for a command.
    pub fn of(&self, command: Command) -> &Bound {
        self.0.iter().find(|bound| bound.command == command).expect("every command has a row: tested")
    }

    /// How the keys for a command are written.
    pub fn shown(&self, command: Command) -> &str {
        &self.of(command).shown
    }

    /// The key for a command, where one is enough; `None`: it has none.
    pub fn first(&self, command: Command) -> Option<String> {
        self.of(command).keys.first().map(Key::to_string)
    }

    /// What a key asks for; `None`: nothing.
    pub fn command(&self, key: KeyEvent) -> Option<Command> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let pressed = Key::pressed(key);
        let command = self.0.iter().find(|bound| bound.keys.contains(&pressed))?.command;
        Some(match (command, key.code) {
            (Command::Number(_), Char(digit)) => Command::Number(digit.to_digit(10)? as usize),
            (command, _) => command,
        })
    }
}

#[cfg(test)]
mod tests;
