//! What the viewer knows and what it is asked to show. Pure: events in, values out; no clock, no terminal, no file.

pub mod activity;
pub mod columns;
pub mod compare;
pub mod data;
pub mod detail;
pub mod event;
pub mod group;
pub mod overlay;
pub mod rows;
pub mod selection;

use std::time::Duration;

use grantscope_analysis::recording::Frame;

use self::columns::{Column, Order, P50, SORTABLE};
use self::compare::{CompareStage, Comparison, Subject, compare, compare_stages};
use self::data::Data;
use self::detail::{Detail, detail};
use self::event::{Ended, Event};
use self::group::Group;
use self::rows::{Cache, Row, Wanted, rows};
use self::selection::Selection;
use crate::keys::Command;

/// Where frames come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From this machine, or from another through a stream: as it happens.
    Live,
    /// From a file: as it happened.
    Replay,
}

/// What fills the screen between header and footer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// The table, and details of the selected row below.
    #[default]
    Table,
    /// The selected row alone.
    Zoom,
    /// Buffer kinds side by side.
    Compare,
}

/// The lower half under the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panes {
    /// Histogram and stages side by side.
    #[default]
    Both,
    /// The histogram alone.
    Histogram,
    /// The stages alone.
    Stages,
    /// Nothing: the table has all the room.
    Neither,
}

impl Panes {
    fn next(self) -> Self {
        match self {
            Self::Both => Self::Histogram,
            Self::Histogram => Self::Stages,
            Self::Stages => Self::Neither,
            Self::Neither => Self::Both,
        }
    }
}

/// A screen of text that lies over the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// All keys.
    Help,
    /// Where this was recorded, hooks, loss.
    Info,
    /// Live mappings.
    Maps,
}

/// What a user of `top` is doing, and what there is to see.
#[derive(Clone, Debug)]
pub struct State {
    origin: Origin,
    data: Data,
    /// What is shown instead of `data` while the display is held.
    held: Option<Box<Data>>,
    ended: Option<Ended>,
    silence: Silence,
    screen: Screen,
    panes: Panes,
    overlay: Option<Overlay>,
    /// First line of the overlay that is shown.
    scroll: usize,
    size: Size,
    order: Order,
    merged: bool,
    metric: usize,
    selected: Selection<Group>,
    compared: Selection<Subject>,
    shown: Shown,
    cache: Cache,
    quit: Option<Quit>,
}

/// Why the viewer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quit {
    /// The user asked.
    Asked,
    /// A signal asked.
    Signal(u8),
    /// It cannot go on; why.
    Failed(String),
}

/// The terminal's size, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Width.
    pub columns: usize,
    /// Height.
    pub lines: usize,
}

/// What is computed from the data for the screen, at every tick.
#[derive(Clone, Debug, Default)]
struct Shown {
    rows: Vec<Row>,
    detail: Option<Detail>,
    compare: Comparison,
    compare_stages: Vec<CompareStage>,
    overlay: Vec<overlay::Line>,
}

/// How long nothing came.
#[derive(Clone, Copy, Debug, Default)]
struct Silence {
    heard: bool,
    since: Duration,
    now: Duration,
}

/// Rows that page up and page down move by.
const PAGE_ROWS: isize = 10;
/// Lines of the screen that an overlay does not have for its text: its title, and the footer.
const OVERLAY_FRAME_LINES: usize = 2;

