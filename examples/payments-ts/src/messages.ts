// The requests and replies, checked with the JSON Schema that docs/participants/ has of them.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { Failure } from "./failures.js";

export interface Money {
  amount: number;
  currency: string;
}
export interface FindReceipts {
  order_id: string;
}
export interface Request extends FindReceipts {
  key: string;
}
export interface ChargePayment extends Request {
  amount: Money;
  token: string;
}
export interface ExpectTransfer extends Request {
  amount: Money;
  reference: string;
}
export interface BookTransfer extends ExpectTransfer {
  paid: Money;
  event_id: string;
}
export interface Charge {
  charge_id: string;
  amount: Money;
}
export interface PendingTransfer {
  amount: Money;
  reference: string;
}
export interface Refunded {
  refund_id?: string;
  amount?: Money;
}
export interface EffectReceipt {
  step: string;
  status: string;
  at: string;
  amount: Money | null;
}

const schema = JSON.parse(readFileSync(new URL("../../../docs/participants/payments.schema.json", import.meta.url), "utf8"));
const ajv = new Ajv2020().addSchema(schema, "payments");
const validators = new Map<string, ValidateFunction>();

/** Returns the request of an activity; throws InvalidInput, which names fields and never their values. */
export function checked(activity: string, given: unknown[]): FindReceipts & Partial<Request> {
  const validate = validators.get(activity) ?? ajv.compile({ $ref: `payments#/$defs/${activity}.request` });
  validators.set(activity, validate);
  if (given.length !== 1) throw new Failure("InvalidInput", `arguments: must be one request, not ${given.length}`);
  if (!validate(given[0])) throw new Failure("InvalidInput", ajv.errorsText(validate.errors, { dataVar: "request" }));
  const request = given[0] as FindReceipts & Partial<Request>; // a question has no key
  if (request.key !== undefined && request.key.slice(0, request.key.lastIndexOf(":")) !== request.order_id)
    throw new Failure("InvalidInput", "key: is not order_id, a colon and the name of a step");
  return request;
}

export function isTransfer(request: ChargePayment | ExpectTransfer): request is ExpectTransfer {
  return "reference" in request;
}

export function isSlip(process: string): boolean {
  return process.startsWith("slip.");
}

export function workflowOf(process: string): string {
  return isSlip(process) ? `slip-${process.slice("slip.".length)}` : `order-${process}`;
}

export function inWords({ amount, currency }: Money): string {
  return `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, "0")} ${currency}`;
}

/** Returns the hash of a request as the Python services make it, so that both understand each other's receipts. */
export function fingerprint(request: Request): string {
  return createHash("sha256").update(canonical(request)).digest("hex");
}

function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null)
    return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
}
