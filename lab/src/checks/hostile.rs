//! Peers that break the rules of docs/two-domains.md: a backend that makes every mistake, and a frontend that does not answer any more.

use anyhow::{Context, Result, ensure};

use super::harness::Harness;
use crate::{guest::job::Job, platform::Clock};

/// Twice, so that the second finds the frontend as the first did. Then a frontend of dom0's own that is stopped while it is asked for pages.
const PEERS: &str = r#"
now_ms() { read -r seconds _ </proc/uptime; echo "${seconds%.*}${seconds#*.}0"; }
for round in first second; do
    grantscope-workload run --peer 1 --scenario peer-mistakes --truth /out/$round.json 2>/tmp/said || { cat /tmp/said >&2; exit 1; }
    echo "$round: $(grep '^peer-mistakes:' /tmp/said)"
done
cat >/tmp/asks.toml <<'END'
version = 1
name = "asks"
summary = "asks its peer for pages, again and again"
imitates = "nobody"
iterations = 100000
[[workers]]
name = "asking"
each = [{ peer_grant = "asked", pages = 5 }, { peer_ungrant = "asked" }]
END
grantscope-workload frontend --to 0 --pages 20 >/tmp/frontend &
frontend=$!
until grep -q 'directory at reference' /tmp/frontend; do kill -0 $frontend || exit; sleep 0.1; done
reference=$(sed -n 's/.*directory at reference \([0-9]*\).*/\1/p' /tmp/frontend)
grantscope-workload run --peer 0 --directory-ref $reference --scenario /tmp/asks.toml --truth /tmp/asks.json 2>/tmp/asks &
asks=$!
sleep 2
# Not while it has the journals' lock, which it takes for each request: for that it is waited longer.
kill -STOP $frontend
tries=1
while grep -q "FLOCK .* $frontend " /proc/locks; do
    [ $tries -lt 100 ] || { echo 'the frontend keeps a lock' >&2; exit 1; }
    kill -CONT $frontend
    sleep 0.05
    kill -STOP $frontend
    tries=$((tries + 1))
done
sleep 1
before=$(now_ms)
kill -TERM $asks
wait $asks
echo "stopped: $?: $(($(now_ms) - before)): $(grep -c 'not asked' /tmp/asks): $(grep '^error:' /tmp/asks)"
kill -CONT $frontend
kill -TERM $frontend
wait $frontend || exit
grantscope-workload clean 2>&1 | sed 's/^/clean: /'
"#;

/// How long a run may take from the signal on: see `AFTER_STOP` in workload/src/peer/requests/patience.rs.
const MOST_MS: u64 = 7_000;

/// The frontend answers, the run ends.
pub fn peers_hold_nobody(harness: &Harness) -> Result<()> {
    let outcome = harness.passes(harness.full()?, "hostile", &Job::Script(PEERS.into()), Clock::Counted)?;
    let said = outcome.text("stdout").context("nothing was said")?;
    let line = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name));
        line.with_context(|| format!("there is no line `{name}`:\n{said}"))
    };
    for round in ["first: ", "second: "] {
        ensure!(line(round)?.contains("every mistake was answered as it should be"), "the frontend did not answer:\n{said}");
    }
    let mut parts = line("stopped: ")?.splitn(4, ": ");
    let (status, took_ms) = (parts.next(), parts.next().and_then(|ms| ms.parse::<u64>().ok()));
    let (asked_again, error) = (parts.next(), parts.next().unwrap_or_default());
    ensure!(status != Some("0"), "a run whose frontend is stopped cannot end well:\n{said}");
    ensure!(took_ms.is_some_and(|ms| ms <= MOST_MS), "it may take {MOST_MS} ms from the signal on:\n{said}");
    ensure!(asked_again == Some("0"), "that it is not asked again needs no word:\n{said}");
    ensure!(error.contains("it does not answer within 5 s after the signal"), "the error should say so:\n{said}");
    note!("a run whose frontend is stopped ended {} ms after the signal", took_ms.unwrap_or_default());
    Ok(())
}
