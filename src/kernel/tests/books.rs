//! Three books of the same trades: portfolios, the ledger and the guard of the account agree, whenever what is told.

use std::collections::BTreeMap;

use proptest::prelude::{Just, ProptestConfig, any, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as Drawn;

use super::*;
use crate::ledger::{Event, Ledger, Owner, Settlement, Stage, Terms};
use crate::risk::{AccountGuard, AccountLimits, RateLimit};

const MARKETS: [ConditionId; 2] = [A, B];
const NAMES: [&str; 2] = ["one", "two"];

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A strategy wants an order: of which market and outcome, how many hundredths of a share, at how many cents.
    Wants { who: usize, market: usize, yes: bool, purpose: Purpose, size: i64, cents: i64 },
    /// The venue tells something of one of the orders that are open.
    Tells { which: usize, what: Told },
    /// A market pays for yes: nothing, half, or one.
    Pays { market: usize, yes: i64 },
    /// A strategy is written down, and goes on from that.
    Resumes { who: usize },
}

/// What a venue tells of an order.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// So many thousandths of what is left were filled, at so many cents from its limit, with this fee in millionths.
    Fill {
        part: i64,
        better: i64,
        fee: i64,
    },
    Again,
    Unknown,
    Refused,
    Done,
}

fn step() -> impl Drawn<Value = Step> {
    let purpose = prop_oneof![Just(Purpose::Entry), Just(Purpose::Exit), Just(Purpose::Hedge)];
    let wants = (0..2_usize, 0..2_usize, any::<bool>(), purpose, 500..3000_i64, 5..95_i64);
    let what = prop_oneof![
        6 => (1..=1000_i64, 0..5_i64, 0..50_000_i64)
            .prop_map(|(part, better, fee)| Told::Fill { part, better, fee }),
        1 => Just(Told::Again),
        1 => Just(Told::Unknown),
        1 => Just(Told::Refused),
        3 => Just(Told::Done),
    ];
    prop_oneof![
        8 => wants.prop_map(|(who, market, yes, purpose, size, cents)| Step::Wants {
            who, market, yes, purpose, size, cents,
        }),
        12 => (any::<usize>(), what).prop_map(|(which, what)| Step::Tells { which, what }),
        1 => (0..2_usize, prop_oneof![Just(0_i64), Just(500_000), Just(1_000_000)])
            .prop_map(|(market, yes)| Step::Pays { market, yes }),
        1 => (0..2_usize).prop_map(|who| Step::Resumes { who }),
    ]
}

/// Two strategies of one account, and all that books what they do.
struct Desks {
    desks: [Desk; 2],
    ledger: Ledger,
    account: AccountGuard,
    /// The newest fill of each order that is open.
    newest: BTreeMap<ClientOrderId, (Intent, Option<Fill>)>,
    now: Timestamp,
}

impl Desks {
    fn new() -> Self {
        let much = || usdc("1000000");
        let open = Limits {
            market_exposure_max_usdc: much(),
            strategy_exposure_max_usdc: much(),
            open_orders_max: 1000,
            order_rate_per_minute: 6000,
            order_burst: 1000,
            loss_streak_max: 1000,
            drawdown_max_usdc: much(),
            ..limits()
        };
        let desks = NAMES.map(|name| Desk::named(name, open.clone()));
        let rate = RateLimit { per_minute: 60_000, burst: 10_000 };
        let mut account = AccountGuard::new(AccountLimits {
            open_orders_max: 1000,
            open_notional_max_usdc: much(),
            gross_exposure_max_usdc: much(),
            market_exposure_max_usdc: much(),
            event_exposure_max_usdc: much(),
            symbol_exposure_max_usdc: much(),
            worst_loss_max_usdc: much(),
            day: DayLimits { loss_max_usdc: much(), ..DayLimits::PRESET },
            drawdown_max_usdc: much(),
            orders: rate,
            cancels: rate,
            mark_age_max: Duration::from_secs(3600),
        });
        let now = desks[0].now;
        for (id, slug) in [(A, "btc-a"), (B, "btc-b")] {
            let kind = Kind::Market(Arc::new(market(id, slug)));
            account.observe(&MarketEvent { at: now, kind });
        }
        let (ledger, newest) = (Ledger::default(), BTreeMap::new());
        Self { desks, ledger, account, newest, now }
    }

