//! Buffer kinds side by side.

pub mod draw;
pub mod state;
