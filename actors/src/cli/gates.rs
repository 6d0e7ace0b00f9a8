//! `ploy halt`, `ploy pause`, `ploy resume`: the gates by hand. A wish that changes nothing says so and exits with 4.

use serde_json::json;

use super::args::{HaltArgs, PauseArgs, ResumeArgs};
use super::client::{Answer, Client, Failure};
use super::form::Output;
use super::{Exit, Said, shape};
use crate::api::halt::NOTHING;
use crate::api::strategies::Taken;
use crate::ports::gates::Turned;
use crate::words;

/// Halts all strategies.
pub(super) async fn halt(
    client: &Client,
    args: &HaltArgs,
    output: Output,
) -> Result<Said, Failure> {
    let body = json!({"reason": args.reason, "actor": args.by.actor});
    let mut said = turned(&client.post("v1/halt", &body).await?, output);
    said.hint = Some("let all go on: `ploy resume --all --reason TEXT`".to_owned());
    Ok(said)
}

/// Holds back the orders of one strategy, or of all.
pub(super) async fn pause(
    client: &Client,
    args: &PauseArgs,
    output: Output,
) -> Result<Said, Failure> {
    let gate = if args.closed { "closed" } else { "reduce_only" };
    let body = json!({"reason": args.reason, "actor": args.by.actor, "gate": gate});
    let (path, instead) = match &args.id {
        Some(id) => (format!("v1/strategies/{id}/pause"), format!("ploy resume {id}")),
        None => ("v1/pause".to_owned(), "ploy resume --all --reason TEXT".to_owned()),
    };
    let mut said = turned(&client.post(&path, &body).await?, output);
    said.hint = Some(format!("let it go on: `{instead}`"));
    Ok(said)
}

/// Lets one strategy go on, or all.
pub(super) async fn resume(
    client: &Client,
    args: &ResumeArgs,
    output: Output,
) -> Result<Said, Failure> {
    let mut body = json!({"actor": args.by.actor});
    if let (Some(reason), Some(body)) = (&args.reason, body.as_object_mut()) {
        body.insert("reason".to_owned(), json!(reason));
    }
    let Some(id) = &args.id else {
        return Ok(turned(&client.post("v1/resume", &body).await?, output));
    };
    let answer: Answer<Taken> = client.post(&format!("v1/strategies/{id}/resume"), &body).await?;
    let taken = &answer.value;
    let did = taken.did.clone().unwrap_or_default();
    let text = || format!("{}: {}, {did}\n", taken.strategy, taken.phase);
    let exit = if did == NOTHING { Exit::Refused } else { Exit::Done };
    let mut said = Said::new(shape(output, &answer.json, text), exit);
    said.hint = Some("see what came of it: `ploy status`".to_owned());
    Ok(said)
}

fn turned(answer: &Answer<Turned>, output: Output) -> Said {
    let turned = &answer.value;
    let text = || {
        let (count, within) = (turned.strategies, words::count(turned.within_us));
        let mut text = format!(
            "{}\nrunning strategies that took it in: {count}, within {within} us\n",
            turned.said
        );
        if !turned.late.is_empty() {
            let late: Vec<&str> = turned.late.iter().map(|id| id.as_str()).collect();
            text +=
                &format!("not yet taken in by: {} (their orders are held back)\n", late.join(", "));
        }
        text
    };
    let exit = if turned.changed { Exit::Done } else { Exit::Refused };
    Said::new(shape(output, &answer.json, text), exit)
}
