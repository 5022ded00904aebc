//! Runs that are refused, interrupted or killed leave nothing once the next one has read the undo journal; and the pinned balloon.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{model::Operation, verify::Truth};
use grantscope_wire::{Op, Stage};

use super::{
    harness::Harness,
    recorded::Recorded,
    scenarios::{run_script, truth},
};

/// What is refused before anything is mapped, and what is interrupted while much is.
const ENDED: &str = "
grantscope record -o /out/left.gsr --clock counted -- sh -c '
grantscope-workload run --peer 1 --scenario display-1080p-wc --set buffers=9 --truth /out/refused.json 2>/out/refused
echo $? >>/out/refused
grantscope-workload run --peer 1 --scenario display-1080p-wc --set frames=100000 --truth /out/interrupted.json 2>/out/interrupted &
sleep 5
kill -INT $!
wait $!
echo $? >>/out/interrupted
'
grantscope maps >/out/maps
";

/// What is killed with SIGKILL, at moments that are known by what it has changed; and what the next run says and does about it.
///
/// Every file that a run of any kind changes is written down before all of it, after each kill, and after the next run.
const KILLED: &str = r#"
LIMIT=/sys/module/xen_gntalloc/parameters/limit
TARGET=/sys/devices/system/xen_memory/xen_memory0/target_kb
DEBUG=/sys/kernel/debug
ORDER=$DEBUG/fail_page_alloc/min-order
FILES="$LIMIT $TARGET $ORDER /proc/sys/kernel/printk $DEBUG/failslab/ignore-gfp-wait"
FILES="$FILES $DEBUG/fail_page_alloc/ignore-gfp-wait $DEBUG/fail_page_alloc/ignore-gfp-highmem"
cd /out
value() { read word rest <$1; echo $word; }
state() { for file in $FILES; do echo $file $(value $file); done; }
state >base
limit=$(value $LIMIT) target=$(value $TARGET) order=$(value $ORDER)
# Waits for a condition while the process in $1 works; one that has ended is a zombie of this shell.
while_working() {
    echo "<1>grantscope-lab: waiting for: $2" >/dev/kmsg
    until eval "$2"; do
        read pid comm status rest </proc/$1/stat
        [ $status != Z ] || { echo "$comm ended before $2" >&2; exit 1; }
    done
}
# NAME UNTIL ARGUMENTS: runs that, kills it when UNTIL is true, and has the next run look.
killed() {
    name=$1 until=$2
    shift 2
    grantscope-workload "$@" --truth /out/$name-killed.json >/out/$name-said 2>&1 &
    victim=$!
    while_working $victim "$until"
    kill -KILL $victim
    wait $victim
    state >$name-killed
    echo $name-killed.json* >$name-truth
    grantscope-workload run --scenario latency-1 --self --iterations 1 --warmup 0 --truth /out/$name-next.json 2>$name-next || exit 1
    state >$name-after
    echo $name-killed.json* >>$name-truth
}
two_buffers() { [ $(grep -c gntdev $DEBUG/dma_buf/bufinfo) = 2 ]; }
killed raised '[ $(value $LIMIT) != $limit ]' run --self --pages 16
killed working two_buffers run --scenario display-1080p-wc --self --set frames=100000
killed injecting '[ $(value $ORDER) != $order ]' run --scenario faults
killed pinning '[ $(value $TARGET) != $target ]' run --scenario latency-1 --self --iterations 100000 --balloon-pages 60000
killed pinned '[ $(value $LIMIT) != $limit ]' run --scenario latency-1 --self --iterations 100000 --balloon-pages 16384
killed crowded '[ $(pidof grantscope-workload | wc -w) -gt 3 ]' run --scenario churn --self --iterations 100000
killed granting 'grep -q granted granting-said' frontend --to 1 --pages 50
"#;

