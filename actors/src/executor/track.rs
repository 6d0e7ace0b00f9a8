//! One order as its venue sees it: what was told, whether its fate is in doubt, and what is to be done next about it.
//!
//! Nothing here acts: the worker does what a step says, and says what came of it. Times are of the machine.

use std::collections::BTreeMap;
use std::time::Duration;

use ploy::order::{DoneCause, Fill, Submission, Update};
use ploy::order_path::{Found, Lookup, OrderKey, Outgoing, Standing, Wanted};
use ploy::price::Size;
use tokio::time::Instant;

use crate::ports::Windows;
use crate::store::Told;

/// The first wait between two questions about an order, and its longest: it doubles.
const AGAIN: Duration = Duration::from_millis(200);
const AGAIN_MAX: Duration = Duration::from_secs(5);
/// How long a venue that states no bound may take to answer a question.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// An order that was stored, and what its venue has told of it.
#[derive(Clone, Debug)]
pub(super) struct Track {
    key: OrderKey,
    wanted: Wanted,
    is_accepted: bool,
    /// Whether it was said that its answer was lost.
    is_unknown: bool,
    is_over: bool,
    fills: BTreeMap<u32, Fill>,
    /// When it was sent, or at the latest when this process began.
    sent: Instant,
    /// When it was asked to be cancelled last.
    cancelled: Option<Instant>,
    /// Whether it is to end: its strategy ends, or is of an earlier process.
    is_unwanted: bool,
    /// By when something must have been told of it.
    answer_by: Option<Instant>,
    doubt: Option<Doubt>,
    /// Questions asked about it so far.
    asked: u64,
}

/// Why nobody knows how an order stands, and what is being done about it.
#[derive(Clone, Debug)]
struct Doubt {
    /// When it is asked about next, unless an answer is waited for.
    next: Instant,
    wait: Duration,
    /// The newest question, when it was asked, and by when it is answered.
    question: Option<(u64, Instant, Instant)>,
    why: String,
}

/// What is to be done about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is to be said that its answer was lost.
    Doubt,
    /// The venue is to be asked.
    Ask(Lookup),
    /// The venue is to cancel it.
    Cancel,
}

/// What becomes of something that a venue told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It is new.
    New,
    /// It was told before, or something newer was.
    Known,
    /// A fill was told before with another content.
    Contradicts,
}

impl Track {
    /// Returns an order that is being sent.
    pub(super) fn sent(order: &Outgoing, now: Instant, windows: Windows) -> Self {
        let answer_by = windows.answer.map(|within| now + within);
        Self { answer_by, ..Self::new(order.key(), order.payload().wanted(), now) }
    }

    /// Returns an order of an earlier process: nobody knows how it stands, and it is to end.
    pub(super) fn inherited(told: Told, now: Instant) -> Self {
        let mut track = Self::known(told, now);
        track.is_unwanted = true;
        track.doubt("the process that sent it ended before its end was known", now);
        track
    }

    /// Returns an order as it is stored.
    pub(super) fn known(told: Told, now: Instant) -> Self {
        let Told { key, payload, is_accepted, is_over, fills } = told;
        Self { is_accepted, is_over, fills, ..Self::new(key, payload.wanted(), now) }
    }

    fn new(key: OrderKey, wanted: Wanted, now: Instant) -> Self {
        Self {
            key,
            wanted,
            is_accepted: false,
            is_unknown: false,
            is_over: false,
            fills: BTreeMap::new(),
            sent: now,
            cancelled: None,
            is_unwanted: false,
            answer_by: None,
            doubt: None,
            asked: 0,
        }
    }

    /// Returns by what it is known.
    pub(super) const fn key(&self) -> &OrderKey {
        &self.key
    }

    /// Returns what it asks for.
    pub(super) const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Tells whether nothing more of it will be filled.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Tells whether it is to end.
    pub(super) const fn is_unwanted(&self) -> bool {
        self.is_unwanted
    }

    /// Returns why nobody knows how it stands, where that is so.
    pub(super) fn why(&self) -> Option<&str> {
        self.doubt.as_ref().map(|doubt| &*doubt.why)
    }

    /// Returns how often its venue was asked about it.
    pub(super) const fn asked(&self) -> u64 {
        self.asked
    }

    /// Returns when something is to be done about it next.
    pub(super) fn due(&self) -> Option<Instant> {
        let asked = self.doubt.as_ref().map(|doubt| match doubt.question {
            Some((_, _, answered_by)) => answered_by,
            None => doubt.next,
        });
        asked.into_iter().chain(self.answer_by).min()
    }

