//! Finds the compiled probes, where they are asked for.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-env-changed=GRANTSCOPE_PROBES");
    if std::env::var_os("CARGO_FEATURE_CAPTURE").is_none() {
        return;
    }
    let Ok(object) = std::env::var("GRANTSCOPE_PROBES") else {
        println!(
            "cargo::error=the feature `capture` embeds the compiled probes: run `cargo xtask build`, which builds them and sets GRANTSCOPE_PROBES"
        );
        return;
    };
    if !Path::new(&object).is_file() {
        println!("cargo::error=GRANTSCOPE_PROBES names {object}, which is not a file: run `cargo xtask build`");
        return;
    }
    println!("cargo::rerun-if-changed={object}");
    println!("cargo::rustc-env=GRANTSCOPE_PROBES={object}");
}
