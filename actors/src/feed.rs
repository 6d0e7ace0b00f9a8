//! Feed: plays a tape in lock-step, at any speed.
//!
//! owns: the play of one source of events, and event time
//! takes: events from an adapter's bounded channel, and the word to begin
//! emits: market events to the bus, alarms whose time has come, its state to the status board
//! dies: never of a broken tape (that is shown); with its supervisor

use std::time::Duration;

use ploy::config::Speed;
use ploy::event::MarketEvent;
use ploy::replay::AFTER_END;
use ploy::status::{FeedPhase, Recent};
use ploy::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::bus::Ticket;
use crate::bus::event::{EventBus, Past};
use crate::bus::status::StatusBus;
use crate::clock::EventClock;
use crate::ports::process::PlayedRecord;
use crate::ports::{Clock, FeedItem, Row};
use crate::record::Recorder;
use crate::store::{Resume, Store};
use crate::telemetry::events;

/// How long one event may take to be settled. A strategy that needs longer hangs; the tape goes on without
/// waiting for it, so that the others are served, and the status says so.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);
/// Events taken from the reader at once: it is woken once for all of them, not for each.
const TAKE_MAX: usize = 256;
/// How often time moves on after the end of a tape.
const IDLE_STEP: Duration = Duration::from_millis(100);
/// How long a tape waits for the record; a disk that needs longer hangs.
const RECORD_WITHIN: Duration = Duration::from_secs(10);
/// How often strategies store what they remember, at the same place in the events: no more is lost with the process.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Past events that are carried at once when a run goes on.
const PAST_TOGETHER: u64 = 256;
/// How long to wait before looking again whether the store has caught up.
const PRESSURE_STEP: Duration = Duration::from_millis(1);

/// Plays one source of events.
#[derive(Debug)]
pub struct Feed;

/// What a feed is told.
#[derive(Debug)]
pub enum Msg {
    /// Begin. A second time says nothing new.
    Play,
}

/// What a feed needs.
#[derive(Debug)]
pub struct Args {
    /// Where events come from.
    pub source: mpsc::Receiver<FeedItem>,
    /// How fast event time runs.
    pub speed: Speed,
    /// Where they go.
    pub bus: EventBus,
    /// Event time.
    pub clock: EventClock,
    /// The status board.
    pub board: StatusBus,
    /// Asked whether it keeps up: a tape can wait.
    pub store: Store,
    /// Asked the same.
    pub recorder: Recorder,
    /// How many events were past when the process began.
    pub past: u64,
    /// Told how the play ended.
    pub ended: watch::Sender<Option<FeedEnd>>,
}

/// How a play ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedEnd {
    /// The whole tape was played.
    Complete,
    /// The source broke; the text says where.
    Broken(String),
}

/// A feed's private memory.
#[derive(Debug)]
pub enum State {
    /// Not begun.
    Waiting(Option<Box<Args>>),
    /// Playing, or played.
    Playing(JoinHandle<()>),
}

impl Actor for Feed {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        _myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State::Waiting(Some(Box::new(args))))
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Play => {
                if let State::Waiting(args) = state
                    && let Some(args) = args.take()
                {
                    let args = *args;
                    let (played, saved_at) = (args.past, Instant::now());
                    let play = Play { args, began: None, is_record_late: false, played, saved_at };
                    *state = State::Playing(tokio::spawn(play.run()));
                }
                Ok(())
            }
        }
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if let State::Playing(task) = state {
            task.abort();
        }
        Ok(())
    }
}

struct Play {
    args: Args,
    /// The first event's instant, and when it was played.
    began: Option<(Timestamp, Instant)>,
    /// Whether it was waited for the record in vain: then it is not, until the record has caught up.
    is_record_late: bool,
    /// How many events were played, also by earlier processes.
    played: u64,
    /// When strategies stored last what they remember.
    saved_at: Instant,
}

/// Why a run cannot be gone on with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTheSame {
    /// It has fewer events.
    #[error("{past} events of the source were played, and it has {events}")]
    Shorter {
        /// How many were played.
        past: u64,
        /// How many there are.
        events: u64,
    },
    /// Its events are of other instants.
    #[error("{past} events of the source were played by {at}, and the last of them is of {found}")]
    Later {
        /// How many were played.
        past: u64,
        /// The newest instant that was durable.
        at: Timestamp,
        /// The instant of the last of them.
        found: Timestamp,
    },
    /// It breaks where it was played before.
    #[error("the source breaks in what was played before: {0}")]
    Broken(String),
}