    /// Lets its fate be in doubt: it is asked about at once.
    pub(super) fn doubt(&mut self, why: &str, now: Instant) {
        self.answer_by = None;
        if self.doubt.is_none() {
            let why = why.to_owned();
            self.doubt = Some(Doubt { next: now, wait: AGAIN, question: None, why });
        }
    }

    /// Notes that it is being cancelled: when nothing comes of that, it is asked about.
    pub(super) fn cancel(&mut self, now: Instant, windows: Windows) {
        self.is_unwanted = true;
        self.cancelled = Some(now);
        if self.doubt.is_none() {
            self.answer_by = windows.answer.map(|within| now + within);
        }
    }

    /// Returns what is to be done about it now.
    pub(super) fn wake(&mut self, now: Instant, windows: Windows) -> Option<Step> {
        if self.is_over {
            return None;
        }
        if self.answer_by.is_some_and(|by| by <= now) {
            let is_told = self.is_accepted;
            self.doubt(
                if is_told { "nothing came of its cancel" } else { "its answer was lost" },
                now,
            );
            if !is_told {
                return Some(Step::Doubt);
            }
        }
        let doubt = self.doubt.as_mut()?;
        if let Some((_, _, by)) = doubt.question {
            if now < by {
                return None;
            }
            "the venue did not answer the question".clone_into(&mut doubt.why);
            doubt.later(now);
        }
        if now < doubt.next {
            return None;
        }
        self.asked += 1;
        let by = now + windows.answer.unwrap_or(ANSWER_WITHIN);
        doubt.question = Some((self.asked, now, by));
        Some(Step::Ask(Lookup { order: self.key.clone(), number: self.asked }))
    }

    /// Takes in what its venue told of it.
    pub(super) fn hear(&mut self, update: &Update, now: Instant) -> Heard {
        match update {
            Update::Filled(fill) => match self.fills.get(&fill.number) {
                Some(told) if told == fill => return Heard::Known,
                Some(_) => return Heard::Contradicts,
                None => {
                    self.fills.insert(fill.number, fill.clone());
                    self.is_accepted = true;
                }
            },
            Update::Submitted(Submission::Accepted) if self.is_accepted || self.is_over => {
                return Heard::Known;
            }
            Update::Submitted(Submission::Accepted) => self.is_accepted = true,
            // The venue has told more than that already.
            Update::Submitted(Submission::Unknown)
                if self.is_accepted || self.is_over || self.is_unknown =>
            {
                return Heard::Known;
            }
            Update::Submitted(Submission::Unknown) => {
                self.is_unknown = true;
                self.doubt("its answer was lost", now);
                return Heard::New;
            }
            Update::Done { unfilled, .. } if !self.is_over && !self.is_whole(*unfilled) => {
                // What was told while nobody listened is missing: the end is believed once the venue was asked.
                self.doubt("its end came before all of its fills", now);
                return Heard::Known;
            }
            Update::Submitted(Submission::Rejected { .. }) | Update::Done { .. } => {
                if self.is_over {
                    return Heard::Known;
                }
                self.is_over = true;
            }
        }
        if self.is_over || !self.is_unwanted {
            self.doubt = None;
            self.answer_by = None;
        }
        Heard::New
    }

    /// Tells whether the fills that were told and what was not filled are together all that was asked for.
    fn is_whole(&self, unfilled: Size) -> bool {
        self.fills.values().map(|fill| fill.size).sum::<Size>() + unfilled == self.wanted.size
    }

    /// Takes in what its venue answered. Returns what that comes to, beside what was told before, and what is to be
    /// done next.
    pub(super) fn found(
        &mut self,
        found: &Found,
        now: Instant,
        windows: Windows,
    ) -> (Vec<Update>, Option<Step>) {
        let Some(asked_at) = self.answered(found) else {
            return (Vec::new(), None);
        };
        if let Some(gap) = self.gap(&found.standing) {
            self.later(gap, now);
            return (Vec::new(), None);
        }
        let mut updates = self.missing(found.standing.fills());
        let step = match &found.standing {
            Standing::Open { .. } => self.open(now, windows, &mut updates),
            Standing::Done { unfilled, cause, .. } => {
                self.taken(&mut updates);
                updates.push(Update::Done { unfilled: *unfilled, cause: *cause });
                None
            }
            Standing::Rejected { reason, origin } => {
                let (reason, origin) = (reason.clone(), *origin);
                updates.push(Update::Submitted(Submission::Rejected { reason, origin }));
                None
            }
            Standing::Absent => self.absent(asked_at, now, windows, &mut updates),
            Standing::Unanswered { reason } => {
                self.later(&format!("the venue cannot be asked: {reason}"), now);
                None
            }
        };
        (updates, step)
    }

