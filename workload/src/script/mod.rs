//! Scenario files: what they may say, whether it makes sense, and what is to be done in which arm. Plain functions of text; nothing
//! here touches a device. The format is documented in `docs/scenarios.md`.
//!
//! Text becomes a [`document::Document`] (words and their places), that a [`plan::Plan`] (typed steps, parameters filled in), and
//! [`order`] walks through the plan to see that everything is made before it is used and let go of once.

mod document;
mod needs;
mod order;
mod plan;
mod problem;
pub mod schema;
pub mod vocabulary;

#[cfg(test)]
mod tests;

pub use document::Scalar;
pub use needs::{Held, Needs};
pub use plan::{Action, Amount, Arm, Given, Grants, Order, Pace, Pick, Plan, Side, Slice, Step, Turns, Worker};
pub use problem::Problems;