/// Carries what was played before to the bus: whoever comes then is shown what is known, and decides on none of it.
///
/// # Errors
/// When the source is not what was played before.
pub async fn pass_by(
    source: &mut mpsc::Receiver<FeedItem>,
    bus: &EventBus,
    Resume { events: past, at }: Resume,
) -> Result<(), NotTheSame> {
    bus.say_past(Past::Yes);
    let mut events = 0;
    let (mut ticket, mut settled) = Ticket::new();
    while events < past {
        match source.recv().await {
            Some(FeedItem::Books(books)) => bus.say_books(books),
            Some(FeedItem::Event(event)) => {
                events += 1;
                let late = at.filter(|at| *at < event.at);
                if let Some(at) = late {
                    return Err(NotTheSame::Later { past, at, found: event.at });
                }
                bus.publish(&event, &ticket);
            }
            Some(FeedItem::End { .. }) => return Err(NotTheSame::Shorter { past, events }),
            Some(FeedItem::Broken(why)) => return Err(NotTheSame::Broken(why)),
            None => return Err(NotTheSame::Broken("its reader has ended".to_owned())),
        }
        if events % PAST_TOGETHER == 0 || events == past {
            drop(std::mem::take(&mut ticket));
            settled.wait().await;
            (ticket, settled) = Ticket::new();
        }
    }
    Ok(())
}

impl Play {
    async fn run(mut self) {
        tracing::info!(event.name = events::FEED_STARTED, speed = %self.args.speed, "the tape begins");
        self.args.board.feed(|feed| feed.state = FeedPhase::Playing);
        self.args.bus.say_past(Past::No);
        let end = self.play_all().await;
        self.wake_until(self.args.clock.now() + AFTER_END).await;
        self.save().await;
        if end == FeedEnd::Complete {
            let record = PlayedRecord { at: self.args.clock.now(), events: self.played };
            self.record(Row::Played(record));
        }
        self.say_end(&end);
        self.args.ended.send_replace(Some(end));
        self.idle().await;
    }

    /// After the last event time goes on at the wall's pace: an order that is cancelled then must come to its
    /// end, and a strategy that failed then comes back.
    async fn idle(&self) {
        loop {
            tokio::time::sleep(IDLE_STEP).await;
            self.wake_until(self.args.clock.now() + IDLE_STEP).await;
        }
    }

    async fn play_all(&mut self) -> FeedEnd {
        let mut items = Vec::with_capacity(TAKE_MAX);
        while self.args.source.recv_many(&mut items, TAKE_MAX).await != 0 {
            for item in items.drain(..) {
                match item {
                    FeedItem::Books(books) => self.args.bus.say_books(books),
                    FeedItem::Event(event) => self.play(&event).await,
                    FeedItem::End { .. } => return FeedEnd::Complete,
                    FeedItem::Broken(why) => return FeedEnd::Broken(why),
                }
            }
        }
        FeedEnd::Broken("its reader has ended".to_owned())
    }

    async fn play(&mut self, event: &MarketEvent) {
        self.pace(event.at).await;
        while self.args.store.pressure() {
            tokio::time::sleep(PRESSURE_STEP).await;
        }
        self.await_record().await;
        self.wake_until(event.at).await;
        let (ticket, settled) = Ticket::new();
        self.played += 1;
        self.args.clock.say_played(self.played);
        self.args.bus.publish(event, &ticket);
        drop(ticket);
        self.settle(settled, event.at).await;
        let played = self.played;
        self.args.board.feed(|feed| {
            feed.events = played;
            feed.last_event_at = Some(event.at);
        });
        if SAVE_EVERY <= self.saved_at.elapsed() {
            self.save().await;
        }
    }

    /// Has all strategies store what they remember, before anything else happens.
    async fn save(&mut self) {
        let (ticket, settled) = Ticket::new();
        self.args.bus.save(&ticket);
        drop(ticket);
        self.settle(settled, self.args.clock.now()).await;
        self.saved_at = Instant::now();
    }

