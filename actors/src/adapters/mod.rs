//! Adapters: what turns a source outside into events, each in the words of that source.

pub mod tape;
