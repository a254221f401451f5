/** Script of the queue page: filters in the address, progress as it comes, and changes of several jobs at once. */

import { ask } from "../calls/actions.ts";
import { call, Problem } from "../calls/api.ts";
import { RENEWED, renew } from "../live/fragment.ts";
import { duration } from "../words/formats.ts";
import { onProgress, type Progress } from "../live/stream.ts";
import { notice } from "../calls/notice.ts";
import { text } from "../words/texts.ts";
import { clockTime } from "../words/times.ts";

const MOST_COMPARED = 8;
const ALLOWED: Record<string, string[]> = {
  cancel: ["held", "queued", "submitting", "pending", "running"],
  hold: ["queued", "pending", "running"],
  release: ["held"],
  retry: ["succeeded", "failed", "cancelled"],
};

serveFilters();
serveChoice();
onProgress(showProgress);

function serveFilters(): void {
  document.addEventListener("change", (event) => {
    const form = (event.target as Element).closest<HTMLFormElement>("#filters");
    if (form !== null) void apply(form);
  });
  document.addEventListener("submit", (event) => {
    if ((event.target as Element).id !== "filters") return;
    event.preventDefault();
    void apply(event.target as HTMLFormElement);
  });
  window.addEventListener("popstate", () => void renew());
}

async function apply(form: HTMLFormElement): Promise<void> {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== "") query.set(name, String(value));
  history.pushState(null, "", query.size ? `/?${query}` : "/");
  await renew();
}

function showProgress(progress: Progress): void {
  const row = document.querySelector<HTMLElement>(`tr[data-job="${CSS.escape(progress.job_id)}"]`);
  const bar = row?.querySelector("progress");
  if (!row || !bar || progress.status !== "running") return;
  const percentage = progress.percentage ?? 0;
  bar.value = percentage;
  if (bar.nextElementSibling) bar.nextElementSibling.textContent = `${Math.floor(percentage)} %`;
  write(row, "steps", progress.total_steps ? `${progress.current_steps ?? 0}/${progress.total_steps}` : "");
  write(row, "loss", typeof progress.loss === "number" ? String(Number(progress.loss.toPrecision(4))) : "–");
  write(row, "eta", duration(progress.eta_seconds as number | null));
  if (typeof progress.expected_end_at === "string") {
    write(row, "end", clockTime(new Date(progress.expected_end_at), new Date()));
  }
}

function write(row: HTMLElement, part: string, words: string): void {
  const place = row.querySelector(`[data-part="${part}"]`);
  if (place !== null && place.textContent !== words) place.textContent = words;
}

function serveChoice(): void {
  document.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    if (box.dataset.chooseAll !== undefined) chooseAll(box);
    if (box.name === "job" || box.dataset.chooseAll !== undefined) showChoice();
  });
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("#chosen [data-do]");
    if (button?.dataset.do && button.tagName === "BUTTON") void perform(button.dataset.do);
  });
  document.addEventListener(RENEWED, showChoice);
  showChoice();
}

function boxes(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>('input[name="job"]')];
}

function chosen(): HTMLInputElement[] {
  return boxes().filter((box) => box.checked);
}

function chooseAll(head: HTMLInputElement): void {
  for (const box of head.closest("table")?.querySelectorAll<HTMLInputElement>('input[name="job"]') ?? []) {
    box.checked = head.checked;
  }
}

function showChoice(): void {
  const bar = document.getElementById("chosen");
  const marked = chosen();
  if (bar === null) return;
  bar.hidden = marked.length === 0;
  write(bar, "count", text("chosen", { count: marked.length }));
  for (const button of bar.querySelectorAll<HTMLButtonElement>("button[data-do]")) {
    const allowed = ALLOWED[button.dataset.do ?? ""];
    button.disabled = allowed !== undefined && !marked.some((box) => mayDo(box, allowed));
  }
  const compare = bar.querySelector<HTMLAnchorElement>('a[data-do="compare"]');
  if (compare) compare.href = `/compare?${marked.slice(0, MOST_COMPARED).map((box) => `job=${box.value}`).join("&")}`;
}

function mayDo(box: HTMLInputElement, allowed: string[]): boolean {
  const reader = document.querySelector<HTMLMetaElement>('meta[name="reader"]');
  const leads = (reader?.dataset.leads ?? "").split(" ");
  const isTheirs = box.dataset.owner === reader?.content || leads.includes(box.dataset.team ?? "");
  return allowed.includes(box.dataset.status ?? "") && (isTheirs || reader?.dataset.administrator === "yes");
}

async function perform(action: string): Promise<void> {
  if (action === "clear") return clear();
  const allowed = ALLOWED[action] ?? [];
  const jobs = chosen().filter((box) => mayDo(box, allowed));
  if (action === "cancel" && !(await ask(text("ask_cancel", { count: jobs.length })))) return;
  const failures: string[] = [];
  for (const box of jobs) {
    try {
      await call("POST", `/api/v1/jobs/${box.value}/${action}`, action === "retry" ? {} : undefined);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failures.push(error.message);
    }
  }
  if (failures.length < jobs.length) notice(text("done", { count: jobs.length - failures.length }));
  if (failures[0] !== undefined) notice(text("failed", { count: failures.length, words: failures[0] }), "problem");
  clear();
  await renew();
}

function clear(): void {
  for (const box of document.querySelectorAll<HTMLInputElement>('input[name="job"], input[data-choose-all]')) box.checked = false;
  showChoice();
}
