// The simulated card provider: its test tokens and its tables are described in providers/simulated/card_provider.py.
import { randomUUID } from "node:crypto";
import { Context } from "@temporalio/activity";
import type { Database, Row } from "./database.js";
import { Failure } from "./failures.js";
import { inWords, type Charge, type Money } from "./messages.js";

interface Script {
  status: "taken" | "refused";
  failures: number;
  undoFailures: number;
  unanswered: number;
  hidden: boolean;
}

const ALWAYS = 2 ** 31 - 1;
const TAKEN: Script = { status: "taken", failures: 0, undoFailures: 0, unanswered: 0, hidden: false };
const SCRIPTS: Record<string, Script> = {
  tok_ok: TAKEN,
  tok_hang_after: { ...TAKEN, unanswered: 1 },
  tok_lost_after: { ...TAKEN, unanswered: ALWAYS, hidden: true },
  tok_lost_found: { ...TAKEN, unanswered: ALWAYS },
  tok_refund_fails: { ...TAKEN, undoFailures: ALWAYS },
};

const LOGGED = (operation: string) => `
logged as (insert into card_provider.calls (key, operation, outcome) select key, ${operation}, outcome from decided)
select outcome, status, reference, undo_reference, detail::text as detail, calls from decided`;

// $1 key, $2 hash, $3 detail, $4 failures, $5 status, $6 reference, $7 failures of the undo
const DO = `
with entry as (
  insert into card_provider.entries as held
    (key, request_hash, detail, status, reference, calls, failures, undo_failures)
  values ($1::text, $2::text, $3::jsonb, case when $4::int > 0 then 'failing' else $5::text end, $6::text, 1, $4::int,
    $7::int)
  on conflict (key) do update set
    calls = held.calls + (held.request_hash is not distinct from $2::text)::int,
    status = case
      when held.status = 'failing' and held.request_hash = $2::text and held.calls >= held.failures then $5::text
      else held.status end
  returning *
),
decided as (
  select *, case
    when status in ('void', 'taken_back') then 'too late'
    when request_hash <> $2::text then 'key reused'
    when status = 'failing' then 'unavailable'
    when calls > failures + 1 then 'repeated'
    else status end as outcome
  from entry
),${LOGGED("'charge'")}`;

const UNDO = `
with entry as (
  insert into card_provider.entries as held (key, status, undo_calls) values ($1::text, 'void', 1)
  on conflict (key) do update set
    undo_calls = held.undo_calls + 1,
    status = case
      when held.status = 'taken' and held.undo_calls >= held.undo_failures then 'taken_back'
      when held.status = 'failing' then 'void'
      else held.status end,
    undo_reference = case
      when held.status = 'taken' and held.undo_calls >= held.undo_failures then $2::text
      else held.undo_reference end
  returning *
),
decided as (
  select *, case
    when status = 'taken' then 'unavailable'
    when status <> 'taken_back' then 'nothing to undo'
    when undo_reference <> $2::text then 'repeated'
    else status end as outcome
  from entry
),${LOGGED("'refund'")}`;

const FIND = `
with entry as (select * from card_provider.entries where key = $1::text),
logged as (
  insert into card_provider.calls (key, operation, outcome)
  select $1::text, 'find', case when exists (select from entry) then 'found' else 'not found' end
)
select status, reference, detail::text as detail from entry`;

export class SimulatedCardProvider {
  constructor(private readonly db: Database) {}

  /** Charges once for the key; throws CardDeclined, KeyReused, AlreadyUndone, Unavailable. */
  async charge(key: string, token: string, amount: Money): Promise<Charge> {
    const script = scriptOf(token);
    const detail = JSON.stringify({ token, ...amount });
    const planned = [script.failures, script.status, reference("ch"), script.undoFailures];
    const entry = await this.#call(DO, key, [`${token} ${inWords(amount)}`, detail, ...planned]);
    if (entry.outcome === "too late") throw new Failure("AlreadyUndone", `${key}: was taken back before`);
    if (entry.outcome === "key reused") throw new Failure("KeyReused", `${key}: was used for another request`);
    if (entry.status === "refused") throw new Failure("CardDeclined", "the card was declined");
    if (Number(entry.calls) <= script.unanswered) await neverAnswer();
    return chargeOf(entry);
  }

  /** Refunds the key's charge, and refuses any later one; returns undefined when there is none. */
  async refund(key: string): Promise<{ refundId: string; amount: Money } | undefined> {
    const entry = await this.#call(UNDO, key, [reference("re")]);
    if (entry.status !== "taken_back" || !entry.undo_reference) return undefined;
    return { refundId: entry.undo_reference, amount: chargeOf(entry).amount };
  }

  async find(key: string): Promise<Charge | undefined> {
    const entry = await this.db.row(FIND, [key]);
    if (entry?.status !== "taken") return undefined;
    if (scriptOf(JSON.parse(entry.detail ?? "{}").token).hidden) await neverAnswer();
    return chargeOf(entry);
  }

  async #call(statement: string, key: string, values: unknown[]): Promise<Row> {
    const entry = await this.db.row(statement, [key, ...values]);
    if (!entry || entry.outcome === "unavailable")
      throw new Failure("Unavailable", `${key}: no answer, as if the network had failed`);
    return entry;
  }
}

function scriptOf(token: string): Script {
  const flaky = /^tok_(refund_)?flaky_([0-9]{1,3})$/.exec(token);
  if (flaky) return { ...TAKEN, [flaky[1] ? "undoFailures" : "failures"]: Number(flaky[2]) };
  return Object.hasOwn(SCRIPTS, token) ? SCRIPTS[token]! : { ...TAKEN, status: "refused" };
}

function chargeOf(entry: Row): Charge {
  const { amount, currency } = JSON.parse(entry.detail ?? "{}");
  return { charge_id: entry.reference ?? "", amount: { amount, currency } };
}

function reference(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll("-", "")}`;
}

/** Waits until the attempt is over, as for a lost answer. */
async function neverAnswer(): Promise<never> {
  return Context.current().cancelled;
}
