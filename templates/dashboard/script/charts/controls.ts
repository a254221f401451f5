/** Controls of charts: smoothing, logarithmic scale, zoom by buttons; kept for the reader's next look. */

import type { Chart } from "./chart.ts";
import { text } from "../words/texts.ts";

const KEY = "packtrain:charts";
const ZOOM = 0.6;
const SHIFT = 0.25;

interface Choice {
  weight: number;
  isLog: boolean;
}

/** Fill a toolbar that rules these charts. */
export function addControls(place: HTMLElement, charts: readonly Chart[]): void {
  const choice = kept();
  const apply = (): void => {
    for (const chart of charts) {
      chart.smooth(choice.weight);
      chart.logarithmic(choice.isLog);
    }
    keep(choice);
  };
  place.classList.add("chart-controls");
  place.setAttribute("role", "group");
  place.replaceChildren(smoothing(choice, apply), logarithmic(choice, apply), zoomButtons(charts));
  apply();
}

function smoothing(choice: Choice, apply: () => void): HTMLElement {
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: "0", max: "0.99", step: "0.01", value: String(choice.weight) });
  const value = document.createElement("output");
  const write = (): void => {
    value.textContent = choice.weight.toFixed(2);
  };
  slider.addEventListener("input", () => {
    choice.weight = Number(slider.value);
    write();
    apply();
  });
  write();
  const label = labelled(text("smoothing"), slider);
  label.append(value);
  value.className = "number";
  return label;
}

function logarithmic(choice: Choice, apply: () => void): HTMLElement {
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", checked: choice.isLog });
  box.addEventListener("change", () => {
    choice.isLog = box.checked;
    apply();
  });
  return labelled(text("logarithmic"), box);
}

function labelled(words: string, field: HTMLElement): HTMLElement {
  const label = document.createElement("label");
  label.append(words, " ", field);
  return label;
}

function zoomButtons(charts: readonly Chart[]): HTMLElement {
  const row = document.createElement("span");
  row.className = "buttons";
  const actions: [string, string, (chart: Chart) => void][] = [
    ["←", "earlier", (chart) => chart.move(-SHIFT)],
    ["+", "nearer", (chart) => chart.zoomBy(ZOOM)],
    ["−", "farther", (chart) => chart.zoomBy(1 / ZOOM)],
    ["→", "later", (chart) => chart.move(SHIFT)],
    [text("all_of_it"), "all_of_it", (chart) => chart.zoom(null)],
  ];
  for (const [sign, name, action] of actions) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = sign;
    button.title = text(name);
    button.setAttribute("aria-label", text(name));
    button.addEventListener("click", () => charts[0] && action(charts[0]));
    row.append(button);
  }
  return row;
}

function kept(): Choice {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Choice>;
    return { weight: Math.min(Math.max(Number(found.weight) || 0, 0), 0.99), isLog: found.isLog === true };
  } catch {
    return { weight: 0, isLog: false };
  }
}

function keep(choice: Choice): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(choice));
  } catch {
    // a browser without storage begins anew each time
  }
}
