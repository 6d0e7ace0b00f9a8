//! The model: a second account of a strategy's life, written from the description of the policy and not from its code.

use ploy::restart::FailureClass;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

/// How many failures are retried within the window.
pub(crate) const FAILURES_MAX: usize = 3;
/// How many hangs are retried within the window.
pub(crate) const HANGS_MAX: usize = 1;
/// How many times in a row the same panic halts.
pub(crate) const SAME_MAX: u32 = 2;
/// How long failures count, in seconds.
pub(crate) const WINDOW: u64 = 60;
/// How long a strategy must run to be healthy, in seconds.
pub(crate) const RESET: u64 = 100;
/// The longest wait, in seconds.
pub(crate) const WAIT_MAX: u64 = 10;

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Start,
    Stop,
    Restart,
    Resume,
    /// It is built, warm, or settled: what is under way has come to its end.
    Done,
    /// It fails, and says one of three things.
    Fail(FailureClass, u8),
    /// It ends by itself.
    Complete,
    /// One of the timers rings that were ever set, in time or too late.
    Timer(usize),
    /// So many seconds pass.
    Wait(u64),
    /// Its file has this version.
    Version(u8),
    /// Its file goes.
    Remove,
    /// Its file is back.
    Back,
    /// The process ends somehow, and the next begins with its clock so many seconds ahead or behind, and this version.
    Process {
        ahead: i64,
        version: u8,
    },
}

/// What can be seen of a life from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) phase: &'static str,
    /// Which try it waits for, and until when.
    pub(crate) wait: Option<(u32, u64)>,
    pub(crate) halted: Option<FailureClass>,
    pub(crate) used: usize,
    pub(crate) missing: u32,
    pub(crate) wanted: Option<bool>,
    pub(crate) builds: u64,
    pub(crate) restarts: u64,
}

/// What comes after the orders are settled.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Rest,
    Again,
    Wait(u32, u64),
    Halt(FailureClass),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Off,
    Building,
    Warming,
    On,
    /// Asked to end; whether it starts again then.
    Ending(Next),
    /// Failed.
    Settling(Next),
    Waiting {
        attempt: u32,
        until: u64,
    },
    Halted(FailureClass),
}

/// A failure that was charged.
#[derive(Clone, Debug)]
struct Charge {
    at: u64,
    is_hang: bool,
}

/// The model of a life, with all that happens around it. Time is in seconds.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    place: Place,
    pub(crate) wanted: Option<bool>,
    now: u64,
    has_file: bool,
    version: u8,
    /// The version with which it failed last.
    failed: Option<u8>,
    charges: Vec<Charge>,
    tries: u32,
    missing: u32,
    /// The same panic in a row.
    streak: Option<(u8, u32)>,
    on_since: Option<u64>,
    /// The longest time on since the newest failure.
    best: u64,
    builds: u64,
    restarts: u64,
    /// The builds at which timers were set, and when they ring.
    pub(crate) timers: Vec<(u64, u64)>,
    /// Until when it waits as the next process finds it written, and when that was written.
    written: (u64, u64),
}

impl Model {
    pub(crate) fn seen(&self) -> Sight {
        let (phase, wait, halted) = match &self.place {
            Place::Off => ("stopped", None, None),
            Place::Building => ("starting", None, None),
            Place::Warming => ("warming", None, None),
            Place::On => ("running", None, None),
            Place::Ending(_) => ("stopping", None, None),
            Place::Settling(_) => ("quarantine", None, None),
            Place::Waiting { attempt, until } => ("backoff", Some((*attempt, *until)), None),
            Place::Halted(class) => ("halted", None, Some(*class)),
        };
        let used = self.charges.iter().filter(|charge| self.counts(charge)).count();
        Sight {
            phase,
            wait,
            halted,
            used,
            missing: self.missing,
            wanted: self.wanted,
            builds: self.builds,
            restarts: self.restarts,
        }
    }

    fn counts(&self, charge: &Charge) -> bool {
        self.now < charge.at + WINDOW
    }

    fn is_wanted(&self) -> bool {
        self.has_file && self.wanted != Some(false)
    }

    const fn lives(&self) -> bool {
        matches!(self.place, Place::Building | Place::Warming | Place::On)
    }

    fn go(&mut self, place: Place) {
        if self.place == Place::On {
            let on = self.on_since.take().map_or(0, |since| self.now - since);
            self.best = self.best.max(on);
        }
        match &place {
            Place::Off => self.forget(),
            Place::Building => self.builds += 1,
            Place::On => {
                self.on_since = Some(self.now);
                self.missing = 0;
            }
            Place::Waiting { until, .. } => {
                self.timers.push((self.builds, *until));
                self.written = (*until, self.now);
            }
            Place::Settling(Next::Wait(_, delay)) => self.written = (self.now + delay, self.now),
            Place::Settling(_) | Place::Warming | Place::Ending(_) | Place::Halted(_) => {}
        }
        self.place = place;
    }

