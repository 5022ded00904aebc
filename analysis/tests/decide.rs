//! How often verdicts are right: comparisons of samples that are drawn from recorded distributions, with a change that is known. The seeds
//! are fixed, so that the rates are the same each time; they stand in docs/compare.md.

use std::collections::BTreeMap;
use std::fs::File;

use fastrand::Rng;
use grantscope_analysis::decide::{Comparison, More, Rule, Verdict, compare};
use grantscope_analysis::recording::Reader;
use grantscope_analysis::runs::Run;
use grantscope_analysis::series::{Aggregate, Series, SeriesKey};
use grantscope_wire::Stage;

const ERROR_RATE: f64 = 0.01;

/// Values of one recorded series, of which samples are drawn.
struct Shape(Vec<u64>);

impl Shape {
    fn of(series: &Series) -> Self {
        Self(series.buckets().iter().flat_map(|bucket| (0..bucket.count).map(move |_| bucket.least)).collect())
    }

    /// Anywhere between two recorded values that are neighbours: what was not recorded lies between what was.
    fn draw(&self, rng: &mut Rng) -> f64 {
        let place = rng.usize(1..self.0.len());
        let [low, high] = [self.0[place - 1], self.0[place]].map(|ns| ns as f64);
        low + (high - low) * rng.f64()
    }

    fn sample(&self, rng: &mut Rng, count: usize, factor: f64) -> Series {
        let mut series = Series::default();
        (0..count).for_each(|_| series.record((self.draw(rng) * factor) as u64));
        series
    }
}

/// The shapes of a recording's series that have so many operations that they say what they look like.
struct Recorded {
    run: Run,
    shapes: BTreeMap<SeriesKey, Shape>,
}

impl Recorded {
    fn read(path: &str) -> Self {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        let mut reader = Reader::open(File::open(&path).unwrap()).unwrap();
        let mut aggregate = Aggregate::default();
        while let Some(frame) = reader.next_frame().unwrap() {
            aggregate.add(&frame);
        }
        let run = Run::from(&aggregate);
        let shapes = run.series.iter().filter(|(_, series)| series.count() >= 50).map(|(key, series)| (*key, Shape::of(series)));
        Self { shapes: shapes.collect(), run }
    }

    /// Of whole operations, and of these stages: to draw samples of others takes as long, and nobody judges them.
    fn with_stages(mut self, stages: &[Stage]) -> Self {
        self.shapes.retain(|key, _| key.stage.is_none_or(|stage| stages.contains(&stage)));
        self
    }

    /// Another run of the same, of so many operations in each series, each longer by what `factor` says.
    fn run(&self, rng: &mut Rng, count: usize, factor: impl Fn(&SeriesKey) -> f64) -> Run {
        // As boots of the lab do, by one in a thousand.
        let of_run = 1.0 + 0.001 * (rng.f64() + rng.f64() - 1.0);
        let series = self.shapes.iter().map(|(key, shape)| (*key, shape.sample(rng, count, of_run * factor(key))));
        Run { series: series.collect(), ..self.run.clone() }
    }

    fn runs(&self, rng: &mut Rng, runs: usize, count: usize, factor: impl Fn(&SeriesKey) -> f64) -> Vec<Run> {
        (0..runs).map(|_| self.run(rng, count, &factor)).collect()
    }
}

/// On the instruction-counted clock: most series hardly vary, some have two modes.
fn counted() -> Recorded {
    Recorded::read("../docs/recordings/sweep.gsr")
}

/// On an emulator that shares two busy processors: heavy tails.
fn wall() -> Recorded {
    Recorded::read("tests/fixtures/wall-clock-sweep.gsr")
}

fn judged(base: &[Run], head: &[Run], rule: &str) -> Comparison {
    compare(["base", "head"].map(str::to_owned), base, head, &[Rule::parse(rule).unwrap()], ERROR_RATE)
}

fn is_unchanged(_: &SeriesKey) -> f64 {
    1.0
}

