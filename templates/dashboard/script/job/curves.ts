/** Curves of a job: read from the API, drawn, and read again as it goes on. */

import { call, Problem } from "../calls/api.ts";
import { Chart, type Curve, type Mark } from "../charts/chart.ts";
import { addControls } from "../charts/controls.ts";
import { valuesTable } from "../charts/legend.ts";
import { shortNumber } from "../charts/words.ts";
import { text } from "../words/texts.ts";

interface Series {
  steps: number[];
  values: (number | null)[];
}

interface GivenMark {
  x: number;
  kind: Mark["kind"];
  number: number;
}

interface Panel {
  chart: Chart;
  names: string;
}

const POINTS = 4000;
const LEAST_MILLISECONDS = 5000;
/** A reading may take this part of the time at most: a long curve is read less often. */
const SHARE_OF_TIME = 0.05;
/** Of these the noise is smoothed away; every point of the others stands for itself. */
const NOISY = /^(loss|.*(reward|accuracy).*)$/;
const LARGE_PIXELS = 280;
const SMALL_PIXELS = 150;

/** Draw the curves; answers a function that reads them anew, soon, while the page is seen. */
export function serveCurves(): () => void {
  const place = document.getElementById("charts");
  const address = place?.dataset.metrics;
  if (!place || !address) return () => undefined;
  const curves = new JobCurves(place, address);
  void curves.read();
  return () => curves.soon();
}

class JobCurves {
  private readonly panels = new Map<string, Panel>();
  private series: Record<string, Series> = {};
  private timer: number | undefined;
  private wait = LEAST_MILLISECONDS;

  constructor(
    private readonly place: HTMLElement,
    private readonly address: string,
  ) {
    this.part<HTMLDetailsElement>("table").addEventListener("toggle", () => this.writeTable());
  }

  soon(): void {
    if (this.timer !== undefined || document.hidden) return;
    this.timer = window.setTimeout(() => {
      this.timer = undefined;
      void this.read();
    }, this.wait);
  }

  async read(): Promise<void> {
    const began = performance.now();
    try {
      const answer = (await call("GET", `${this.address}?points=${POINTS}`)) as { series: Record<string, Series> };
      this.series = answer.series;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return;
    }
    this.wait = Math.max(LEAST_MILLISECONDS, (performance.now() - began) / SHARE_OF_TIME);
    this.draw();
  }

  private draw(): void {
    const titles = [...new Set(Object.keys(this.series).map(titleOf))].sort(lossFirst);
    this.part("no-curves").hidden = titles.length > 0;
    const isNew = titles.filter((title) => !this.panels.has(title)).length > 0;
    for (const title of titles) if (!this.panels.has(title)) this.add(title);
    if (isNew) this.control();
    const marks = givenMarks();
    for (const [title, panel] of this.panels) panel.chart.show(this.curvesOf(title), marks);
    this.part("table").hidden = titles.length === 0;
    this.writeTable();
    this.writeMemory();
  }

  private add(title: string): void {
    const element = document.createElement("div");
    this.part("charts").append(element);
    const heightPixels = title === "loss" ? LARGE_PIXELS : SMALL_PIXELS;
    const name = text(title);
    this.panels.set(title, { chart: new Chart(element, { name, xKind: "step", group: "job", heightPixels }), names: title });
  }

  private control(): void {
    const controls = this.part("controls");
    controls.hidden = false;
    addControls(controls, [...this.panels.values()].map((panel) => panel.chart));
  }

  private curvesOf(title: string): Curve[] {
    const names = Object.keys(this.series).filter((name) => titleOf(name) === title);
    return names.sort(lossFirst).map((name, place) => ({
      name,
      label: name,
      colour: place + 1,
      xs: this.series[name]?.steps ?? [],
      ys: this.series[name]?.values ?? [],
      isExact: !NOISY.test(name),
    }));
  }

  private writeTable(): void {
    const details = this.part<HTMLDetailsElement>("table");
    if (!details.open) return;
    const curves = [...this.panels.keys()].flatMap((title) => this.curvesOf(title));
    details.querySelector("div")?.replaceChildren(valuesTable(curves, "step", details.querySelector("summary")?.textContent ?? ""));
  }

  private writeMemory(): void {
    const tile = document.getElementById("gpu-memory");
    const values = (this.series.vram_reserved_gib ?? this.series.vram_allocated_gib)?.values ?? [];
    const most = Math.max(...values.filter((value) => value !== null));
    if (tile === null || !Number.isFinite(most)) return;
    tile.hidden = false;
    const value = tile.querySelector(".value");
    if (value !== null) value.textContent = `${shortNumber(most)} GiB`;
  }

  private part<Kind extends HTMLElement = HTMLElement>(name: string): Kind {
    return this.place.querySelector<Kind>(`[data-part="${name}"]`) as Kind;
  }
}

/** The chart that a series belongs to. */
function titleOf(name: string): string {
  if (name.endsWith("loss")) return "loss";
  return name.startsWith("vram_") ? "vram" : name;
}

function lossFirst(left: string, right: string): number {
  return Number(right === "loss") - Number(left === "loss") || left.localeCompare(right);
}

function givenMarks(): Mark[] {
  const given = JSON.parse(document.getElementById("marks")?.textContent ?? "[]") as GivenMark[];
  return given.map(({ x, kind, number }) => ({ x, kind, label: text(kind, { number }) }));
}
