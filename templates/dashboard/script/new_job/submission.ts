/** Submission of a filled form: the same form makes one job, however often it is sent. */

import { call, type Finding, Problem } from "../calls/api.ts";
import type { Body } from "./body.ts";

interface Made {
  id: string;
}

export class Submission {
  private key = "";
  private keyOf = "";
  private isSending = false;

  constructor(
    private readonly button: HTMLButtonElement,
    private readonly refused: HTMLElement,
    private readonly showFindings: (errors: Finding[]) => void,
  ) {}

  /** Make the job and go to its page. A second call while the first is on its way does nothing. */
  async send(body: Body): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    this.button.setAttribute("aria-busy", "true");
    this.refused.hidden = true;
    try {
      const made = (await call("POST", "/api/v1/jobs", body, undefined, { "Idempotency-Key": this.keyFor(body) })) as Made;
      location.assign(`/jobs/${encodeURIComponent(made.id)}`);
    } catch (error) {
      this.isSending = false;
      this.button.removeAttribute("aria-busy");
      if (!(error instanceof Problem)) throw error;
      this.tell(error);
    }
  }

  /** What is sent again after the answer was lost has the same key; what was changed since has another. */
  private keyFor(body: Body): string {
    const content = JSON.stringify(body);
    if (content !== this.keyOf) {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      this.key = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      this.keyOf = content;
    }
    return this.key;
  }

  private tell(problem: Problem): void {
    if (problem.findings.length > 0) this.showFindings(problem.findings);
    this.refused.textContent = [problem.title, problem.hint].filter(Boolean).join(" → ");
    this.refused.hidden = false;
  }
}
