/** Places to drop data files on: each file is looked for by its content, sent with progress, and told of. */

import { Problem } from "../calls/api.ts";
import type { DatasetInfo } from "./dataset_info.ts";
import { size } from "../words/formats.ts";
import { text } from "../words/texts.ts";
import { alreadyThere, send, sha256Of } from "./sending.ts";
import type { Steps } from "./steps.ts";

/** Serve the place below `root`; `onReady` hears of each data set that is there at the end. */
export function serveDrop(root: ParentNode, onReady: (dataset: DatasetInfo) => void): void {
  const place = root.querySelector<HTMLElement>("[data-upload]");
  const input = place?.querySelector<HTMLInputElement>("input[type=file]");
  if (!place || !input) return;
  const take = (files: Iterable<File>): void => {
    for (const file of files) void upload(place, file, onReady);
  };
  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    input.value = "";
  });
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("is-over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("is-over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("is-over");
    take([...(event.dataTransfer?.files ?? [])]);
  });
}

async function upload(place: HTMLElement, file: File, onReady: (dataset: DatasetInfo) => void): Promise<void> {
  const row = new Row(place, file);
  try {
    const sha256 = await sha256Of(file, place.dataset.worker ?? "", (bytes) => row.onBytes("reading", bytes), row.signal);
    const known = sha256 === null || row.signal.aborted ? undefined : await alreadyThere(sha256);
    if (row.signal.aborted) return row.remove();
    const made = known ?? (await send(file, sha256, row, row.signal));
    row.done(made, known !== undefined);
    onReady(made);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return row.remove();
    if (!(error instanceof Problem)) throw error;
    row.failed(error, () => void upload(place, file, onReady));
  }
}

/** One file in the list. */
class Row implements Steps {
  private readonly aborting = new AbortController();
  private readonly item = document.createElement("li");
  private readonly words = document.createElement("span");
  private readonly bar = document.createElement("progress");
  private readonly end: HTMLButtonElement;
  private foundBytes = 0;

  constructor(place: HTMLElement, private readonly file: File) {
    this.item.className = "upload";
    const name = document.createElement("strong");
    name.textContent = file.name;
    this.bar.max = Math.max(file.size, 1);
    this.bar.setAttribute("aria-label", text("upload_of", { name: file.name }));
    this.words.className = "quiet small";
    this.end = button("×", () => this.stop());
    this.end.setAttribute("aria-label", text("stop_upload", { name: file.name }));
    this.item.append(name, " ", this.bar, " ", this.words, this.end);
    place.querySelector(".uploads")?.append(this.item);
  }

  get signal(): AbortSignal {
    return this.aborting.signal;
  }

  onBytes(step: "reading" | "sending" | "checking", bytes: number): void {
    this.bar.value = bytes;
    const isResumed = step === "sending" && this.foundBytes > 0;
    this.words.textContent = text(isResumed ? "upload_going_on" : `upload_${step}`, this.values());
  }

  onFound(bytes: number): void {
    this.foundBytes = bytes;
    this.onBytes("sending", bytes);
  }

  onPause(bytes: number): void {
    this.bar.value = bytes;
    this.words.textContent = text("upload_pausing", this.values());
  }

  done(dataset: DatasetInfo, wasThere: boolean): void {
    this.bar.remove();
    const link = document.createElement("a");
    link.href = `/data/${encodeURIComponent(dataset.id)}`;
    link.textContent = text("report");
    const values = { name: dataset.name, owner: dataset.owner, kept: dataset.kept ?? 0, rows: dataset.rows ?? 0 };
    this.words.textContent = `${text(wasThere ? "upload_known" : "upload_done", values)} `;
    this.words.after(link);
  }

  failed(problem: Problem, again: () => void): void {
    this.bar.remove();
    this.item.classList.add("is-refused");
    this.words.className = "problem";
    this.words.textContent = problem.findings.length > 0 ? text("upload_refused") : problem.title;
    const list = document.createElement("ul");
    for (const finding of problem.findings) {
      const line = document.createElement("li");
      line.textContent = finding.hint ? `${finding.message} → ${finding.hint}` : finding.message;
      list.append(line);
    }
    this.item.append(list);
    if (problem.findings.length === 0) this.item.append(button(text("again"), () => (this.remove(), again())));
  }

  remove(): void {
    this.item.remove();
  }

  private values(): Record<string, string | number> {
    const whole = Math.max(this.file.size, 1);
    return {
      percent: Math.floor((100 * this.bar.value) / whole),
      start: Math.floor((100 * this.foundBytes) / whole),
      done: size(this.bar.value),
      whole: size(this.file.size),
    };
  }

  private stop(): void {
    this.aborting.abort();
    this.remove();
  }
}

function button(words: string, press: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet";
  made.textContent = words;
  made.addEventListener("click", press);
  return made;
}
