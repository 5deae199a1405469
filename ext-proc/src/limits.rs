//! Rate limits and budgets: what an exchange may use is held before it is sent on and settled when it is over.
//!
//! [`rule`] says which rules apply, [`claims`] what they want held, [`held`] what becomes of it on the way and at the end,
//! [`refusal`] what a client reads that must wait, [`warn`] and [`view`] what an operator reads. The numbers themselves are kept by [`crate::store`].

pub mod claims;
pub mod held;
pub mod refusal;
pub mod rule;
pub mod view;
pub mod warn;
