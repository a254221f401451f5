/** The page for new jobs: form and editor, checked while they are written, and submitted once. */

import { call, type Finding, Problem } from "../calls/api.ts";
import type { DatasetInfo } from "../upload/dataset_info.ts";
import { type Body, bodyOf, carriedOf, looksLikeCommand } from "../new_job/body.ts";
import { Check } from "../new_job/check.ts";
import { ChosenDatasets } from "../new_job/chosen_datasets.ts";
import type { Argument } from "../new_job/editor/completion.ts";
import { openEditor } from "../new_job/editor/editor.ts";
import { CommandFiles } from "../new_job/command_files.ts";
import { serveClusters } from "../new_job/clusters.ts";
import { serveOlderJobs } from "../new_job/older_jobs.ts";
import { showOutcome, type Validation } from "../new_job/outcome.ts";
import { serveRecipes } from "../new_job/recipes.ts";
import { Submission } from "../new_job/submission.ts";
import { serveTabs } from "../new_job/tabs.ts";
import { text } from "../words/texts.ts";
import { serveDrop } from "../upload/drop.ts";

interface Start {
  text: string;
  request: Body;
  chosen: DatasetInfo[];
  newest: DatasetInfo[];
}

const form = element<HTMLFormElement>("new-job");
const start = block<Start>("start");
const carried = carriedOf(start.request, form);
const clusters = serveClusters(form, block("clusters"));
let known: Argument[] = [];

const check = new Check({ body: bodyToCheck, show, failed: (problem) => state(problem.title, "state-bad") });
const changed = (): void => check.soon();
const files = new CommandFiles(element("files"), changed);
const datasets = new ChosenDatasets(
  { chosen: element("chosen"), search: element<HTMLInputElement>("dataset-search"), results: element("dataset-results") },
  start.newest,
  changed,
);
const editor = openEditor(element("editor"), { known: () => known, names: () => clusters.names(), onChange: changed, onGiven: given });
const recipes = serveRecipes(element<HTMLSelectElement>("recipe"), block("recipes"), editor, changed);
const submission = new Submission(element<HTMLButtonElement>("submit"), element("refused"), showFindings);

function isCommand(): boolean {
  return form.querySelector<HTMLInputElement>('[name="text_form"]:checked')?.value === "command";
}

function body(): Body {
  const written = { isCommand: isCommand(), text: editor.text(), files: files.texts(), datasets: datasets.ids(), carried };
  return bodyOf(form, written);
}

function bodyToCheck(): Body | null {
  const isBlank = editor.text().trim() === "" && (isCommand() || element<HTMLSelectElement>("recipe").value === "");
  element<HTMLButtonElement>("submit").disabled = isBlank;
  if (isBlank) state(text("fill_in"), "");
  else if (!element("state").className.includes("state-")) state(text("checking"), "");
  return isBlank ? null : body();
}

function show(answer: Validation): void {
  const lines = editor.mark(answer.errors, answer.warnings);
  showOutcome(answer, { lineOf: (finding) => lines.get(finding) ?? null, fieldOf, goTo: (line) => editor.goTo(line) });
  markFields(answer.errors);
  element<HTMLButtonElement>("submit").disabled = !answer.valid;
}

function showFindings(errors: Finding[]): void {
  const nothing = { valid: false, warnings: [], notes: [], script: null, config_yaml: null, estimates: null };
  show({ ...nothing, errors });
}

function fieldOf(finding: Finding): HTMLElement | null {
  const path = finding.loc.filter((part) => part !== "body").map(String);
  for (let length = path.length; length > 0; length--) {
    const field = form.querySelector<HTMLElement>(`[name="${CSS.escape(path.slice(0, length).join("."))}"]`);
    if (field !== null) return field;
  }
  return path[0] === "datasets" ? element("dataset-search") : null;
}

function markFields(errors: Finding[]): void {
  const wrong = new Set(errors.map(fieldOf));
  for (const field of form.querySelectorAll<HTMLElement>("[name]")) {
    if (wrong.has(field)) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
}

/** A text that was dropped, or pasted into the empty editor: a command is known by its words. */
function given(content: string): boolean {
  if (content.trim() === "") return false;
  setForm(looksLikeCommand(content));
  editor.setText(content);
  return true;
}

function setForm(command: boolean): void {
  const radio = form.querySelector<HTMLInputElement>(`[name="text_form"][value="${command ? "command" : "yaml"}"]`);
  if (radio !== null) radio.checked = true;
  editor.setCommand(command);
  element("files").hidden = !command;
  element<HTMLSelectElement>("recipe").disabled = command;
}

function state(words: string, className: string): void {
  element("state").textContent = words;
  element("state").className = `state ${className}`;
}

function element<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as Kind;
}

function block<Kind>(id: string): Kind {
  return JSON.parse(element(id).textContent ?? "null") as Kind;
}

async function loadArguments(): Promise<void> {
  try {
    known = ((await call("GET", form.dataset.arguments ?? "")) as { arguments: Argument[] }).arguments;
  } catch (error) {
    if (!(error instanceof Problem)) throw error; // without them the editor completes nothing
  }
}

function begin(): void {
  for (const dataset of start.chosen) datasets.add(dataset);
  setForm(false);
  editor.setText(start.text);
  recipes.tell();
  if (Object.keys(carried).length > 0) {
    element("carried").hidden = false;
    element("carried").textContent = text("carried", { names: carriedNames().join(", ") });
  }
  changed();
}

function carriedNames(): string[] {
  const inner = Object.keys((carried["resources"] ?? {}) as Body).map((name) => `resources.${name}`);
  return [...Object.keys(carried).filter((name) => name !== "resources"), ...inner];
}

form.addEventListener("input", (event) => {
  if ((event.target as HTMLInputElement).name === "text_form") setForm(isCommand());
  changed();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void submission.send(body());
});
serveTabs(element("tab-yaml").parentElement);
serveOlderJobs(element<HTMLInputElement>("older-search"), element("older"));
serveDrop(form, (dataset) => datasets.add(dataset));
void loadArguments();
begin();
