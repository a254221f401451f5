/** Options of uPlot for our charts: axes, colours, marks, cursor. */

import uPlot from "uplot";
import { type Curve, evenTicks, logTicks, type Range } from "./curves.ts";
import { placeWords, shortNumber } from "./words.ts";

/** Meaning of the places of a chart. */
export type XKind = "step" | "tokens" | "seconds";

/** Something that happened at a place. */
export interface Mark {
  x: number;
  kind: "attempt" | "checkpoint";
  label: string;
}

export interface Palette {
  series: string[];
  ink: string;
  line: string;
  mark: string;
}

export interface PlotSettings {
  lines: readonly (Curve & { isFaint: boolean })[];
  size: { width: number; height: number };
  isLog: boolean;
  xKind: XKind;
  syncKey: string | undefined;
  colours: Palette;
  marks: () => readonly Mark[];
  onSelect: (range: Range) => void;
  onReset: () => void;
  onCursor: (x: number | null) => void;
}

const FONT = "12px system-ui, sans-serif";
const SECONDS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 432_000, 864_000];
const SPARSE_PIXELS = 12;
const CROWDED_PIXELS = 2;
const WIDTH = 1.75;
const FAINT = "40";

/** Colours of the style sheet as they are now: a canvas knows no custom properties. */
export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim() || "#808080";
  const series = Array.from({ length: 8 }, (_, place) => colour(`--series-${place + 1}`));
  return { series, ink: colour("--ink-soft"), line: colour("--line"), mark: colour("--line-strong") };
}

/** Options for these lines. */
export function plotOptions(its: PlotSettings): uPlot.Options {
  return {
    ...its.size,
    legend: { show: false },
    padding: [14, 26, 0, 0],
    cursor: cursor(its),
    select: { show: true, left: 0, top: 0, width: 0, height: 0 },
    scales: { x: { time: false, auto: false }, y: { distr: its.isLog ? 3 : 1, range: (_plot, low, high) => bounds(low, high, its.isLog) } },
    axes: [xAxis(its), yAxis(its)],
    series: [{}, ...its.lines.map((line) => lineOptions(line, its.colours))],
    hooks: { draw: [(plot) => drawMarks(plot, its)], setSelect: [(plot) => select(plot, its)], setCursor: [(plot) => point(plot, its)] },
  };
}

function cursor(its: PlotSettings): uPlot.Cursor {
  return {
    y: false,
    points: { show: false },
    drag: { x: true, y: false, setScale: false, dist: 4 },
    bind: { dblclick: () => () => (its.onReset(), null) },
    ...(its.syncKey === undefined ? {} : { sync: { key: its.syncKey } }),
  };
}

function xAxis(its: PlotSettings): uPlot.Axis {
  const incrs = its.xKind === "seconds" ? { incrs: SECONDS } : {};
  return { ...axis(its.colours), ...incrs, space: 70, size: 30, values: (_plot, ticks) => ticks.map((tick) => placeWords(tick, its.xKind)) };
}

function yAxis(its: PlotSettings): uPlot.Axis {
  const ticks = its.isLog ? logTicks : evenTicks;
  return {
    ...axis(its.colours),
    size: 54,
    splits: (_plot, _axis, low, high) => ticks(low, high),
    filter: (_plot, splits) => splits,
    values: (_plot, splits) => splits.map(shortNumber),
  };
}

function axis(colours: Palette): uPlot.Axis {
  const line = { stroke: colours.line, width: 1 };
  return { stroke: colours.ink, font: FONT, grid: line, ticks: { ...line, size: 4 } };
}

function lineOptions(line: Curve & { isFaint: boolean }, colours: Palette): uPlot.Series {
  const colour = colours.series[(line.colour - 1) % colours.series.length] as string;
  return {
    label: line.label,
    stroke: line.isFaint ? `${colour}${FAINT}` : colour,
    ...(line.isDashed ? { dash: [6, 4] } : {}),
    points: { show: (plot, place) => !line.isFaint && hasAtMost(plot, place, plot.width / SPARSE_PIXELS), size: 6, fill: colour },
  };
}

/** Draw crowded lines as thin as can be: a wide stroke through thousands of corners takes many times as long. */
export function thinLines(plot: uPlot): void {
  plot.series.forEach((series, place) => {
    series.width = hasAtMost(plot, place, plot.width / CROWDED_PIXELS) ? WIDTH : 1 / devicePixelRatio;
  });
}

function hasAtMost(plot: uPlot, place: number, count: number): boolean {
  let room = count;
  for (const value of plot.data[place] ?? []) if (value != null && (room -= 1) < 0) return false;
  return true;
}

/** Range of the values with some air. */
function bounds(low: number | null, high: number | null, isLog: boolean): [number, number] {
  if (low === null || high === null) return isLog ? [0.1, 1] : [0, 1];
  if (isLog) return low < high ? [low / 1.08, high * 1.08] : [low / 2, high * 2];
  const air = low < high ? (high - low) * 0.06 : Math.abs(low) * 0.1 || 1;
  return [low - air, high + air];
}

function select(plot: uPlot, its: PlotSettings): void {
  const { left, width } = plot.select;
  if (width <= 0) return;
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  its.onSelect([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
}

function point(plot: uPlot, its: PlotSettings): void {
  const left = plot.cursor.left ?? -1;
  its.onCursor(left < 0 ? null : plot.posToVal(left, "x"));
}

function drawMarks(plot: uPlot, its: PlotSettings): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.strokeStyle = ctx.fillStyle = its.colours.mark;
  ctx.lineWidth = ratio;
  for (const mark of its.marks()) {
    const x = plot.valToPos(mark.x, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    if (mark.kind === "attempt") drawAttempt(ctx, bbox, x, mark.label, ratio);
    else drawCheckpoint(ctx, bbox, x, ratio);
  }
  ctx.restore();
}

function drawAttempt(ctx: CanvasRenderingContext2D, box: uPlot.BBox, x: number, label: string, ratio: number): void {
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  ctx.beginPath();
  ctx.moveTo(x, box.top);
  ctx.lineTo(x, box.top + box.height);
  ctx.stroke();
  ctx.textAlign = x > box.left + box.width * 0.8 ? "right" : "left";
  ctx.fillText(label, x, box.top - 3 * ratio);
}

function drawCheckpoint(ctx: CanvasRenderingContext2D, box: uPlot.BBox, x: number, ratio: number): void {
  const [foot, half] = [box.top + box.height, 4 * ratio];
  ctx.beginPath();
  ctx.moveTo(x - half, foot);
  ctx.lineTo(x + half, foot);
  ctx.lineTo(x, foot - 2 * half);
  ctx.fill();
}
