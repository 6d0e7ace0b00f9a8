-- Who did what, what it changed, and when: one chain over all runs. Each row carries the hash of the one before and its
-- own, which is taken over all its other columns, so that no row can be changed, removed or put in between unnoticed.
create table audit (
    -- from 1, without a gap
    number bigint not null primary key,
    -- when it was written, by the machine's clock
    at bigint not null,
    -- when what it tells of was true, as its own table says
    event_at bigint not null,
    -- the run and the number within it of the fact that it tells of; 0: it tells of no stored row
    run text collate "C" not null,
    fact_seq bigint not null,
    -- whom it is about; absent: no single strategy
    strategy text collate "C",
    -- who: a person's name, `config`, `manager`, `venue`, `risk`, `watchdog`, a strategy
    actor text collate "C" not null,
    action text collate "C" not null,
    -- what was acted on: an order, a fill, a market, a strategy, `all`
    subject text collate "C" not null,
    -- JSON with its names in order; absent where it is not known
    state_before text collate "C",
    state_after text collate "C",
    -- SHA-256, 64 hex digits each: of the row before, and of this one
    previous text collate "C" not null,
    hash text collate "C" not null
);

-- Heads of the chain as they once were: what is cut off at its end is missed here. What was deleted of the chain with
-- age ends at the newest row of the kind 'pruned'.
create table audit_anchors (
    number bigint not null,
    kind text collate "C" not null check (kind in ('started', 'ended', 'passed', 'pruned')),
    hash text collate "C" not null,
    at bigint not null,
    primary key (number, kind)
);
