/** Chart of several curves: zoom by drag, keys and buttons, smoothing, logarithmic scale, marks, live data. */

import uPlot from "uplot";
import { type Curve, extent, nearest, type Range } from "./curves.ts";
import { Legend } from "./legend.ts";
import { CurveLines, type DrawnLine } from "./lines.ts";
import { type Mark, type Palette, palette, plotOptions, thinLines, type XKind } from "./plot.ts";
import { seen } from "./thinning.ts";
import { language } from "../words/texts.ts";

export type { Curve, Mark, Range, XKind };

export interface ChartSettings {
  /** Read aloud, and shown above the values. */
  name: string;
  xKind: XKind;
  /** Charts of a group are zoomed together and share the cursor. */
  group?: string;
  heightPixels?: number;
}

const counts = new Intl.NumberFormat(language);
const groups = new Map<string, Set<Chart>>();
const ZOOM = 0.6;
const SHIFT = 0.25;
const LEAST_PART = 1e-5;
const HEIGHT_PIXELS = 260;
const STILL_MILLISECONDS = 150;
const LINES_AT_ONCE = 4;
const LEAST_COLUMNS = 200;

export class Chart {
  private curves: readonly Curve[] = [];
  private marks: readonly Mark[] = [];
  private readonly hidden = new Set<string>();
  private lines = new CurveLines();
  private range: Range | null = null;
  private plot: uPlot | undefined;
  private colours: Palette = palette();
  private frame: number | undefined;
  private drawnAt = -Infinity;
  private settling: number | undefined;
  private readonly canvas = document.createElement("div");
  private readonly legend: Legend;
  private readonly together: Set<Chart>;
  private readonly watch: ResizeObserver;
  private readonly dark = matchMedia("(prefers-color-scheme: dark)");

  constructor(
    private readonly place: HTMLElement,
    private readonly settings: ChartSettings,
  ) {
    const group = settings.group ?? settings.name;
    this.together = groups.get(group) ?? new Set();
    groups.set(group, this.together.add(this));
    this.legend = new Legend(settings.name, (name) => this.toggle(name));
    this.canvas.className = "chart-plot";
    this.canvas.style.minHeight = `${settings.heightPixels ?? HEIGHT_PIXELS}px`;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.addEventListener("keydown", (event) => this.press(event));
    place.classList.add("chart");
    place.replaceChildren(this.legend.element, this.canvas);
    this.watch = new ResizeObserver(() => this.later());
    this.watch.observe(this.canvas);
    this.dark.addEventListener("change", this.recolour);
  }

  /** Draw these curves and marks; the zoom stays. */
  show(curves: readonly Curve[], marks: readonly Mark[] = []): void {
    const isSameKind = curves.length === this.curves.length && curves.every((each, place) => each.name === this.curves[place]?.name);
    this.curves = curves;
    this.marks = marks;
    this.lines = new CurveLines(this.lines.weight, this.lines.isLog);
    if (!isSameKind) this.rebuild();
    else this.laterAll();
  }

  /** Weight of the past in the moving average: 0 (none) to below 1. */
  smooth(weight: number): void {
    this.redraw(new CurveLines(Math.min(Math.max(weight, 0), 0.999), this.lines.isLog));
  }

  /** Logarithmic values. */
  logarithmic(isLog: boolean): void {
    this.redraw(new CurveLines(this.lines.weight, isLog));
  }

  /** Another meaning of the places (steps, tokens, seconds); the zoom is taken back. */
  over(xKind: XKind): void {
    this.settings.xKind = xKind;
    this.range = null;
    this.rebuild();
  }

  /** Show this range of places, in all charts of the group; null: all. */
  zoom(range: Range | null): void {
    const whole = this.whole();
    if (whole === null) return;
    const kept = range === null ? null : within(range, whole);
    for (const chart of this.together) {
      chart.range = kept;
      chart.later();
    }
  }

  /** Zoom by a factor around the middle: below 1 nearer. */
  zoomBy(factor: number): void {
    const range = this.current();
    if (range === null) return;
    const [middle, half] = [(range[0] + range[1]) / 2, ((range[1] - range[0]) / 2) * factor];
    this.zoom([middle - half, middle + half]);
  }

  /** Move by a part of what is seen: below 0 back. */
  move(part: number): void {
    const range = this.current();
    if (range === null) return;
    const shift = (range[1] - range[0]) * part;
    this.zoom([range[0] + shift, range[1] + shift]);
  }

  /** Take the chart away. */
  destroy(): void {
    this.watch.disconnect();
    this.dark.removeEventListener("change", this.recolour);
    this.together.delete(this);
    window.clearTimeout(this.settling);
    this.plot?.destroy();
    this.place.replaceChildren();
  }

