/** Lines of curves as they are drawn, made once for each setting: averages, and for a logarithmic scale what is above zero. */

import { type Curve, smoothed } from "./curves.ts";
import { Line } from "./thinning.ts";

export interface DrawnLine {
  curve: Curve;
  line: Line;
  isFaint: boolean;
}

type Values = readonly (number | null)[];

export class CurveLines {
  private readonly averages = new Map<Curve, Values>();
  private readonly made = new Map<Curve, DrawnLine[]>();

  /** With the weight of the past in averages, from 0 (none) to below 1. */
  constructor(
    readonly weight = 0,
    readonly isLog = false,
  ) {}

  /** In the order of drawing: behind the average of a curve the curve itself, faint. */
  of(curve: Curve): DrawnLine[] {
    const known = this.made.get(curve);
    if (known !== undefined) return known;
    const average = this.average(curve);
    const made = average === undefined ? [this.line(curve, curve.ys, false)] : [this.line(curve, curve.ys, true), this.line(curve, average, false)];
    this.made.set(curve, made);
    return made;
  }

  /** The moving average of a curve; undefined where none is drawn. */
  average(curve: Curve): Values | undefined {
    if (this.weight === 0 || curve.isExact) return undefined;
    const known = this.averages.get(curve);
    if (known !== undefined) return known;
    const made = smoothed(curve.ys, this.weight);
    this.averages.set(curve, made);
    return made;
  }

  private line(curve: Curve, ys: Values, isFaint: boolean): DrawnLine {
    const drawn = this.isLog ? ys.map((y) => (y !== null && y > 0 ? y : null)) : ys;
    return { curve, line: new Line(curve.xs, drawn), isFaint };
  }
}
