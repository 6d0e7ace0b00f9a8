//! The connection between the service and a simulated venue: what is lost, what is told again, what is never lost.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use ploy::fees::FeeSchedule;
use ploy::market::Side;
use ploy::order::{Fill, OrderEvent, Origin, Submission, Update};
use ploy::order_path::{Found, Lookup, OrderKey, Standing};
use ploy::time::Timestamp;
use tokio::io::{AsyncWriteExt as _, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::super::exchange::Act;
use super::super::habits::Habits;
use super::super::link::{Asked, Sending};
use super::super::server::Server;
use super::super::wire::{Ask, Lines};
use super::super::{ANSWER, Simulated};
use super::payload;
use crate::bus::Ticket;
use crate::ports::{News, Venue as _};

/// How long anything may take on a busy machine.
const WITHIN: Duration = Duration::from_secs(20);

/// The service's side, with all that it was told of orders.
struct Desk {
    venue: Simulated,
    news: mpsc::Receiver<(News, Ticket)>,
    told: Vec<OrderEvent>,
}

impl Desk {
    fn new(address: SocketAddr) -> Self {
        let (events, news) = mpsc::channel(1024);
        Self { venue: Simulated::start(address, events), news, told: Vec::new() }
    }

    fn place(&self, number: u64) {
        let payload = payload(number, Side::Buy);
        let at = Timestamp::from_millis(1_000_000);
        self.venue.ask(Asked::Place(Sending { key: key(number), at, payload }, Ticket::none()));
    }

    /// Listens until all that was told satisfies this.
    async fn until(&mut self, is_enough: impl Fn(&[OrderEvent]) -> bool) {
        while !is_enough(&self.told) {
            let heard = timeout(WITHIN, self.news.recv()).await.unwrap().unwrap().0;
            if let News::Order(event) = heard {
                self.told.push(event);
            }
        }
    }

    /// Asks how an order stands, again and again where the answer is lost.
    async fn standing(&mut self, number: u64) -> Standing {
        let (until, mut question) = (Instant::now() + WITHIN, 0);
        while Instant::now() < until {
            question += 1;
            let lookup = Lookup { order: key(number), number: question };
            self.venue.lookup(lookup.clone(), Ticket::none());
            while let Ok(heard) = timeout(2 * ANSWER, self.news.recv()).await {
                match heard.unwrap().0 {
                    News::Order(event) => self.told.push(event),
                    News::Found(Found { lookup: asked, standing, .. }) if asked == lookup => {
                        if matches!(standing, Standing::Unanswered { .. }) {
                            break;
                        }
                        return standing;
                    }
                    News::Found(_) => {}
                }
            }
        }
        panic!("order {number}: never answered")
    }
}

fn key(number: u64) -> OrderKey {
    let payload = payload(number, Side::Buy);
    OrderKey { id: payload.wanted().order, hash: payload.hash() }
}

async fn listening(habits: Habits) -> Server {
    Server::start("127.0.0.1:0".parse().unwrap(), habits).await.unwrap()
}

fn is_end(event: &OrderEvent) -> bool {
    matches!(event.update, Update::Done { .. })
}

fn submissions(told: &[OrderEvent]) -> Vec<Submission> {
    let submitted = |event: &OrderEvent| match &event.update {
        Update::Submitted(submission) => Some(submission.clone()),
        Update::Filled(_) | Update::Done { .. } => None,
    };
    told.iter().filter_map(submitted).collect()
}

const fn kind(standing: &Standing) -> &'static str {
    match standing {
        Standing::Open { .. } => "open",
        Standing::Done { .. } => "done",
        Standing::Rejected { .. } => "rejected",
        Standing::Absent => "absent",
        Standing::Unanswered { .. } => "unanswered",
    }
}

/// Returns the fills that the venue made, each once.
fn journal(server: &Server) -> BTreeMap<(String, u32), Fill> {
    server.look(|exchange| {
        let fill = |act: &Act| match act {
            Act::Filled(fill) => Some(((fill.order.to_string(), fill.number), fill.clone())),
            Act::Received(_)
            | Act::Taken
            | Act::Refused
            | Act::Double
            | Act::Oversold
            | Act::Ended { .. } => None,
        };
        exchange.journal().iter().filter_map(|entry| fill(&entry.what)).collect()
    })
}

#[tokio::test]
async fn an_order_is_accepted_filled_and_ended() {
    let server = listening(Habits::honest(1, FeeSchedule::FREE)).await;
    let mut desk = Desk::new(server.address());
    assert_eq!(desk.standing(1).await, Standing::Absent, "the connection stands");
    assert_eq!(desk.venue.health(), Ok(()));
    desk.place(1);
    desk.until(|told| told.iter().any(is_end)).await;
    assert_eq!(submissions(&desk.told), [Submission::Accepted]);
    let told = super::fills(&desk.told);
    assert_eq!(told, journal(&server).into_values().collect::<Vec<_>>());
    assert!(matches!(desk.standing(1).await, Standing::Done { .. }));
}

