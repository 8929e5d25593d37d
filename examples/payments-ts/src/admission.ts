// Before it acts, a participant checks that an order was accepted with this step and these values: its requests may come
// from anyone who reaches the task queue.
import type { Database } from "./database.js";
import { Failure } from "./failures.js";
import type { ChargePayment, ExpectTransfer, Money, Request } from "./messages.js";

const ACCEPTED = `
select body::text as body, total, currency, (closed_at is not null)::text as ended, (status = 'completed')::text as done
from orders.orders where order_id = $1 and body is not null`;
const STEP = "charge";

interface Accepted {
  payment: { token?: string; reference?: string } | undefined; // a pruned order has none
  total: Money;
  ended: boolean;
  completed: boolean;
}

export class Admission {
  constructor(private readonly db: Database) {}

  /** Returns whether the order is open; of one that has ended only recorded answers are repeated. */
  async do(request: ChargePayment | ExpectTransfer): Promise<boolean> {
    const { payment, total, ended } = await this.#accepted(request);
    if (!payment) throw new Failure("NotAccepted", `${request.key}: the order ended long ago and was pruned`);
    const asked = { token: undefined, reference: undefined, ...request };
    const same = asked.token === payment.token && asked.reference === payment.reference;
    if (!same || asked.amount.amount !== total.amount || asked.amount.currency !== total.currency)
      throw new Failure("NotAccepted", `${request.key}: not as accepted`);
    return !ended;
  }

  async undo(request: Request): Promise<void> {
    if ((await this.#accepted(request)).completed)
      throw new Failure("AlreadySettled", `${request.key}: the order was completed and can't be undone`);
  }

  async settle(request: Request): Promise<void> {
    const { ended, completed } = await this.#accepted(request);
    if (ended && !completed)
      throw new Failure("AlreadyUndone", `${request.key}: can't be settled, the order has ended without its effects`);
  }

  // The id of a slip has a dot, which no order's has: this participant takes no slips.
  async #accepted({ key, order_id }: Request): Promise<Accepted> {
    const row = key === `${order_id}:${STEP}` ? await this.db.row(ACCEPTED, [order_id]) : undefined;
    if (!row?.body) throw new Failure("NotAccepted", `${key}: no accepted order has this step`);
    const ended = row.ended === "true";
    return {
      payment: JSON.parse(row.body).payment,
      total: { amount: Number(row.total), currency: row.currency ?? "" },
      ended,
      completed: ended && row.done === "true",
    };
  }
}