fn count(comparison: &Comparison, verdict: Verdict) -> usize {
    comparison.rows.iter().filter(|row| row.verdict == verdict).count()
}

/// The part of some comparisons in which anything was called changed that was not.
fn false_alarms(recorded: &Recorded, comparisons: u64, runs: usize, operations: usize) -> f64 {
    let is_false = |seed| {
        let rng = &mut Rng::with_seed(seed);
        let [base, head] = [0, 1].map(|_| recorded.runs(rng, runs, operations, is_unchanged));
        let comparison = judged(&base, &head, "* p50=5%,200ns");
        count(&comparison, Verdict::Regressed) + count(&comparison, Verdict::Improved) > 0
    };
    (0..comparisons).filter(|&seed| is_false(seed)).count() as f64 / comparisons as f64
}

/// The part of all series that get this verdict.
fn part_of(
    recorded: &Recorded,
    comparisons: u64,
    drawn: (usize, usize),
    factor: impl Fn(&SeriesKey) -> f64,
    rule: &str,
    verdict: Verdict,
) -> f64 {
    let (runs, operations) = drawn;
    let (mut found, mut all) = (0, 0);
    for seed in 0..comparisons {
        let rng = &mut Rng::with_seed(seed);
        let base = recorded.runs(rng, runs, operations, is_unchanged);
        let comparison = judged(&base, &recorded.runs(rng, runs, operations, &factor), rule);
        // Of a median between two modes nothing but "equivalent" can be said.
        let rows = comparison.rows.iter().filter(|row| verdict == Verdict::Equivalent || row.modes.is_none());
        let verdicts: Vec<_> = rows.map(|row| row.verdict).collect();
        found += verdicts.iter().filter(|&&given| given == verdict).count();
        all += verdicts.len();
    }
    assert!(all > 0, "nothing was judged by {rule}");
    found as f64 / all as f64
}