    fn record(&self, row: Row) {
        if let Err(error) = self.args.store.record(row, Ticket::none()) {
            tracing::error!(event.name = events::STORE_FULL, error.message = %error,
                "a record could not be queued");
        }
    }

    /// Waits for the record, but not for ever: trading does not depend on it.
    async fn await_record(&mut self) {
        let until = Instant::now() + RECORD_WITHIN;
        while self.args.recorder.pressure() {
            if self.is_record_late || until < Instant::now() {
                self.is_record_late = true;
                return;
            }
            tokio::time::sleep(PRESSURE_STEP).await;
        }
        self.is_record_late = false;
    }

    /// Waits until the wall clock is where the event's time says it should be.
    async fn pace(&mut self, at: Timestamp) {
        let Speed::Times(thousandths) = self.args.speed else { return };
        let (first, began) = *self.began.get_or_insert_with(|| (at, Instant::now()));
        let micros = u64::try_from(at.since(first).as_micros()).unwrap_or(u64::MAX);
        let scaled = micros.saturating_mul(1000) / u64::from(thousandths.max(1));
        tokio::time::sleep_until(began + Duration::from_micros(scaled)).await;
    }

    /// Moves time on; everybody whose time has come is woken, one after the other.
    async fn wake_until(&self, end: Timestamp) {
        while let Some((at, alarm)) = self.args.clock.advance(end) {
            let (ticket, settled) = Ticket::new();
            alarm(at, ticket);
            self.settle(settled, at).await;
        }
    }

    async fn settle(&self, settled: crate::bus::Settled, at: Timestamp) {
        if tokio::time::timeout(SETTLE_WITHIN, settled.wait()).await.is_err() {
            let message = format!(
                "not settled within {} s at {at}: went on without",
                SETTLE_WITHIN.as_secs()
            );
            tracing::error!(event.name = events::FEED_FAILED, "{message}");
            self.args.board.feed(|feed| feed.error = Some(message));
        }
    }

    fn say_end(&self, end: &FeedEnd) {
        let at = self.args.clock.now();
        let (name, message) = match end {
            FeedEnd::Complete => {
                tracing::info!(event.name = events::FEED_ENDED, "the tape has ended");
                (events::FEED_ENDED, "the tape has ended".to_owned())
            }
            FeedEnd::Broken(why) => {
                tracing::error!(
                    event.name = events::FEED_FAILED,
                    error.message = why,
                    "the tape is broken"
                );
                (events::FEED_FAILED, format!("the tape is broken: {why}"))
            }
        };
        self.args.board.feed(|feed| match end {
            FeedEnd::Complete => feed.state = FeedPhase::Ended,
            FeedEnd::Broken(why) => {
                feed.state = FeedPhase::Failed;
                feed.error = Some(why.clone());
            }
        });
        self.args.board.say(Recent { at, strategy: None, event: name.to_owned(), message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ploy::event::Kind;

    /// Lets the first events of a source of three pass by, one in each second, up to an instant.
    async fn passed(past: u64, at_s: i64) -> Result<(), String> {
        let (tx, mut source) = mpsc::channel(8);
        for second in 1..=3 {
            let at = Timestamp::from_millis(second * 1000);
            let event = MarketEvent { at, kind: Kind::Gap { missed: 1 } };
            tx.send(FeedItem::Event(event)).await.unwrap();
        }
        tx.send(FeedItem::End { events: 3 }).await.unwrap();
        let resume = Resume { at: Some(Timestamp::from_millis(at_s * 1000)), events: past };
        let passed = pass_by(&mut source, &EventBus::default(), resume).await;
        passed.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_was_played_passes_by_where_it_is_the_same() {
        assert_eq!(passed(2, 2).await, Ok(()));
        assert_eq!(passed(0, 0).await, Ok(()));
        let shorter = "4 events of the source were played, and it has 3";
        assert_eq!(passed(4, 9).await, Err(shorter.to_owned()));
        let later = "3 events of the source were played by 1970-01-01T00:00:02Z, \
             and the last of them is of 1970-01-01T00:00:03Z";
        assert_eq!(passed(3, 2).await, Err(later.to_owned()));
    }
}
