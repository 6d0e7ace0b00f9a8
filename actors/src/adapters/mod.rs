//! Adapters: what speaks with a source or a venue outside, each in the words of that source.

pub mod paper;
pub mod simulated;
pub mod tape;
