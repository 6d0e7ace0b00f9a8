//! How a strategy goes on where an earlier process left it: what it remembered, what became of its orders, what it holds.

use std::collections::BTreeSet;

use ploy::kernel::{Broken, Kernel, Lasting, Memory};
use ploy::order::{ClientOrderId, OrderEvent, StrategyId, Update};
use ploy::restart::{Failure, FailureClass};
use ploy::strategy::{Saved, Subscription};

use super::registry::Registration;
use super::work::{Built, missing, recall, strategy};
use crate::panics;
use crate::ports::memory::{MemoryRecord, Outlived};
use crate::ports::{Past, StoreError};
use crate::runtime::Surroundings;

/// All that the store knows of a strategy when a process goes on with its run.
struct Known {
    lasting: Option<Lasting>,
    outlived: Outlived,
    past: Vec<Past>,
}

/// Builds the first incarnation of a strategy in a process that goes on with a run. What was told of its orders while
/// it was down comes to it as news, when it is subscribed.
pub(super) async fn build(
    registration: &Registration,
    incarnation: u64,
    around: &Surroundings,
) -> Result<Built, Failure> {
    let config = &registration.config;
    let Known { lasting, outlived, past } = know(&config.id, around).await?;
    let news = lasting
        .as_ref()
        .map_or_else(Vec::new, |lasting| lasting.news(&outlived.stored, &outlived.told));
    let memory = lasting.as_ref().map_or_else(Memory::default, |known| known.memory().clone());
    let mut track = around.recorder.begin(config, incarnation, &memory, &[]);
    let saved = lasting.as_ref().filter(|lasting| lasting.settings() == config.version);
    let saved = saved.map(Lasting::strategy).filter(|_| registration.restore.is_some()).cloned();
    let strategy = strategy(registration, saved.as_ref()).await;
    let strategy = strategy.inspect_err(|failure| track.end(&memory, Some(failure)))?;
    let subscription = strategy.subscription().clone();
    let limits = config.limits.clone();
    let id = config.id.clone();
    let mut kernel = match lasting {
        None => Kernel::new(id, strategy, limits, memory),
        Some(lasting) => Kernel::outlived(id, strategy, limits, lasting)
            .map_err(|why| unfit(&config.id, &why.to_string()))?,
    };
    let told = tell(&mut kernel, (&without(past, &news), saved.as_ref()), (&subscription, around));
    if let Err(failure) = told {
        track.end(&kernel.memory(), Some(&failure));
        return Err(failure);
    }
    track.take_over(config, &kernel);
    Ok(Built { kernel, subscription, track, news })
}

/// Reads all that the store knows, and holds it against itself.
async fn know(id: &StrategyId, around: &Surroundings) -> Result<Known, Failure> {
    let read = async {
        let memory = around.store.memory(id).await?;
        let lasting = memory.map(|memory| parse(&memory));
        let open = lasting.as_ref().and_then(|lasting| lasting.as_ref().ok()?.open_from());
        let outlived = around.store.told(id, open.unwrap_or(u64::MAX)).await?;
        let past = around.store.past(id).await?;
        let last = around.store.last_order_number(id).await?;
        Ok::<_, StoreError>((lasting, outlived, past, last))
    };
    let (lasting, outlived, past, last) = read.await.map_err(|error| missing(&error))?;
    let lasting = match lasting {
        None if last == 0 => None,
        None => return Err(unfit(id, "it has orders, and nothing that it remembered is stored")),
        Some(Err(why)) => return Err(unfit(id, &why)),
        Some(Ok(lasting)) if lasting.memory().last_order() < last => {
            return Err(unfit(id, &format!("it is older than order {last}")));
        }
        Some(Ok(lasting)) => Some(lasting.after_decision(outlived.last_decision)),
    };
    Ok(Known { lasting, outlived, past })
}

fn parse(memory: &MemoryRecord) -> Result<Lasting, String> {
    if memory.version != Lasting::VERSION {
        let (has, reads) = (memory.version, Lasting::VERSION);
        return Err(format!("it is of version {has}, this program reads version {reads}"));
    }
    serde_json::from_str(&memory.body).map_err(|error| error.to_string())
}

/// No other try mends it, and nobody else is concerned.
fn unfit(id: &StrategyId, why: &str) -> Failure {
    let message = format!("what {id} remembered cannot be relied on: {why}");
    Failure { class: FailureClass::Config, message }
}

/// Leaves out the fills that come as news.
fn without(past: Vec<Past>, news: &[OrderEvent]) -> Vec<Past> {
    let fills: BTreeSet<(&ClientOrderId, u32)> = news
        .iter()
        .filter_map(|event| match &event.update {
            Update::Filled(fill) => Some((&fill.order, fill.number)),
            Update::Submitted(_) | Update::Done { .. } => None,
        })
        .collect();
    let is_past = |fact: &Past| match fact {
        Past::Fill(fill) => !fills.contains(&(&fill.order, fill.number)),
        Past::Settled { .. } => true,
    };
    past.into_iter().filter(is_past).collect()
}

/// Tells a kernel the past, and shows it what is known of its markets.
fn tell(
    kernel: &mut Kernel,
    (past, saved): (&[Past], Option<&Saved>),
    (subscription, around): (&Subscription, &Surroundings),
) -> Result<(), Failure> {
    if saved.is_some() {
        for fact in past {
            match fact {
                Past::Fill(fill) => kernel.rebook_fill(fill).map_err(|error| Failure {
                    class: FailureClass::Accounting,
                    message: Broken::from(error).to_string(),
                })?,
                Past::Settled { market, payouts } => kernel.rebook_settlement(*market, *payouts),
            }
        }
    } else {
        recall(kernel, past)?;
    }
    let known = around.bus.known(subscription);
    panics::catch(|| kernel.show(&known))
        .map_err(|message| Failure { class: FailureClass::Panic, message })
}
