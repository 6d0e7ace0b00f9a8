-- What was sent of an order, written in the transaction of the order itself: its bytes, letter for letter, their SHA-256
-- (64 hex digits), by which a venue knows it, and what it ties up until it is over, as the ledger books it.
-- Absent in rows of older versions, whose orders are over.
alter table orders add column payload text collate "C";
alter table orders add column hash text collate "C";
alter table orders add column reserved_cash bigint;
alter table orders add column reserved_shares bigint;

-- From what a venue says back to our order.
create index orders_by_hash on orders (hash);
