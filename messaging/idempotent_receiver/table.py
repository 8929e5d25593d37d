"""The table `receipts`: one in each service's schema."""


def receipts_table(schema: str) -> str:
    """Return the SQL that creates a schema's table of receipts, for its first migration."""
    return f"""
create table {schema}.receipts (
  key text primary key,
  request_hash text,
  status text not null check (status in ('done', 'refused', 'undone', 'tombstone', 'settled')),
  answer jsonb,
  undos int not null default 0,
  created_at timestamptz not null default now(),
  check (status = 'tombstone' or (request_hash is not null and answer is not null))
);
"""
