-- How the roll-outs of strategies' settings stand, so that the next process goes on with the last good version and
-- does not take up again what was rolled back. The newest row of a strategy counts.
create table rollouts (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    -- on the time that decisions run on
    at bigint not null,
    -- the last good version, whose text is in config_versions
    good text collate "C",
    -- settled, trial, rolled_back, shadow or set_aside
    stage text collate "C" not null,
    -- the version that the stage is about; absent where it is settled
    version text collate "C",
    -- why it was rolled back or set aside
    why text collate "C",
    primary key (run, seq)
);
