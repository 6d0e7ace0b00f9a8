//! The API as a part of the tree: it serves until it is told to end, and is started again when it fails.
//!
//! owns: the task that serves, on a listener that outlives it
//! takes: the end of that task
//! emits: answers to whoever asks
//! dies: when serving fails; the root starts it again, and no strategy notices

use std::net;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{ApiState, serve};

/// Serves the API.
#[derive(Debug)]
pub struct ApiServer;

/// What the server is told.
#[derive(Debug)]
pub enum Msg {
    /// Serving has ended; the text says why.
    Ended(String),
}

/// What the server needs. Cheap to clone, so that it can be started again.
#[derive(Debug)]
pub struct Args {
    /// Where it listens.
    pub listener: net::TcpListener,
    /// What it reads and whom it asks.
    pub state: ApiState,
    /// Cancelled when the service ends.
    pub end: CancellationToken,
    /// Counts what still runs, so that the end can be waited for.
    pub tasks: TaskTracker,
}

impl Args {
    /// Returns the same once more, on the same listener.
    ///
    /// # Errors
    /// When the system gives no second handle of the listener.
    pub fn again(&self) -> std::io::Result<Self> {
        Ok(Self {
            listener: self.listener.try_clone()?,
            state: self.state.clone(),
            end: self.end.clone(),
            tasks: self.tasks.clone(),
        })
    }
}

impl Actor for ApiServer {
    type Msg = Msg;
    type State = ();
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<(), ActorProcessingErr> {
        let listener = TcpListener::from_std(args.listener)?;
        let work = args.tasks.spawn(serve(listener, args.state, args.end));
        tokio::spawn(async move {
            let why = match work.await {
                Ok(Ok(())) => "it was asked to end".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            // A server that has ended already needs no word of it.
            drop(myself.cast(Msg::Ended(why)));
        });
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        msg: Msg,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            Msg::Ended(why) => Err(why.into()),
        }
    }
}