    /// Returns when the question was asked that this answers, where it is the newest.
    fn answered(&mut self, found: &Found) -> Option<Instant> {
        let doubt = self.doubt.as_mut()?;
        let (number, asked_at, _) = doubt.question?;
        if number != found.lookup.number || self.is_over {
            return None;
        }
        doubt.question = None;
        Some(asked_at)
    }

    /// Returns what an answer leaves out: such a one is not relied on.
    fn gap(&self, standing: &Standing) -> Option<&'static str> {
        let fills = standing.fills();
        let is_told_of = |number: &u32| fills.iter().any(|fill| fill.number == *number);
        let filled: Size = fills.iter().map(|fill| fill.size).sum();
        match standing {
            Standing::Open { .. } | Standing::Done { .. } if !self.fills.keys().all(is_told_of) => {
                Some("the venue's answer leaves out fills that it told of before")
            }
            Standing::Done { unfilled, .. } if filled + *unfilled != self.wanted.size => {
                Some("the venue's answer does not add up to what was asked for")
            }
            Standing::Rejected { .. } if self.is_accepted => {
                Some("the venue says that it refused what it had accepted")
            }
            Standing::Open { .. } | Standing::Done { .. } | Standing::Rejected { .. } => None,
            Standing::Absent | Standing::Unanswered { .. } => None,
        }
    }

    /// Returns the fills that nobody has told of yet, after the word that the venue has the order.
    fn missing(&self, fills: &[Fill]) -> Vec<Update> {
        let mut updates = Vec::new();
        if !fills.is_empty() {
            self.taken(&mut updates);
        }
        let news = fills.iter().filter(|fill| self.fills.get(&fill.number) != Some(fill));
        updates.extend(news.cloned().map(Update::Filled));
        updates
    }

    fn taken(&self, updates: &mut Vec<Update>) {
        if !self.is_accepted && updates.is_empty() {
            updates.push(Update::Submitted(Submission::Accepted));
        }
    }

    /// It rests: one that is wanted goes on, another is cancelled until it ends.
    fn open(&mut self, now: Instant, windows: Windows, updates: &mut Vec<Update>) -> Option<Step> {
        self.taken(updates);
        if !self.is_unwanted {
            self.doubt = None;
            return None;
        }
        self.later("it rests at the venue and is being cancelled", now);
        self.cancel(now, windows);
        Some(Step::Cancel)
    }

    /// The venue does not have it. That is proof only of what was asked after the order, or its cancel, must have
    /// arrived; and of one that the venue once had, only after a cancel.
    fn absent(
        &mut self,
        asked_at: Instant,
        now: Instant,
        windows: Windows,
        updates: &mut Vec<Update>,
    ) -> Option<Step> {
        let last = self.cancelled.map_or(self.sent, |cancelled| cancelled.max(self.sent));
        let arrived_by = last + windows.admission;
        let is_proof = arrived_by <= asked_at;
        if is_proof && (self.cancelled.is_some() || !self.is_accepted) {
            let filled: Size = self.fills.values().map(|fill| fill.size).sum();
            let unfilled = self.wanted.size.saturating_sub(filled);
            let cause = if unfilled.is_zero() { DoneCause::Filled } else { DoneCause::Absent };
            updates.push(Update::Done { unfilled, cause });
            return None;
        }
        self.later("the venue does not have it, and it may still be on its way", now);
        let step = (self.is_accepted && self.cancelled.is_none()).then(|| {
            self.cancel(now, windows);
            Step::Cancel
        });
        let arrived_by = if step.is_some() { now + windows.admission } else { arrived_by };
        if let Some(doubt) = &mut self.doubt {
            // Asked before that, it would prove nothing; asked then, it does.
            doubt.next =
                if is_proof || step.is_some() { arrived_by } else { doubt.next.max(arrived_by) };
        }
        step
    }

    fn later(&mut self, why: &str, now: Instant) {
        if let Some(doubt) = &mut self.doubt {
            why.clone_into(&mut doubt.why);
            doubt.later(now);
        }
    }
}

impl Doubt {
    /// Asks again, later each time.
    fn later(&mut self, now: Instant) {
        self.question = None;
        self.next = now + self.wait;
        self.wait = (self.wait * 2).min(AGAIN_MAX);
    }
}

#[cfg(test)]
#[path = "track_tests.rs"]
mod tests;