fn slower_by(part: f64) -> impl Fn(&SeriesKey) -> f64 {
    move |_| 1.0 + part
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

#[test]
fn the_rates_in_the_documents_are_these_and_good_enough() {
    let [counted, wall] = [counted(), wall()].map(|recorded| recorded.with_stages(&[]));
    let stages = self::counted().with_stages(&[Stage::DmaAlloc, Stage::DmaFree, Stage::BalloonIn, Stage::BalloonOut]);
    let of_stage = |key: &SeriesKey| if key.stage.is_some() { 1.05 } else { 1.0 };
    let rates = [
        (
            "nothing changed, counted clock, 200 operations: any change is claimed",
            false_alarms(&counted, 200, 1, 200),
            0.0..=0.01,
        ),
        ("nothing changed, busy host, 200 operations: any change is claimed", false_alarms(&wall, 200, 1, 200), 0.0..=0.01),
        ("nothing changed, busy host, 5 runs of 100: any change is claimed", false_alarms(&wall, 100, 5, 100), 0.0..=0.01),
        (
            "nothing changed, counted clock, 3,000 operations: equivalent by 5 %",
            part_of(&counted, 3, (1, 3_000), is_unchanged, "* p50=5%,200ns", Verdict::Equivalent),
            0.9..=1.0,
        ),
        (
            "nothing changed, busy host, 20,000 operations: equivalent by 25 %",
            part_of(&wall, 1, (1, 20_000), is_unchanged, "* p50=25%,200ns", Verdict::Equivalent),
            0.9..=1.0,
        ),
        (
            "one stage slower by 5 %, counted clock, 3,000 operations, its median not between two modes: found by a limit of 1 %",
            part_of(
                &stages,
                2,
                (1, 1_000),
                of_stage,
                "* dma_alloc=2% dma_free=2% balloon_in=2% balloon_out=2%",
                Verdict::Regressed,
            ),
            0.95..=1.0,
        ),
        (
            "everything slower by 2 %, counted clock, 5 runs of 200, medians not between two modes: found by a limit of 1 %",
            part_of(&counted, 10, (5, 200), slower_by(0.02), "* p50=1%", Verdict::Regressed),
            0.8..=1.0,
        ),
    ];
    let row = |(what, rate, _): &(&str, f64, _)| format!("| {what} | {} |\n", percent(*rate));
    let table = format!("| what | how often |\n| --- | --- |\n{}", rates.iter().map(row).collect::<String>());
    println!("{table}");
    for (what, rate, good) in &rates {
        assert!(good.contains(rate), "{what}: {}\n\n{table}", percent(*rate));
    }
    let document = include_str!("../../docs/compare.md");
    assert!(document.contains(&table), "docs/compare.md has other rates than these: put this in their place\n\n{table}");
}

/// Recorded: exports at 4 pages, one run, 65 operations of each kind. Both run the same code, `dma_alloc` has two modes, and each median fell
/// into another one.
#[test]
fn two_medians_in_two_modes_are_not_taken_for_a_difference() {
    let key = *counted().run.series.keys().find(|key| key.stage.is_none()).unwrap();
    let side = |short: u64, long: u64| {
        let mut series = Series::default();
        let near = |base: u64, i: u64| base + 30 * (i % 40);
        (0..short).for_each(|i| series.record(near(194_000, i)));
        (0..long).for_each(|i| series.record(near(216_000, i)));
        vec![Run { series: BTreeMap::from([(key, series)]), ..Run::default() }]
    };
    let few = judged(&side(36, 29), &side(29, 36), "* p50=5%,200ns");
    let [row] = &few.rows[..] else { panic!("not one row") };
    assert!(row.change_ns() > 20_000, "the medians differ by a tenth: {row:?}");
    assert_eq!(row.verdict, Verdict::Inconclusive);
    let modes = row.modes.expect("both modes are shown");
    assert!(modes.short_ns.abs_diff(194_600) < 1_000 && modes.long_ns.abs_diff(216_600) < 1_000, "{modes:?}");
    let Some(More::Operations(needed)) = row.more else { panic!("it can be decided: {row:?}") };
    let many = judged(&side(needed * 36 / 65, needed * 29 / 65), &side(needed * 35 / 65, needed * 30 / 65), "* p50=5%,200ns");
    assert!(many.rows[0].verdict != Verdict::Regressed && many.rows[0].verdict != Verdict::Improved);
    let enough = judged(&side(5_100, 4_900), &side(4_900, 5_100), "* p50=5%,200ns");
    assert_eq!(enough.rows[0].verdict, Verdict::Equivalent, "{:?}", enough.rows[0]);
    // And a real shift from one mode to the other is one.
    let shifted = judged(&side(9_000, 1_000), &side(1_000, 9_000), "* p50=5%,200ns");
    assert_eq!(shifted.rows[0].verdict, Verdict::Regressed);
}

#[test]
fn the_other_way_round_every_verdict_is_mirrored() {
    let (counted, rules) = (counted(), ["* p50=5%,200ns", "* p50=1% p90=2%", "export dma_alloc=1%,50ns"]);
    for (seed, rule) in (0..9).zip(rules.iter().cycle()) {
        let rng = &mut Rng::with_seed(seed);
        let runs = 1 + rng.usize(..3);
        let base = counted.runs(rng, runs, 150, is_unchanged);
        let head = counted.runs(rng, 2, 150, |key| 1.0 + 0.03 * (key.pages.unwrap_or(0) % 7) as f64 - 0.05);
        let by_key = |comparison: Comparison| {
            let rows = comparison.rows.into_iter().map(|row| ((row.key, row.metric.to_string()), row));
            rows.collect::<BTreeMap<_, _>>()
        };
        let [there, back] = [judged(&base, &head, rule), judged(&head, &base, rule)].map(by_key);
        assert_eq!(there.len(), back.len());
        for (key, row) in &there {
            assert_eq!(row.verdict.mirrored(), back[key].verdict, "{key:?} by {rule}: {row:?} and {:?}", back[key]);
        }
    }
}
