// The SQL of the receipts with the effects of payments: each is one statement, so receipt and ledger change together.
// The advisory lock makes the statements of one key queue. An effect joins the changed receipt: it happens if and only if
// the receipt has the status for it.

const GATE = "gate as materialized (select pg_advisory_xact_lock(hashtextextended('payments:' || $1::text, 0)))";
const OUTCOME = "status, answer::text as answer, request_hash, answer ->> 'error' as error, answer ->> 'message' as message";

export const READ = `select ${OUTCOME} from payments.receipts where key = $1`;

// $1 process. The amount is that of a charge. The first condition for a slip selects the index of the slips' receipts.
const KNOWN = `
select coalesce(json_agg(json_build_object('step', split_part(key, ':', 2), 'status', status, 'at', created_at,
  'amount', answer -> 'amount') order by created_at, key), '[]') as receipts
from payments.receipts where `;
export const OF_ORDER = `${KNOWN} key = $1::text || ':charge'`;
export const OF_SLIP = `${KNOWN} key like 'slip.%' and key ~>=~ ($1::text || ':') and key ~<~ ($1::text || ';')`;

// $1 key, $2 request hash, $3 refusal or null, $4 its error type, $5 answer
const CLAIM = `
with ${GATE},
claim as (
  insert into payments.receipts (key, request_hash, status, answer)
  select $1::text, $2::text, case when $3::text is null then 'done' else 'refused' end,
    case when $3::text is null then $5::jsonb else jsonb_build_object('error', $4::text, 'message', $3::text) end
  from gate
  on conflict (key) do nothing
  returning key, status, answer, request_hash
)`;

// $6 order, $7 amount, $8 currency
export const CHARGE = `${CLAIM},
entry as (
  insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
  select key, 'charge', 'card_clearing', 'held', $7::bigint, $8::text, $6::text from claim where status = 'done'
)
select ${OUTCOME} from claim`;

// $9 reference, $10 hash of the expected transfer, $11 event
export const BOOK = `${CLAIM},
entry as (
  insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
  select key, 'charge', 'bank', 'held', $7::bigint, $8::text, $6::text from claim where status = 'done'
),
transfer as (
  insert into payments.transfers (key, order_id, reference, amount, currency, request_hash, status, event_id)
  select key, $6::text, $9::text, $7::bigint, $8::text, $10::text, 'settled', $11::text from claim where status = 'done'
  on conflict (key) do update set status = excluded.status, event_id = excluded.event_id, changed_at = now()
)
select ${OUTCOME} from claim`;

// No row: the receipt of a settled effect was pruned.
const UNDONE = `
with ${GATE},
undone as (
  insert into payments.receipts as receipt (key, status, undos)
  select $1::text, 'tombstone', 1 from gate
  where not exists (select from payments.ledger where key = $1::text and kind = 'settle')
    or exists (select from payments.receipts where key = $1::text)
  on conflict (key) do update set
    status = case receipt.status when 'done' then 'undone' else receipt.status end,
    undos = receipt.undos + 1
  returning key, status, undos, answer
)`;

export const UNDO = `${UNDONE} select status, answer::text as answer from undone`;

// $2 order. Only the undo that turned done into undone has undos = 1.
export const UNDO_TRANSFER = `${UNDONE},
entry as (
  insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
  select key, 'refund', 'held', 'bank', (answer -> 'amount' ->> 'amount')::bigint, answer -> 'amount' ->> 'currency',
    $2::text
  from undone where status = 'undone' and undos = 1
),
transfer as (
  update payments.transfers set changed_at = now(),
    status = case undone.status when 'undone' then 'returned' else 'void' end
  from undone where transfers.key = undone.key and undone.undos = 1 and undone.status <> 'settled'
)
select status, answer::text as answer from undone`;

export const SETTLE = `
with ${GATE},
settled as (
  update payments.receipts as receipt set status = 'settled'
  from gate where receipt.key = $1::text and receipt.status = 'done'
  returning receipt.key
),
entry as (
  insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id)
  select charge.key, 'settle', 'held', 'revenue', charge.amount, charge.currency, charge.order_id
  from settled join payments.ledger as charge on charge.key = settled.key and charge.kind = 'charge'
)
select key from settled`;

// Charge and refund, each once: the provider may have charged without an answer. $2 order, $3 amount, $4 currency
export const REFUNDED = `
insert into payments.ledger (key, kind, debit, credit, amount, currency, order_id) values
  ($1, 'charge', 'card_clearing', 'held', $3, $4, $2),
  ($1, 'refund', 'held', 'card_clearing', $3, $4, $2)
on conflict (key, kind) do nothing`;

export const EXPECT = `
insert into payments.transfers (key, order_id, reference, amount, currency, request_hash)
values ($1, $2, $3, $4, $5, $6) on conflict (key) do nothing`;

export const FIND_TRANSFER = `
select transfers.request_hash, receipt.status
from payments.transfers left join payments.receipts as receipt using (key) where key = $1`;
