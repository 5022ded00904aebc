//! Which time is looked at, and the columns that a picture of time has: the same in every view, so that the time can be moved in all of them.

use grantscope_analysis::history::{By, History, STEP_NS, Which, Window};

use crate::screen::command::Travel;

/// Columns of the screen that do not stand for time: labels, and the axis.
pub const LABEL_COLUMNS: usize = 11;

/// The time that is looked at, and how finely it is seen.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// The last nanosecond of the column that is looked at, or of the slice of what was found; `None`: now.
    cursor_ns: Option<u64>,
    /// A column is shorter than where everything is seen: by two to this power.
    zoom: u32,
}

/// Columns of time, which begin at multiples of their length: while time goes on they stay what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// How long a column is.
    pub column_ns: u64,
    /// How many there are.
    pub columns: usize,
    first: u64,
}

impl Span {
    /// All of it.
    pub fn window(&self) -> Window {
        Window { from_ns: self.at(0), to_ns: self.at(self.columns) }
    }

    /// A column.
    pub fn column(&self, place: usize) -> Window {
        Window { from_ns: self.at(place), to_ns: self.at(place + 1) }
    }

    /// The column that a time is in; `None`: it is not seen.
    pub fn place(&self, at_ns: u64) -> Option<usize> {
        let place = (at_ns / self.column_ns).checked_sub(self.first)? as usize;
        (place < self.columns).then_some(place)
    }

    fn at(&self, place: usize) -> u64 {
        self.first.saturating_add(place as u64).saturating_mul(self.column_ns)
    }
}

impl Timeline {
    /// The time that is looked at; `None`: now.
    pub fn cursor_ns(&self) -> Option<u64> {
        self.cursor_ns
    }

    /// Looks at now.
    pub fn to_now(&mut self) {
        self.cursor_ns = None;
    }

    /// The columns in so much room: everything, or of a part the newest, or that around the time that is looked at. `None`: nothing has
    /// happened.
    pub fn span(&self, history: &History, room: usize) -> Option<Span> {
        let all = history.window_to_now()?;
        let whole = whole(&all, room.max(1));
        let column_ns = (whole.column_ns >> self.zoom.min(u64::BITS - 1)).div_ceil(STEP_NS).saturating_mul(STEP_NS);
        if column_ns >= whole.column_ns {
            return Some(whole);
        }
        let (first, last) = ends(&all, column_ns);
        let columns = (last - first + 1).min(room.max(1) as u64);
        let wanted = self.cursor_ns.map_or(last, |at_ns| (at_ns / column_ns).saturating_add(columns / 2));
        let last = wanted.clamp(first + (columns - 1), last);
        Some(Span { column_ns, columns: columns as usize, first: last - (columns - 1) })
    }

    /// Sees shorter columns, or longer ones; whether there are any.
    pub fn scale(&mut self, history: &History, room: usize, is_finer: bool) -> bool {
        let finest = self.span(history, room).is_none_or(|span| span.column_ns <= STEP_NS);
        let can = if is_finer { !finest } else { self.zoom > 0 };
        if can {
            self.zoom = if is_finer { self.zoom + 1 } else { self.zoom - 1 };
        }
        can
    }