/// Two that overlap: the older one is killed, and what the younger one needs has to stay until that ends too. Then one that does not
/// note anything, because it changes nothing, holds two buffers.
const OVERLAPPING: &str = r#"
grantscope-workload frontend --to 1 --pages 50 >older 2>&1 &
older=$!
while_working $older 'grep -q granted older'
grantscope-workload frontend --to 1 --pages 30 >younger 2>&1 &
younger=$!
while_working $younger 'grep -q granted younger'
kill -KILL $older
wait $older
value $LIMIT >overlapping
grantscope-workload clean >overlapping-cleaned || exit 1
value $LIMIT >>overlapping
kill -TERM $younger
wait $younger
value $LIMIT >>overlapping
grantscope-workload clean >nothing-left || exit 1
grantscope-workload run --peer 1 --scenario display-1080p-wc --set frames=100000 --truth - >/dev/null 2>&1 &
holder=$!
while_working $holder two_buffers
grantscope-workload clean >holders || exit 1
kill -KILL $holder
wait $holder
grantscope maps >maps-killed
ls /run/grantscope >journals
"#;

/// The first maps of 256 pages, in a dom0 whose balloon is empty, as it would be elsewhere: the lab inflates it at boot.
const PINNED: &str = r#"
cat >/tmp/first.toml <<'END'
version = 1
name = "first"
summary = "maps and exports of 256 pages"
imitates = "a back end that has just been started"
warmup = 0
iterations = 20
[[workers]]
name = "first"
each = [
  { map = "window", pages = 256 }, { mmap = "window" }, { munmap = "window" }, { unmap = "window" },
  { export = "buffer", pages = 256, buffer = "pages" }, { release = "buffer" },
]
END
NODE=/sys/devices/system/xen_memory/xen_memory0
all=$(($(value $NODE/info/current_kb) + $(value $NODE/info/low_kb)))
# Has the kernel take everything out of the balloon. Where it has given up on that, it only looks again when the target changes.
emptied() {
    echo $((all - 4)) >$NODE/target_kb
    sleep 1
    echo $all >$NODE/target_kb
    sleep 1
    [ $(value $NODE/info/low_kb) = 0 ] || { echo "$(value $NODE/info/low_kb) KiB stay in the balloon" >&2; exit 1; }
}
emptied
first() {
    name=$1
    shift
    grantscope record -o /out/$name.gsr --clock counted -- \
        grantscope-workload run --scenario /tmp/first.toml --peer 1 --truth /out/$name.json "$@" || exit 1
}
first unpinned
emptied
first pinned --balloon-pages needed
state >put-back
! grantscope-workload run --scenario latency-1 --self --balloon-pages 10000000 --truth /out/too-many.json 2>too-many || exit 1
"#;

/// A run that does not fit maps nothing, one that is interrupted leaves nothing mapped, and what one that is killed leaves is undone by
/// the next.
pub fn nothing_is_left(harness: &Harness) -> Result<()> {
    let out = harness.out("left");
    run_script(harness, "left", &format!("{ENDED}{KILLED}{OVERLAPPING}{PINNED}"))?;
    refused_and_interrupted(&out)?;
    killed(&out)?;
    overlapping(&out)?;
    pinned(&out)
}

fn said(out: &Path, name: &str) -> Result<String> {
    fs::read_to_string(out.join(name)).with_context(|| format!("no {name}"))
}

fn refused_and_interrupted(out: &Path) -> Result<()> {
    let refused = said(out, "refused")?;
    ensure!(refused.contains("nothing was mapped") && refused.ends_with("\n1\n"), "refused otherwise: {refused}");
    let count = |truth: &Truth, op: &str| truth.calls.iter().filter(|call| call.op == op).count();
    ensure!(count(&truth(out, "refused")?, "export") == 0, "it was refused, and exported all the same");
    let interrupted = truth(out, "interrupted")?;
    ensure!(
        said(out, "interrupted")?.contains("interrupted") && !interrupted.is_complete(),
        "it does not say that it was interrupted"
    );
    let (exports, releases) = (count(&interrupted, "export"), count(&interrupted, "release"));
    ensure!(exports == 2 && releases == 2, "{exports} exports and {releases} releases, where both buffers were held");
    let maps = said(out, "maps")?;
    ensure!(!maps.contains("grantscope-work"), "something is still mapped:\n{maps}");
    note!("two buffers were held when it was interrupted, and none was left");
    Ok(())
}

