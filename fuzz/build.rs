//! Says whether the compiler counts what is executed: then the fuzzer keeps inputs that get somewhere new.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(guided)");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if flags.contains("instrument-coverage") {
        println!("cargo::rustc-cfg=guided");
    }
}
