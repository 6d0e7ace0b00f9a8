//! The primitives of the inbox. The model checks put their own in this place and run the same inbox.

pub(super) use std::sync::Mutex;
pub(super) use std::sync::atomic::AtomicBool;
