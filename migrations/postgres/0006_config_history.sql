-- What became of strategies' settings: which version came into force when, who asked for it, what was refused.
create table config_history (
    run text collate "C" not null references runs (run),
    seq bigint not null,
    -- the strategy, or the file's name where it names none
    strategy text collate "C" not null,
    -- by the machine's clock
    at bigint not null,
    event text collate "C" not null check (event in ('in_force', 'written', 'rolled_back', 'refused', 'removed')),
    -- the SHA-256, 64 hex digits; absent where what was read means nothing
    version text collate "C",
    -- who asked; 'file' where the file was changed by other means, 'start' where the service began with it
    actor text collate "C" not null,
    what text collate "C" not null,
    primary key (run, seq)
);
create index config_history_by_strategy on config_history (strategy, run, seq);
