/** A data file on its way to the server: found there by its content, or sent with progress. */

import { call } from "../calls/api.ts";
import type { DatasetInfo } from "./dataset_info.ts";
import { sendForm } from "./form_request.ts";
import { sendInParts } from "./in_parts.ts";
import { PART_BYTES } from "./parts.ts";
import type { Steps } from "./steps.ts";

/** SHA-256 of a file, read in a worker; null where it cannot be read. */
export function sha256Of(file: File, workerAddress: string, onBytes: (bytes: number) => void, signal: AbortSignal): Promise<string | null> {
  const worker = new Worker(workerAddress, { type: "module" });
  return new Promise<string | null>((resolve) => {
    signal.addEventListener("abort", () => resolve(null));
    worker.addEventListener("error", () => resolve(null));
    worker.addEventListener("message", (event: MessageEvent<{ readBytes?: number; sha256?: string | null }>) => {
      if (event.data.readBytes !== undefined) onBytes(event.data.readBytes);
      else resolve(event.data.sha256 ?? null);
    });
    worker.postMessage(file);
  }).finally(() => worker.terminate());
}

/** A data set with this content, the reader's own before others'; undefined where there is none. */
export async function alreadyThere(sha256: string): Promise<DatasetInfo | undefined> {
  const found = (await call("GET", `/api/v1/datasets?sha256=${sha256}&limit=50`)) as { data: DatasetInfo[] };
  const reader = document.querySelector<HTMLMetaElement>('meta[name="reader"]')?.content;
  return found.data.find((dataset) => dataset.owner === reader) ?? found.data[0];
}

/** Send a file, a large one in parts. Throws Problem with what is wrong in it, and where; AbortError. */
export async function send(file: File, sha256: string | null, steps: Steps, signal: AbortSignal): Promise<DatasetInfo> {
  if (sha256 !== null && file.size > PART_BYTES) return sendInParts(file, sha256, steps, signal);
  const onBytes = (bytes: number): void => {
    steps.onBytes(bytes < file.size ? "sending" : "checking", Math.min(bytes, file.size));
  };
  const form = { method: "POST", path: "/api/v1/datasets", field: "file", content: file, mostSeconds: 0 } as const;
  return (await sendForm(form, onBytes, signal)) as DatasetInfo;
}
