-- What must outlive the process about a strategy: how its halt came about, the wait it is in, the failures that
-- still count against it, and how often it was started again.

-- of what kind the failure was for which it is halted, and the version of its settings then
alter table strategies add column class text;
alter table strategies add column version text;
alter table strategies add column halted_since bigint;
-- which try it waits for, and until when; absent: it does not wait
alter table strategies add column attempt bigint;
alter table strategies add column until bigint;
-- JSON: the failures that still count, by instant, and what the next wait depends on
alter table strategies add column budget text;
-- JSON: the starts that were not the first, by cause
alter table strategies add column restarts text;
