//! The API as a caller meets it: a real listener, a real client, and fakes behind it.

mod audit;
mod config;
mod ledger;
mod why;

use std::future::ready;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use ploy::command::{Accepted, Command, Refusal};
use ploy::lifecycle::NoTransition;
use reqwest::header::{ALLOW, HeaderValue, ORIGIN};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::*;
use crate::bus::command::Request as Asked;
use crate::ports::{DecisionRecord, FillRecord, OrderRecord, Page, Pending, Query, StoreError};
use crate::sample;

#[derive(Clone, Copy)]
enum Store {
    /// Answer with the query.
    Good,
    Down,
    Hangs,
    Panics,
}

impl Store {
    fn answer<T: Send + 'static>(self, item: T) -> Pending<'static, Result<Page<T>, StoreError>> {
        match self {
            Self::Good => Box::pin(ready(Ok(Page { items: vec![item], next: Some(7) }))),
            Self::Down => Box::pin(ready(Err(StoreError::Failed("disk full".to_owned())))),
            Self::Hangs => Box::pin(std::future::pending()),
            Self::Panics => panic!("a bug"),
        }
    }
}

impl Records for Store {
    fn decisions(&self, query: Query) -> Pending<'_, Result<Page<DecisionRecord>, StoreError>> {
        // The query is put into the record, so that the test sees what was asked.
        let numbers = vec![
            ("limit".to_owned(), query.limit.to_string()),
            ("before".to_owned(), format!("{:?}", query.before)),
        ];
        self.answer(DecisionRecord {
            seq: 1,
            at: "2026-09-28T12:29:10Z".parse().unwrap(),
            strategy: query.strategy,
            market_id: None,
            market: None,
            verdict: "order".to_owned(),
            cause: "1".to_owned(),
            intent: None,
            numbers,
            grounds: None,
        })
    }

    fn orders(&self, query: Query) -> Pending<'_, Result<Page<OrderRecord>, StoreError>> {
        let order = json!({
            "id": format!("{}:1", query.strategy), "at": "2026-09-28T12:29:10Z", "market_id": "0x1",
            "outcome": "yes", "side": "buy", "limit": "0.34", "size": "12.5",
            "time_in_force": "FAK", "purpose": "entry", "state": "filled", "filled": "12.5",
            "cause": null
        });
        self.answer(serde_json::from_value(order).unwrap())
    }

    fn fills(&self, query: Query) -> Pending<'_, Result<Page<FillRecord>, StoreError>> {
        let fill = json!({
            "order": format!("{}:1", query.strategy), "number": 1, "at": "2026-09-28T12:29:10Z",
            "market_id": "0x1", "outcome": "yes", "side": "buy", "price": "0.34", "size": "12.5",
            "fee_usdc": "0.006", "liquidity": "taker"
        });
        self.answer(serde_json::from_value(fill).unwrap())
    }
}

/// A service that runs on a free port.
struct Service {
    address: SocketAddr,
    http: reqwest::Client,
    status: watch::Sender<Arc<SystemStatus>>,
    shutdown: CancellationToken,
    server: tokio::task::JoinHandle<io::Result<()>>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Service {
    async fn new(status: SystemStatus, store: Store) -> (Self, mpsc::Receiver<Asked>) {
        let (commands, asked) = CommandBus::new();
        let (tx, rx) = watch::channel(Arc::new(status));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = ApiState {
            status: rx,
            commands,
            records: Arc::new(store),
            chains: Arc::new(store),
            safe_mode: None,
            audit: Some(Arc::new(store)),
            recall: Some(Arc::new(why::Recalled)),
            brake: None,
            desk: None,
            hosts: Hosts::new(address, &[]).unwrap(),
        };
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve(listener, state, shutdown.clone()));
        let service = Self {
            address,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            status: tx,
            shutdown,
            server,
        };
        (service, asked)
    }

    /// A healthy service whose manager gives every command the same answer.
    async fn answering(answer: Result<Accepted, Refusal>) -> (Self, mpsc::Receiver<Command>) {
        let (service, mut asked) = Self::new(sample::healthy(), Store::Good).await;
        let (tx, commands) = mpsc::channel(8);
        tokio::spawn(async move {
            while let Some(asked) = asked.recv().await {
                tx.send(asked.command).await.unwrap();
                asked.reply.send(answer.clone()).unwrap();
            }
        });
        (service, commands)
    }

    async fn healthy() -> Self {
        Self::new(sample::healthy(), Store::Good).await.0
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.http.request(method.parse().unwrap(), url)
    }

