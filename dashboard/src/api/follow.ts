/** Waits for a pending attachment to become ready, rejected or failed. */

import type { Client } from "./client";
import { Problem } from "./problem";
import type { Attachment } from "./records";

const WAIT_S = 5;
const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * The attachment once it is pending no more. Asks the server to hold its answer (`Prefer: wait`); a
 * server that answers at once, and one that fails, is asked again after a growing pause. Throws a
 * refusal, which no asking again changes, and the abort.
 */
export async function follow(
  client: Pick<Client, "awaited">,
  id: string,
  signal: AbortSignal,
): Promise<Attachment> {
  for (let pause = PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    const asked = performance.now();
    try {
      const attachment = await client.awaited(id, WAIT_S, signal);
      if (attachment.status !== "pending") return attachment;
      if (performance.now() - asked > (WAIT_S * 1000) / 2) continue;
    } catch (error) {
      if (signal.aborted || (error instanceof Problem && error.status < 429)) throw error;
    }
    await rest(pause, signal);
  }
}

/** Resolves after a time; rejects when aborted. */
export function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", stop);
    function done() {
      signal.removeEventListener("abort", stop);
      resolve();
    }
    function stop() {
      clearTimeout(timer);
      reject(signal.reason);
    }
  });
}
