/** Progress of a job as it comes, written into the page. */

import { shortNumber } from "../charts/words.ts";
import { duration } from "../words/formats.ts";
import type { Progress } from "../live/stream.ts";
import { clockTime } from "../words/times.ts";

const NUMBERS = ["loss", "eval_loss", "learning_rate", "epoch", "tokens_per_second"];

/** Write what is known now; a status that changed comes with the page's new content. */
export function showProgress(progress: Progress): void {
  const bar = document.querySelector<HTMLProgressElement>("#bar");
  if (bar !== null && progress.percentage !== null) {
    bar.value = progress.percentage;
    write("percentage", `${Math.floor(progress.percentage)} %`);
    write("steps", progress.total_steps ? `${progress.current_steps ?? 0}/${progress.total_steps}` : "");
  }
  for (const name of NUMBERS) writeNumber(name, progress[name]);
  if (progress.status === "running") writeEnd(progress);
}

function writeNumber(name: string, value: unknown): void {
  if (typeof value !== "number") return;
  const place = write(name, shortNumber(value));
  if (place?.parentElement) place.parentElement.hidden = false;
}

function writeEnd(progress: Progress): void {
  const [eta, low, high] = ["eta_seconds", "eta_low_seconds", "eta_high_seconds"].map((name) => (progress[name] ?? null) as number | null) as [number | null, number | null, number | null];
  write("eta", duration(eta));
  write("eta_band", low === null || high === null ? "" : `${duration(low)} – ${duration(high)}`);
  if (typeof progress.expected_end_at !== "string") return;
  const end = new Date(progress.expected_end_at).getTime();
  const at = (seconds: number): string => clockTime(new Date(end + (seconds - (eta ?? seconds)) * 1000), new Date());
  write("end", at(eta ?? 0));
  write("end_band", low === null || high === null ? "" : `${at(low)} – ${at(high)}`);
}

function write(part: string, words: string): Element | null {
  const place = document.querySelector(`[data-part="${part}"]`);
  if (place !== null && place.textContent !== words) place.textContent = words;
  return place;
}
