/** Numbers of charts in words: values, places, and tables of them. */

import type { XKind } from "./plot.ts";
import { language, text } from "../words/texts.ts";

const plain = new Intl.NumberFormat(language, { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const small = new Intl.NumberFormat(language, { notation: "scientific", maximumFractionDigits: 2 });
const UNITS: [string, number][] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
];

/** `0.4312`, `12,345`, `1.2E-5`; a word where the value was no number. */
export function shortNumber(value: number | null | undefined): string {
  if (value === undefined) return "–";
  if (value === null) return text("not_a_number");
  const size = Math.abs(value);
  return size !== 0 && size < 0.001 ? small.format(value) : size >= 1e6 ? compact.format(value) : plain.format(value);
}

/** A place as an axis shows it: `1,200`, `3.4M`, `1.5 h`. */
export function placeWords(place: number, kind: XKind): string {
  if (kind === "tokens") return compact.format(place);
  if (kind === "step") return Number.isInteger(place) ? whole.format(place) : "";
  const [unit, size] = UNITS.find(([, size]) => Math.abs(place) >= size) ?? ["s", 1];
  return `${plain.format(place / size)} ${unit}`;
}
