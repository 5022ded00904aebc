//! What holds now, of all that is no operation: a viewer gets what is newer than what it has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::marks::MOST_MARKS;
use crate::model::{Calibration, Crossing, Environment, FilterReport, LiveMap, LossReport, MapsReport, Mark, RecorderReport};
use crate::recording::Frame;

/// A value, and since which change it is so.
type Since<T> = (u64, T);

/// What holds now.
#[derive(Debug, Default)]
pub struct State {
    change: u64,
    environment: Option<Environment>,
    /// When it began to record.
    began: Option<Since<RecorderReport>>,
    recorder: Option<Since<RecorderReport>>,
    filtered: Option<Since<FilterReport>>,
    loss: Option<Since<LossReport>>,
    now_ns: Option<Since<u64>>,
    calibrated_ns: u64,
    crossings: Vec<Since<Crossing>>,
    /// The latest report, without its lists.
    maps_report: Option<Since<MapsReport>>,
    maps: BTreeMap<u64, Since<LiveMap>>,
    marks: VecDeque<Since<Mark>>,
    ended_ns: Option<u64>,
}

/// What somebody has.
#[derive(Debug, Default)]
pub struct Seen {
    change: Option<u64>,
    maps: BTreeSet<u64>,
}

/// What is new to somebody.
#[derive(Debug, Default)]
pub struct New {
    /// What goes before operations: they build on it.
    pub before: Vec<Frame>,
    /// What goes behind them.
    pub behind: Vec<Frame>,
    /// The losses, which are not all that he lacks.
    pub loss: Option<LossReport>,
    /// The time, which needs no frame where there are others.
    pub now_ns: Option<u64>,
}

impl State {
    /// Takes in a frame that is none of operations.
    pub fn set(&mut self, frame: Frame) {
        self.change += 1;
        let change = self.change;
        match frame {
            Frame::Environment(environment) => self.environment = Some(environment),
            Frame::Recorder(report) => {
                self.began.get_or_insert((change, report));
                self.recorder = Some((change, report));
            }
            Frame::Filtered(report) => self.filtered = Some((change, report)),
            Frame::Loss(report) => self.loss = Some((change, report)),
            Frame::Tick { at_ns } => self.now_ns = Some((change, at_ns)),
            Frame::Calibration(calibration) => self.calibrate(calibration),
            Frame::Maps(report) => self.set_maps(report),
            Frame::Mark(mark) => self.mark(mark),
            Frame::End { at_ns } => self.ended_ns = Some(at_ns),
            Frame::Operations(_) => {}
        }
    }

    fn calibrate(&mut self, calibration: Calibration) {
        self.calibrated_ns = calibration.at_ns;
        for crossing in calibration.crossings {
            let key = |of: &Crossing| (of.hook, of.edge, of.op, of.buffer);
            self.crossings.retain(|(_, known)| key(known) != key(&crossing));
            self.crossings.push((self.change, crossing));
        }
    }

    fn mark(&mut self, mark: Mark) {
        if self.marks.len() == MOST_MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back((self.change, mark));
    }

    fn set_maps(&mut self, report: MapsReport) {
        let MapsReport { at_ns, changed, gone, no_census, direct_mapped } = report;
        gone.iter().for_each(|id| drop(self.maps.remove(id)));
        self.maps.extend(changed.into_iter().map(|map| (map.id, (self.change, map))));
        let before = self.maps_report.take().map(|(_, before)| before).unwrap_or_default();
        let (no_census, direct_mapped) = (no_census.or(before.no_census), direct_mapped.or(before.direct_mapped));
        self.maps_report = Some((self.change, MapsReport { at_ns, no_census, direct_mapped, ..MapsReport::default() }));
    }

    /// Whether a recording can begin.
    pub fn has_begun(&self) -> bool {
        self.environment.is_some()
    }

    /// When the recording ended on purpose.
    pub fn ended_ns(&self) -> Option<u64> {
        self.ended_ns
    }

    /// Whether somebody has all of it.
    pub fn is_known(&self, seen: &Seen) -> bool {
        seen.change == Some(self.change)
    }

    /// What is new to somebody, who has it then.
    pub fn new_to(&self, seen: &mut Seen) -> New {
        let mut new = New::default();
        let is_new = |change: u64| seen.change.is_none_or(|seen| change > seen);
        let value = |since: &Option<Since<RecorderReport>>| {
            since.as_ref().filter(|(change, _)| is_new(*change)).map(|(_, report)| *report)
        };
        if seen.change.is_none() {
            new.before.extend(self.environment.clone().map(Frame::Environment));
        }
        new.before.extend(value(&self.began).map(Frame::Recorder));
        new.before.extend(
            self.filtered.iter().filter(|(change, _)| is_new(*change)).map(|(_, report)| report.clone()).map(Frame::Filtered),
        );
        let crossings: Vec<_> = self.crossings.iter().filter(|(change, _)| is_new(*change)).map(|(_, one)| *one).collect();
        if !crossings.is_empty() {
            new.before.push(Frame::Calibration(Calibration { at_ns: self.calibrated_ns, crossings }));
        }
        new.behind
            .extend(value(&self.recorder).filter(|report| !new.before.contains(&Frame::Recorder(*report))).map(Frame::Recorder));
        if let Some((_, report)) = self.maps_report.as_ref().filter(|(change, _)| is_new(*change)) {
            let changed = self.maps.values().filter(|(change, _)| is_new(*change)).map(|(_, map)| map.clone()).collect();
            let gone = seen.maps.iter().filter(|id| !self.maps.contains_key(id)).copied().collect();
            new.behind.push(Frame::Maps(MapsReport { changed, gone, ..report.clone() }));
            seen.maps = self.maps.keys().copied().collect();
        }
        // Behind operations: a mark from before those that are kept is not to be the beginning of what is known.
        let marks = self.marks.iter().filter(|(change, _)| is_new(*change));
        new.behind.extend(marks.map(|(_, mark)| Frame::Mark(mark.clone())));
        new.loss = self.loss.as_ref().filter(|(change, _)| is_new(*change)).map(|(_, report)| report.clone());
        new.now_ns = self.now_ns.filter(|(change, _)| is_new(*change)).map(|(_, at_ns)| at_ns);
        seen.change = Some(self.change);
        new
    }
}
