//! Finds the compiled probes. Without them the crate still compiles, for lints and for its other tests, and says at run time
//! what is missing.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The objects, by the variable that names each to the compiler.
const OBJECTS: [(&str, &str); 2] =
    [("GRANTSCOPE_USUAL_PROBES", "grantscope-probes"), ("GRANTSCOPE_EARLY_PROBES", "grantscope-probes-early")];

fn main() {
    println!("cargo::rerun-if-env-changed=GRANTSCOPE_PROBES");
    println!("cargo::rustc-check-cfg=cfg(probes_embedded)");
    let folder = env::var_os("GRANTSCOPE_PROBES").map(PathBuf::from);
    for (variable, name) in OBJECTS {
        let object = match &folder {
            Some(folder) if folder.join(name).is_file() => folder.join(name),
            Some(folder) => {
                println!(
                    "cargo::error=GRANTSCOPE_PROBES names {}, which has no {name}: run `cargo xtask build`",
                    folder.display()
                );
                return;
            }
            None => nothing(),
        };
        println!("cargo::rerun-if-changed={}", object.display());
        println!("cargo::rustc-env={variable}={}", object.display());
    }
    if folder.is_some() {
        println!("cargo::rustc-cfg=probes_embedded");
    }
}

/// An empty file in place of an object.
fn nothing() -> PathBuf {
    let path = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("no-probes");
    fs::write(&path, []).expect("cargo's OUT_DIR can be written");
    path
}