    async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request("GET", path)).await
    }

    async fn post(&self, path: &str) -> Answer {
        Answer::of(self.request("POST", path)).await
    }
}

impl Answer {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn header(&self, name: impl reqwest::header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a whole problem of this code, and returns its detail.
    fn problem(&self, status: u16, code: &str, path: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header(CONTENT_TYPE), error::MEDIA_TYPE);
        let body = self.json();
        assert_eq!(body["code"], code);
        assert_eq!(body["status"], status);
        assert_eq!(body["instance"], path);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        let kind = format!("urn:ploy:problem:{}", code.replace('_', "-"));
        assert_eq!(body["type"], kind.as_str());
        assert!(body["title"].is_string());
        body["detail"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn every_part_of_a_snapshot_can_be_read_with_its_number() {
    let service = Service::healthy().await;
    let status = service.get("/v1/status").await;
    let read: SystemStatus = serde_json::from_str(&status.text).unwrap();
    assert_eq!(read, sample::healthy());
    let whole = status.json();
    let first = &whole["strategies"][0];
    for (path, part) in [
        ("/v1/status", whole.clone()),
        ("/v1/strategies/split-arb", first.clone()),
        ("/v1/strategies", json!({"snapshot": 41, "items": whole["strategies"]})),
        (
            "/v1/strategies/split-arb/positions",
            json!({"snapshot": 41, "items": first["kernel"]["positions"]}),
        ),
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.json(), part, "{path}");
        assert_eq!(answer.header("x-snapshot"), "41", "{path}");
        assert_eq!(answer.header(ETAG), "\"0197a1b2-41\"", "{path}");
        assert_eq!(answer.header(CONTENT_TYPE), "application/json", "{path}");
    }
}

#[tokio::test]
async fn an_unchanged_snapshot_is_not_sent_again() {
    let service = Service::healthy().await;
    let again = || service.request("GET", "/v1/status").header(IF_NONE_MATCH, "\"0197a1b2-41\"");
    let same = Answer::of(again()).await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    service.status.send_modify(|status| Arc::make_mut(status).snapshot = 42);
    let newer = Answer::of(again()).await;
    assert_eq!((newer.status, newer.header("x-snapshot")), (200, "42"));
}

#[tokio::test]
async fn records_come_in_pages_with_the_address_of_the_next() {
    let service = Service::healthy().await;
    let path = "/v1/strategies/split-arb/decisions";
    let check = async |query: &str, limit: &str, before: &str| {
        let answer = service.get(&format!("{path}{query}")).await;
        let body = answer.json();
        assert_eq!(body["items"][0]["numbers"], json!([["limit", limit], ["before", before]]));
        assert_eq!(body["next"], 7);
        let next = format!("<{path}?limit={limit}&cursor=7>; rel=\"next\"");
        assert_eq!(answer.header("link"), next);
    };
    check("", "100", "None").await;
    check("?limit=1", "1", "None").await;
    check("?cursor=0&limit=1000", "1000", "Some(0)").await;
    let orders = service.get("/v1/strategies/split-both/orders?limit=5").await.json();
    assert_eq!(orders["items"][0]["id"], "split-both:1");
    let fills = service.get("/v1/strategies/split-arb/fills").await.json();
    assert_eq!(fills["items"][0]["fee_usdc"], "0.006");
}

#[tokio::test]
async fn a_query_that_means_nothing_is_refused_by_name() {
    let service = Service::healthy().await;
    let check = async |query: &str, word: &str| {
        let path = "/v1/strategies/split-arb/orders";
        let answer = service.get(&format!("{path}?{query}")).await;
        let detail = answer.problem(400, "bad_query", path);
        assert!(detail.contains(word), "{detail}");
    };
    check("limit=0", "1 to 1000").await;
    check("limit=1001", "not `1001`").await;
    check("limit=many", "`limit`").await;
    check("limit=", "`limit`").await;
    check("cursor=-1", "`cursor`").await;
    check("limit=1&limit=2", "twice").await;
    check("page=2", "`page` is no parameter").await;
}

#[tokio::test]
async fn a_store_that_fails_is_a_problem_and_nothing_else_is() {
    let (service, _asked) = Service::new(sample::healthy(), Store::Down).await;
    for kind in ["decisions", "orders", "fills"] {
        let path = format!("/v1/strategies/split-arb/{kind}");
        let answer = service.get(&path).await;
        let detail = answer.problem(503, "unavailable", &path);
        assert!(detail.contains("disk full"), "{detail}");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(service.get("/v1/status").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_not_waited_for() {
    let (service, _asked) = Service::new(sample::healthy(), Store::Hangs).await;
    let path = "/v1/strategies/split-arb/fills";
    service.get(path).await.problem(504, "timed_out", path);
}

#[tokio::test]
async fn a_bug_in_one_request_is_a_problem_and_the_next_is_answered() {
    let (service, _asked) = Service::new(sample::healthy(), Store::Panics).await;
    let path = "/v1/strategies/split-arb/fills";
    let detail = service.get(path).await.problem(500, "internal", path);
    assert!(!detail.contains("a bug in"), "{detail}");
    assert_eq!(service.get("/livez").await.status, 200);
}

#[tokio::test]
async fn every_command_reaches_the_manager_with_who_asks() {
    let accepted =
        Accepted { strategy: "split-arb".parse().unwrap(), phase: "stopping".to_owned() };
    let (service, mut commands) = Service::answering(Ok(accepted)).await;
    for action in ploy::command::Action::ALL {
        let path = format!("/v1/strategies/split-arb/{}", action.name());
        let plain = service.post(&path).await;
        assert_eq!(plain.status, 202);
        let mut body = json!({"strategy": "split-arb", "phase": "stopping", "snapshot": 41});
        if action == ploy::command::Action::Resume {
            body["did"] = json!(halt::NOTHING);
        }
        assert_eq!(plain.json(), body);
        assert_eq!(plain.header("location"), "/v1/strategies/split-arb");
        let command = commands.recv().await.unwrap();
        assert_eq!((command.action, command.actor.as_str()), (action, "api"));
        let named = service.request("POST", &path).json(&json!({"actor": "night watch"}));
        assert_eq!(Answer::of(named).await.status, 202);
        assert_eq!(commands.recv().await.unwrap().actor, "night watch");
    }
}

#[tokio::test]
async fn a_refusal_says_what_would_be_possible() {
    let phase = NoTransition {
        phase: "stopping",
        input: "resume",
        allowed: "start, stop, restart".to_owned(),
    };
    let (service, _commands) = Service::answering(Err(phase.into())).await;
    let path = "/v1/strategies/split-arb/resume";
    let answer = service.post(path).await;
    let detail = answer.problem(409, "wrong_phase", path);
    assert_eq!(detail, "a strategy that is stopping cannot resume; it can start, stop, restart");
    assert_eq!(answer.json()["phase"], "stopping");
    assert_eq!(answer.json()["allowed"], json!(["start", "stop", "restart"]));
}

#[tokio::test]
async fn an_unknown_strategy_is_answered_with_those_that_there_are() {
    let unknown = Refusal::NotFound("gone".to_owned(), "split-arb".to_owned());
    let (service, _commands) = Service::answering(Err(unknown)).await;
    let check = async |method: &str, path: &str, name: &str| {
        let answer = Answer::of(service.request(method, path)).await;
        let detail = answer.problem(404, "unknown_strategy", path);
        let expected = format!("no strategy is called `{name}`; there are: split-arb, split-both");
        assert_eq!(detail, expected);
        assert_eq!(answer.json()["known"], json!(["split-arb", "split-both"]));
    };
    check("GET", "/v1/strategies/nobody", "nobody").await;
    check("GET", "/v1/strategies/nobody/positions", "nobody").await;
    check("GET", "/v1/strategies/nobody/decisions", "nobody").await;
    check("GET", "/v1/strategies/nobody/orders", "nobody").await;
    check("GET", "/v1/strategies/nobody/fills", "nobody").await;
    check("GET", "/v1/strategies/%FF", "\u{fffd}").await;
    check("POST", "/v1/strategies/gone/start", "gone").await;
    check("POST", "/v1/strategies/Not%20An%20Id/start", "Not An Id").await;
}

#[tokio::test]
async fn a_manager_that_is_gone_is_unavailable() {
    let (service, asked) = Service::new(sample::healthy(), Store::Good).await;
    drop(asked);
    let path = "/v1/strategies/split-arb/start";
    let answer = service.post(path).await;
    answer.problem(503, "unavailable", path);
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_does_not_answer_is_not_waited_for() {
    let (service, _asked) = Service::new(sample::healthy(), Store::Good).await;
    let path = "/v1/strategies/split-arb/stop";
    let detail = service.post(path).await.problem(504, "timed_out", path);
    assert!(detail.contains("may still be carried out"), "{detail}");
}

#[tokio::test]
async fn a_body_must_be_small_json_of_the_right_form() {
    let (service, mut asked) = Service::new(sample::healthy(), Store::Good).await;
    let path = "/v1/strategies/split-arb/start";
    let check = async |kind: &str, body: String, status: u16, code: &str| {
        let request = service.request("POST", path).header(CONTENT_TYPE, kind).body(body);
        Answer::of(request).await.problem(status, code, path);
    };
    let json = "application/json";
    let actor = |name: &str| format!(r#"{{"actor":"{name}"}}"#);
    check("text/plain", actor("a"), 415, "not_json").await;
    check("application/x-www-form-urlencoded", "a=b".to_owned(), 415, "not_json").await;
    check(json, "{".to_owned(), 400, "bad_body").await;
    check(json, "[1]".to_owned(), 400, "bad_body").await;
    check(json, r#"{"actor":1}"#.to_owned(), 400, "bad_body").await;
    check(json, r#"{"force":true}"#.to_owned(), 400, "bad_body").await;
    check(json, actor(""), 400, "bad_body").await;
    check(json, actor(&"a".repeat(65)), 400, "bad_body").await;
    check(json, actor("a\\nb"), 400, "bad_body").await;
    check(json, actor(&"a".repeat(BODY_BYTES_MAX)), 413, "too_large").await;
    assert!(asked.try_recv().is_err(), "no such body reaches the manager");
}

#[tokio::test]
async fn pages_of_other_origins_cannot_command() {
    let accepted =
        Accepted { strategy: "split-arb".parse().unwrap(), phase: "stopping".to_owned() };
    let (service, _commands) = Service::answering(Ok(accepted)).await;
    let path = "/v1/strategies/split-arb/stop";
    let own = format!("http://{}", service.address);
    let from = |method, path, origin: &str| {
        Answer::of(service.request(method, path).header(ORIGIN, origin))
    };
    for origin in ["https://attacker.example", "null", "http://127.0.0.1:1", &format!("{own}0")] {
        from("POST", path, origin).await.problem(403, "wrong_origin", path);
        // Without a header that allows it, the browser keeps the answer from such a page.
        let read = from("GET", "/v1/status", origin).await;
        assert_eq!(read.header("access-control-allow-origin"), "");
    }
    assert_eq!(from("POST", path, &own).await.status, 202);
    let twice = service.request("POST", path).header(ORIGIN, &own).header(ORIGIN, "null");
    Answer::of(twice).await.problem(403, "wrong_origin", path);
}

#[tokio::test]
async fn names_that_are_not_this_service_are_refused() {
    let service = Service::healthy().await;
    let port = service.address.port();
    let check = async |host: String, status: u16| {
        for path in ["/v1/status", "/metrics", "/livez", "/nowhere"] {
            let request = service.request("GET", path).header("host", &host);
            let answer = Answer::of(request).await;
            match status {
                403 => drop(answer.problem(403, "wrong_host", path)),
                _ => assert_ne!(answer.status, 403, "{host} {path}"),
            }
        }
    };
    check(format!("attacker.example:{port}"), 403).await;
    check(format!("127.0.0.1.nip.io:{port}"), 403).await;
    check("127.0.0.1".to_owned(), 403).await;
    check(format!("0.0.0.0:{port}"), 403).await;
    check(format!("LOCALHOST:{port}"), 200).await;
}

#[tokio::test]
async fn a_request_names_its_host_once_and_the_same_everywhere() {
    let service = Service::healthy().await;
    let address = service.address;
    let check = async |request: String, status: &str| {
        let asked = request.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(asked.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = answer.await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}{answer}");
    };
    let close = "connection: close\r\n\r\n";
    check(format!("GET /livez HTTP/1.1\r\nhost: {address}\r\n{close}"), "200").await;
    check(format!("GET /livez HTTP/1.1\r\n{close}"), "403").await;
    check(format!("GET /livez HTTP/1.1\r\nhost: {address}\r\nhost: a.example\r\n{close}"), "403")
        .await;
    check(format!("GET http://a.example/livez HTTP/1.1\r\nhost: {address}\r\n{close}"), "403")
        .await;
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems_too() {
    let service = Service::healthy().await;
    for path in ["/", "/v1", "/v1/strategies/", "/v1/strategies/split-arb/dance", "/%FF"] {
        service.get(path).await.problem(404, "unknown_route", path);
    }
    let check = async |method: &str, path: &str, allowed: &str| {
        let answer = Answer::of(service.request(method, path)).await;
        answer.problem(405, "method_not_allowed", path);
        assert_eq!(answer.header(ALLOW), allowed, "{method} {path}");
    };
    check("POST", "/v1/status", "GET,HEAD").await;
    check("DELETE", "/v1/strategies/split-arb", "GET,HEAD").await;
    check("PUT", "/v1/strategies/split-arb/orders", "GET,HEAD").await;
    check("OPTIONS", "/metrics", "GET,HEAD").await;
    check("GET", "/v1/strategies/split-arb/start", "POST").await;
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let service = Service::healthy().await;
    for (path, status) in [
        ("/v1/status", 200),
        ("/metrics", 200),
        ("/livez", 200),
        ("/v1/strategies/nobody", 404),
        ("/nowhere", 404),
        ("/v1/strategies/split-arb/start", 405),
    ] {
        let head = Answer::of(service.request("HEAD", path)).await;
        let get = service.get(path).await;
        assert_eq!((head.status, head.text.as_str()), (status, ""), "{path}");
        assert_eq!(head.header(CONTENT_TYPE), get.header(CONTENT_TYPE), "{path}");
        assert_eq!(head.header("x-snapshot"), get.header("x-snapshot"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_that_a_caller_can_choose() {
    let service = Service::healthy().await;
    let version = |answer: &Answer| {
        let id: Uuid = answer.header("x-request-id").parse().unwrap();
        id.get_version_num()
    };
    for path in ["/livez", "/v1/status", "/nowhere"] {
        let answer = service.get(path).await;
        assert_eq!(version(&answer), 7);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_ne!(answer.header(CACHE_CONTROL), "");
    }
    let id = "01234567-89ab-4def-8123-456789abcdef";
    let with = |value| service.request("GET", "/livez").header("x-request-id", value);
    let own = Answer::of(with(HeaderValue::from_static(id))).await;
    assert_eq!(own.header("x-request-id"), id);
    let nonsense = Answer::of(with(HeaderValue::from_static("<script>"))).await;
    assert_eq!(version(&nonsense), 7);
}

#[tokio::test]
async fn a_halted_strategy_does_not_make_the_service_unready() {
    let (service, _asked) = Service::new(sample::troubled(), Store::Good).await;
    for path in ["/livez", "/healthz", "/readyz"] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "ok\n"), "{path}");
    }
    let verbose = service.get("/readyz?verbose").await;
    assert_eq!(verbose.status, 200);
    assert_eq!(
        verbose.text,
        "[+] feed playing, 1234567 events\n[+] store up, 1520 rows\n[+] split-arb running\n\
         [!] split-both halted\n[!] split-eth backoff\nready\n"
    );
}

#[tokio::test]
async fn what_stands_in_the_way_is_told() {
    let mut status = sample::healthy();
    status.not_ready = vec!["the store is down: disk full".to_owned()];
    status.store.up = false;
    let (service, _asked) = Service::new(status, Store::Good).await;
    assert_eq!(service.get("/livez").await.status, 200);
    let plain = service.get("/readyz").await;
    let detail = plain.problem(503, "not_ready", "/readyz");
    assert_eq!(detail, "the store is down: disk full");
    assert_eq!(plain.json()["reasons"], json!(["the store is down: disk full"]));
    let verbose = service.get("/readyz?verbose=1").await;
    assert_eq!(verbose.status, 503);
    assert!(verbose.text.starts_with("[-] the store is down: disk full\n"));
    assert!(verbose.text.contains("[-] store down\n"));
    assert!(verbose.text.ends_with("\nnot ready\n"));
}

#[tokio::test]
async fn a_status_that_is_no_longer_renewed_is_not_ready() {
    let mut service = Service::healthy().await;
    assert_eq!(service.get("/readyz").await.status, 200);
    // The sender is dropped for another channel's, as if its owner had died.
    service.status = watch::channel(Arc::new(sample::healthy())).0;
    let detail = service.get("/readyz").await.problem(503, "not_ready", "/readyz");
    assert!(detail.contains("no longer"), "{detail}");
}

#[tokio::test]
async fn metrics_are_text_of_the_same_snapshot() {
    let service = Service::healthy().await;
    let answer = service.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header(CONTENT_TYPE), prometheus::TEXT_FORMAT);
    assert_eq!(answer.header("x-snapshot"), "41");
    assert!(answer.text.contains("\nploy_status_snapshot 41\n"), "{}", answer.text);
}

#[tokio::test]
async fn a_shutdown_ends_the_server() {
    let service = Service::healthy().await;
    assert_eq!(service.get("/livez").await.status, 200);
    service.shutdown.cancel();
    service.server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_a_request_that_never_ends() {
    let (service, _asked) = Service::new(sample::healthy(), Store::Good).await;
    let request = service.request("POST", "/v1/strategies/split-arb/stop").send();
    let waiting = tokio::spawn(request);
    let begun = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(1)).await;
    service.shutdown.cancel();
    service.server.await.unwrap().unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(1) + SHUTDOWN_WITHIN);
    waiting.abort();
}
