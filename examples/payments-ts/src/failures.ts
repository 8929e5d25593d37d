// The errors of a participant: the type says what happened, the kind whether the call is retried.
import { ApplicationFailure, ApplicationFailureCategory } from "@temporalio/common";

/** refused: the effect will never happen. final: a retry can't succeed. transient: try again. */
type Kind = "refused" | "final" | "transient";

const KINDS = {
  CardDeclined: "refused",
  TransferRefused: "refused",
  InvalidInput: "final",
  KeyReused: "final",
  AlreadyUndone: "final",
  AlreadySettled: "final",
  NotAccepted: "final",
  NotFound: "final",
  Final: "final",
  Unavailable: "transient",
  NotBegun: "transient",
} as const satisfies Record<string, Kind>;

export type FailureType = keyof typeof KINDS;

export class Failure extends Error {
  constructor(
    readonly type: FailureType,
    message: string,
  ) {
    super(message);
  }

  /** Returns what Temporal records: a saga reads the type, the category and the attempt in the first detail. */
  at(attempt: number): ApplicationFailure {
    const kind: Kind = KINDS[this.type];
    const failure = ApplicationFailure.create({
      message: this.message,
      type: this.type,
      details: [attempt],
      nonRetryable: kind !== "transient",
      ...(kind === "refused" && { category: ApplicationFailureCategory.BENIGN }),
    });
    failure.stack = ""; // of an expected failure it would only enlarge the history
    return failure;
  }
}

/** Awaits the second or a later part of a call: if that was not begun, the call was. */
export async function begun<T>(part: Promise<T>): Promise<T> {
  try {
    return await part;
  } catch (error) {
    if (error instanceof Failure && error.type === "NotBegun") throw new Failure("Unavailable", error.message);
    throw error;
  }
}