#[tokio::test]
async fn a_connection_that_ends_after_an_order_leaves_it_unknown_and_a_question_finds_it() {
    let honest = Habits::honest(1, FeeSchedule::FREE);
    let server = listening(honest).await;
    let mut desk = Desk::new(server.address());
    desk.standing(1).await;
    server.behave(Habits { drops_after: 1000, ..honest });
    desk.place(1);
    desk.until(|told| !told.is_empty()).await;
    assert_eq!(submissions(&desk.told), [Submission::Unknown]);
    server.behave(honest);
    assert!(matches!(desk.standing(1).await, Standing::Done { .. }));
    desk.until(|told| told.iter().any(is_end)).await;
    assert_eq!(super::fills(&desk.told).len(), journal(&server).len());
}

#[tokio::test]
async fn a_connection_that_ends_before_an_order_was_read_leaves_it_unknown_and_absent() {
    let honest = Habits::honest(1, FeeSchedule::FREE);
    let server = listening(honest).await;
    let mut desk = Desk::new(server.address());
    desk.standing(1).await;
    server.behave(Habits { drops_before: 1000, ..honest });
    desk.place(1);
    desk.until(|told| !told.is_empty()).await;
    assert_eq!(submissions(&desk.told), [Submission::Unknown]);
    server.behave(honest);
    assert_eq!(desk.standing(1).await, Standing::Absent);
    let received = |act: &Act| matches!(act, Act::Received(_));
    assert!(server.look(|exchange| exchange.journal().iter().any(|entry| received(&entry.what))));
}

#[tokio::test]
async fn over_all_misbehaviour_no_fill_is_lost_and_no_order_is_taken_twice() {
    let habits = Habits {
        drops_before: 40,
        drops_after: 40,
        loses: 10,
        ..Habits::rough(11, FeeSchedule::FREE)
    };
    let server = listening(habits).await;
    let mut desk = Desk::new(server.address());
    let mut ended = BTreeSet::new();
    for number in 1..=150 {
        desk.place(number);
        if number % 3 == 0 {
            ended.insert(kind(&desk.standing(number).await));
        }
    }
    for number in 1..=150 {
        while let Standing::Open { .. } = desk.standing(number).await {}
    }
    let made = journal(&server);
    desk.until(|told| {
        let told: BTreeSet<_> = super::fills(told)
            .into_iter()
            .map(|fill| (fill.order.to_string(), fill.number))
            .collect();
        made.keys().all(|fill| told.contains(fill))
    })
    .await;
    for fill in super::fills(&desk.told) {
        assert_eq!(made.get(&(fill.order.to_string(), fill.number)), Some(&fill));
    }
    assert!(submissions(&desk.told).contains(&Submission::Unknown), "connections were dropped");
    let doubles = |act: &Act| *act == Act::Double;
    assert!(!server.look(|all| all.journal().iter().any(|entry| doubles(&entry.what))));
    assert!(2 < ended.len(), "orders came to different ends");
}

#[tokio::test]
async fn what_is_asked_of_a_venue_that_is_away_is_not_sent_and_that_is_said() {
    let server = listening(Habits::honest(1, FeeSchedule::FREE)).await;
    let address = server.address();
    drop(server);
    let mut desk = Desk::new(address);
    desk.place(1);
    desk.until(|told| !told.is_empty()).await;
    let Submission::Rejected { reason, origin } = submissions(&desk.told).remove(0) else {
        panic!("{:?}", desk.told)
    };
    assert_eq!(
        (reason.as_str(), origin),
        ("not sent: the simulated venue is away", Origin::Unsent)
    );
    let lookup = Lookup { order: key(1), number: 1 };
    desk.venue.lookup(lookup, Ticket::none());
    let heard = timeout(WITHIN, desk.news.recv()).await.unwrap().unwrap().0;
    let News::Found(Found { standing: Standing::Unanswered { .. }, .. }) = heard else {
        panic!("{heard:?}")
    };
    let unwell = async {
        while desk.venue.health().is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(WITHIN, unwell).await.unwrap();
    let said = desk.venue.health().unwrap_err();
    assert!(said.starts_with("no connection to the simulated venue at 127.0.0.1:"), "{said}");
}

#[tokio::test]
async fn a_line_may_come_in_pieces_and_one_without_end_is_an_error() {
    let (mut out, into) = duplex(64);
    let mut lines = Lines::new(into);
    out.write_all(b"{\"hello\":{\"af").await.unwrap();
    let nothing = timeout(Duration::from_millis(1), lines.next::<Ask>()).await;
    assert!(nothing.is_err(), "half a line is none");
    out.write_all(b"ter\":7}}\n{\"no\":1}\n").await.unwrap();
    assert_eq!(lines.next::<Ask>().await.unwrap(), Some(Ask::Hello { after: Some(7) }));
    assert!(lines.next::<Ask>().await.is_err(), "what it does not know it does not take");
    let endless = tokio::spawn(async move { while out.write_all(&[b'x'; 4096]).await.is_ok() {} });
    assert!(lines.next::<Ask>().await.is_err());
    drop(lines);
    timeout(WITHIN, endless).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_simulated_venue_listens_on_this_machine_alone() {
    let refused = Server::start("0.0.0.0:0".parse().unwrap(), Habits::honest(1, FeeSchedule::FREE));
    assert!(refused.await.unwrap_err().to_string().contains("this machine alone"));
}
