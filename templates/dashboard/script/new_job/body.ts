/** The request for a job as the form and its editor have it. */

export type Body = Record<string, unknown>;

/** What stands beside the fields. */
export interface Written {
  isCommand: boolean;
  text: string;
  /** Texts of the files that a command names, by name. */
  files: Record<string, string>;
  datasets: string[];
  /** Fields of an older job that the form has no place for. */
  carried: Body;
}

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const NOT_SENT = new Set(["text_form"]);
const SCRIPT_SIGNS = /^#!|^\s*#SBATCH\b/m;
const COMMAND_SIGNS = /^#!|^\s*#SBATCH\b|^\s*([\w./~-]+=\S*\s+)*(llamafactory-cli|torchrun|accelerate\s+launch|deepspeed\s|srun\s|sbatch\s|apptainer\s|python3?\s+\S*(train|cli)\.py)/m;

/** Whether a text is a command or a script, and no YAML. */
export function looksLikeCommand(text: string): boolean {
  return COMMAND_SIGNS.test(text);
}

/** The body of `POST /jobs`; empty fields are left out. */
export function bodyOf(form: HTMLFormElement, written: Written): Body {
  const body: Body = structuredClone(written.carried);
  for (const field of form.querySelectorAll<Field>("[name]")) {
    const value = NOT_SENT.has(field.name) ? undefined : valueOf(field);
    if (value !== undefined) put(body, field.name.split("."), value);
  }
  if (written.isCommand) delete body["recipe"];
  if (written.datasets.length > 0) body["datasets"] = written.datasets;
  return { ...body, ...textOf(written, "recipe" in body) };
}

/** Names of an older job's fields that the form has no place for. */
export function carriedOf(request: Body, form: HTMLFormElement): Body {
  const known = new Set([...form.querySelectorAll<Field>("[name]")].map((field) => field.name));
  const isShown = (name: string): boolean => known.has(name) || name === "datasets" || name === "resources";
  const carried: Body = Object.fromEntries(Object.entries(request).filter(([name]) => !isShown(name)));
  const resources = Object.entries((request["resources"] ?? {}) as Body).filter(([name]) => !known.has(`resources.${name}`));
  if (resources.length > 0) carried["resources"] = Object.fromEntries(resources);
  return carried;
}

function textOf(written: Written, hasRecipe: boolean): Body {
  if (!written.isCommand) {
    const isEmpty = written.text.split("\n").every((line) => /^\s*(#.*)?$/.test(line));
    return isEmpty && hasRecipe ? {} : { config_yaml: written.text };
  }
  const files = Object.keys(written.files).length > 0 ? { files: written.files } : {};
  return SCRIPT_SIGNS.test(written.text) ? { script: written.text, ...files } : { command: written.text, ...files };
}

function put(body: Body, path: string[], value: unknown): void {
  const [first = "", ...rest] = path;
  if (rest.length > 0) {
    const inner = (body[first] ?? {}) as Body;
    body[first] = inner;
    put(inner, rest, value);
  } else if (Array.isArray(value) && Array.isArray(body[first])) body[first] = [...(body[first] as unknown[]), ...value];
  else body[first] = value;
}

function valueOf(field: Field): unknown {
  if (field instanceof HTMLInputElement && field.type === "checkbox") {
    if (!field.checked) return undefined;
    return field.value === "on" ? true : [field.value];
  }
  const value = field.value.trim();
  if (value === "") return undefined;
  if (field.dataset.type === "number") return /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  if (field.dataset.type === "list") return value.split(/[\s,]+/).filter(Boolean);
  if (field.dataset.type === "pairs") return pairs(value, field.dataset.between ?? "=");
  return value;
}

function pairs(value: string, between: string): Record<string, string> {
  const lines = value.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const place = line.indexOf(between);
    return place < 0 ? [line, ""] : [line.slice(0, place).trim(), line.slice(place + 1).trim()];
  }));
}
