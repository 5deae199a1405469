//! Questions as vectors, and the nearest of those that were asked before.
//!
//! [`encoder`] makes the vectors, with a model that its makers publish or one that is made on the spot ([`synthetic`]).
//! [`index`] keeps vectors in memory and finds the nearest one in a partition. [`calibration`] says what a threshold is
//! worth. Nothing here touches a socket, a clock or a file: bytes and `now` are passed in. It is a crate of its own because
//! it is arithmetic that has to be optimised even in tests, and because no filter in WASM carries it.

pub mod calibration;
pub mod encoder;
pub mod index;
pub mod synthetic;
