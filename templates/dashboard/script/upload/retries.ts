/** Further tries of what a broken network or a busy server has stopped. */

import { Problem } from "../calls/api.ts";

const PAUSES_SECONDS = [1, 2, 4, 8, 15, 30];
const MOST_TRIES = 20;
/** No answer at all, and answers that say: later. */
const PASSING = new Set([0, 408, 429, 500, 502, 503, 504]);

/** Result of the work, tried again after pauses that grow; `onPause` hears of each. Throws the last Problem, AbortError. */
export async function retried<Made>(work: () => Promise<Made>, onPause: () => void, signal: AbortSignal): Promise<Made> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Problem) || !PASSING.has(error.status) || tries === MOST_TRIES) throw error;
    }
    onPause();
    await pause(PAUSES_SECONDS[Math.min(tries, PAUSES_SECONDS.length) - 1] ?? 0, signal);
  }
}

/** Until the time is over, or the browser has a network again. */
function pause(seconds: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  return new Promise<void>((resolve, reject) => {
    window.setTimeout(resolve, seconds * 1000);
    window.addEventListener("online", () => resolve(), { signal: over.signal });
    signal.addEventListener("abort", () => reject(new DOMException("", "AbortError")), { signal: over.signal });
  }).finally(() => over.abort());
}