    fn book(&mut self, event: &Event) {
        self.ledger.book(event).unwrap();
    }

    /// Gives a strategy an input, and books what comes of it as the service does.
    fn give(&mut self, who: usize, input: &Input) {
        let mut effects = Vec::new();
        let kernel = &mut self.desks[who].kernel;
        let owner = Owner::Strategy(kernel.id().clone());
        kernel.handle(input, &mut effects).expect("its books add up");
        for effect in effects {
            match effect {
                Effect::Submit(order) => {
                    let intent = *order.intent();
                    let Intent { market, outcome, side, limit, size, .. } = intent;
                    let fee = Usdc::ZERO;
                    let order = order.id().clone();
                    self.account.reserve(&order, intent);
                    self.newest.insert(order.clone(), (intent, None));
                    let terms = Terms { order, market, outcome, side, limit, size, fee };
                    self.book(&Event::Recorded(terms));
                }
                Effect::Settled { market, payouts, .. } => {
                    let (owner, market) = (owner.clone(), market.id);
                    self.account.settled(market, payouts);
                    self.book(&Event::Settled {
                        owner,
                        market,
                        settlement: Settlement::Paid(payouts),
                    });
                }
                Effect::Decided { .. } | Effect::Tripped(_) => {}
                Effect::HalfOpen(_) | Effect::Released(_) => {}
            }
        }
    }

    /// Tells of an order: the account first, then its strategy, then the ledger.
    fn tell(&mut self, order: &ClientOrderId, update: Update) {
        let event = OrderEvent { at: self.now, order: order.clone(), update };
        let fact = match &event.update {
            Update::Submitted(Submission::Accepted | Submission::Unknown) => None,
            Update::Submitted(Submission::Rejected { .. }) | Update::Done { .. } => {
                self.newest.remove(order);
                Some(Event::Over { order: order.clone() })
            }
            Update::Filled(fill) => {
                Some(Event::Filled { fill: fill.clone(), stage: Stage::Confirmed })
            }
        };
        if let Some(fact) = fact {
            self.book(&fact);
        }
        self.account.told(&event).expect("the account's books add up");
        let who = NAMES.iter().position(|name| *name == order.strategy.as_str()).unwrap();
        self.give(who, &Input::Order(event));
    }

    fn play(&mut self, step: &Step) {
        self.now = self.now + Duration::from_secs(1);
        match *step {
            Step::Wants { who, market, yes, purpose, size, cents } => {
                let intent = Intent {
                    market: MARKETS[market],
                    outcome: if yes { YES } else { NO },
                    side: if purpose == Purpose::Exit { Side::Sell } else { Side::Buy },
                    limit: crate::price::Price::from_micros(cents * 10_000).unwrap(),
                    size: crate::price::Size::from_micros(size * 10_000).unwrap(),
                    time_in_force: TimeInForce::Gtc,
                    purpose,
                };
                let look = Look::intent(intent, Numbers::none());
                self.desks[who].hands.lock().unwrap().wishes.push(look);
                let kind = Kind::Gap { missed: 1 };
                self.give(who, &Input::Market(MarketEvent { at: self.now, kind }));
            }
            Step::Tells { which, what } => {
                let open = self.newest.len().max(1);
                let order = self.newest.iter().nth(which % open);
                if let Some((order, (intent, last))) =
                    order.map(|(id, of)| (id.clone(), of.clone()))
                {
                    self.told(&order, &intent, last, what);
                }
            }
            Step::Pays { market, yes } => {
                let payouts = [yes, 1_000_000 - yes].map(|pays| Usdc::from_micros(pays).unwrap());
                let kind = Kind::Resolved { market: MARKETS[market], payouts };
                let event = MarketEvent { at: self.now, kind };
                self.account.observe(&event);
                for who in 0..2 {
                    self.give(who, &Input::Market(event.clone()));
                }
            }
            Step::Resumes { who } => {
                let desk = &mut self.desks[who];
                let text = serde_json::to_string(&desk.kernel.checkpoint()).unwrap();
                *desk = desk.go_on(serde_json::from_str(&text).unwrap());
            }
        }
    }

