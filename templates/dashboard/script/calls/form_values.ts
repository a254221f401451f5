/** Values of a form that calls the API: its JSON body, and the address with the fields that belong there. */

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const DAY_MILLISECONDS = 86_400_000;

/**
 * Fields of a form as a JSON body. What is empty is left out; `data-type` says otherwise: `number`, `list`, `json`,
 * `text` (sent though it is empty), `pairs` (lines key=value, likewise), `days` (so many from now on, as a time). Marked boxes of type `list` are one list.
 */
export function bodyOf(form: HTMLFormElement): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const field of fieldsOf(form)) {
    if (field.dataset.in !== undefined) continue;
    const value = valueOf(field);
    const before = body[field.name];
    if (value !== undefined) body[field.name] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
  }
  return body;
}

/** The call of a form: fields with `data-in="path"` fill their `{name}`, those with `data-in="query"` are added. */
export function targetOf(form: HTMLFormElement): string {
  let target = form.dataset.call ?? "";
  const query = new URLSearchParams();
  for (const field of fieldsOf(form)) {
    if (field.dataset.in === "path") target = target.replace(`{${field.name}}`, encodeURIComponent(field.value.trim()));
    if (field.dataset.in === "query" && field.value !== "") query.set(field.name, field.value);
  }
  return query.size > 0 ? `${target}?${query}` : target;
}

function fieldsOf(form: HTMLFormElement): Field[] {
  return [...form.querySelectorAll<Field>("input[name], select[name], textarea[name]")];
}

function valueOf(field: Field): unknown {
  const type = field.dataset.type;
  if (field instanceof HTMLInputElement && field.type === "checkbox") {
    return type === "list" ? (field.checked ? [field.value] : []) : field.checked;
  }
  if (type === "pairs") return pairs(field.value);
  if (field.value === "") return type === "text" ? "" : undefined;
  if (type === "number") return Number(field.value);
  if (type === "list") return field.value.split(/[\s,]+/).filter(Boolean);
  if (type === "json") return JSON.parse(field.value);
  if (type === "days") return new Date(Date.now() + Number(field.value) * DAY_MILLISECONDS).toISOString();
  return field.value;
}

function pairs(lines: string): Record<string, string> {
  const found = lines.split("\n").filter((line) => line.trim() !== "");
  return Object.fromEntries(found.map((line) => [line.split("=")[0] ?? "", line.split("=").slice(1).join("=")].map((part) => part.trim())));
}
