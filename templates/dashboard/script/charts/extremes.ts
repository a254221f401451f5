/** Lowest and highest values of stretches of a curve, made once: a stretch of any length is then told by a few readings. Pure. */

const FACTOR = 16;

/** Indexes of the lowest, the highest and a missing value of stretches of one size, side by side; -1 where there is none. */
interface Level {
  size: number;
  lows: Int32Array;
  highs: Int32Array;
  gaps: Int32Array;
}

/** A reading is left in the fields `low`, `high` and `gap`: thousands are taken for each frame of a screen. */
export class Extremes {
  low = -1;
  high = -1;
  gap = -1;
  /** Whether any value is missing. */
  readonly hasGaps: boolean;
  private readonly values: Float64Array;
  private readonly levels: Level[] = [];

  constructor(ys: readonly (number | null)[]) {
    this.values = new Float64Array(ys.length);
    for (let index = 0; index < ys.length; index += 1) this.values[index] = ys[index] ?? NaN;
    for (let size = FACTOR; size <= ys.length; size *= FACTOR) this.levels.push(this.level(size));
    this.read(0, ys.length);
    this.hasGaps = this.gap >= 0;
  }

  /** Read the values from one index to before another. */
  read(from: number, to: number): void {
    this.low = this.high = this.gap = -1;
    const level = this.levelFor(to - from);
    if (level === undefined) return this.readValues(from, to);
    const first = Math.ceil(from / level.size);
    const behind = Math.floor(to / level.size);
    this.readValues(from, first * level.size);
    for (let number = first; number < behind; number += 1) this.readStretch(level, number);
    this.readValues(behind * level.size, to);
  }

  /** The longest stretches of which a few fit. */
  private levelFor(length: number): Level | undefined {
    let found: Level | undefined;
    for (const level of this.levels) if (level.size * 4 <= length) found = level;
    return found;
  }

  private readValues(from: number, to: number): void {
    const { values } = this;
    for (let index = from; index < to; index += 1) {
      if (Number.isNaN(values[index])) this.gap = index;
      else this.widen(index, index);
    }
  }

  private readStretch(level: Level, number: number): void {
    const low = level.lows[number] as number;
    if (low >= 0) this.widen(low, level.highs[number] as number);
    if ((level.gaps[number] as number) >= 0) this.gap = level.gaps[number] as number;
  }

  private widen(low: number, high: number): void {
    const { values } = this;
    if (this.low < 0 || (values[low] as number) < (values[this.low] as number)) this.low = low;
    if (this.high < 0 || (values[high] as number) > (values[this.high] as number)) this.high = high;
  }

  private level(size: number): Level {
    const count = Math.floor(this.values.length / size);
    const level = { size, lows: new Int32Array(count), highs: new Int32Array(count), gaps: new Int32Array(count) };
    for (let number = 0; number < count; number += 1) {
      this.read(number * size, (number + 1) * size);
      level.lows[number] = this.low;
      level.highs[number] = this.high;
      level.gaps[number] = this.gap;
    }
    return level;
  }
}
