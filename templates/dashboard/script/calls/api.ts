/** Calls of the native API with the session of the page. */

import { text } from "../words/texts.ts";

const SAFE = new Set(["GET", "HEAD"]);

export interface Finding {
  loc: (string | number)[];
  message: string;
  hint?: string | null;
}

/** An answer that is no 2xx: its problem document, in words. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly findings: Finding[] = [],
    readonly hint: string | null = null,
  ) {
    super([title, hint, ...findings.map((each) => `${each.loc.join(".")}: ${each.message}`)].filter(Boolean).join("; "));
  }
}

/** Call the API, with `more` headers; answers the parsed body, or undefined where there is none. Throws Problem. */
export async function call(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
  more: Record<string, string> = {},
): Promise<unknown> {
  const answer = await send(method, path, body, signal, more);
  const type = answer.headers.get("content-type") ?? "";
  const content = answer.status !== 204 && type.includes("json") ? await answer.json() : undefined;
  if (!answer.ok) throw problemOf(answer.status, content);
  return content;
}

/** Header that a change needs beside the cookie: a page of another origin cannot read it. */
export function csrf(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

/** Send a request as this page; the answer is not read. Throws Problem where there is none. */
export async function send(
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
  more: Record<string, string>,
): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...more };
  if (!SAFE.has(method)) headers["X-CSRF-Token"] = csrf();
  if (body !== undefined && !(body instanceof FormData)) headers["Content-Type"] = "application/json";
  const content = body === undefined || body instanceof FormData ? (body as FormData | undefined) : JSON.stringify(body);
  try {
    return await fetch(path, { method, headers, body: content, signal, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, text("unreachable"));
  }
}

function problemOf(status: number, content: unknown): Problem {
  const its = (content ?? {}) as { title?: string; detail?: string; errors?: Finding[]; hint?: string };
  return new Problem(status, its.detail ?? its.title ?? `HTTP ${status}`, its.errors ?? [], its.hint ?? null);
}