/// The moments of [`KILLED`].
const MOMENTS: [&str; 7] = ["raised", "working", "injecting", "pinning", "pinned", "crowded", "granting"];

/// The next run restores what was changed, reports that, and reports nothing else.
fn killed(out: &Path) -> Result<()> {
    let base = state(out, "base")?;
    let mut left_once: BTreeSet<String> = BTreeSet::new();
    for moment in MOMENTS {
        let (left, after) = (state(out, &format!("{moment}-killed"))?, state(out, &format!("{moment}-after"))?);
        let changed: Vec<_> = base.iter().filter(|(file, before)| left.get(*file) != Some(before)).collect();
        left_once.extend(changed.iter().map(|(file, _)| (*file).clone()));
        let put_back = changed.iter().map(|(file, before)| {
            let at = left.get(*file).map_or("nothing", String::as_str);
            format!("{file} at {at}: restored to {before}")
        });
        let truth = format!(
            "the truth file /out/{moment}-killed.json unwritten: its temporary file is removed, and what that run measured is lost; run it \
             again"
        );
        let expected: BTreeSet<String> = put_back.chain([truth]).collect();
        let next = said(out, &format!("{moment}-next"))?;
        let notes = next.lines().filter_map(|line| line.strip_prefix("note: "));
        let reported: BTreeSet<String> =
            notes.map(|note| note.split_once(") left ").map_or(note, |(_, what)| what).to_owned()).collect();
        ensure!(reported == expected, "{moment}: reported {reported:#?}, expected {expected:#?}");
        ensure!(after == base, "{moment}: the next run left {after:#?}, and it was {base:#?}");
        // Where there is none, the shell leaves its pattern as it is.
        let (name, files) = (format!("{moment}-killed.json"), said(out, &format!("{moment}-truth"))?);
        let [killed, after]: [&str; 2] = files.lines().collect::<Vec<_>>().try_into().unwrap_or_default();
        let is_temporary = killed.starts_with(&format!("{name}.")) && killed.ends_with(".unwritten") && !killed.contains(' ');
        ensure!(is_temporary && after == format!("{name}*"), "{moment}: files of the truth when killed, and after: {files}");
    }
    ensure!(left_once.len() == base.len(), "only {left_once:?} were ever left, so nothing was shown of the others");
    let maps = said(out, "maps-killed")?;
    ensure!(maps.contains("0 mappings hold 0 pages"), "something of a killed run is still mapped:\n{maps}");
    let journals = said(out, "journals")?;
    ensure!(journals == "lock\n", "journals are left: {journals}");
    note!(
        "killed at {} moments: each of {} files of the kernel was left changed at one or more, and restored",
        MOMENTS.len(),
        base.len()
    );
    Ok(())
}

/// What each file said.
fn state(out: &Path, name: &str) -> Result<BTreeMap<String, String>> {
    let lines = said(out, name)?;
    let pairs = lines.lines().filter_map(|line| line.split_once(' '));
    Ok(pairs.map(|(file, value)| (file.to_owned(), value.to_owned())).collect())
}

fn overlapping(out: &Path) -> Result<()> {
    let base = state(out, "base")?;
    let base: u32 = base["/sys/module/xen_gntalloc/parameters/limit"].parse()?;
    let limits = said(out, "overlapping")?;
    let limits: Vec<u32> = limits.lines().map(str::parse).collect::<Result<_, _>>()?;
    // Each frontend has a page for its directory besides, and one for requests.
    ensure!(limits == [base + 52 + 32, base + 32, base], "the limit was {limits:?}, from {base} on");
    let cleaned = said(out, "overlapping-cleaned")?;
    ensure!(
        cleaned.contains("which other runs still need") && cleaned.contains("at work, and left alone: pid "),
        "clean said otherwise: {cleaned}"
    );
    let nothing = said(out, "nothing-left")?;
    ensure!(nothing == "nothing is left of runs that were killed\n", "clean said otherwise: {nothing}");
    let holders = said(out, "holders")?;
    ensure!(holders.contains(") holds 2 dma-bufs of gntdev, 16588800 bytes"), "two buffers of 2,025 pages are held: {holders}");
    note!("of two frontends the older was killed: the limit was {limits:?}, one after the other");
    Ok(())
}

