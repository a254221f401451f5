/** Script of the comparison page: curves of up to eight runs over each other, by step, tokens or time. */

import { call } from "../calls/api.ts";
import { Chart, type Curve, type XKind } from "../charts/chart.ts";
import { addControls } from "../charts/controls.ts";
import { onProgress } from "../live/stream.ts";
import { stepSeconds } from "../compare/step_times.ts";
import { text } from "../words/texts.ts";

interface Series {
  steps: number[];
  values: (number | null)[];
}

interface Run {
  id: string;
  label: string;
  colour: number;
  series: Record<string, Series>;
  /** Seconds since the first line of the log, by step; read when first wanted. */
  seconds?: Map<number, number>;
}

const FIRST = ["loss", "eval_loss"];
const MOST_CHARTS = 12;
const POINTS = 2000;
const AGAIN_MILLISECONDS = 5000;
const TOKENS = "num_input_tokens_seen";
const charts = new Map<string, Chart>();
let xKind: XKind = "step";

const place = document.getElementById("charts");
if (place !== null) void start(place);

async function start(place: HTMLElement): Promise<void> {
  const ids = (place.dataset.jobs ?? "").split(" ").filter(Boolean);
  const names = JSON.parse(place.dataset.names ?? "[]") as string[];
  const runs = await Promise.all(ids.map((id, number) => load(id, names[number] ?? id, number + 1)));
  for (const name of seriesNames(runs)) charts.set(name, chartOf(place, name));
  await draw(runs);
  serveSettings(runs);
  followRuns(runs);
}

async function load(id: string, label: string, colour: number): Promise<Run> {
  return { id, label, colour, series: await seriesOf(id) };
}

async function seriesOf(id: string): Promise<Record<string, Series>> {
  const answer = (await call("GET", `/api/v1/jobs/${id}/metrics?points=${POINTS}`)) as { series: Record<string, Series> };
  return answer.series;
}

function seriesNames(runs: readonly Run[]): string[] {
  const names = new Set(runs.flatMap((run) => Object.keys(run.series)));
  names.delete(TOKENS);
  const others = [...names].filter((name) => !FIRST.includes(name)).sort();
  return [...FIRST.filter((name) => names.has(name)), ...others].slice(0, MOST_CHARTS);
}

function chartOf(place: HTMLElement, name: string): Chart {
  const box = document.createElement("div");
  place.append(box);
  return new Chart(box, { name, xKind, group: "compare" });
}

async function draw(runs: readonly Run[]): Promise<void> {
  if (xKind === "seconds") {
    await Promise.all(runs.filter((run) => run.seconds === undefined).map(async (run) => (run.seconds = await stepSeconds(run.id))));
  }
  for (const [name, chart] of charts) chart.show(runs.flatMap((run) => curveOf(run, name)));
}

function curveOf(run: Run, name: string): Curve[] {
  const series = run.series[name];
  if (series === undefined) return [];
  const placeOf = places(run);
  const points = series.steps.map((step, index) => [placeOf(step), series.values[index] ?? null] as const);
  const known = points.filter((point): point is readonly [number, number | null] => point[0] !== undefined);
  return [{ name: run.id, label: run.label, colour: run.colour, xs: known.map((point) => point[0]), ys: known.map((point) => point[1]) }];
}

/** The place of a step on the axis that is chosen; undefined where a run does not tell it. */
function places(run: Run): (step: number) => number | undefined {
  if (xKind === "step") return (step) => step;
  if (xKind === "seconds") return (step) => run.seconds?.get(step);
  const series = run.series[TOKENS];
  const tokens = new Map(series?.steps.map((step, index) => [step, series.values[index] ?? undefined]) ?? []);
  return (step) => tokens.get(step);
}

function serveSettings(runs: readonly Run[]): void {
  const settings = document.getElementById("curve-settings");
  if (settings === null) return;
  const controls = document.createElement("div");
  settings.replaceChildren(axis(runs), controls);
  addControls(controls, [...charts.values()]);
}

function axis(runs: readonly Run[]): HTMLElement {
  const select = document.createElement("select");
  const hasTokens = runs.some((run) => run.series[TOKENS] !== undefined);
  const kinds: XKind[] = hasTokens ? ["step", "tokens", "seconds"] : ["step", "seconds"];
  for (const kind of kinds) select.add(new Option(text(`axis_${kind}`), kind));
  select.addEventListener("change", () => {
    xKind = select.value as XKind;
    for (const chart of charts.values()) chart.over(xKind);
    void draw(runs);
  });
  const label = document.createElement("label");
  label.append(text("axis"), " ", select);
  return label;
}

function followRuns(runs: readonly Run[]): void {
  const changed = new Set<Run>();
  let timer: number | undefined;
  onProgress((progress) => {
    const run = runs.find((each) => each.id === progress.job_id);
    if (run === undefined) return;
    changed.add(run);
    timer ??= window.setTimeout(async () => {
      timer = undefined;
      for (const each of changed) Object.assign(each, { series: await seriesOf(each.id), seconds: undefined });
      changed.clear();
      await draw(runs);
    }, AGAIN_MILLISECONDS);
  });
}
