//! A proxy before a server, on loopback: passes bytes, delays them, stops them, or loses the answer to a commit.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::unix::{OwnedReadHalf as ServerRead, OwnedWriteHalf as ServerWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// What the proxy does with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Passes them on.
    Pass,
    /// Passes every piece on so much later.
    Slow(Duration),
    /// Keeps them, and the connections open: a server that is gone without a word.
    Stopped,
    /// Passes on the next commit of a transaction in which these bytes were written, and cuts the connection instead
    /// of passing its answer on. Then it passes all again.
    LoseAnswer(&'static str),
}

/// A running proxy; it ends with the test.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    mode: watch::Sender<Mode>,
    lost: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Rules {
    mode: watch::Sender<Mode>,
    lost: Arc<AtomicU64>,
}

impl Proxy {
    /// Begins to take connections for the server whose socket is in this folder.
    pub(crate) async fn before(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, lost) = (watch::Sender::new(Mode::Pass), Arc::<AtomicU64>::default());
        let rules = Rules { mode: mode.clone(), lost: Arc::clone(&lost) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // Where the server is away the client's connection is dropped.
                if let Ok(server) = UnixStream::connect(folder.join(".s.PGSQL.5432")).await {
                    tokio::spawn(rules.clone().carry(client, server));
                }
            }
        });
        Self { port, mode, lost }
    }

    /// Returns the address of a database behind it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgresql://ploy@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Returns how many answers were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::SeqCst)
    }
}

impl Rules {
    /// Carries bytes both ways until one side ends, or the answer to a commit is to be lost.
    async fn carry(self, client: TcpStream, server: UnixStream) {
        client.set_nodelay(true).unwrap();
        let ((from_client, to_client), (from_server, to_server)) =
            (client.into_split(), server.into_split());
        let loses = watch::Sender::new(false);
        tokio::select! {
            () = self.clone().up(from_client, to_server, loses.clone()) => {}
            () = self.down(from_server, to_client, loses.subscribe()) => {}
        }
    }

    async fn up(self, mut from: OwnedReadHalf, mut to: ServerWrite, loses: watch::Sender<bool>) {
        let (mut bytes, mut is_meant) = ([0; 16 * 1024], false);
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            let piece = &bytes[..count];
            if let Mode::LoseAnswer(mark) = self.wait().await {
                is_meant |= has(piece, mark.as_bytes());
                if is_meant && has(piece, b"commit\0") {
                    loses.send_replace(true);
                }
            }
            if to.write_all(piece).await.is_err() {
                return;
            }
        }
    }

    async fn down(
        self,
        mut from: ServerRead,
        mut to: OwnedWriteHalf,
        loses: watch::Receiver<bool>,
    ) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            let piece = &bytes[..count];
            self.wait().await;
            if *loses.borrow() && has(piece, b"COMMIT\0") {
                self.mode.send_replace(Mode::Pass);
                self.lost.fetch_add(1, Ordering::SeqCst);
                return;
            }
            if to.write_all(piece).await.is_err() {
                return;
            }
        }
    }

    /// Returns when a piece may go on, and by which rule.
    async fn wait(&self) -> Mode {
        let mut changes = self.mode.subscribe();
        let mode = *changes.wait_for(|mode| *mode != Mode::Stopped).await.unwrap();
        if let Mode::Slow(by) = mode {
            tokio::time::sleep(by).await;
        }
        mode
    }
}

fn has(piece: &[u8], what: &[u8]) -> bool {
    piece.windows(what.len()).any(|window| window == what)
}
