//! What leaves for a venue, and what is found out about it later: an order's bytes, their hash, and where it stands.

mod lookup;
mod outgoing;
mod payload;
mod register;

pub use lookup::{Found, Lookup, OrderKey, Standing};
pub use outgoing::{Outgoing, Reserved};
pub use payload::{BadPayload, OrderHash, Payload, Wanted};
pub use register::Register;
