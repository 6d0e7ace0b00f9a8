-- What holds orders back: halts of all strategies by their causes, and pauses. A row is what became true; of each
-- pair of strategy and cause the newest row of the newest run counts, so that a new process comes up as held back as
-- the last one was.
create table gates (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    -- whom it is about; empty: all strategies
    strategy text collate "C" not null,
    -- by the machine's clock
    at bigint not null,
    -- 'operator', 'signal_file', 'store_outage', 'venue_outage', 'account_broken', 'watchdog' or 'pause'
    cause text collate "C" not null,
    -- what it lets pass; 'open': it is over
    gate text collate "C" not null check (gate in ('open', 'reduce_only', 'closed')),
    reason text collate "C" not null,
    -- who wanted or noticed it
    actor text collate "C" not null,
    primary key (run, seq)
);
create index gates_by_cause on gates (strategy, cause, run, seq);
