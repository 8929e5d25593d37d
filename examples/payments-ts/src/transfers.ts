// Bank transfers: expected without a ledger entry, and booked when an event reports their arrival.
import type { Admission } from "./admission.js";
import type { Database } from "./database.js";
import { begun, Failure } from "./failures.js";
import type { BookTransfer, Charge, ExpectTransfer, PendingTransfer, Refunded, Request } from "./messages.js";
import { fingerprint, inWords } from "./messages.js";
import type { Receipts } from "./receipts.js";
import { BOOK, EXPECT, FIND_TRANSFER, UNDO_TRANSFER } from "./statements.js";

export class Transfers {
  constructor(
    private readonly db: Database,
    private readonly receipts: Receipts,
    private readonly admission: Admission,
  ) {}

  async expect(request: ExpectTransfer): Promise<PendingTransfer> {
    const { key, order_id, reference, amount } = request;
    if (await this.admission.do(request))
      await this.db.row(EXPECT, [key, order_id, reference, amount.amount, amount.currency, fingerprint(request)]);
    else if (!(await this.expects(key)))
      throw new Failure("NotAccepted", `${key}: the order has ended without this step`);
    const found = await begun(this.find(request));
    if (!found) throw new Failure("Unavailable", `${key}: the transfer can't be read back`);
    return found;
  }

  async find(request: ExpectTransfer): Promise<PendingTransfer | null> {
    const row = await this.db.row(FIND_TRANSFER, [request.key]);
    if (!row) return null;
    if (row.request_hash !== fingerprint(request))
      throw new Failure("KeyReused", `${request.key}: was used for another request`);
    if (row.status === "undone" || row.status === "tombstone")
      throw new Failure("AlreadyUndone", `${request.key}: was undone and can't be done any more`);
    return { amount: request.amount, reference: request.reference };
  }

  async expects(key: string): Promise<boolean> {
    return (await this.db.row(FIND_TRANSFER, [key])) !== undefined;
  }

  /** Books the transfer that arrived. Another amount leaves no receipt: the right one may still arrive. */
  async book(request: BookTransfer): Promise<Charge> {
    const { paid, event_id, ...expected } = request;
    if (!(await this.admission.do(expected))) return this.receipts.repeated(request);
    if (paid.amount !== expected.amount.amount || paid.currency !== expected.amount.currency)
      throw new Failure("TransferRefused", `${inWords(paid)} arrived, not ${inWords(expected.amount)}`);
    const charge = { charge_id: `tr_${event_id}`, amount: paid };
    const values = [paid.amount, paid.currency, expected.reference, fingerprint(expected), event_id];
    return this.receipts.do(BOOK, request, { charge }, values);
  }

  /** Sends a booked transfer back, or stops expecting it. */
  async giveBack(request: Request): Promise<Refunded> {
    await this.admission.undo(request);
    const charge = await this.receipts.undo(UNDO_TRANSFER, request.key, [request.order_id]);
    return charge ? { refund_id: `re_${charge.charge_id}`, amount: charge.amount } : {};
  }
}
