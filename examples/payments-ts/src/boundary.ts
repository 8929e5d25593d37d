// What surrounds every activity: the check of its request and its caller, heartbeats, the attempt, and the failures.
import { Context } from "@temporalio/activity";
import { Failure } from "./failures.js";
import { checked, type FindReceipts, workflowOf } from "./messages.js";

type Activity = (...given: unknown[]) => Promise<object | null>;

/** Returns the activity of this name; only the workflow of the order or slip may call it. */
export function activity<R extends FindReceipts>(name: string, run: (request: R) => Promise<object | null>): Activity {
  return async (...given) => {
    const { info } = Context.current();
    const beats = heartbeats(info.heartbeatTimeoutMs);
    try {
      const request = checked(name, given);
      const owner = workflowOf(request.order_id);
      if (info.workflowExecution?.workflowId !== owner)
        throw new Failure("NotAccepted", `${request.key ?? request.order_id}: only the workflow ${owner} may call this`);
      const reply = await run(request as R);
      return reply && { ...reply, attempt: info.attempt };
    } catch (error) {
      throw error instanceof Failure ? error.at(info.attempt) : error;
    } finally {
      clearInterval(beats);
    }
  };
}

/** Heartbeats during the call, so that a cancel reaches it and the server notices a dead worker. */
function heartbeats(timeoutMs: number | undefined): NodeJS.Timeout | undefined {
  const context = Context.current();
  return timeoutMs ? setInterval(() => context.heartbeat(), timeoutMs / 3) : undefined;
}
