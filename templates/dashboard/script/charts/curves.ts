/** Values of curves for a chart: smoothed, found by their places, and ticks. Pure. */

/** A curve: values over ascending places; null where a value was no number. */
export interface Curve {
  name: string;
  label: string;
  /** Of the colours --series-1 to --series-8. */
  colour: number;
  xs: readonly number[];
  ys: readonly (number | null)[];
  /** A second kind of the same colour is drawn with dashes. */
  isDashed?: boolean;
  /** Never averaged: each of its points stands for itself. */
  isExact?: boolean;
}

export type Range = readonly [number, number];

/** Exponential moving average without the pull towards zero at its beginning; gaps stay gaps. */
export function smoothed(ys: readonly (number | null)[], weight: number): (number | null)[] {
  let sum = 0;
  let pull = 1;
  return ys.map((value) => {
    if (value === null) return null;
    sum = sum * weight + value * (1 - weight);
    pull *= weight;
    return sum / (1 - pull);
  });
}

/** First index whose place is at `x` or behind it. */
export function indexAt(xs: readonly number[], x: number): number {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((xs[middle] as number) < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the point that is nearest to `x`; -1 of none. */
export function nearest(xs: readonly number[], x: number): number {
  const behind = indexAt(xs, x);
  if (behind === 0) return xs.length === 0 ? -1 : 0;
  if (behind === xs.length) return behind - 1;
  return x - (xs[behind - 1] as number) <= (xs[behind] as number) - x ? behind - 1 : behind;
}

/** Range of the places of all curves; null where there is no point. */
export function extent(curves: readonly Pick<Curve, "xs">[]): Range | null {
  const filled = curves.filter((curve) => curve.xs.length > 0);
  if (filled.length === 0) return null;
  const first = Math.min(...filled.map((curve) => curve.xs[0] as number));
  const last = Math.max(...filled.map((curve) => curve.xs[curve.xs.length - 1] as number));
  return first < last ? [first, last] : [first - 0.5, last + 0.5];
}

/** Round numbers of a logarithmic axis; fewer of each decade the more decades there are. */
export function logTicks(low: number, high: number): number[] {
  if (high / low < 10) return evenTicks(low, high);
  const decades = Math.log10(high / low);
  const steps = decades > 6 ? [1] : decades > 3 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const step of steps) ticks.push(Number(`${step}e${power}`));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** About five round numbers between two. */
export function evenTicks(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((each) => each * power >= rough) as number) * power;
  const ticks: number[] = [];
  for (let count = Math.ceil(low / step); count * step <= high; count += 1) ticks.push(Number((count * step).toPrecision(12)));
  return ticks;
}

/** Some of the places, evenly from the first to the last. */
export function evenly(xs: readonly number[], most: number): number[] {
  if (xs.length <= most) return [...xs];
  return Array.from({ length: most }, (_, place) => xs[Math.round((place * (xs.length - 1)) / (most - 1))] as number);
}