    fn told(&mut self, id: &ClientOrderId, intent: &Intent, last: Option<Fill>, what: Told) {
        let filled = self.open_order(id).filled;
        let left = intent.size - filled;
        match what {
            Told::Fill { part, better, fee } if !left.is_zero() => {
                let hundredths = (left.micros() / 10_000 * part / 1000).max(1);
                let cents = intent.limit.micros() / 10_000;
                let cents = match intent.side {
                    Side::Buy => (cents - better).max(1),
                    Side::Sell => (cents + better).min(99),
                };
                let number = last.map_or(0, |fill| fill.number) + 1;
                let text = format!("{number}: {} at 0.{cents:02}", decimal(hundredths));
                let fee = Usdc::from_micros(fee).unwrap();
                let order = id.clone();
                let fill = Fill { fee, order, ..fill(id.number, intent, &text, self.now) };
                self.newest.insert(id.clone(), (*intent, Some(fill.clone())));
                self.tell(id, Update::Filled(fill));
            }
            Told::Again => {
                if let Some(fill) = last {
                    self.tell(id, Update::Filled(fill));
                }
            }
            Told::Unknown => self.tell(id, Update::Submitted(Submission::Unknown)),
            Told::Refused if filled.is_zero() => {
                let reason = "no".to_owned();
                let refused = Submission::Rejected { reason, origin: Origin::Order };
                self.tell(id, Update::Submitted(refused));
            }
            Told::Done | Told::Refused | Told::Fill { .. } => {
                self.tell(id, Update::Done { unfilled: left, cause: DoneCause::Cancelled });
            }
        }
    }

    fn open_order(&self, id: &ClientOrderId) -> OpenOrder {
        let all = self.desks.iter().filter(|desk| *desk.kernel.id() == id.strategy);
        let mut all = all.flat_map(|desk| desk.kernel.orders().iter());
        *all.find(|(number, _)| *number == id.number).expect("it is open").1
    }

    /// Holds that each portfolio is what the ledger booked, and that all accounts sum to zero.
    fn check(&self) {
        let mut cash = Usdc::ZERO;
        for desk in &self.desks {
            let (portfolio, owner) =
                (desk.kernel.portfolio(), Owner::Strategy(desk.kernel.id().clone()));
            let booked = self.ledger.account(&owner).unwrap_or_default();
            assert_eq!(booked.cash + booked.reserved, portfolio.cash());
            assert_eq!(booked.fees, portfolio.fees());
            assert_eq!(booked.realised, portfolio.realised());
            cash += portfolio.cash();
            for market in MARKETS {
                for outcome in Outcome::BOTH {
                    let held = portfolio.position(market, outcome);
                    let holding = self.ledger.holding(&owner, market, outcome);
                    assert_eq!((holding.owned, holding.cost), (held.size, held.cost));
                }
                let is_open = desk.kernel.orders().of_market(market).next().is_some();
                let waits = desk.kernel.settling.contains_key(&market);
                let is_over = desk.kernel.market(market).is_none() && !waits;
                assert!(!waits || is_open, "it waits for nothing");
                assert!(!is_over || !(is_open || portfolio.is_held(market)), "it is over");
            }
        }
        assert!(self.ledger.sums().values().all(|sum| *sum == 0));
        let held = self.desks.iter().any(|desk| desk.kernel.portfolio().positions().count() != 0);
        if !held {
            assert_eq!(self.account.equity(), cash);
        }
    }
}

/// Writes hundredths as a decimal number.
fn decimal(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Whatever is wanted, told, told twice or late, and whenever a market pays: nobody's books break, each portfolio is
    /// what the ledger booked, and once all has ended the account has made what its strategies have.
    #[test]
    fn portfolios_ledger_and_account_agree_whenever_a_market_pays(
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut desks = Desks::new();
        for step in &steps {
            desks.play(step);
            desks.check();
        }
        let end = [0, 1].map(|market| Step::Pays { market, yes: 1_000_000 });
        end.iter().for_each(|step| desks.play(step));
        while !desks.newest.is_empty() {
            desks.play(&Step::Tells { which: 0, what: Told::Done });
            desks.check();
        }
        prop_assert_eq!(desks.desks.iter().map(|desk| desk.kernel.portfolio().positions().count()).sum::<usize>(), 0);
        let made: Usdc = desks.desks.iter().map(|desk| desk.kernel.portfolio().cash()).sum();
        prop_assert_eq!(desks.account.equity(), made);
    }
}
