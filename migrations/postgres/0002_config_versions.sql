-- Every version of a strategy's settings that was ever run, so that it can be replayed and compared later. Secrets
-- never stand in these files. A version is what a file means: of texts that mean the same the first one is kept.
create table config_versions (
    -- the run that saw it first
    run text collate "C" not null references runs (run),
    seq bigint not null,
    strategy text collate "C" not null,
    -- when it was first seen, by the machine's clock
    at bigint not null,
    -- the SHA-256, 64 hex digits
    version text collate "C" not null,
    kind text collate "C" not null,
    -- the file, word for word
    text text collate "C" not null,
    primary key (strategy, version)
);
