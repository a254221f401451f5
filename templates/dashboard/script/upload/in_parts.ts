/** A file on its way to the server in parts: what has arrived is not sent again, neither after an outage nor a reload. */

import { call, Problem } from "../calls/api.ts";
import { text } from "../words/texts.ts";
import type { DatasetInfo } from "./dataset_info.ts";
import { sendForm } from "./form_request.ts";
import { areOurs, bytesOf, cut, missingOf, type Part, partsOf } from "./parts.ts";
import { retried } from "./retries.ts";
import type { Steps } from "./steps.ts";

const PART_SECONDS = 300;
/** Status of a file that is refused for what is in it. */
const REFUSED = 422;

interface Upload {
  id: string;
  parts: Part[];
}

/** Send a file of this SHA-256. Throws Problem with what is wrong in it, AbortError where it was stopped. */
export async function sendInParts(file: File, sha256: string, steps: Steps, signal: AbortSignal): Promise<DatasetInfo> {
  const upload = await retried(() => begun(file, sha256, signal), () => steps.onPause(0), signal);
  try {
    await sendMissing(file, upload, steps, signal);
    steps.onBytes("checking", file.size);
    const done = `${pathOf(upload)}/complete`;
    const complete = (): Promise<unknown> => call("POST", done, {}, signal);
    return (await retried(complete, () => steps.onPause(file.size), signal)) as DatasetInfo;
  } catch (error) {
    if (signal.aborted || isRefused(error)) await cancel(upload); // else somebody may go on, as after a reload
    throw error;
  }
}

/** The upload of this content that is under way, or a new one. */
async function begun(file: File, sha256: string, signal: AbortSignal): Promise<Upload> {
  const body = { name: file.name, size_bytes: file.size, sha256 };
  const found = (await call("POST", "/api/v1/uploads", body, signal)) as Upload;
  if (areOurs(found.parts, partsOf(file.size))) return found;
  await call("DELETE", pathOf(found), undefined, signal); // a program has begun it, with parts of another size
  return (await call("POST", "/api/v1/uploads", body, signal)) as Upload;
}

async function sendMissing(file: File, upload: Upload, steps: Steps, signal: AbortSignal): Promise<void> {
  let sent = bytesOf(upload.parts);
  steps.onFound(sent);
  for (const part of missingOf(partsOf(file.size), upload.parts)) {
    const onBytes = (bytes: number): void => steps.onBytes("sending", sent + Math.min(bytes, part.size_bytes));
    const path = `${pathOf(upload)}/parts/${String(part.number)}`;
    const form = { method: "PUT", path, field: "data", content: await read(file, part), mostSeconds: PART_SECONDS } as const;
    await retried(() => sendForm(form, onBytes, signal), () => steps.onPause(sent), signal);
    sent += part.size_bytes;
  }
}

/** The bytes of a part, apart from the sending: a request says the same of a lost file and a lost network. */
async function read(file: File, part: Part): Promise<Blob> {
  try {
    return new Blob([await cut(file, part).arrayBuffer()]);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    throw new Problem(0, text("upload_unreadable"));
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof Problem && error.status === REFUSED;
}

async function cancel(upload: Upload): Promise<void> {
  try {
    await call("DELETE", pathOf(upload));
  } catch (error) {
    if (!(error instanceof Problem)) throw error; // else the server removes it after an hour without a part
  }
}

function pathOf(upload: Upload): string {
  return `/api/v1/uploads/${encodeURIComponent(upload.id)}`;
}
