//! Keys: what each does, for the event loop, the footer and the help screen.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use grantscope_analysis::history::What;

use crate::screen::command::{Command, Travel};

/// One line of the help screen, and one word of the footer.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Keys that do it.
    pub codes: &'static [KeyCode],
    /// Keys that do it together with Ctrl.
    pub control: &'static [char],
    /// How the keys are written.
    pub shown: &'static str,
    /// What they do.
    pub command: Command,
    /// One word for the footer.
    pub word: &'static str,
    /// A sentence for the help screen.
    pub about: &'static str,
}

use KeyCode::{BackTab, Backspace, Char, Down, End, Esc, F, Home, Left, PageDown, PageUp, Right, Tab, Up};

/// Keys that mean the same in every view.
const MOVING: &[Binding] = &[
    binding(&[Char('q')], "q", Command::Quit, "quit", "quit, and print the summary; close what lies over the views"),
    binding(&[], "Ctrl-c", Command::QuitAtOnce, "quit", "quit, whatever is seen").or_control(&['c']),
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
        "look at the time before, a column of view 4: then the other views show what was known then, of a recording in a file",
    ),
    binding(&[Char('L')], "L", Command::Travel(Travel::Columns(1)), "later", "look at the time after"),
    binding(&[Char('{')], "{", Command::Travel(Travel::Columns(-10)), "10 earlier", "ten columns back"),
    binding(&[Char('}')], "}", Command::Travel(Travel::Columns(10)), "10 later", "ten columns on"),
    binding(
        &[Char('W')],
        "W",
        Command::Travel(Travel::Longest),
        "worst",
        "look at when the longest operation of the selected row ended",
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
    binding(&[Char('K')], "K", Command::Travel(Travel::Next(What::Mark)), "mark", "the next mark"),
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
    binding(&[Char('x')], "x", Command::Metric, "metric", "compare by the next metric: p50, p90, p99, …"),
    binding(&[Char('v')], "v", Command::NextPane, "panes", "lower half: histogram and stages, one of them, or none"),
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

/// A binding.
pub const fn binding(
    codes: &'static [KeyCode],
    shown: &'static str,
    command: Command,
    word: &'static str,
    about: &'static str,
) -> Binding {
    Binding { codes, control: &[], shown, command, word, about }
}

impl Binding {
    /// These keys do it as well, with Ctrl.
    const fn or_control(self, control: &'static [char]) -> Self {
        Self { control, ..self }
    }
}

/// All keys there are.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Binding>);

impl Keys {
    /// The keys of every view, and those that open one.
    pub fn with(of_views: impl Iterator<Item = Binding>) -> Self {
        let of_all = TRAVELLING.iter().chain(CHANGING).copied();
        Self(MOVING.iter().copied().chain(of_views).chain(of_all).collect())
    }

    /// All, in the order of the help screen.
    pub fn all(&self) -> &[Binding] {
        &self.0
    }

    /// The key for a command.
    pub fn of(&self, command: Command) -> &Binding {
        self.0.iter().find(|binding| binding.command == command).expect("every command has a key: tested")
    }

    /// What a key asks for; `None`: nothing.
    pub fn command(&self, key: KeyEvent) -> Option<Command> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let is_bound = |binding: &&Binding| match key.code {
            Char(letter) if key.modifiers.contains(KeyModifiers::CONTROL) => binding.control.contains(&letter),
            code => binding.codes.contains(&code),
        };
        let command = self.0.iter().find(is_bound)?.command;
        Some(match (command, key.code) {
            (Command::Number(_), Char(digit)) => Command::Number(digit.to_digit(10)? as usize),
            (command, _) => command,
        })
    }
}
