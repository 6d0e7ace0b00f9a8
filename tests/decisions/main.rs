//! Tapes in, decisions out: how the strategies behave, as text that a change of behaviour changes.
//!
//! A case is `<case>.tape`, a short tape whose title says what it shows, and `<case>.decisions`, all that came
//! of it: every decision with its numbers, what became of each order, and what was made in the end. The first
//! note of the tape names the settings, `config: legged`; `<case>.toml`, where it is there, says what is
//! different from them. Times count seconds from the tape's begin; orders take a quarter of a second to arrive.
//!
//! To make a case: write its tape, list it in the list of its strategy, and let the program write the rest.
//! After a change that is meant, the same command writes what has changed, for the diff to show:
//!
//! ```sh
//! UPDATE_EXPECT=1 cargo nextest run -p ploy --test decisions
//! ```
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is tests, and a helper of a test fails by panicking"
)]

mod case;
mod folder;
mod play;
mod restart;
mod resume;
mod split_arb;
mod text;
mod together;
mod witness;
