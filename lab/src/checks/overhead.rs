//! Recording does not become dearer than docs/performance.md says, and what it says of times is true.

use anyhow::{Result, ensure};
use grantscope_wire::Detail;

use super::harness::Harness;
use crate::commands::bench::{document, overhead, probes, truth};

/// How much dearer it may be, as a share: the emulator's quantum can hide in a figure.
const WITHIN: f64 = 0.02;

/// What recording adds to calls that map and export one page.
pub fn recording_is_as_cheap_as_documented(harness: &Harness) -> Result<()> {
    let documented = document::row("`--detail stages`")?;
    let added = overhead::measure(harness.full()?, Detail::Stages)?.added()?;
    note!("added: {added:.2?} µs; documented: {:.2?}", &documented[..added.len().min(documented.len())]);
    for (added, documented) in added.iter().zip(&documented) {
        ensure!(
            *added <= documented * (1.0 + WITHIN),
            "recording adds {added:.2} µs where docs/performance.md says {documented:.2}: \
             `cargo xtask bench overhead --all` shows each call and each program, and with --write the document follows"
        );
    }
    Ok(())
}

/// Every program's instructions.
pub fn programs_are_as_small_as_documented(harness: &Harness) -> Result<()> {
    let programs = probes::measure(harness.full()?)?;
    let complaints = probes::complaints(&programs);
    ensure!(
        complaints.is_empty(),
        "{}\nif that has to be so, `cargo xtask bench probes --write` writes the document anew",
        complaints.join("\n")
    );
    note!("{} programs have at most 2 % more instructions than documented", programs.len());
    Ok(())
}

/// Every operation and quotient at one page, corrected for the probes' own cost.
pub fn times_are_true(harness: &Harness) -> Result<()> {
    let lab = harness.full()?;
    let (mut compared, mut complaints) = truth::check(lab, false)?;
    if !complaints.is_empty() {
        // A quantum of the emulator's can hide in a figure: not in those of two boots.
        note!("in the first boot not true:\n{}", complaints.join("\n"));
        (compared, complaints) = truth::check(lab, false)?;
    }
    ensure!(compared > 0 && complaints.is_empty(), "of {compared} figures not true:\n{}", complaints.join("\n"));
    note!("{compared} figures at one page are within 3 % or 0.2 µs of the calls without a recorder");
    Ok(())
}
