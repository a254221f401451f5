/** Log of a job: the end at first, older lines on demand, new ones as they come; search leaves lines out. */

import { notice } from "../calls/notice.ts";
import { text } from "../words/texts.ts";
import { cleaned, type LogLine, logLine } from "./log_lines.ts";

const TAIL_LINES = 500;
const PIECE_BYTES = 1024 * 1024;
const MOST_LINES = 40_000;
const AGAIN_MILLISECONDS = 3000;
const MOST_FOUND = 2000;
const NEWLINE = 10;

interface Piece {
  offset: number;
  text: string;
}

/** Show the log of this job; answers a function to call when the page's content is new, null while it has no log. */
export function serveLog(id: string): (() => void) | null {
  const pre = document.getElementById("log");
  if (pre === null) return null;
  const log = new LogView(id, pre);
  void log.open();
  return () => log.look();
}

class LogView {
  private lines: LogLine[] = [];
  private partial = "";
  private start = 0;
  private end = 0;
  private source: EventSource | undefined;
  private generation = 0;
  private needle = "";
  private attempts = "";
  private readonly older = document.getElementById("log-older") as HTMLButtonElement;
  private readonly follow = document.getElementById("log-follow") as HTMLInputElement;
  private readonly search = document.getElementById("log-search") as HTMLInputElement;
  private readonly last = document.createTextNode("");