    /// Looks at another time.
    ///
    /// # Errors
    /// There is none such; why.
    pub fn travel(&mut self, to: Travel, history: &History, row: Which<'_>, room: usize) -> Result<(), &'static str> {
        let (Some(span), Some(all)) = (self.span(history, room), history.window_to_now()) else {
            return Err("nothing has happened so far");
        };
        let newest_ns = all.to_ns.saturating_sub(1);
        let at_ns = match to {
            Travel::Now => {
                self.to_now();
                return Ok(());
            }
            Travel::Columns(by) => {
                let from_ns = self.cursor_ns.unwrap_or(newest_ns);
                from_ns.saturating_add_signed((span.column_ns.min(i64::MAX as u64 / 16) as i64) * i64::from(by))
            }
            Travel::To(at_ns) => at_ns,
            Travel::Longest => {
                history.worst(row, all, By::Longest).ok_or("no operation of this row is in the past that is kept")?.longest_at_ns
            }
            Travel::Next(what) => {
                let next = history.next(self.cursor_ns, what).or_else(|| history.next(None, what));
                next.ok_or(what.none())?.from_ns
            }
        };
        let at_ns = at_ns.clamp(all.from_ns, newest_ns);
        // What is found is at its own time, however wide the columns are.
        let is_found = matches!(to, Travel::Longest | Travel::Next(_));
        let length_ns = if is_found { STEP_NS } else { span.column_ns };
        let end_ns = (at_ns / length_ns).saturating_add(1).saturating_mul(length_ns);
        if let Travel::Columns(by) = to {
            match (by > 0, self.cursor_ns) {
                (true, None) => return Err("this is the present: there is nothing later"),
                (true, Some(at_ns)) if at_ns == end_ns - 1 => return Err("there is nothing later but the present"),
                (false, Some(at_ns)) if at_ns == end_ns - 1 => return Err("there is nothing earlier in the past that is kept"),
                _ => {}
            }
        }
        self.cursor_ns = Some(end_ns - 1);
        Ok(())
    }
}

/// Everything, in columns as short as so much room allows.
fn whole(all: &Window, room: usize) -> Span {
    let has_room = |&column_ns: &u64| {
        let (first, last) = ends(all, column_ns);
        last - first < room as u64
    };
    // The longest is longer than all time.
    let column_ns = lengths().find(has_room).unwrap_or(u64::MAX);
    let (first, last) = ends(all, column_ns);
    Span { column_ns, columns: (last - first + 1) as usize, first }
}

/// Lengths of columns: 1, 2, 3, 4, 6, 8, 12, … steps.
fn lengths() -> impl Iterator<Item = u64> {
    let doublings = (1..u64::BITS).flat_map(|power| [1_u64 << power, 3_u64 << (power - 1)]);
    [1].into_iter().chain(doublings).map(|steps| steps.saturating_mul(STEP_NS))
}

/// The numbers of the first and of the last column.
fn ends(all: &Window, column_ns: u64) -> (u64, u64) {
    (all.from_ns / column_ns, all.to_ns.saturating_sub(1) / column_ns)
}

#[cfg(test)]
mod tests {
    use grantscope_analysis::history::What;
    use grantscope_analysis::model::{Operation, Outcome};
    use grantscope_analysis::recording::Frame;
    use grantscope_analysis::series::Aggregate;
    use grantscope_wire::Buffer;

    use super::*;
    use crate::screen::fixtures::{S, export};

    /// An operation that ends at each of these times, in sixteenths of a second; one fails.
    fn history(steps: &[u64], failed: u64) -> History {
        let (aggregate, mut history) = (Aggregate::default(), History::default());
        let of = |&step: &u64| {
            let outcome = if step == failed { Outcome::Errno(22) } else { Outcome::Ok };
            Operation { start_ns: step * STEP_NS, outcome, ..export(Buffer::Wc, 1, 1_000 + step) }
        };
        history.add(&Frame::Operations(steps.iter().map(of).collect()), &aggregate);
        history
    }

    #[test]
    fn everything_is_seen_in_columns_as_short_as_the_room_allows_and_they_stay_where_they_are() {
        let spans: Vec<_> = [40, 60, 61, 90, 200].map(|last| Timeline::default().span(&history(&[16, last], 0), 50)).into();
        let columns: Vec<_> =
            spans.iter().flatten().map(|span| (span.column_ns / STEP_NS, span.columns, span.window())).collect();
        let window = |from, to| Window { from_ns: from * STEP_NS, to_ns: to * STEP_NS };
        let expected = [
            (1, 25, window(16, 41)),
            (1, 45, window(16, 61)),
            (1, 46, window(16, 62)),
            (2, 38, window(16, 92)),
            (4, 47, window(16, 204)),
        ];
        assert_eq!(columns, expected);
    }

    #[test]
    fn what_is_idle_at_the_end_is_seen_too_and_one_column_back_is_back_from_the_present() {
        let mut history = history(&[16, 20], 0);
        history.add(&Frame::End { at_ns: 21 * S }, &Aggregate::default());
        let mut timeline = Timeline::default();
        let span = timeline.span(&history, 400).unwrap();
        assert_eq!((span.column_ns, span.window()), (STEP_NS, Window { from_ns: S, to_ns: 21 * S + STEP_NS }));
        timeline.travel(Travel::Columns(-1), &history, Which::All, 400).unwrap();
        assert_eq!(timeline.cursor_ns(), Some(21 * S - 1));
        timeline.travel(Travel::Longest, &history, Which::All, 400).unwrap();
        assert_eq!(timeline.cursor_ns(), Some(21 * STEP_NS - 1));
    }