  /** Draw now; usually at the next frame of the screen. */
  draw(): void {
    this.frame = undefined;
    const range = this.current();
    const [width, height] = [this.canvas.clientWidth, this.settings.heightPixels ?? HEIGHT_PIXELS];
    if (range === null || width === 0) return this.empty();
    this.plot ??= this.begin(width, height);
    const plot = this.plot;
    const lines = this.drawn().map((each) => each.line);
    if (plot.width !== width) plot.setSize({ width, height });
    plot.batch(() => {
      plot.setData(seen(lines, range, this.columns(lines.length, width)) as uPlot.AlignedData, false);
      thinLines(plot);
      plot.setScale("x", { min: range[0], max: range[1] });
    });
    this.tell();
  }

  private begin(width: number, height: number): uPlot {
    const options = plotOptions({
      lines: this.drawn().map(({ curve, isFaint }) => ({ ...curve, isFaint })),
      size: { width, height },
      isLog: this.lines.isLog,
      xKind: this.settings.xKind,
      syncKey: this.settings.group,
      colours: this.colours,
      marks: () => this.marks,
      onSelect: (range) => this.zoom(range),
      onReset: () => this.zoom(null),
      onCursor: (x) => this.read(x),
    });
    return new uPlot(options, [[]] as unknown as uPlot.AlignedData, this.canvas);
  }

  /** Columns that lines are thinned to: one for each pixel; while many lines move fewer, until they stand still. */
  private columns(lines: number, width: number): number {
    const isMoving = performance.now() - this.drawnAt < STILL_MILLISECONDS;
    this.drawnAt = performance.now();
    const coarse = Math.max(Math.round(width / Math.ceil(lines / LINES_AT_ONCE)), LEAST_COLUMNS);
    if (!isMoving || coarse >= width) return width;
    window.clearTimeout(this.settling);
    this.settling = window.setTimeout(() => this.later(), STILL_MILLISECONDS);
    return coarse;
  }

  private drawn(): DrawnLine[] {
    return this.curves.filter((curve) => !this.hidden.has(curve.name)).flatMap((curve) => this.lines.of(curve));
  }

  private whole(): Range | null {
    return extent([...this.together].flatMap((chart) => chart.curves.filter((curve) => !chart.hidden.has(curve.name))));
  }

  private current(): Range | null {
    return this.range ?? this.whole();
  }

  private toggle(name: string): void {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.rebuild();
    for (const chart of this.together) chart.later();
  }

  private press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys: Record<string, () => void> = {
      "+": () => this.zoomBy(ZOOM),
      "=": () => this.zoomBy(ZOOM),
      "-": () => this.zoomBy(1 / ZOOM),
      ArrowLeft: () => this.move(-SHIFT),
      ArrowRight: () => this.move(SHIFT),
      "0": () => this.zoom(null),
      Escape: () => this.zoom(null),
    };
    const action = keys[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  }

  private redraw(lines: CurveLines): void {
    if (lines.weight === this.lines.weight && lines.isLog === this.lines.isLog) return;
    this.lines = lines;
    this.rebuild();
  }

  private rebuild(): void {
    this.empty();
    this.laterAll();
  }

  private empty(): void {
    this.plot?.destroy();
    this.plot = undefined;
  }

  private later(): void {
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  private laterAll(): void {
    for (const chart of this.together) chart.later();
  }

  private readonly recolour = (): void => {
    this.colours = palette();
    this.rebuild();
  };

  private tell(): void {
    const total = Math.max(0, ...this.curves.map((curve) => curve.xs.length));
    this.canvas.setAttribute("aria-label", `${this.settings.name}: ${counts.format(total)}`);
    this.read(null);
  }

  /** Values at a place under the cursor; without one the last values. */
  private read(x: number | null): void {
    const values = this.curves.map((curve) => {
      const index = x === null ? curve.xs.length - 1 : nearest(curve.xs, x);
      const average = this.lines.average(curve)?.[index];
      return { curve, isShown: !this.hidden.has(curve.name), x: curve.xs[index], y: curve.ys[index], average };
    });
    this.legend.write(values, { x, xKind: this.settings.xKind, mark: x === null ? undefined : this.markNear(x) });
  }

  private markNear(x: number): string | undefined {
    const range = this.current();
    if (range === null) return undefined;
    const reach = (range[1] - range[0]) / 100;
    return this.marks.filter((mark) => Math.abs(mark.x - x) <= reach).map((mark) => mark.label).join(", ") || undefined;
  }
}

/** The range moved and cut so that it lies within the whole; null where it holds all of it. */
function within(range: Range, whole: Range): Range | null {
  const all = whole[1] - whole[0];
  const width = Math.max(range[1] - range[0], all * LEAST_PART);
  if (width >= all) return null;
  const from = Math.min(Math.max(range[0], whole[0]), whole[1] - width);
  return [from, from + width];
}
