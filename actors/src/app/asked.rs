//! What the API reads and whom it asks, and whether strategies may start at all.

use std::net;
use std::sync::Arc;

use ploy::status::{RecordPhase, SystemStatus};
use ractor::ActorRef;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Parts, StartError};
use crate::api::{ApiState, Hosts, server};
use crate::bus::command::CommandBus;
use crate::bus::safe_mode::SafeModeBus;
use crate::manager;
use crate::ports::why::Recall;
use crate::record::Recorder;
use crate::record::recall::Recalled;
use crate::store::Store;

/// Returns why no strategy may start, as far as earlier processes give reason for it.
pub(super) async fn safe_mode(parts: &Parts) -> Result<Option<String>, StartError> {
    let past = parts.store.process_past().await?;
    Ok(past.safe_mode(&parts.process, parts.run.started_at))
}

/// Returns what the API reads, and whom it asks.
pub(super) fn api_state(
    (store, recorder): (&Store, &Recorder),
    asked: (watch::Receiver<Arc<SystemStatus>>, CommandBus),
    hosts: Hosts,
    manager: &ActorRef<manager::Msg>,
) -> ApiState {
    let state = ApiState::of(store, asked, hosts).auditing(store);
    state.recalling(recall(recorder)).leaving(safe_mode_bus(manager))
}

/// Returns what the API is started with.
pub(super) fn api_args(listener: net::TcpListener, state: ApiState) -> server::Args {
    server::Args { listener, state, end: CancellationToken::new(), tasks: TaskTracker::new() }
}

/// Returns the way out of safe mode.
fn safe_mode_bus(manager: &ActorRef<manager::Msg>) -> SafeModeBus {
    let manager = manager.clone();
    // A manager that is gone drops the question, and its asker is told so.
    SafeModeBus::new(Arc::new(move |leave| drop(manager.cast(manager::Msg::LeaveSafeMode(leave)))))
}

/// Returns who plays the record again for those who ask about the past.
fn recall(recorder: &Recorder) -> Option<Arc<dyn Recall>> {
    let status = recorder.status();
    if status.state == RecordPhase::Off {
        return None;
    }
    Some(Arc::new(Recalled::new(status.folder.into())))
}