/// With the balloon pinned no map and no export has to inflate it; without, the first one has to.
fn pinned(out: &Path) -> Result<()> {
    let read = |name: &str| -> Result<Recorded> {
        let recorded = Recorded::read(&out.join(name).with_extension("gsr"))?;
        recorded.agrees_with(&truth(out, name)?)?;
        Ok(recorded)
    };
    let (unpinned, pinned) = (read("unpinned")?, read("pinned")?);
    for op in [Op::Map, Op::Export] {
        let (without, with) = (Inflating::of(&unpinned, op)?, Inflating::of(&pinned, op)?);
        let op = op.name();
        ensure!(without.times > 0, "no {op} inflated the balloon, though it was empty: nothing was shown");
        ensure!(with.times == 0, "{} of {} {op} inflated the balloon, though it was pinned", with.times, with.count);
        note!("{op} of 256 pages: {without}; with the balloon pinned: {with}");
    }
    let report: serde_json::Value = serde_json::from_str(&said(out, "pinned.json")?)?;
    let balloon = &report["balloon"];
    let kb = |when: &str, what: &str| {
        balloon[when][what].as_u64().with_context(|| format!("the truth has no {what} at {when}: {balloon}"))
    };
    ensure!(balloon["pinned_pages"] == 256, "not 256 pages were pinned: {balloon}");
    ensure!(kb("before", "in_balloon_kb")? == 0 && kb("start", "in_balloon_kb")? == 1024, "not 1 MiB came into it: {balloon}");
    for what in ["target_kb", "current_kb"] {
        ensure!(kb("before", what)? == kb("start", what)? + 1024, "{what} was not lowered by 1 MiB: {balloon}");
    }
    ensure!(balloon["start"] == balloon["end"], "it did not stay as it was pinned: {balloon}");
    let after = state(out, "put-back")?;
    let target = &after["/sys/devices/system/xen_memory/xen_memory0/target_kb"];
    ensure!(*target == kb("before", "target_kb")?.to_string(), "the target was not restored, but is {target}");
    let refused = said(out, "too-many")?;
    ensure!(refused.contains("pin at most ") && refused.contains("nothing was mapped"), "refused otherwise: {refused}");
    Ok(())
}

/// Operations of 256 pages, and those among them that inflated the balloon.
struct Inflating {
    count: usize,
    times: usize,
    /// The shortest, the median and the longest one, in ns.
    spread: [u64; 3],
}

impl Inflating {
    fn of(recorded: &Recorded, op: Op) -> Result<Self> {
        let of: Vec<&Operation> =
            recorded.operations.iter().filter(|operation| operation.op == op && operation.pages == Some(256)).collect();
        let times = of.iter().filter(|operation| operation.stages.iter().any(|span| span.stage == Stage::BalloonOut)).count();
        let mut durations: Vec<u64> = of.iter().map(|operation| operation.duration_ns).collect();
        durations.sort_unstable();
        let at = |place: usize| durations.get(place).copied().with_context(|| format!("there is no {} of 256 pages", op.name()));
        let last = durations.len().saturating_sub(1);
        Ok(Self { count: of.len(), times, spread: [at(0)?, at(last / 2)?, at(last)?] })
    }
}

impl std::fmt::Display for Inflating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [shortest, median, longest] = self.spread.map(|ns| ns as f64 / 1e3);
        let Self { count, times, .. } = self;
        write!(f, "{times} of {count} with balloon_out, {shortest:.1} to {longest:.1} µs, p50 {median:.1} µs")
    }
}