    fn forget(&mut self) {
        self.charges.clear();
        (self.tries, self.missing, self.streak, self.best) = (0, 0, None, 0);
        self.on_since = None;
    }

    fn start(&mut self) -> bool {
        match self.place {
            Place::Off | Place::Waiting { .. } => self.go(Place::Building),
            Place::Ending(_) => self.place = Place::Ending(Next::Again),
            Place::Building | Place::Warming | Place::On => return false,
            Place::Settling(_) | Place::Halted(_) => return false,
        }
        true
    }

    fn stop(&mut self) -> bool {
        match &self.place {
            Place::Building | Place::Warming | Place::On => self.go(Place::Ending(Next::Rest)),
            Place::Ending(_) => self.place = Place::Ending(Next::Rest),
            Place::Settling(Next::Halt(_)) => {}
            Place::Settling(_) => self.place = Place::Settling(Next::Rest),
            Place::Waiting { .. } => self.go(Place::Off),
            Place::Off | Place::Halted(_) => return false,
        }
        true
    }

    fn restart(&mut self) -> bool {
        if self.lives() {
            self.go(Place::Ending(Next::Again));
            return true;
        }
        self.start()
    }

    fn done(&mut self) {
        match self.place.clone() {
            Place::Building => self.go(Place::Warming),
            Place::Warming => self.go(Place::On),
            Place::Ending(next) | Place::Settling(next) => match next {
                Next::Rest => self.go(Place::Off),
                Next::Again => self.go(Place::Building),
                Next::Wait(attempt, delay) => {
                    self.go(Place::Waiting { attempt, until: self.now + delay });
                }
                Next::Halt(class) => self.go(Place::Halted(class)),
            },
            Place::Off | Place::On | Place::Waiting { .. } | Place::Halted(_) => {}
        }
    }

    fn fail(&mut self, class: FailureClass, what: u8) {
        if !self.lives() {
            return;
        }
        let on = self.on_since.take().map_or(0, |since| self.now - since);
        if RESET <= on.max(self.best) {
            self.forget();
        }
        self.best = 0;
        self.failed = Some(self.version);
        let next = self.judge(class, what);
        self.go(Place::Settling(next));
    }

    fn judge(&mut self, class: FailureClass, what: u8) -> Next {
        match class {
            FailureClass::Config | FailureClass::Accounting | FailureClass::Forbidden => {
                return Next::Halt(class);
            }
            FailureClass::Dependency => {
                self.missing += 1;
                return Next::Wait(self.missing, delay(self.missing));
            }
            FailureClass::StartTimeout | FailureClass::Panic | FailureClass::Error => {}
            FailureClass::Hang | FailureClass::Killed => {}
        }
        self.missing = 0;
        self.tries += 1;
        self.streak = match (class, self.streak) {
            (FailureClass::Panic, Some((same, times))) if same == what => Some((what, times + 1)),
            (FailureClass::Panic, _) => Some((what, 1)),
            (_, _) => None,
        };
        let is_hang = class == FailureClass::Hang;
        let now = self.now;
        self.charges.retain(|charge| now < charge.at + WINDOW);
        self.charges.push(Charge { at: self.now, is_hang });
        let hangs = self.charges.iter().filter(|charge| charge.is_hang).count();
        let too_many = FAILURES_MAX < self.charges.len() || (is_hang && HANGS_MAX < hangs);
        let poison = self.streak.is_some_and(|(_, times)| SAME_MAX <= times);
        if too_many || poison {
            return Next::Halt(class);
        }
        Next::Wait(self.tries, delay(self.tries))
    }

    fn try_other_settings(&mut self) {
        let of_config = self.place == Place::Halted(FailureClass::Config);
        if of_config && self.is_wanted() && self.failed != Some(self.version) {
            self.forget();
            self.go(Place::Building);
        }
    }

    fn resume(&mut self) -> bool {
        let is_halted = matches!(self.place, Place::Halted(_));
        if is_halted {
            self.forget();
            self.go(Place::Building);
        }
        is_halted
    }

    /// Notes what came of a command: what is wanted now, and how many starts it was that were not the first.
    const fn commanded(&mut self, was_taken: bool, wanted: bool, restarts: u64) {
        if was_taken {
            self.wanted = Some(wanted);
            self.restarts += restarts;
        }
    }

