/** The check of a request while it is written: soon after the last change, and of an older one no answer is shown. */

import { call, Problem } from "../calls/api.ts";
import type { Body } from "./body.ts";
import type { Validation } from "./outcome.ts";

const AFTER_TYPING_MILLISECONDS = 400;
const BEFORE_SLURM_MILLISECONDS = 1200;

export interface Listener {
  /** The request as it is now; null where there is nothing to check yet. */
  body(): Body | null;
  show(answer: Validation): void;
  failed(problem: Problem): void;
}

export class Check {
  private timer: number | undefined;
  private running: AbortController | undefined;
  private checked = "";

  constructor(private readonly listener: Listener) {}

  /** Check again, unless nothing has changed since the last time. */
  soon(): void {
    const body = this.listener.body();
    const wanted = JSON.stringify(body);
    if (wanted === this.checked) return;
    this.stop();
    this.checked = wanted;
    if (body !== null) this.timer = window.setTimeout(() => void this.run(body, false), AFTER_TYPING_MILLISECONDS);
  }

  /** Forget what was asked: an answer that is on its way is not shown. */
  stop(): void {
    window.clearTimeout(this.timer);
    this.running?.abort();
    this.checked = "";
  }

  /** Our own check is there at once; Slurm's word may take some seconds and is asked once the writer rests. */
  private async run(body: Body, asksSlurm: boolean): Promise<void> {
    const running = new AbortController();
    this.running = running;
    try {
      const path = `/api/v1/jobs/validate?ask_slurm=${String(asksSlurm)}`;
      const answer = (await call("POST", path, body, running.signal)) as Validation;
      if (running.signal.aborted) return;
      this.listener.show(answer);
      if (answer.valid && !asksSlurm) this.timer = window.setTimeout(() => void this.run(body, true), BEFORE_SLURM_MILLISECONDS);
    } catch (error) {
      if (running.signal.aborted) return;
      this.checked = "";
      if (!(error instanceof Problem)) throw error;
      this.listener.failed(error);
    }
  }
}
