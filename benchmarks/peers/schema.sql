-- The participants of the other systems' sagas: three writing steps, each with an idempotency key.
create table keys (key text primary key, answer text not null);
create table stock (sku text primary key, available bigint not null check (available >= 0));
create table ledger (order_id text not null, kind text not null, amount bigint not null, primary key (order_id, kind));
create table parcels (order_id text primary key, tracking text not null);
insert into stock select 'SKU-' || n, 100000000 from generate_series(1, 20) as n;
