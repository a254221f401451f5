/** Data sets of a new job: chosen ones as chips, and a search among all that the reader may see. */

import { call, Problem } from "../calls/api.ts";
import type { DatasetInfo } from "../upload/dataset_info.ts";
import { notice } from "../calls/notice.ts";
import { text } from "../words/texts.ts";

interface Elements {
  chosen: HTMLElement;
  search: HTMLInputElement;
  results: HTMLElement;
}

const AFTER_TYPING_MILLISECONDS = 200;
const MOST_RESULTS = 10;

export class ChosenDatasets {
  private readonly chosen = new Map<string, DatasetInfo>();
  private timer: number | undefined;
  private shown: DatasetInfo[] = [];
  private active = -1;

  constructor(
    private readonly elements: Elements,
    private readonly newest: DatasetInfo[],
    private readonly changed: () => void,
  ) {
    const { search } = elements;
    search.addEventListener("input", () => this.searchSoon());
    search.addEventListener("focus", () => this.searchSoon());
    search.addEventListener("keydown", (event) => this.key(event));
    search.addEventListener("blur", () => window.setTimeout(() => this.close(), 150));
  }

  ids(): string[] {
    return [...this.chosen.keys()];
  }

  add(dataset: DatasetInfo): void {
    this.chosen.set(dataset.id, dataset);
    this.write();
    this.changed();
  }

  private remove(id: string): void {
    this.chosen.delete(id);
    this.write();
    this.changed();
    this.elements.search.focus();
  }

  private write(): void {
    this.elements.chosen.replaceChildren(...[...this.chosen.values()].map((dataset) => this.chip(dataset)));
  }

  private chip(dataset: DatasetInfo): HTMLElement {
    const item = document.createElement("li");
    item.className = "chip";
    const link = document.createElement("a");
    link.href = `/data/${encodeURIComponent(dataset.id)}`;
    link.textContent = dataset.name;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "quiet";
    remove.textContent = "×";
    remove.setAttribute("aria-label", text("leave_out", { name: dataset.name }));
    remove.addEventListener("click", () => this.remove(dataset.id));
    item.append(link, words("span", described(dataset), "quiet small"), remove);
    return item;
  }

  private searchSoon(): void {
    window.clearTimeout(this.timer);
    const wanted = this.elements.search.value.trim();
    if (wanted === "") return this.show(this.newest);
    this.timer = window.setTimeout(() => void this.look(wanted), AFTER_TYPING_MILLISECONDS);
  }

  private async look(wanted: string): Promise<void> {
    try {
      const query = new URLSearchParams({ q: wanted, limit: String(MOST_RESULTS) });
      const found = (await call("GET", `/api/v1/datasets?${query.toString()}`)) as { data: DatasetInfo[] };
      if (this.elements.search.value.trim() === wanted) this.show(found.data);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      notice(error.message, "problem");
    }
  }

  private show(found: DatasetInfo[]): void {
    this.shown = found.filter((dataset) => !this.chosen.has(dataset.id));
    this.active = -1;
    const { results, search } = this.elements;
    const options = this.shown.map((dataset, place) => this.option(dataset, place));
    results.replaceChildren(...(options.length > 0 ? options : [words("li", text("none_found"), "quiet")]));
    results.hidden = false;
    search.setAttribute("aria-expanded", "true");
    search.removeAttribute("aria-activedescendant");
  }

  private option(dataset: DatasetInfo, place: number): HTMLElement {
    const item = words("li", dataset.name, "result");
    item.id = `dataset-option-${String(place)}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.append(words("span", `${dataset.owner} · ${described(dataset)}`, "quiet small"));
    item.addEventListener("mousedown", (event) => event.preventDefault());
    item.addEventListener("click", () => this.choose(place));
    return item;
  }

  private choose(place: number): void {
    const dataset = this.shown[place];
    if (dataset === undefined) return;
    this.elements.search.value = "";
    this.add(dataset);
    this.close();
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Escape") return this.close();
    if (event.key === "Enter") {
      event.preventDefault();
      return this.choose(this.active < 0 ? 0 : this.active);
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    if (this.elements.results.hidden) return this.searchSoon();
    this.move(event.key === "ArrowDown" ? 1 : -1);
  }

  private move(by: number): void {
    const options = this.elements.results.querySelectorAll("[role=option]");
    if (options.length === 0) return;
    options[this.active]?.setAttribute("aria-selected", "false");
    this.active = (this.active + by + options.length) % options.length;
    const option = options[this.active];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.elements.search.setAttribute("aria-activedescendant", option.id);
  }

  private close(): void {
    this.elements.results.hidden = true;
    this.elements.search.setAttribute("aria-expanded", "false");
    this.elements.search.removeAttribute("aria-activedescendant");
  }
}

function described(dataset: DatasetInfo): string {
  if (dataset.status !== "ready") return dataset.status;
  return [dataset.purpose, text("rows", { count: dataset.kept ?? dataset.rows ?? 0 })].filter(Boolean).join(" · ");
}

function words(name: string, content: string, className = ""): HTMLElement {
  const made = document.createElement(name);
  made.textContent = content;
  made.className = className;
  return made;
}
