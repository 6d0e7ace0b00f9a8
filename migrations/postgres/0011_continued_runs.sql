-- A run outlives the process: the next start goes on with it, where it plays the same and was not played to its end.

-- what it plays, told apart by content; absent in rows of older versions, which nobody goes on with
alter table runs add column source text collate "C";

-- Every start of the program. The first of a run began it, the others went on with it.
create table starts (
    run text collate "C" not null references runs (run),
    -- from 1
    number bigint not null,
    -- by the machine's clock
    at bigint not null,
    -- the highest number of a fact of the run by then
    after_seq bigint not null,
    version text collate "C" not null,
    -- the instant from which it went on, on the time that decisions run on; absent where the run began
    from_at bigint,
    -- how many events of its source were past by then
    from_events bigint not null,
    primary key (run, number)
);
insert into starts (run, number, at, after_seq, version, from_at, from_events)
    select run, 1, started_at, 0, version, null, 0 from runs;

-- Runs whose source was played to its end: nobody goes on with them.
create table run_ends (
    run text collate "C" not null primary key references runs (run),
    -- the last instant, on the time that decisions run on
    at bigint not null,
    -- how many events there were
    events bigint not null
);

-- What a strategy remembers and no fact tells: the newest of each strategy, written with each of its orders, and with
-- whatever else of it is stored.
create table memories (
    run text collate "C" not null references runs (run),
    strategy text collate "C" not null,
    -- on the time that decisions run on
    at bigint not null,
    -- the order of memories: the start of the program, the incarnation within it, the inputs taken in
    start_number bigint not null,
    incarnation bigint not null,
    inputs bigint not null,
    -- how many events of the source were played
    events bigint not null,
    -- of the form
    version bigint not null,
    -- JSON
    body text collate "C" not null,
    primary key (run, strategy)
);
