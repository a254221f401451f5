/** Points of curves as a chart draws them: those of the range that is seen; where they are many, of each pixel its extremes. Pure. */

import { indexAt, type Range } from "./curves.ts";
import { Extremes } from "./extremes.ts";

/** Points of several lines over one column of places; undefined where a line has no point. */
export type Aligned = [number[], ...Column[]];
type Column = (number | null | undefined)[];

/** A line over ascending places, with its extremes, which are worked out when they are first needed. */
export class Line {
  private known: Extremes | undefined;

  constructor(
    readonly xs: readonly number[],
    readonly ys: readonly (number | null)[],
  ) {}

  get extremes(): Extremes {
    return (this.known ??= new Extremes(this.ys));
  }
}

/** The points of lines in a range with a neighbour at each side; no more places than some for each pixel. */
export function seen(lines: readonly Line[], range: Range, pixels: number): Aligned {
  const spans = new Map(lines.map(({ xs }) => [xs, spanOf(xs, range)]));
  let places = 0;
  for (const [start, stop] of spans.values()) places += stop - start;
  if (places > pixels * 2) return thinned(lines, range, pixels);
  return aligned(
    lines.map(({ xs, ys }) => {
      const [start, stop] = spans.get(xs) as Range;
      return { xs: xs.slice(start, stop), ys: ys.slice(start, stop) };
    }),
  );
}

/** Indexes of the points in a range, with a neighbour at each side: the first, and that behind the last. */
function spanOf(xs: readonly number[], range: Range): Range {
  return [Math.max(indexAt(xs, range[0]) - 1, 0), Math.min(indexBehind(xs, range[1]) + 1, xs.length)];
}

function indexBehind(xs: readonly number[], x: number): number {
  let index = indexAt(xs, x);
  while (xs[index] === x) index += 1;
  return index;
}

/** Extremes of each pixel, laid on places that all lines share, half a pixel beside their own at most. */
function thinned(lines: readonly Line[], range: Range, pixels: number): Aligned {
  const slots = lines.some((line) => line.extremes.hasGaps) ? 3 : 2;
  const width = (range[1] - range[0]) / pixels;
  const inner = Array.from({ length: pixels * slots }, (_, number) => range[0] + ((number + 0.5) / slots) * width);
  const columns = new Map(lines.map(({ xs }) => [xs, columnsOf(xs, range, pixels)]));
  const before = neighbours(columns, (starts) => (starts[0] as number) - 1);
  const behind = neighbours(columns, (starts) => starts[pixels] as number);
  const places = [...before, ...inner, ...behind];
  const drawn = lines.map((line) => {
    const starts = columns.get(line.xs) as Int32Array;
    const column: Column = new Array(places.length).fill(undefined);
    fill(column, before.length, line, starts, slots);
    place(column, before, 0, line, (starts[0] as number) - 1);
    place(column, behind, places.length - behind.length, line, starts[pixels] as number);
    return column;
  });
  return [places, ...drawn];
}

/** Index of the first point of each pixel, and that behind the last pixel. */
function columnsOf(xs: readonly number[], range: Range, pixels: number): Int32Array {
  const starts = new Int32Array(pixels + 1);
  const width = (range[1] - range[0]) / pixels;
  for (let number = 0; number < pixels; number += 1) starts[number] = indexAt(xs, range[0] + number * width);
  starts[pixels] = indexBehind(xs, range[1]);
  return starts;
}

/** Places of the points beside the range, each once, ascending. */
function neighbours(columns: ReadonlyMap<readonly number[], Int32Array>, indexOf: (starts: Int32Array) => number): number[] {
  const found = new Set<number>();
  for (const [xs, starts] of columns) {
    const x = xs[indexOf(starts)];
    if (x !== undefined) found.add(x);
  }
  return [...found].sort((left, right) => left - right);
}

/** Write the extremes of each pixel, in their order, into its slots. */
function fill(column: Column, at: number, line: Line, starts: Int32Array, slots: number): void {
  const { extremes, ys } = line;
  for (let number = 0; number + 1 < starts.length; number += 1) {
    const from = starts[number] as number;
    const to = starts[number + 1] as number;
    if (from >= to) continue;
    extremes.read(from, to);
    const first = at + number * slots;
    if (extremes.gap < 0) write(column, first, ys, extremes.low, extremes.high);
    else writeAll(column, first, ys, [extremes.low, extremes.high, extremes.gap]);
  }
}

function write(column: Column, at: number, ys: Line["ys"], low: number, high: number): void {
  column[at] = ys[Math.min(low, high)];
  if (low !== high) column[at + 1] = ys[Math.max(low, high)];
}

function writeAll(column: Column, at: number, ys: Line["ys"], indexes: readonly number[]): void {
  const distinct = [...new Set(indexes)].filter((index) => index >= 0).sort((left, right) => left - right);
  distinct.forEach((index, slot) => (column[at + slot] = ys[index]));
}

function place(column: Column, places: readonly number[], at: number, line: Line, index: number): void {
  const x = line.xs[index];
  if (x !== undefined) column[at + places.indexOf(x)] = line.ys[index] as number | null;
}

interface Points {
  xs: readonly number[];
  ys: readonly (number | null)[];
}

/** One column of places for the points of all lines. */
function aligned(parts: readonly Points[]): Aligned {
  const xs = merged(parts.map((part) => part.xs));
  const columns = parts.map((part) => {
    let next = 0;
    return xs.map((x) => {
      if (part.xs[next] !== x) return undefined;
      let value = part.ys[next];
      while (part.xs[next] === x) value = part.ys[next++];
      return value;
    });
  });
  return [xs, ...columns];
}

/** Each place once, ascending. */
function merged(columns: readonly (readonly number[])[]): number[] {
  const all = new Float64Array(columns.reduce((sum, column) => sum + column.length, 0));
  let filled = 0;
  for (const column of columns) {
    all.set(column, filled);
    filled += column.length;
  }
  all.sort();
  const distinct: number[] = [];
  for (const x of all) if (x !== distinct[distinct.length - 1]) distinct.push(x);
  return distinct;
}
