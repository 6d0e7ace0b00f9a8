//! The service's end of the connection to a simulated venue.
//!
//! owns: the connection, what was asked and not answered yet, and how far the news have been read
//! takes: orders, cancels and questions from a bounded queue
//! emits: what the venue tells, to the executor
//! dies: with the handle; a connection that breaks is made anew

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ploy::order::{ClientOrderId, OrderEvent, Origin, Submission, Update};
use ploy::order_path::{Found, Lookup, OrderHash, OrderKey, Payload, Standing};
use ploy::time::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep, timeout};

use super::ANSWER;
use super::exchange::Placed;
use super::wire::{Ask, Lines, Tell, say};
use crate::bus::Ticket;
use crate::ports::News;

/// The wait before a connection is tried again: doubled each time, up to the longest.
const RETRY: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_secs(1);
/// How long one step of making a connection, or of writing to it, may take.
const STEP_WITHIN: Duration = Duration::from_secs(2);
/// Requests that are written at one stroke.
const TOGETHER: usize = 64;
/// How often it is looked for what was not answered in time.
const LOOK: Duration = Duration::from_millis(100);
/// Cancels that are said again after a connection was made anew: more orders than all strategies have open.
const CANCELS_MAX: usize = 4096;

/// What is asked of the venue.
#[derive(Debug)]
pub(super) enum Asked {
    Place(Sending, Ticket),
    Cancel(OrderKey, Ticket),
    Lookup(Lookup, Ticket),
}

/// An order as it is written to the venue.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    pub(super) key: OrderKey,
    pub(super) at: Timestamp,
    pub(super) payload: Payload,
}

/// How the connection is, for those who ask.
#[derive(Clone, Debug, Default)]
pub(super) struct Health(Arc<Mutex<Condition>>);

#[derive(Debug)]
struct Condition {
    /// Since when there is none; nothing while there is one.
    down: Option<Instant>,
    why: String,
}

/// The connection, as long as it is wanted.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) address: SocketAddr,
    pub(super) asked: mpsc::Receiver<Asked>,
    pub(super) events: mpsc::Sender<(News, Ticket)>,
    pub(super) health: Health,
    /// The number of the newest news that were taken in; nothing before the first connection.
    pub(super) cursor: Option<u64>,
    /// Orders that were written and not answered.
    pub(super) placed: BTreeMap<OrderHash, Placing>,
    /// Questions that were written and not answered.
    pub(super) lookups: BTreeMap<OrderHash, (Lookup, Ticket, Instant)>,
    /// Orders that are to end and have not yet.
    pub(super) cancels: BTreeMap<ClientOrderId, OrderHash>,
}

/// An order that was written and not answered.
#[derive(Debug)]
pub(super) struct Placing {
    id: ClientOrderId,
    at: Timestamp,
    ticket: Ticket,
    since: Instant,
}

/// Nobody wants the link any more, or nobody takes what it tells.
#[derive(Debug)]
struct Unwanted;

/// Why a connection is over.
#[derive(Debug)]
enum Over {
    Unwanted,
    Broken(io::Error),
}

impl From<Unwanted> for Over {
    fn from(_: Unwanted) -> Self {
        Self::Unwanted
    }
}

