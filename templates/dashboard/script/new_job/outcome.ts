/** What the check says: whether the job would be taken, when it would start and end, and what is wrong. */

import type { Finding } from "../calls/api.ts";
import { duration } from "../words/formats.ts";
import { text } from "../words/texts.ts";
import { clockTime } from "../words/times.ts";

export interface Estimates {
  gpus: number;
  time_limit_seconds: number;
  gpu_hours_at_most: number;
  gpu_memory: { total: number } | null;
  starts_at: string | null;
  start: Forecast;
}

export interface Forecast {
  position: number;
  expected_start_at: string | null;
  expected_start_low_at: string | null;
  expected_start_high_at: string | null;
  expected_end_at: string | null;
  expected_end_low_at: string | null;
  expected_end_high_at: string | null;
}

export interface Validation {
  valid: boolean;
  errors: Finding[];
  warnings: Finding[];
  notes: string[];
  script: string | null;
  config_yaml: string | null;
  estimates: Estimates | null;
}

/** Places of findings: the editor's line, else a field of the form. */
export interface Places {
  lineOf(finding: Finding): number | null;
  fieldOf(finding: Finding): HTMLElement | null;
  goTo(line: number): void;
}

const SAID_PLACE = /^line \d+(, column \d+)?: /;

/** "starts about 14:20, ends about 16:05, 3.2 GPU hours" in the reader's zone and language. */
export function forecastWords(estimates: Estimates, now = new Date()): string {
  const { expected_start_at: start, expected_end_at: end } = estimates.start;
  const about = (name: string, at: string): string => text(name, { time: clockTime(new Date(at), now) });
  const parts = [start === null ? text("start_unknown") : about("starts_about", start)];
  if (end !== null) parts.push(about("ends_about", end));
  const hours = expectedHours(estimates);
  parts.push(hours === null ? text("gpu_hours_at_most", { hours: estimates.gpu_hours_at_most }) : text("gpu_hours", { hours }));
  return parts.join(text("comma"));
}

function expectedHours(estimates: Estimates): number | null {
  const { expected_start_at: start, expected_end_at: end } = estimates.start;
  if (start === null || end === null) return null;
  const hours = (estimates.gpus * (Date.parse(end) - Date.parse(start))) / 3_600_000;
  return Number(Math.min(Math.max(hours, 0), estimates.gpu_hours_at_most).toPrecision(2));
}

/** Write the answer into the page. */
export function showOutcome(answer: Validation, places: Places): void {
  state(answer);
  forecast(answer.estimates);
  const list = element("findings");
  list.replaceChildren(
    ...answer.errors.map((finding) => item(finding, "error", places)),
    ...answer.warnings.map((finding) => item(finding, "warning", places)),
  );
  element("notes").replaceChildren(...answer.notes.map((note) => filled("li", note)));
  element("panel-yaml").textContent = answer.config_yaml ?? text("not_yet");
  element("panel-script").textContent = answer.script ?? text("not_yet");
}

function state(answer: Validation): void {
  const place = element("state");
  place.className = `state ${answer.valid ? "state-good" : "state-bad"}`;
  place.textContent = answer.valid ? `✓ ${text("would_be_taken")}` : `✕ ${text("problems", { count: answer.errors.length })}`;
}

function forecast(estimates: Estimates | null): void {
  const list = element("forecast");
  list.hidden = estimates === null;
  if (estimates === null) return;
  const { start } = estimates;
  const rows: [string, string | null][] = [
    [text("forecast"), forecastWords(estimates)],
    [text("place"), text("place_in_queue", { place: start.position })],
    [text("start_between"), between(start.expected_start_low_at, start.expected_start_high_at)],
    [text("end_between"), between(start.expected_end_low_at, start.expected_end_high_at)],
    [text("slurm_says"), estimates.starts_at === null ? null : clockTime(new Date(estimates.starts_at), new Date())],
    [text("at_most"), text("gpu_hours_in", { hours: estimates.gpu_hours_at_most, gpus: estimates.gpus, time: duration(estimates.time_limit_seconds) })],
    [text("gpu_memory"), estimates.gpu_memory === null ? null : text("about_gb", { size: (estimates.gpu_memory.total / 1e9).toPrecision(3) })],
  ];
  const shown = rows.filter((row): row is [string, string] => row[1] !== null);
  list.replaceChildren(...shown.flatMap(([name, value]) => [filled("dt", name), filled("dd", value)]));
}

function between(low: string | null, high: string | null): string | null {
  if (low === null || high === null || low === high) return null;
  const now = new Date();
  return `${clockTime(new Date(low), now)} – ${clockTime(new Date(high), now)}`;
}

function item(finding: Finding, severity: "error" | "warning", places: Places): HTMLElement {
  const line = places.lineOf(finding);
  const field = line === null ? places.fieldOf(finding) : null;
  const row = document.createElement("li");
  row.className = `finding finding-${severity}`;
  row.append(filled("strong", `${severity === "error" ? "✕" : "!"} ${text(severity)}`), " ");
  if (line !== null) row.append(link(text("line", { line }), () => places.goTo(line)), " ");
  else if (field !== null) row.append(link(labelOf(field), () => field.focus()), " ");
  row.append(line === null ? finding.message : finding.message.replace(SAID_PLACE, ""));
  if (finding.hint) row.append(filled("span", `→ ${finding.hint}`, "hint"));
  return row;
}

function link(words: string, follow: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = words;
  button.addEventListener("click", follow);
  return button;
}

function labelOf(field: HTMLElement): string {
  return document.querySelector(`label[for="${CSS.escape(field.id)}"]`)?.textContent ?? field.id;
}

function filled(name: string, words: string, className = ""): HTMLElement {
  const made = document.createElement(name);
  made.textContent = words;
  made.className = className;
  return made;
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}
