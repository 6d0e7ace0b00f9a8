-- Why a decision came out as it did: what moved the strategy to look, which gates it passed, what the guard found.
-- JSON each; absent in rows of older versions.
alter table decisions add column moved_by text collate "C";
alter table decisions add column gates text collate "C";
alter table decisions add column risk text collate "C";

-- One decision by its number, and those around an instant.
create index decisions_by_number on decisions (run, strategy, number);
create index decisions_by_time on decisions (run, strategy, at, seq);
-- The rounds in one market.
create index fills_by_market on fills (run, strategy, market, seq);