impl From<io::Error> for Over {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl Link {
    /// Keeps a connection as long as somebody wants it.
    pub(super) async fn run(mut self) {
        let mut wait = RETRY;
        loop {
            let error = match self.connect().await {
                Ok(stream) => match self.serve(stream, &mut wait).await {
                    Err(Over::Unwanted) => return,
                    Err(Over::Broken(error)) => error,
                    Ok(()) => io::ErrorKind::ConnectionAborted.into(),
                },
                Err(error) => error,
            };
            if self.health.lost(&error) {
                tracing::warn!(
                    venue.address = %self.address,
                    error.message = %error,
                    "the simulated venue is away"
                );
            }
            if self.lose().await.is_err() || self.wait(wait).await.is_err() {
                return;
            }
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let stream = in_time(TcpStream::connect(self.address)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Carries requests and news over one connection, as long as it holds.
    async fn serve(&mut self, stream: TcpStream, wait: &mut Duration) -> Result<(), Over> {
        let (reader, mut writer) = stream.into_split();
        let mut lines = Lines::new(reader);
        in_time(say(&mut writer, &[Ask::Hello { after: self.cursor }])).await?;
        let Some(Tell::Welcome { newest }) = in_time(lines.next()).await? else {
            return Err(io::Error::other("it does not greet as a simulated venue does").into());
        };
        // What comes from here on is told; what was before the first connection is looked up.
        self.cursor.get_or_insert(newest);
        self.health.found();
        tracing::info!(venue.address = %self.address, "the simulated venue answers");
        *wait = RETRY;
        let again = self.cancels.values().map(|hash| Ask::Cancel { hash: *hash });
        in_time(say(&mut writer, &again.collect::<Vec<_>>())).await?;
        let mut looks = interval(LOOK);
        let mut asked = Vec::with_capacity(TOGETHER);
        loop {
            tokio::select! {
                tell = lines.next() => match tell? {
                    Some(tell) => self.on_tell(tell).await?,
                    None => return Ok(()),
                },
                count = self.asked.recv_many(&mut asked, TOGETHER) => {
                    if count == 0 {
                        return Err(Over::Unwanted);
                    }
                    let now = Instant::now();
                    let all: Vec<Ask> = asked.drain(..).map(|one| self.note(one, now)).collect();
                    in_time(say(&mut writer, &all)).await?;
                }
                _ = looks.tick() => self.give_up(),
            }
        }
    }

    /// Notes what is asked before it is written: from then on it may have arrived.
    fn note(&mut self, asked: Asked, since: Instant) -> Ask {
        match asked {
            Asked::Place(Sending { key: OrderKey { id, hash }, at, payload }, ticket) => {
                self.placed.insert(hash, Placing { id, at, ticket, since });
                Ask::Place { hash, payload: payload.as_str().to_owned() }
            }
            Asked::Cancel(key, _ticket) => {
                let hash = key.hash;
                self.keep_cancel(key);
                Ask::Cancel { hash }
            }
            Asked::Lookup(lookup, ticket) => {
                let ask = Ask::Lookup { lookup: lookup.clone() };
                self.lookups.insert(lookup.order.hash, (lookup, ticket, since));
                ask
            }
        }
    }

    fn keep_cancel(&mut self, OrderKey { id, hash }: OrderKey) {
        if self.cancels.len() < CANCELS_MAX {
            self.cancels.insert(id, hash);
        } else {
            tracing::warn!(order.id = %id, "too many cancels wait: this one is said once");
        }
    }

    async fn on_tell(&mut self, tell: Tell) -> Result<(), Over> {
        match tell {
            Tell::Welcome { .. } => Err(io::Error::other("it greets twice").into()),
            Tell::Placed { hash, placed } => {
                // An answer that comes too late was given up; the order has been looked up since.
                let Some(Placing { id, at, ticket, .. }) = self.placed.remove(&hash) else {
                    return Ok(());
                };
                let submission = match placed {
                    Placed::Taken | Placed::Already => Submission::Accepted,
                    Placed::Refused { reason, origin } => Submission::Rejected { reason, origin },
                };
                let update = Update::Submitted(submission);
                Ok(self.tell(OrderEvent { at, order: id, update }.into(), ticket).await?)
            }
            Tell::Found { found } => {
                let hash = found.lookup.order.hash;
                let is_newest = |(lookup, ..): &(Lookup, Ticket, Instant)| *lookup == found.lookup;
                let ticket = if self.lookups.get(&hash).is_some_and(is_newest) {
                    self.lookups.remove(&hash).map(|(_, ticket, _)| ticket)
                } else {
                    None
                };
                match &found.standing {
                    Standing::Open { .. } | Standing::Unanswered { .. } => {}
                    Standing::Done { .. } | Standing::Rejected { .. } | Standing::Absent => {
                        self.cancels.remove(&found.lookup.order.id);
                    }
                }
                Ok(self.tell(News::Found(found), ticket.unwrap_or_default()).await?)
            }
            Tell::News { number, event } => {
                if self.cursor.is_some_and(|cursor| number <= cursor) {
                    return Ok(());
                }
                self.cursor = Some(number);
                if matches!(event.update, Update::Done { .. }) {
                    self.cancels.remove(&event.order);
                }
                Ok(self.tell(event.into(), Ticket::none()).await?)
            }
        }
    }

    /// Holds up no event for what was not answered in time; the executor looks it up.
    fn give_up(&mut self) {
        self.placed.retain(|_, placing| placing.since.elapsed() < ANSWER);
        self.lookups.retain(|_, (_, _, since)| since.elapsed() < ANSWER);
    }

    /// Says of all that was not answered when the connection broke that nothing is known.
    async fn lose(&mut self) -> Result<(), Unwanted> {
        for Placing { id, at, ticket, .. } in std::mem::take(&mut self.placed).into_values() {
            let update = Update::Submitted(Submission::Unknown);
            self.tell(OrderEvent { at, order: id, update }.into(), ticket).await?;
        }
        for (lookup, ticket, _) in std::mem::take(&mut self.lookups).into_values() {
            self.unanswered(lookup, ticket).await?;
        }
        Ok(())
    }

    /// Waits before the next try. What is asked meanwhile is not sent, and that is said.
    async fn wait(&mut self, wait: Duration) -> Result<(), Unwanted> {
        let over = sleep(wait);
        tokio::pin!(over);
        loop {
            let asked = tokio::select! {
                () = &mut over => return Ok(()),
                asked = self.asked.recv() => asked.ok_or(Unwanted)?,
            };
            match asked {
                Asked::Place(Sending { key, at, .. }, ticket) => {
                    let reason = "not sent: the simulated venue is away".to_owned();
                    let refusal = Submission::Rejected { reason, origin: Origin::Unsent };
                    let update = Update::Submitted(refusal);
                    let event = OrderEvent { at, order: key.id, update };
                    self.tell(event.into(), ticket).await?;
                }
                Asked::Cancel(key, _ticket) => self.keep_cancel(key),
                Asked::Lookup(lookup, ticket) => self.unanswered(lookup, ticket).await?,
            }
        }
    }

    async fn unanswered(&self, lookup: Lookup, ticket: Ticket) -> Result<(), Unwanted> {
        let reason = "the simulated venue is away".to_owned();
        let standing = Standing::Unanswered { reason };
        let found = Found { lookup, at: Timestamp::default(), standing };
        self.tell(News::Found(found), ticket).await
    }

    /// The executor always takes: the wait is for its present transaction at the longest.
    async fn tell(&self, news: News, ticket: Ticket) -> Result<(), Unwanted> {
        self.events.send((news, ticket)).await.map_err(|_closed| Unwanted)
    }
}

impl Health {
    /// Returns why there is no connection, and since when; nothing when there is one.
    pub(super) fn down(&self) -> Option<(Instant, String)> {
        let condition = self.lock();
        condition.down.map(|since| (since, condition.why.clone()))
    }

    fn found(&self) {
        self.lock().down = None;
    }

    /// Notes that there is none. Tells whether there was one.
    fn lost(&self, error: &io::Error) -> bool {
        let mut condition = self.lock();
        condition.why = error.to_string();
        let was_up = condition.down.is_none();
        condition.down.get_or_insert_with(Instant::now);
        was_up
    }

    fn lock(&self) -> MutexGuard<'_, Condition> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self { down: Some(Instant::now()), why: "not connected yet".to_owned() }
    }
}

/// A venue that hangs must not hold the link for ever.
async fn in_time<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match timeout(STEP_WITHIN, step).await {
        Ok(done) => done,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
