//! One file per verb of `cargo xtask`.

pub mod bench;
pub mod build;
pub mod clean;
pub mod demo;
pub mod fuzz;
pub mod lab_run;
pub mod lab_shell;
pub mod own_kernel;
pub mod package;
pub mod set_up;
pub mod test;
pub mod tidy;
