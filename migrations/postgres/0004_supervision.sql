-- What must outlive the process about a strategy: how its halt came about, the wait it is in, the failures that
-- still count against it, and how often it was started again.

-- of what kind the failure was for which it is halted, and the version of its settings then
alter table strategies add column class text collate "C";
alter table strategies add column version text collate "C";
alter table strategies add column halted_since bigint;
-- which try it waits for, and until when; absent: it does not wait
alter table strategies add column attempt bigint;
alter table strategies add column until bigint;
-- JSON: the failures that still count, by instant, and what the next wait depends on
alter table strategies add column budget text collate "C";
-- JSON: the starts that were not the first, by cause
alter table strategies add column restarts text collate "C";

-- What must be known of a process by the next: that it ended in good order, that it entered or left safe mode.
create table process_events (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    -- by the machine's clock
    at bigint not null,
    event text collate "C" not null check (event in ('ended', 'safe_mode_entered', 'safe_mode_left')),
    -- who left safe mode; absent: nobody did anything
    actor text collate "C",
    -- why it was entered or left
    reason text collate "C",
    primary key (run, seq)
);
