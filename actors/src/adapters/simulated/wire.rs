//! What the service and a simulated venue say to each other: one JSON object a line, over a connection of this machine.

use std::io;

use ploy::order::OrderEvent;
use ploy::order_path::{Found, Lookup, OrderHash};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

use super::exchange::Placed;

/// The longest line: an answer with all fills of one order stays far below it. A longer one is nothing of ours.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// What the service says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Ask {
    /// The first line: news are wanted that come after this many, or from now on.
    Hello { after: Option<u64> },
    /// Take this order. The payload is the stored one, letter for letter.
    Place { hash: OrderHash, payload: String },
    /// End this order. No answer but its end.
    Cancel { hash: OrderHash },
    /// How does this order stand?
    Lookup { lookup: Lookup },
}

/// What the venue says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Tell {
    /// The answer to the first line: so many news there are.
    Welcome { newest: u64 },
    /// What came of placing an order.
    Placed { hash: OrderHash, placed: Placed },
    /// How an order stands.
    Found { found: Found },
    /// Something happened. News are numbered from 1.
    News { number: u64, event: OrderEvent },
}

/// Reads lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    /// What of the next line has come.
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), line: Vec::new() }
    }

    /// Returns what the next line says; nothing at the end. Dropped while it waits, it loses nothing.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(chunk.len());
            self.line.extend(chunk.iter().take(taken));
            self.reader.consume(end.map_or(taken, |end| end + 1));
            if LINE_BYTES_MAX < self.line.len() {
                return Err(io::Error::other(format!(
                    "a line of more than {LINE_BYTES_MAX} bytes"
                )));
            }
            if end.is_some() {
                let said = serde_json::from_slice(&self.line);
                self.line.clear();
                return Ok(Some(said?));
            }
        }
    }
}

/// Writes lines at one stroke.
pub(super) async fn say<W, T>(writer: &mut W, all: &[T]) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
    T: Serialize,
{
    let mut text = Vec::new();
    for one in all {
        serde_json::to_writer(&mut text, one)?;
        text.push(b'\n');
    }
    writer.write_all(&text).await?;
    writer.flush().await
}
