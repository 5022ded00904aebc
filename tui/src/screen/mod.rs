//! What a person watches: the views in a terminal, or plain text where there is none.
//!
//! `event` → `app` (pure state) → `draw` (draws from borrowed state) → `terminal`.

pub mod app;
pub mod ascii;
pub mod basic_colours;
pub mod binding;
pub mod capabilities;
pub mod chips;
pub mod colours;
pub mod command;
pub mod draw;
pub mod event;
pub mod event_loop;
pub mod feed;
#[cfg(test)]
mod fixtures;
pub mod footer;
pub mod header;
pub mod key;
pub mod keys;
pub mod model;
pub mod open;
pub mod outlet;
pub mod palette;
pub mod past;
pub mod picture;
pub mod plain;
pub mod prompt;
pub mod prompt_line;
pub mod request;
pub mod signals;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod too_small;
pub mod until;
pub mod view;
pub mod views;
pub mod watch;
pub mod widgets;
