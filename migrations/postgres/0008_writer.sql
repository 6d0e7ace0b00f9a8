-- Who writes. One row; its epoch counts how often the store was opened for writing. A transaction on a server holds
-- it still, so that a process that lost its lock unnoticed cannot write after another has begun.
create table writer (
    one bigint not null primary key check (one = 1),
    epoch bigint not null,
    -- the run that opened it
    run text collate "C" not null
);
