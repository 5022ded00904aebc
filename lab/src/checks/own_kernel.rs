//! A kernel that is given as a file: what `cargo xtask lab run --kernel` says of it, and how that comes out where the kernel has no ports.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};

use super::harness::{Harness, TIMEOUT};
use crate::{command, platform};

/// Debian's kernel for arm64, packed, with its modules and without them; and on a machine that it is not for.
pub fn is_examined(harness: &Harness) -> Result<()> {
    let out = harness.out("own-kernel");
    fs::create_dir_all(&out).with_context(|| format!("cannot make {out:?}"))?;
    let lab = harness.lab(platform::named("arm64-stock-6.1")?)?;
    let (kernel, modules) = (out.join("Image"), out.join("lib/modules/of-this-kernel"));
    fs::copy(&lab.parts().kernel.image, &kernel).with_context(|| format!("cannot write {kernel:?}"))?;
    command::run(Command::new("gzip").arg("-1").arg(&kernel))?;
    install(&lab.parts().kernel.modules, &modules)?;
    let kernel = kernel.with_extension("gz");
    let run = |name: &str, arguments: &[&str]| run(&kernel, &out.join(name), arguments);

    let said = run("with-modules", &["--modules", &out.display().to_string()])?;
    says(&said, 4, "Some of it can be profiled here", "results")?;
    let alone = run("alone", &[])?;
    says(&alone, 1, "Nothing can be profiled here", "has no virtio console")?;
    let elsewhere = run("elsewhere", &["--platform", "x86-pv"])?;
    says(&elsewhere, 1, "", "it is a kernel for arm64, and that machine is x86-64: add --platform arm64")?;
    note!("doctor's verdicts on Debian's kernel as a file: partial with its modules; by the console, impossible without them");
    Ok(())
}

/// As `make modules_install` leaves them, of a kernel that has nothing built in.
fn install(modules: &[PathBuf], folder: &Path) -> Result<()> {
    let kernel = folder.join("kernel");
    fs::create_dir_all(&kernel).with_context(|| format!("cannot make {kernel:?}"))?;
    fs::write(folder.join("modules.builtin"), "").with_context(|| format!("cannot write into {folder:?}"))?;
    for module in modules {
        let name = module.file_name().context("a module has a name")?;
        fs::copy(module, kernel.join(name)).with_context(|| format!("cannot copy {module:?}"))?;
    }
    Ok(())
}

/// This program again, as a person calls it.
fn run(kernel: &Path, out: &Path, arguments: &[&str]) -> Result<Output> {
    let this = std::env::current_exe().context("this program does not know where it lies")?;
    let mut command = Command::new(this);
    command.args(["lab", "run", "--yes", "--patience", &TIMEOUT.as_secs().to_string(), "--kernel"]).arg(kernel);
    command.arg("--out").arg(out).args(arguments);
    command::die_with_us(&mut command).output().context("cannot start this program again")
}

fn says(output: &Output, status: i32, stdout: &str, stderr: &str) -> Result<()> {
    let [said, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    ensure!(
        output.status.code() == Some(status) && said.contains(stdout) && errors.contains(stderr),
        "it should end with status {status}, say {stdout:?} and {stderr:?}; it ended with {}:\n{said}{errors}",
        output.status
    );
    Ok(())
}
