//! A simulated venue that listens: its exchange behind a socket of this machine, misbehaving as its habits say.
//!
//! Connections are served one after the other: what was written on one is read before the next is welcomed, so that a
//! client that comes back, or the next process of it, finds all that the last one sent.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ploy::order_path::{Found, OrderHash, Payload};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::exchange::Exchange;
use super::habits::{Habits, Mischief};
use super::wire::{Ask, Lines, Tell, say};

/// How long a step of the exchange takes.
const STEP: Duration = Duration::from_millis(2);
/// How long a delayed answer waits.
const DELAY: Duration = Duration::from_millis(15);
/// News that are said at one stroke.
const NEWS_MAX: usize = 256;

/// A simulated venue that listens until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Inner {
    exchange: Exchange,
    habits: Habits,
    requests: u64,
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    Drop,
}

impl Server {
    /// Listens on an address.
    ///
    /// # Errors
    /// When that address is not free, or not of this machine alone.
    pub async fn start(address: SocketAddr, habits: Habits) -> io::Result<Self> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(io::Error::other("a simulated venue listens on this machine alone"));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let inner = Inner { exchange: Exchange::new(habits), habits, requests: 0 };
        let inner = Arc::new(Mutex::new(inner));
        let task = tokio::spawn(listen(listener, Arc::clone(&inner)));
        Ok(Self { address, inner, task })
    }

    /// Returns where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Looks at the exchange as it is.
    pub fn look<T>(&self, look: impl FnOnce(&Exchange) -> T) -> T {
        look(&lock(&self.inner).exchange)
    }

    /// Changes its habits with connections from here on; what becomes of orders stays as it is.
    pub fn behave(&self, habits: Habits) {
        lock(&self.inner).habits = habits;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, inner: Arc<Mutex<Inner>>) {
    let mut steps = interval(STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted
                    && let Err(error) = serve(stream, &inner, &mut steps).await
                {
                    tracing::debug!(error.message = %error, "a connection to the simulated venue broke");
                }
            }
            _ = steps.tick() => lock(&inner).exchange.pass(),
        }
    }
}

/// Serves one connection to its end.
async fn serve(
    stream: TcpStream,
    inner: &Arc<Mutex<Inner>>,
    steps: &mut Interval,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut lines = Lines::new(reader);
    let mut told: Option<usize> = None;
    loop {
        tokio::select! {
            ask = lines.next::<Ask>() => match ask? {
                None => return Ok(()),
                Some(Ask::Hello { after }) => {
                    let newest = lock(inner).exchange.newest();
                    let after = after.and_then(|after| usize::try_from(after).ok());
                    told = Some(after.unwrap_or(newest));
                    let newest = u64::try_from(newest).unwrap_or(u64::MAX);
                    say(&mut writer, &[Tell::Welcome { newest }]).await?;
                }
                Some(ask) => {
                    if answer(ask, inner, &mut writer).await? == Next::Drop {
                        return Ok(());
                    }
                }
            },
            _ = steps.tick() => lock(inner).exchange.pass(),
        }
        if let Some(told) = &mut told {
            tell(told, inner, &mut writer).await?;
        }
    }
}

/// Does what is asked, and what its habits make of it.
async fn answer(
    ask: Ask,
    inner: &Arc<Mutex<Inner>>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Next> {
    let (mischief, answer) = {
        let mut inner = lock(inner);
        inner.requests += 1;
        let mischief = inner.habits.mischief(inner.requests);
        (mischief, inner.act(&ask, mischief)?)
    };
    match mischief {
        Mischief::DropBefore | Mischief::DropAfter => return Ok(Next::Drop),
        Mischief::Lose => return Ok(Next::GoOn),
        Mischief::Delay => tokio::time::sleep(DELAY).await,
        Mischief::None => {}
    }
    if let Some(answer) = answer {
        say(writer, &[answer]).await?;
    }
    Ok(Next::GoOn)
}

impl Inner {
    /// Does what is asked, unless the connection ends before it is read.
    fn act(&mut self, ask: &Ask, mischief: Mischief) -> io::Result<Option<Tell>> {
        let is_read = mischief != Mischief::DropBefore;
        let exchange = &mut self.exchange;
        match ask {
            Ask::Hello { .. } => {}
            Ask::Place { hash, payload } => {
                let (hash, wanted) = (*hash, read(*hash, payload)?.wanted());
                exchange.receive(hash, &wanted);
                if is_read {
                    let placed = exchange.place(hash, &wanted);
                    return Ok(Some(Tell::Placed { hash, placed }));
                }
            }
            Ask::Cancel { hash } if is_read => exchange.cancel(*hash),
            Ask::Cancel { .. } => {}
            Ask::Lookup { lookup } if is_read => {
                let standing = exchange.standing(lookup.order.hash);
                let found = Found { lookup: lookup.clone(), at: exchange.now(), standing };
                return Ok(Some(Tell::Found { found }));
            }
            Ask::Lookup { .. } => {}
        }
        Ok(None)
    }
}

/// Reads an order; its bytes must be what they are said to hash to.
fn read(hash: OrderHash, payload: &str) -> io::Result<Payload> {
    let payload = Payload::read(payload).map_err(io::Error::other)?;
    if payload.hash() == hash {
        Ok(payload)
    } else {
        Err(io::Error::other("the bytes of an order hash to something else"))
    }
}

/// Says what has happened since.
async fn tell(
    told: &mut usize,
    inner: &Arc<Mutex<Inner>>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<()> {
    loop {
        let events = lock(inner).exchange.news(*told, NEWS_MAX).to_vec();
        if events.is_empty() {
            return Ok(());
        }
        let mut news = Vec::with_capacity(events.len());
        for event in events {
            *told += 1;
            news.push(Tell::News { number: u64::try_from(*told).unwrap_or(u64::MAX), event });
        }
        say(writer, &news).await?;
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}
