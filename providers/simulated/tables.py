"""The tables of a simulated provider's book."""


def book_tables(schema: str) -> str:
    """Return the SQL that creates a schema's book, for its first migration."""
    return f"""
create table {schema}.entries (
  key text primary key,
  request_hash text,
  detail jsonb,
  status text not null check (status in ('failing', 'taken', 'refused', 'void', 'taken_back')),
  reference text,
  undo_reference text,
  calls int not null default 0,
  undo_calls int not null default 0,
  failures int not null default 0,
  undo_failures int not null default 0
);
create table {schema}.calls (
  seq bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  key text not null,
  operation text not null,
  outcome text not null
);
"""
