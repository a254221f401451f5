/** A multipart form with one file, sent with progress. */

import { csrf, type Finding, Problem } from "../calls/api.ts";
import { text } from "../words/texts.ts";

export interface FormRequest {
  method: "POST" | "PUT";
  path: string;
  field: string;
  content: Blob;
  /** 0 = it may take any time. */
  mostSeconds: number;
}

/** The parsed answer; `onBytes` hears how much of the form has been sent. Throws Problem, and AbortError. */
export function sendForm(wanted: FormRequest, onBytes: (bytes: number) => void, signal: AbortSignal): Promise<unknown> {
  signal.throwIfAborted();
  const request = new XMLHttpRequest(); // fetch tells nothing of what has been sent
  const stop = (): void => request.abort();
  signal.addEventListener("abort", stop);
  return new Promise<unknown>((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => onBytes(event.loaded));
    request.addEventListener("load", () => (request.status < 300 ? resolve(JSON.parse(request.responseText)) : reject(problemOf(request))));
    for (const end of ["error", "timeout"]) request.addEventListener(end, () => reject(new Problem(0, text("unreachable"))));
    request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    request.open(wanted.method, wanted.path);
    request.timeout = wanted.mostSeconds * 1000;
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRF-Token", csrf());
    const form = new FormData();
    form.append(wanted.field, wanted.content);
    request.send(form);
  }).finally(() => signal.removeEventListener("abort", stop));
}

function problemOf(request: XMLHttpRequest): Problem {
  try {
    const its = JSON.parse(request.responseText) as { title?: string; detail?: string; errors?: Finding[]; hint?: string };
    return new Problem(request.status, its.detail ?? its.title ?? "", its.errors ?? [], its.hint ?? null);
  } catch {
    return new Problem(request.status, `HTTP ${String(request.status)}`);
  }
}