    fn process(&mut self, ahead: i64, version: u8) {
        let rest = match self.place.clone() {
            Place::Waiting { attempt, until } => Place::Waiting { attempt, until },
            Place::Settling(Next::Wait(attempt, _)) => Place::Waiting { attempt, until: 0 },
            Place::Settling(Next::Halt(class)) | Place::Halted(class) => Place::Halted(class),
            Place::Off | Place::Building | Place::Warming | Place::On => Place::Off,
            Place::Ending(_) | Place::Settling(_) => Place::Off,
        };
        self.now = self.now.saturating_add_signed(ahead);
        for charge in &mut self.charges {
            charge.at = charge.at.min(self.now);
        }
        (self.on_since, self.best, self.builds) = (None, 0, 0);
        self.version = version;
        self.timers.clear();
        self.place = rest;
        if let Place::Waiting { attempt, .. } = self.place {
            // What was left of the wait when it was written down, and no more.
            let (until, written) = self.written;
            let until = until.min(self.now + until.saturating_sub(written));
            self.place = Place::Waiting { attempt, until };
            self.written = (until, self.now);
            self.timers.push((0, until));
            if !self.is_wanted() {
                self.go(Place::Off);
            }
        }
        if self.place == Place::Off && self.is_wanted() {
            self.go(Place::Building);
        }
        self.try_other_settings();
    }
}

/// 1, 2, 4, 8 … seconds.
fn delay(attempt: u32) -> u64 {
    2_u64.saturating_pow(attempt - 1).min(WAIT_MAX)
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self {
            place: Place::Off,
            wanted: None,
            now: 1_000_000,
            has_file: true,
            version: 0,
            failed: None,
            charges: Vec::new(),
            tries: 0,
            missing: 0,
            streak: None,
            on_since: None,
            best: 0,
            builds: 0,
            restarts: 0,
            timers: Vec::new(),
            written: (0, 0),
        })
        .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        let class = prop::sample::select(FailureClass::ALL.to_vec());
        let charged = prop::sample::select(vec![
            FailureClass::Panic,
            FailureClass::Error,
            FailureClass::Hang,
            FailureClass::Dependency,
        ]);
        prop_oneof![
            3 => Just(Step::Start),
            2 => Just(Step::Stop),
            1 => Just(Step::Restart),
            2 => Just(Step::Resume),
            16 => Just(Step::Done),
            2 => (class, 0..3_u8).prop_map(|(class, what)| Step::Fail(class, what)),
            6 => (charged, 0..3_u8).prop_map(|(class, what)| Step::Fail(class, what)),
            1 => Just(Step::Complete),
            8 => any::<usize>().prop_map(Step::Timer),
            3 => (0..40_u64).prop_map(Step::Wait),
            1 => (90..130_u64).prop_map(Step::Wait),
            2 => (0..3_u8).prop_map(Step::Version),
            1 => Just(Step::Remove),
            2 => Just(Step::Back),
            1 => (-5..5_i64, 0..3_u8)
                .prop_map(|(ahead, version)| Step::Process { ahead, version }),
            1 => (-2000..200_i64, 0..3_u8)
                .prop_map(|(ahead, version)| Step::Process { ahead, version }),
        ]
        .boxed()
    }

    fn apply(mut self_: Self, step: &Step) -> Self {
        let model = &mut self_;
        match step {
            Step::Start => {
                let was_taken = model.has_file && model.start();
                model.commanded(was_taken, true, 0);
            }
            Step::Stop => {
                let was_taken = model.stop();
                model.commanded(was_taken, false, 0);
            }
            Step::Restart => {
                let was_taken = model.has_file && model.restart();
                model.commanded(was_taken, true, 1);
            }
            Step::Resume => {
                let was_taken = model.has_file && model.resume();
                model.commanded(was_taken, true, 1);
            }
            Step::Done => model.done(),
            Step::Fail(class, what) => model.fail(*class, *what),
            Step::Complete => {
                if model.lives() {
                    model.go(Place::Ending(Next::Rest));
                    model.wanted = Some(false);
                }
            }
            Step::Timer(which) => {
                if let Some((build, at)) = pick(&model.timers, *which) {
                    model.now = model.now.max(at);
                    if matches!(model.place, Place::Waiting { .. }) && build == model.builds {
                        model.restarts += 1;
                        model.go(Place::Building);
                    }
                }
            }
            Step::Wait(seconds) => model.now += seconds,
            Step::Version(version) => {
                if model.has_file {
                    model.version = *version;
                    model.try_other_settings();
                }
            }
            Step::Remove => {
                model.has_file = false;
                model.stop();
            }
            Step::Back => {
                model.has_file = true;
                let rests = matches!(model.place, Place::Off | Place::Ending(_));
                if rests && model.is_wanted() {
                    model.start();
                }
            }
            Step::Process { ahead, version } => model.process(*ahead, *version),
        }
        self_
    }
}

/// Returns one of the timers that were ever set.
pub(crate) fn pick(timers: &[(u64, u64)], which: usize) -> Option<(u64, u64)> {
    (!timers.is_empty()).then(|| timers[which % timers.len()])
}
