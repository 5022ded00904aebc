//! The packages: the same bytes each time, as small as a board needs them, and all that a bare dom0 needs to profile its Xen.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command as Program,
};

use anyhow::{Context, Result, ensure};

use super::{
    harness::{Harness, TIMEOUT},
    recorded::{Recorded, truth},
};
use crate::{
    boot::console_watch::End,
    command,
    guest::job::{Command, Job},
    package::{self, Packed, Source},
    place,
    platform::{Architecture, Clock, MAIN},
    programs,
};

/// What README.md tells the owner of a real host to do, in dom0, by what the package installed alone.
const STEPS: &str = r#"#!/bin/sh
set -e
absent() { if command -v "$1"; then echo "$1 should not be there"; exit 1; fi; }
absent grantscope
absent grantscope-workload

# What every system with dpkg has.
mkdir -p /var/lib/dpkg/info
touch /var/lib/dpkg/status
dpkg -i /job/grantscope.deb
PATH=/usr/bin:$PATH
cd /
md5sum -c /var/lib/dpkg/info/grantscope.md5sums >/out/sums
gunzip -c /usr/share/man/man1/grantscope-record.1.gz >/out/page

cd /tmp
grantscope doctor >/out/doctor
grantscope record -o run.gsr --clock counted -- \
    grantscope-workload run --self --iterations 3 --pages 1,16 --truth truth.json
grantscope summary run.gsr >/out/summary
grantscope export run.gsr -o /out/run.csv
grantscope bench --scenario /usr/share/grantscope/scenarios/latency-1.toml --clock counted --out results -- --iterations 3 >/out/bench
cp results/results.csv /out
cp run.gsr truth.json /out
for scenario in /usr/share/grantscope/scenarios/*.toml; do
    grantscope-workload check "$scenario" >/dev/null
done

dpkg -r grantscope
hash -r
absent grantscope
absent grantscope-workload

# As on a system without dpkg.
mkdir /opt
tar -C /opt -xJf /job/grantscope.tar.xz
PATH=/opt/$(cat /job/folder)/bin:$PATH
grantscope summary run.gsr | cmp - /out/summary
grantscope-workload list >/out/list
"#;

/// Installed into a dom0 of busybox alone, the programs profile it exactly; removed, they are gone. The tarball serves as well.
pub fn is_all_that_is_needed(harness: &Harness) -> Result<()> {
    let architecture = MAIN.architecture;
    let (folder, packed) = packed(harness, architecture, "package")?;
    noted(&packed);
    let [tarball, within] = package::tarball_names(architecture);
    let mut files = vec![
        ("grantscope.deb".to_owned(), folder.join(package::deb_name(architecture))),
        ("grantscope.tar.xz".to_owned(), folder.join(tarball)),
    ];
    for (name, text) in [("steps", STEPS), ("folder", &within)] {
        fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))?;
        files.push((name.to_owned(), folder.join(name)));
    }
    let job = Job::Bare(Command { files, ..Command::inside("/bin/sh", &["/job/steps"]) });
    let out = harness.out("package-in-dom0");
    let outcome = harness.bare().run(&job, Clock::Counted, TIMEOUT, &out, &mut ())?;
    ensure!(outcome.end == End::Pass, harness.unexpected("package-in-dom0", &outcome));
    Recorded::read(&out.join("run.gsr"))?.agrees_with(&truth(&out.join("truth.json"))?)?;
    for (file, part) in [
        ("sums", "usr/bin/grantscope: OK"),
        ("page", ".TH GRANTSCOPE-RECORD 1"),
        ("doctor", "this is dom0"),
        ("summary", "0 lost"),
        ("run.csv", "wc"),
        ("results.csv", "measured"),
        ("list", "latency-1"),
    ] {
        let text = outcome.required(file)?;
        ensure!(text.contains(part), "{} does not say {part:?}", out.join(file).display());
    }
    Ok(())
}

/// No byte is of the time, the user or the folder of a run. For x86-64, since the other check packs for arm64.
pub fn are_the_same_each_time(harness: &Harness) -> Result<()> {
    let (_, first) = packed(harness, Architecture::X86_64, "package-first")?;
    let (_, second) = packed(harness, Architecture::X86_64, "package-second")?;
    noted(&first);
    ensure!(first == second, "the packages differ from run to run: {first:?}, {second:?}");
    Ok(())
}

fn noted(packed: &[Packed]) {
    package::sizes(packed).lines().for_each(|line| note!("{}", line.trim()));
}

/// Packs an architecture's programs into a folder of the checks, and looks at what dpkg-deb reads of the package.
fn packed(harness: &Harness, architecture: Architecture, name: &str) -> Result<(PathBuf, Vec<Packed>)> {
    let folder = harness.out(name);
    let programs = harness.programs_for(architecture)?;
    [&programs.grantscope, &programs.workload].into_iter().try_for_each(|program| names_no_own_place(program))?;
    let pages = package::pages(&programs::manual_beside_tests()?)?;
    let packed = package::pack(architecture, &programs, &pages, &Source::of_work_tree()?, &folder)?;
    package::ensure_small(&packed)?;
    let deb = folder.join(package::deb_name(architecture));
    let read = |option: &str, more: &[&str]| command::output(Program::new("dpkg-deb").arg(option).arg(&deb).args(more));
    let (of, depends) = (read("--field", &["Architecture"])?, read("--field", &["Depends"])?);
    ensure!(of.trim() == architecture.debian(), "{deb:?} is for the architecture {of:?}");
    ensure!(depends.trim().is_empty(), "{deb:?} depends on {depends:?}: its programs are static");
    let listed = read("--contents", &[])?;
    let others = listed.lines().find(|line| !line.contains(" root/root "));
    ensure!(others.is_none(), "{deb:?} has a file that is not root's: {others:?}");
    let [tarball, _] = package::tarball_names(architecture);
    let also_listed = command::output(Program::new("tar").arg("--list").arg("--file").arg(folder.join(tarball)))?;
    for (page, _) in &pages {
        let is_it = |line: &str| line.strip_suffix(".gz").unwrap_or(line).ends_with(&format!("/{page}"));
        let there = |listed: &str| listed.lines().any(is_it);
        ensure!(there(&listed) && there(&also_listed), "{page} is not in both packages for {}", architecture.name());
    }
    Ok((folder, packed))
}

/// A program that names a folder of whoever built it is another one for everybody else.
fn names_no_own_place(program: &Path) -> Result<()> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {program:?}"))?;
    let places = [place::work_tree().as_os_str().as_encoded_bytes(), b"/.cargo/", b"/.rustup/"];
    let named = places.into_iter().find(|place| bytes.windows(place.len()).any(|bytes| bytes == *place));
    let named = named.map(String::from_utf8_lossy);
    ensure!(named.is_none(), "{program:?} names a folder of this machine, {named:?}: see own_places in lab/src/setup/rust.rs");
    Ok(())
}