  constructor(
    private readonly id: string,
    private readonly pre: HTMLElement,
  ) {
    this.attempts = newestAttempt();
    this.older.addEventListener("click", () => void this.readOlder());
    this.search.addEventListener("input", () => this.find());
    document.getElementById("log-wrap")?.addEventListener("change", (event) => {
      pre.classList.toggle("unwrapped", !(event.target as HTMLInputElement).checked);
    });
    pre.addEventListener("scroll", () => {
      if (!isAtEnd(pre)) this.follow.checked = false;
    });
    this.follow.addEventListener("change", () => this.scroll());
    pre.addEventListener("click", (event) => this.jump(event.target as Element));
    document.addEventListener("change", (event) => {
      const field = event.target as HTMLInputElement;
      if (field.name === "stream" || field.id === "log-attempt") void this.open();
    });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.listen()));
  }

  /** A further attempt is shown when it begins. */
  look(): void {
    const newest = newestAttempt();
    if (newest === this.attempts) return;
    this.attempts = newest;
    const chosen = document.querySelector<HTMLSelectElement>("#log-attempt");
    if (chosen !== null) chosen.value = newest;
    void this.open();
  }

  /** Begin with the end of the chosen log. */
  async open(): Promise<void> {
    this.close();
    const generation = ++this.generation;
    const answer = await this.get(`tail=${TAIL_LINES}`);
    if (answer === null || generation !== this.generation) return;
    this.lines = [];
    this.partial = "";
    this.start = Number(answer.headers.get("X-Packtrain-Offset"));
    this.end = Number(answer.headers.get("X-Packtrain-Next-Offset"));
    this.take(await answer.text());
    this.write();
    this.listen();
  }

  private async readOlder(): Promise<void> {
    const from = Math.max(this.start - PIECE_BYTES, 0);
    const answer = await this.get(`offset=${from}`);
    if (answer === null) return;
    const bytes = new Uint8Array(await answer.arrayBuffer()).subarray(0, this.start - from);
    const cut = from === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
    const height = this.pre.scrollHeight;
    const raw = new TextDecoder().decode(bytes.subarray(cut));
    this.lines.unshift(...raw.replace(/\n$/, "").split("\n").map(logLine));
    this.start = from + cut;
    this.write();
    this.pre.scrollTop += this.pre.scrollHeight - height;
  }

  private async get(query: string): Promise<Response | null> {
    try {
      const answer = await fetch(`/api/v1/jobs/${this.id}/logs?${this.which()}&${query}`, { credentials: "same-origin" });
      if (answer.ok) return answer;
      const problem = (await answer.json()) as { detail?: string };
      notice(problem.detail ?? `HTTP ${answer.status}`, "problem");
    } catch {
      window.setTimeout(() => void this.open(), AGAIN_MILLISECONDS);
    }
    return null;
  }

  private which(): string {
    const stream = document.querySelector<HTMLInputElement>('input[name="stream"]:checked')?.value ?? "stdout";
    return `stream=${stream}&attempt=${this.attempt()}`;
  }

  private attempt(): string {
    return document.querySelector<HTMLSelectElement>("#log-attempt")?.value ?? "1";
  }

  /** New text as it comes, while the page is seen and the job goes on. */
  private listen(): void {
    if (this.source !== undefined || document.hidden || isEnded()) return;
    const source = new EventSource(`/api/v1/jobs/${this.id}/logs/stream?${this.which()}&offset=${this.end}`);
    this.source = source;
    source.addEventListener("log", (event) => this.hear(event as MessageEvent<string>));
    source.addEventListener("end", () => source.close());
    source.onerror = () => {
      this.close();
      window.setTimeout(() => this.listen(), AGAIN_MILLISECONDS);
    };
  }

  private close(): void {
    this.source?.close();
    this.source = undefined;
  }

  private hear(event: MessageEvent<string>): void {
    const piece = JSON.parse(event.data) as Piece;
    if (piece.offset < this.end) return void this.open();
    const known = this.lines.length;
    this.end = Number(event.lastEventId.split(":")[1]);
    this.take(piece.text);
    if (this.needle !== "" || this.lines.length > MOST_LINES) return this.forget();
    this.last.before(this.lines.slice(known).map((line) => `${line.shown}\n`).join(""));
    this.last.data = cleaned(this.partial);
    this.scroll();
  }

  /** The oldest lines go when there are too many. */
  private forget(): void {
    if (this.lines.length > MOST_LINES) {
      const gone = this.lines.splice(0, this.lines.length - MOST_LINES / 2);
      this.start += gone.reduce((sum, line) => sum + line.bytes, 0);
    }
    this.write();
  }

  private take(raw: string): void {
    const pieces = (this.partial + raw).split("\n");
    this.partial = pieces.pop() ?? "";
    for (const piece of pieces) this.lines.push(logLine(piece));
  }

  private write(): void {
    this.older.hidden = this.start === 0;
    if (this.needle !== "") return this.writeFound();
    count("");
    this.last.data = cleaned(this.partial);
    this.pre.replaceChildren(this.lines.map((line) => `${line.shown}\n`).join(""), this.last);
    this.scroll();
  }

  private find(): void {
    this.needle = this.search.value.toLowerCase();
    this.write();
  }

  /** Only the lines that hold what is sought; a press on one shows it among its neighbours. */
  private writeFound(): void {
    const found = this.lines.flatMap((line, place) => (line.shown.toLowerCase().includes(this.needle) ? [place] : []));
    count(text("lines_found", { count: found.length }));
    const rows = found.slice(-MOST_FOUND).map((place) => {
      const row = document.createElement("button");
      row.type = "button";
      row.className = "found";
      row.dataset.line = String(place);
      row.append(...marked(this.lines[place]?.shown ?? "", this.needle));
      return row;
    });
    this.pre.replaceChildren(...rows);
  }

  private jump(target: Element): void {
    const place = target.closest<HTMLElement>("[data-line]")?.dataset.line;
    if (place === undefined) return;
    this.search.value = this.needle = "";
    this.follow.checked = false;
    const [before, line, behind] = [this.lines.slice(0, Number(place)), this.lines[Number(place)], this.lines.slice(Number(place) + 1)];
    const mark = document.createElement("mark");
    mark.textContent = line?.shown ?? "";
    count("");
    this.pre.replaceChildren(before.map((each) => `${each.shown}\n`).join(""), mark, `\n${behind.map((each) => `${each.shown}\n`).join("")}`, this.last);
    mark.scrollIntoView({ block: "center" });
  }

  private scroll(): void {
    if (this.follow.checked) this.pre.scrollTop = this.pre.scrollHeight;
  }
}

function marked(line: string, needle: string): (string | HTMLElement)[] {
  const parts: (string | HTMLElement)[] = [];
  let from = 0;
  for (let at = line.toLowerCase().indexOf(needle); at >= 0; at = line.toLowerCase().indexOf(needle, from)) {
    const mark = document.createElement("mark");
    mark.textContent = line.slice(at, at + needle.length);
    parts.push(line.slice(from, at), mark);
    from = at + needle.length;
  }
  return [...parts, line.slice(from)];
}

function count(words: string): void {
  const place = document.getElementById("log-count");
  if (place !== null) place.textContent = words;
}

function isAtEnd(element: HTMLElement): boolean {
  return element.scrollHeight - element.scrollTop - element.clientHeight < 8;
}

function newestAttempt(): string {
  return document.getElementById("job")?.dataset.attempt ?? "0";
}

function isEnded(): boolean {
  return ["succeeded", "failed", "cancelled"].includes(document.getElementById("job")?.dataset.status ?? "");
}
