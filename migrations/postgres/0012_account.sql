-- Where the guard of the whole account stands beside what the facts say: the day's beginning, the peak, what holds back
-- entries, what its throttles have left. One row a run, replaced by a newer one: what happened to it stands in
-- risk_events under the name `(account)`.
create table account_standings (
    run text collate "C" not null primary key references runs (run),
    seq bigint not null,
    -- on the time that decisions run on
    at bigint not null,
    -- JSON
    standing text collate "C" not null
);