impl State {
    /// Nothing read yet.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            data: Data::default(),
            held: None,
            ended: None,
            silence: Silence::default(),
            screen: Screen::default(),
            panes: Panes::default(),
            overlay: None,
            scroll: 0,
            size: Size::default(),
            order: Order::default(),
            merged: false,
            metric: P50,
            selected: Selection::default(),
            compared: Selection::default(),
            shown: Shown::default(),
            cache: Cache::default(),
            quit: None,
        }
    }

    /// Takes in what happened.
    pub fn update(&mut self, event: Event) {
        match event {
            Event::Frame(frame) => self.frame(&frame),
            Event::Key(command) => self.command(command),
            Event::Tick(now) => self.tick(now),
            Event::Resize(size) => self.size = size,
            Event::StreamEnded(Ended::Unreadable(why)) => self.quit = Some(Quit::Failed(why)),
            Event::StreamEnded(ended) => self.ended = Some(ended),
            Event::Signal(signal) => self.quit = Some(Quit::Signal(signal)),
            Event::NoKeys(why) => self.quit = Some(Quit::Failed(why)),
        }
    }

    fn frame(&mut self, frame: &Frame) {
        self.silence.heard = true;
        self.data.add(frame);
    }

    fn tick(&mut self, now: Duration) {
        if std::mem::take(&mut self.silence.heard) {
            self.silence.since = now;
        }
        self.silence.now = now;
        self.refresh();
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Quit => self.quit = Some(Quit::Asked),
            Command::Back => self.back(),
            Command::Help => self.toggle_overlay(Overlay::Help),
            Command::Info => self.toggle_overlay(Overlay::Info),
            Command::Maps => self.toggle_overlay(Overlay::Maps),
            Command::Up => self.step(-1),
            Command::Down => self.step(1),
            Command::PageUp => self.step(-PAGE_ROWS),
            Command::PageDown => self.step(PAGE_ROWS),
            Command::First => self.step(isize::MIN),
            Command::Last => self.step(isize::MAX),
            Command::Pause => self.toggle_pause(),
            _ if self.overlay.is_some() => {}
            Command::Zoom => self.toggle_screen(Screen::Zoom),
            Command::Compare => self.toggle_screen(Screen::Compare),
            Command::NextPane => self.panes = self.panes.next(),
            Command::Sort => self.order = self.order.next(),
            Command::Reverse => self.order = self.order.reverse(),
            Command::MergePages => self.merged = !self.merged,
            Command::Metric => self.metric = next_metric(self.metric),
            Command::Reset => self.reset(),
        }
        self.refresh();
    }

    fn back(&mut self) {
        match (self.overlay, self.screen) {
            (Some(_), _) => self.overlay = None,
            (None, Screen::Table) => self.quit = Some(Quit::Asked),
            (None, _) => self.screen = Screen::Table,
        }
    }

    fn toggle_overlay(&mut self, overlay: Overlay) {
        self.overlay = if self.overlay == Some(overlay) { None } else { Some(overlay) };
        self.scroll = 0;
    }

    fn toggle_screen(&mut self, screen: Screen) {
        self.screen = if self.screen == screen { Screen::Table } else { screen };
    }

    fn toggle_pause(&mut self) {
        self.held = match self.held {
            Some(_) => None,
            None => Some(Box::new(self.data.clone())),
        };
        self.cache = Cache::default();
    }

    fn reset(&mut self) {
        self.data.reset();
        self.held = None;
        self.cache = Cache::default();
    }

    fn step(&mut self, rows: isize) {
        if self.overlay.is_some() {
            self.scroll = self.scroll.saturating_add_signed(rows).min(self.last_scroll());
        } else if self.screen == Screen::Compare {
            let keys: Vec<_> = self.shown.compare.rows.iter().map(|row| row.subject).collect();
            self.compared.step(&keys, rows);
        } else {
            self.selected.step(&self.groups(), rows);
        }
    }

    /// How far an overlay scrolls: until its last line is at the bottom.
    fn last_scroll(&self) -> usize {
        self.shown.overlay.len().saturating_sub(self.size.lines.saturating_sub(OVERLAY_FRAME_LINES))
    }

    fn groups(&self) -> Vec<Group> {
        self.shown.rows.iter().map(|row| row.group).collect()
    }

    /// Computes what the screen shows. Not at every frame: frames may come far more often than anyone looks.
    fn refresh(&mut self) {
        let data = self.held.as_deref().unwrap_or(&self.data);
        let wanted = Wanted { merged: self.merged, over: self.ended.is_some() };
        let mut rows = rows(data, wanted, &mut self.cache);
        self.order.sort(&mut rows);
        let groups: Vec<_> = rows.iter().map(|row| row.group).collect();
        let selected = self.selected.index(&groups).map(|index| &rows[index]);
        self.shown.detail = selected.map(|row| detail(data, row.group, &row.members));
        self.shown.rows = rows;
        if self.screen == Screen::Compare {
            self.refresh_compare();
        }
        self.shown.overlay = match self.overlay {
            None => Vec::new(),
            Some(Overlay::Help) => overlay::help(self.size.columns),
            Some(Overlay::Info) => overlay::info(self, self.size.columns),
            Some(Overlay::Maps) => overlay::maps(self, self.size.columns),
        };
        self.scroll = self.scroll.min(self.last_scroll());
    }

    fn refresh_compare(&mut self) {
        let data = self.held.as_deref().unwrap_or(&self.data);
        self.shown.compare = compare(data, self.merged, self.metric);
        let keys: Vec<_> = self.shown.compare.rows.iter().map(|row| row.subject).collect();
        let row = self.compared.index(&keys).map(|index| &self.shown.compare.rows[index]);
        self.shown.compare_stages = row.map(|row| compare_stages(data, row)).unwrap_or_default();
    }
}

