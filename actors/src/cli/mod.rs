//! The command line: what is asked by words, and answered by text.

pub mod tape;
