//! Tapes in, decisions out: how the strategies behave, as text that a change of behaviour changes.
