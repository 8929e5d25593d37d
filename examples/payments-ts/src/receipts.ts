// The idempotent receiver: an effect happens once for its key, and never after its undo.
import type { Database, Row } from "./database.js";
import { begun, Failure, type FailureType } from "./failures.js";
import { type Charge, type EffectReceipt, type FindReceipts, fingerprint, isSlip, type Request } from "./messages.js";
import { OF_ORDER, OF_SLIP, READ, SETTLE } from "./statements.js";

type Answer = { charge: Charge } | { refusal: string; type: FailureType };

export class Receipts {
  constructor(private readonly db: Database) {}

  /** Records the answer once, with the effect of the statement; returns the first recorded answer. */
  async do(statement: string, request: Request, answer: Answer, values: unknown[]): Promise<Charge> {
    const decision = "charge" in answer ? [null, null, JSON.stringify(answer.charge)] : [answer.refusal, answer.type, null];
    const hash = fingerprint(request);
    const row = await this.db.row(statement, [request.key, hash, ...decision, request.order_id, ...values]);
    return judged(request.key, hash, row ?? (await begun(this.db.row(READ, [request.key]))));
  }

  /** Returns the recorded answer, undefined when the key has no receipt. */
  async recorded(request: Request): Promise<Charge | undefined> {
    const row = await this.db.row(READ, [request.key]);
    return row && judged(request.key, fingerprint(request), row);
  }

  /** Returns the recorded answer of a request whose order has ended: no step begins any more. */
  async repeated(request: Request): Promise<Charge> {
    const charge = await this.recorded(request);
    if (!charge) throw new Failure("NotAccepted", `${request.key}: the order has ended without this step`);
    return charge;
  }

  /** Undoes what the key did, or stores a tombstone; returns the charge that there was, now or at an earlier undo. */
  async undo(statement: string, key: string, values: unknown[] = []): Promise<Charge | undefined> {
    const row = await this.db.row(statement, [key, ...values]);
    if (!row || row.status === "settled") throw new Failure("AlreadySettled", `${key}: was settled and can't be undone`);
    return row.status === "undone" && row.answer ? JSON.parse(row.answer) : undefined;
  }

  async settle({ key }: Request): Promise<void> {
    if (await this.db.row(SETTLE, [key])) return;
    const row = await begun(this.db.row(READ, [key]));
    if (!row) throw new Failure("NotFound", `${key}: was never done, so it can't be settled`);
    if (row.status === "done") throw new Failure("Unavailable", `${key}: was done while it was being settled`);
    if (isUndone(row)) throw new Failure("AlreadyUndone", `${key}: was undone and can't be settled`);
    if (row.status !== "settled") throw new Failure("Final", `${key}: can't be settled, it is ${row.status}`);
  }

  /** Returns what is known of a process, oldest first: also of a slip, of which the Python service may have left some. */
  async of({ order_id }: FindReceipts): Promise<{ receipts: EffectReceipt[] }> {
    const row = await this.db.row(isSlip(order_id) ? OF_SLIP : OF_ORDER, [order_id]);
    // No answer is not the same as nothing known, upon which a recovery may start the process as if it were new.
    if (!row?.receipts) throw new Failure("Unavailable", `${order_id}: the receipts can't be read`);
    return { receipts: JSON.parse(row.receipts) };
  }
}

function isUndone({ status }: Row): boolean {
  return status === "undone" || status === "tombstone";
}

function judged(key: string, hash: string, row: Row | undefined): Charge {
  if (!row) throw new Failure("Unavailable", `${key}: the receipt can't be read`);
  if (isUndone(row)) throw new Failure("AlreadyUndone", `${key}: was undone and can't be done any more`);
  if (row.request_hash !== hash) throw new Failure("KeyReused", `${key}: was used for another request`);
  if (row.status === "refused") throw new Failure(row.error as FailureType, row.message ?? "");
  return JSON.parse(row.answer ?? "null");
}
