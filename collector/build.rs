//! Finds the compiled probes. Without them the crate still compiles, for lints and for its other tests, and says at run time
//! what is missing.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=GRANTSCOPE_PROBES");
    println!("cargo::rustc-check-cfg=cfg(probes_embedded)");
    let object = match env::var("GRANTSCOPE_PROBES") {
        Ok(object) if Path::new(&object).is_file() => {
            println!("cargo::rustc-cfg=probes_embedded");
            println!("cargo::rerun-if-changed={object}");
            object
        }
        Ok(object) => {
            println!("cargo::error=GRANTSCOPE_PROBES names {object}, which is not a file: run `cargo xtask build`");
            return;
        }
        Err(_) => nothing(),
    };
    println!("cargo::rustc-env=GRANTSCOPE_PROBES={object}");
}

/// An empty file in place of the object.
fn nothing() -> String {
    let path = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("no-probes");
    fs::write(&path, []).expect("cargo's OUT_DIR can be written");
    path.to_str().expect("cargo's OUT_DIR is UTF-8").to_owned()
}
