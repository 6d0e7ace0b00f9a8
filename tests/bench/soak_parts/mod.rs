//! What the soak is made of: its dice, the program under it, and what is done to that.

pub(crate) mod dice;
pub(crate) mod disturb;
pub(crate) mod service;
