-- The facts of every run. Rows are appended and never changed; what is derived from them is derived when read.
--
-- Conventions, the same for every backend: text and 64-bit integers only. Times are microseconds since 1970 in
-- UTC (`at`), money and shares are millionths, flags are 0 or 1, ids are text, `numbers` is JSON.
-- `seq` counts all facts of a run in the order in which they were handed over, across all tables: it orders them,
-- it is the cursor of a page. A fact written again is not there twice: its primary key says what makes it the same.
-- This file is never edited once released: a change is a new file with the next number.

-- One row for every time that the program ran.
create table runs (
    run text collate "C" not null primary key,
    -- the order in which runs began, whatever the machine's clock said
    number bigint not null unique,
    started_at bigint not null,
    version text collate "C" not null,
    mode text collate "C" not null,
    -- what was played or traded, for people
    title text collate "C" not null
);

-- Orders, each durable before it was sent. What came of one stands in order_events and fills.
create table orders (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    -- the order's number within the strategy
    number bigint not null,
    at bigint not null,
    market text collate "C" not null,
    outcome text collate "C" not null check (outcome in ('yes', 'no')),
    side text collate "C" not null check (side in ('buy', 'sell')),
    limit_price bigint not null check (limit_price between 1 and 999999),
    size bigint not null check (size >= 0),
    time_in_force text collate "C" not null,
    purpose text collate "C" not null,
    primary key (run, strategy, number)
);
create index orders_by_strategy on orders (run, strategy, seq);

-- What a venue told about an order, once each.
create table order_events (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    -- the order's number
    number bigint not null,
    at bigint not null,
    kind text collate "C" not null check (kind in ('accepted', 'rejected', 'unknown', 'filled', 'done')),
    -- of a fill its number within the order, else 0
    fill bigint not null,
    -- why it was rejected or done
    cause text collate "C",
    -- of a done order the shares that were not filled
    unfilled bigint,
    primary key (run, strategy, number, kind, fill)
);

-- Shares of ours that changed hands.
create table fills (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    -- the order's number, and the fill's number within it
    number bigint not null,
    fill bigint not null,
    at bigint not null,
    market text collate "C" not null,
    outcome text collate "C" not null check (outcome in ('yes', 'no')),
    side text collate "C" not null check (side in ('buy', 'sell')),
    price bigint not null check (price between 1 and 999999),
    size bigint not null check (size >= 0),
    fee bigint not null,
    -- what came in, fee deducted; negative for what went out
    cash bigint not null,
    liquidity text collate "C" not null check (liquidity in ('taker', 'maker')),
    primary key (run, strategy, number, fill)
);
create index fills_by_strategy on fills (run, strategy, seq);

-- Markets that were settled while a strategy held shares of them.
create table settlements (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    at bigint not null,
    market text collate "C" not null,
    -- what a share of each outcome paid
    yes_pays bigint not null,
    no_pays bigint not null,
    -- the cash that came in, and what the whole round made
    amount bigint not null,
    profit bigint not null,
    primary key (run, strategy, market, at)
);
create index settlements_by_strategy on settlements (run, strategy, seq);

-- Intents, approved and refused, with what was compared.
create table decisions (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    -- the decision's number within the strategy
    number bigint not null,
    at bigint not null,
    market_id text collate "C",
    market text collate "C",
    verdict text collate "C" not null,
    cause text collate "C" not null,
    intent text collate "C",
    -- a JSON list of pairs of a name and a number
    numbers text collate "C" not null,
    primary key (run, seq)
);
create index decisions_by_strategy on decisions (run, strategy, seq);

-- Trips of a breaker and their releases.
create table risk_events (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    at bigint not null,
    event text collate "C" not null,
    rule text collate "C" not null,
    used text collate "C" not null,
    allowed text collate "C" not null,
    primary key (run, seq)
);
create index risk_events_by_strategy on risk_events (run, strategy, seq);

-- Moves of a strategy from phase to phase.
create table lifecycle (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    at bigint not null,
    from_phase text collate "C" not null,
    to_phase text collate "C" not null,
    why text collate "C" not null,
    primary key (run, seq)
);
create index lifecycle_by_strategy on lifecycle (run, strategy, seq);

-- Failures of parts; without a strategy where they are about the whole.
create table errors (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C",
    at bigint not null,
    part text collate "C" not null,
    message text collate "C" not null,
    primary key (run, seq)
);
create index errors_by_strategy on errors (run, strategy, seq);

-- What somebody asked for, and the answer. The strategy is as it was written, known or not.
create table commands (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    at bigint not null,
    actor text collate "C" not null,
    action text collate "C" not null,
    answer text collate "C" not null,
    primary key (run, seq)
);
create index commands_by_strategy on commands (run, strategy, seq);

-- What must outlive the process about a strategy. The newest row of the newest run counts.
create table strategies (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    at bigint not null,
    -- whether somebody wants it to run; absent: as its file says
    wanted bigint check (wanted in (0, 1)),
    -- why it is halted; absent: it is not
    halted text collate "C",
    primary key (run, seq)
);
create index strategies_by_strategy on strategies (strategy, run, seq);