/// Metrics to compare by: those that a table can be sorted by.
fn next_metric(metric: usize) -> usize {
    let metrics: Vec<usize> =
        SORTABLE.iter().filter_map(|column| if let Column::Metric(index) = column { Some(*index) } else { None }).collect();
    let place = metrics.iter().position(|&other| other == metric).unwrap_or(0);
    metrics[(place + 1) % metrics.len()]
}

/// What views read.
impl State {
    /// Where frames come from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What is shown: the data, or what it was when the display was held.
    pub fn data(&self) -> &Data {
        self.held.as_deref().unwrap_or(&self.data)
    }

    /// All data, whether shown or not.
    pub fn all_data(&self) -> &Data {
        &self.data
    }

    /// Whether the display is held.
    pub fn is_paused(&self) -> bool {
        self.held.is_some()
    }

    /// How the recording ended; `None`: it goes on.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// How long nothing came, in the viewer's time.
    pub fn silent_for(&self) -> Duration {
        self.silence.now.saturating_sub(self.silence.since)
    }

    /// What fills the screen.
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// The lower half under the table.
    pub fn panes(&self) -> Panes {
        self.panes
    }

    /// What lies over the screen.
    pub fn overlay(&self) -> Option<Overlay> {
        self.overlay
    }

    /// Lines of the overlay above those that are to be seen.
    pub fn scrolled(&self) -> usize {
        self.scroll.min(self.shown.overlay.len())
    }

    /// The lines of the overlay, from the first that is to be seen.
    pub fn overlay_lines(&self) -> &[overlay::Line] {
        &self.shown.overlay[self.scrolled()..]
    }

    /// How the rows are sorted.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Whether there is one row for all page counts.
    pub fn is_merged(&self) -> bool {
        self.merged
    }

    /// The metric by which kinds are compared: its place in `METRICS`.
    pub fn metric(&self) -> usize {
        self.metric
    }

    /// The rows of the table, sorted.
    pub fn rows(&self) -> &[Row] {
        &self.shown.rows
    }

    /// Which row is selected.
    pub fn selected(&self) -> Option<usize> {
        self.selected.index(&self.groups())
    }

    /// The selected row in full.
    pub fn detail(&self) -> Option<&Detail> {
        self.shown.detail.as_ref()
    }

    /// The comparison.
    pub fn compare(&self) -> &Comparison {
        &self.shown.compare
    }

    /// Which row of the comparison is selected.
    pub fn compared(&self) -> Option<usize> {
        let keys: Vec<_> = self.shown.compare.rows.iter().map(|row| row.subject).collect();
        self.compared.index(&keys)
    }

    /// Stages of the selected row of the comparison.
    pub fn compare_stages(&self) -> &[CompareStage] {
        &self.shown.compare_stages
    }

    /// Why the viewer should end; `None`: it should go on.
    pub fn quit(&self) -> Option<&Quit> {
        self.quit.as_ref()
    }
}

#[cfg(test)]
mod tests;
