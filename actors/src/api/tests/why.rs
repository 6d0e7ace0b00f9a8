//! Chains and moments: their addresses, and what is said where there is none.

use ploy::order::StrategyId;
use ploy::status::Tally;
use ploy::time::Timestamp;

use super::*;
use crate::ports::why::{Chain, Found, Moment, Of};

/// The chains are told by their address: what was asked for stands in the answer.
impl Chains for Store {
    fn decision(&self, of: Of, seq: u64) -> Pending<'_, Result<Found<Chain>, StoreError>> {
        self.found(&of, &format!("decision {seq}"), |run| Chain {
            run,
            decision: None,
            order: None,
        })
    }

    fn order(&self, of: Of, number: u64) -> Pending<'_, Result<Found<Chain>, StoreError>> {
        self.found(&of, &format!("order {number}"), |run| Chain {
            run,
            decision: None,
            order: None,
        })
    }

    fn moment(&self, of: Of, at: Timestamp) -> Pending<'_, Result<Found<Moment>, StoreError>> {
        let strategy = of.strategy.clone();
        self.found(&of, "moment", move |run| Moment {
            run,
            strategy,
            at,
            phase: None,
            tripped: None,
            before: Vec::new(),
            after: Vec::new(),
            orders: Vec::new(),
            held: Vec::new(),
            noes: None,
        })
    }
}

impl Store {
    fn found<T: Send + 'static>(
        self,
        of: &Of,
        what: &str,
        answer: impl FnOnce(String) -> T,
    ) -> Pending<'static, Result<Found<T>, StoreError>> {
        let found = match of.run.as_deref() {
            Some("gone") => Found::NoRun(vec!["b".to_owned(), "a".to_owned()]),
            Some("empty") => Found::Nothing { run: "empty".to_owned() },
            run => Found::There(answer(format!("{what} in {run:?}"))),
        };
        match self {
            Self::Good => Box::pin(ready(Ok(found))),
            Self::Down => Box::pin(ready(Err(StoreError::Failed("disk full".to_owned())))),
            Self::Hangs => Box::pin(std::future::pending()),
            Self::Panics => panic!("a bug"),
        }
    }
}

/// Somebody who has played the record again.
pub(super) struct Recalled;

impl Recall for Recalled {
    fn noes(&self, _: &str, _: &StrategyId, at: Timestamp) -> Pending<'_, Option<Vec<Tally>>> {
        let tally = Tally {
            verdict: "no".to_owned(),
            cause: "price_limit".to_owned(),
            market: None,
            count: 17,
            first_at: at,
            last_at: at,
            numbers: Vec::new(),
        };
        Box::pin(ready(Some(vec![tally])))
    }
}

#[tokio::test]
async fn a_chain_and_a_moment_have_their_own_addresses() {
    let service = Service::healthy().await;
    let check = async |path: &str, run: &str| {
        let answer = service.get(&format!("/v1/strategies/split-arb/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.json()["run"], run, "{path}");
    };
    check("decisions/345", "decision 345 in None").await;
    check("decisions/345?run=0197", "decision 345 in Some(\"0197\")").await;
    check("orders/12", "order 12 in None").await;
    check("why?at=2026-09-28T09:15:00Z", "moment in None").await;
    let path = "/v1/strategies/split-arb/why?run=x&at=2026-09-28T09:15:00.25Z";
    let moment = service.get(path).await.json();
    assert_eq!(moment["at"], "2026-09-28T09:15:00.25Z");
    // Whoever can play a record again tells what is not stored.
    assert_eq!(moment["noes"][0]["count"], 17);
}

#[tokio::test]
async fn a_chain_that_is_not_there_is_a_problem_of_its_own() {
    let service = Service::healthy().await;
    let check = async |path: &str, query: &str, words: &str| {
        let path = format!("/v1/strategies/split-arb/{path}");
        let answer = service.get(&format!("{path}{query}")).await;
        assert_eq!(answer.problem(404, "unknown_record", &path), words);
    };
    let none = "no decision 9 of split-arb was stored (noes and repeated refusals are only counted) \
         in run empty; `run` names another one";
    check("decisions/9", "?run=empty", none).await;
    let none = "no order 9 of split-arb was sent in run empty; `run` names another one";
    check("orders/9", "?run=empty", none).await;
    let none = "`run` names no run, or several; the newest ones are: b, a";
    check("orders/9", "?run=gone", none).await;
    check("decisions/x", "", "`x` is no number of a decision of split-arb").await;
    check("orders/-1", "", "`-1` is no number of an order of split-arb").await;
    let path = "/v1/strategies/nobody/orders/1";
    service.get(path).await.problem(404, "unknown_strategy", path);
}

#[tokio::test]
async fn a_moment_needs_an_instant_and_nothing_else() {
    let service = Service::healthy().await;
    let check = async |path: &str, query: &str, words: &str| {
        let path = format!("/v1/strategies/split-arb/{path}");
        let answer = service.get(&format!("{path}?{query}")).await;
        let detail = answer.problem(400, "bad_query", &path);
        assert!(detail.contains(words), "{detail}");
    };
    check("why", "run=a", "`at` is missing").await;
    check("why", "at=noon", "`noon` is not a time").await;
    check("why", "at=2026-09-28T09:15:00Z&at=2026-09-28T09:15:00Z", "given twice").await;
    check("why", "limit=1", "there are `at` and `run`").await;
    check("orders/1", "at=2026-09-28T09:15:00Z", "there is `run`").await;
}
