/** Legend of a chart: each curve with its value under the cursor, shown or hidden by a press; and the values as a table. */

import { placeWords, shortNumber } from "./words.ts";
import type { XKind } from "./plot.ts";
import { type Curve, evenly, nearest } from "./curves.ts";
import { text } from "../words/texts.ts";

export interface Reading {
  curve: Curve;
  isShown: boolean;
  x: number | undefined;
  y: number | null | undefined;
  average: number | null | undefined;
}

interface Where {
  x: number | null;
  xKind: XKind;
  mark: string | undefined;
}

interface Entry {
  button: HTMLButtonElement;
  value: HTMLElement;
}

const ROWS_OF_A_CURVE = 25;

export class Legend {
  readonly element = document.createElement("div");
  private readonly where = document.createElement("span");
  private readonly entries = new Map<string, Entry>();

  constructor(
    name: string,
    private readonly onToggle: (name: string) => void,
  ) {
    this.element.className = "chart-legend";
    const title = document.createElement("strong");
    title.textContent = name;
    this.where.className = "chart-where number";
    this.element.append(title, this.where);
  }

  /** Write the values at a place. */
  write(readings: readonly Reading[], where: Where): void {
    this.keepOnly(new Set(readings.map((reading) => reading.curve.name)));
    for (const reading of readings) {
      const entry = this.entries.get(reading.curve.name) ?? this.add(reading.curve);
      entry.button.setAttribute("aria-pressed", String(reading.isShown));
      entry.value.textContent = valueWords(reading);
    }
    const place = where.x ?? Math.max(...readings.map((reading) => reading.x ?? -Infinity));
    const words = Number.isFinite(place) ? `${text(where.xKind)} ${placeWords(roundPlace(place, where.xKind), where.xKind)}` : "";
    this.where.textContent = where.mark === undefined ? words : `${words} · ${where.mark}`;
  }

  private add(curve: Curve): Entry {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `chart-curve series-${((curve.colour - 1) % 8) + 1}${curve.isDashed ? " dashed" : ""}`;
    const name = document.createElement("span");
    name.textContent = curve.label;
    const value = document.createElement("span");
    value.className = "number";
    button.append(name, " ", value);
    button.addEventListener("click", () => this.onToggle(curve.name));
    this.element.insertBefore(button, this.where);
    const entry = { button, value };
    this.entries.set(curve.name, entry);
    return entry;
  }

  private keepOnly(names: ReadonlySet<string>): void {
    for (const [name, entry] of this.entries) {
      if (names.has(name)) continue;
      entry.button.remove();
      this.entries.delete(name);
    }
  }
}

function valueWords(reading: Reading): string {
  if (reading.average === undefined || reading.average === null) return shortNumber(reading.y);
  return `${shortNumber(reading.average)} (${shortNumber(reading.y)})`;
}

function roundPlace(place: number, kind: XKind): number {
  return kind === "seconds" ? place : Math.round(place);
}

/** Values of curves as a table for those who do not see the chart: of each curve some places, evenly chosen. */
export function valuesTable(curves: readonly Curve[], xKind: XKind, caption: string): HTMLTableElement {
  const places = new Set(curves.flatMap((curve) => evenly(curve.xs, ROWS_OF_A_CURVE)));
  const table = document.createElement("table");
  table.createCaption().textContent = caption;
  const head = table.createTHead().insertRow();
  for (const words of [text(xKind), ...curves.map((curve) => curve.label)]) head.append(headCell(words, "col"));
  const body = table.createTBody();
  for (const x of [...places].sort((left, right) => left - right)) {
    const row = body.insertRow();
    row.append(headCell(placeWords(x, xKind), "row"));
    for (const curve of curves) {
      const index = nearest(curve.xs, x);
      const cell = row.insertCell();
      cell.className = "number";
      cell.textContent = curve.xs[index] === x ? shortNumber(curve.ys[index]) : "–";
    }
  }
  return table;
}

function headCell(words: string, scope: "col" | "row"): HTMLTableCellElement {
  const cell = document.createElement("th");
  cell.scope = scope;
  cell.className = "number";
  cell.textContent = words;
  return cell;
}
