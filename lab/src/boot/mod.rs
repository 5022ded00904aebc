//! Boots the lab's machine, watches it, and brings back what it made.

pub mod console_watch;
pub mod machine;
pub mod run;
