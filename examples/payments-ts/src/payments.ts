// Payments by card. The receipt is written after the provider has charged, and before it refunds: so no late charge is
// booked after a refund, even if the provider's answer is lost.
import type { Admission } from "./admission.js";
import type { SimulatedCardProvider } from "./card_provider.js";
import type { Database } from "./database.js";
import { begun, Failure } from "./failures.js";
import type { Charge, ChargePayment, Refunded, Request } from "./messages.js";
import type { Receipts } from "./receipts.js";
import { CHARGE, REFUNDED, UNDO } from "./statements.js";

export class Payments {
  constructor(
    private readonly db: Database,
    private readonly receipts: Receipts,
    private readonly admission: Admission,
    private readonly provider: SimulatedCardProvider,
  ) {}

  async charge(request: ChargePayment): Promise<Charge> {
    if (!(await this.admission.do(request))) return this.receipts.repeated(request);
    const known = await this.receipts.recorded(request);
    if (known) return known;
    try {
      return await this.#record(request, await this.provider.charge(request.key, request.token, request.amount));
    } catch (error) {
      if (!(error instanceof Failure) || error.type !== "CardDeclined") throw error;
      return this.#record(request, error.message);
    }
  }

  /** Returns the charge of a call without an answer, and records it; null when the provider has none. */
  async find(request: ChargePayment): Promise<Charge | null> {
    if (!(await this.admission.do(request))) return (await this.receipts.recorded(request)) ?? null;
    const charge = await this.provider.find(request.key);
    return charge ? this.#record(request, charge) : null;
  }

  async refund(request: Request): Promise<Refunded> {
    await this.admission.undo(request);
    await this.receipts.undo(UNDO, request.key);
    const refund = await begun(this.provider.refund(request.key));
    if (!refund) return {};
    const { amount, currency } = refund.amount;
    await begun(this.db.row(REFUNDED, [request.key, request.order_id, amount, currency]));
    return { refund_id: refund.refundId, amount: refund.amount };
  }

  async settle(request: Request): Promise<object> {
    await this.admission.settle(request);
    await this.receipts.settle(request);
    return {};
  }

  #record(request: ChargePayment, answer: Charge | string): Promise<Charge> {
    const decided = typeof answer === "string" ? { refusal: answer, type: "CardDeclined" as const } : { charge: answer };
    return begun(this.receipts.do(CHARGE, request, decided, [request.amount.amount, request.amount.currency]));
  }
}