    #[test]
    fn a_closer_look_is_at_the_newest_or_around_the_time_that_is_looked_at() {
        let history = history(&[0, 1_599], 0);
        let mut timeline = Timeline::default();
        assert_eq!(timeline.span(&history, 50).unwrap().column_ns, 2 * S);
        assert!(timeline.scale(&history, 50, true) && timeline.scale(&history, 50, true));
        let seconds = |timeline: &Timeline| {
            let span = timeline.span(&history, 50).unwrap();
            (span.column_ns * 10 / S, span.window().from_ns / S, span.window().to_ns / S, span.columns)
        };
        assert_eq!(seconds(&timeline), (5, 75, 100, 50));
        (0..8).for_each(|_| timeline.travel(Travel::Columns(-10), &history, Which::All, 50).unwrap());
        assert_eq!(seconds(&timeline), (5, 47, 72, 50));
        while timeline.travel(Travel::Columns(-10), &history, Which::All, 50).is_ok() {}
        assert_eq!((seconds(&timeline), timeline.cursor_ns()), ((5, 0, 25, 50), Some(S / 2 - 1)));
        while timeline.scale(&history, 50, true) {}
        assert_eq!(timeline.span(&history, 50).unwrap().column_ns, STEP_NS);
        while timeline.scale(&history, 50, false) {}
        assert_eq!(seconds(&timeline), (20, 0, 100, 50));
    }

    #[test]
    fn the_longest_and_the_failures_are_found_and_what_is_not_there_is_said() {
        let history = history(&[10, 20, 30], 20);
        let mut timeline = Timeline::default();
        let mut to =
            |travel| timeline.travel(travel, &history, Which::All, 100).map(|()| timeline.cursor_ns().map(|ns| ns / STEP_NS));
        assert_eq!(to(Travel::Longest), Ok(Some(30)));
        // Behind the last one comes the first again.
        assert_eq!([to(Travel::Next(What::Failure)), to(Travel::Next(What::Failure))], [Ok(Some(20)); 2]);
        assert_eq!(to(Travel::Next(What::Loss)), Err("nothing was lost in the past that is kept"));
        assert_eq!(
            (to(Travel::Columns(1)), to(Travel::Columns(10)), to(Travel::Columns(1))),
            (Ok(Some(21)), Ok(Some(30)), Err("there is nothing later but the present"))
        );
        assert_eq!((to(Travel::Columns(-10)), to(Travel::Columns(-10))), (Ok(Some(20)), Ok(Some(10))));
        assert_eq!(to(Travel::Columns(-1)), Err("there is nothing earlier in the past that is kept"));
        assert_eq!(to(Travel::Now), Ok(None));
        assert_eq!(to(Travel::Columns(10)), Err("this is the present: there is nothing later"));
        assert!(timeline.travel(Travel::Longest, &history, Which::Of(&|_| false), 100).is_err());
        assert!(timeline.travel(Travel::Columns(1), &History::default(), Which::All, 100).is_err());
    }

    #[test]
    fn a_clock_that_says_anything_has_columns_too() {
        let mut history = history(&[0], 9);
        let last = Operation { start_ns: u64::MAX, ..export(Buffer::Wc, 1, 10) };
        history.add(&Frame::Operations(vec![last]), &Aggregate::default());
        for room in [0, 1, 7, 1_000] {
            let mut timeline = Timeline::default();
            for by in [-10, 10, -1, 1] {
                let moved = timeline.travel(Travel::Columns(by), &history, Which::All, room);
                assert!(moved.is_ok() || timeline.cursor_ns().is_some());
                let span = timeline.span(&history, room).unwrap();
                assert!(span.columns <= room.max(1) && span.place(timeline.cursor_ns().unwrap()).is_some(), "{room} {span:?}");
                timeline.scale(&history, room, true);
            }
        }
    }
}
