/** Script of the API's page: finds operations by a word, and sends what a form says. */

import { csrf } from "../calls/api.ts";

const MOST_SHOWN = 20_000;

document.getElementById("find")?.addEventListener("input", (event) => find((event.target as HTMLInputElement).value));
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (!form.classList.contains("send")) return;
  event.preventDefault();
  void send(form);
});

function find(word: string): void {
  const wanted = word.trim().toLowerCase();
  for (const element of document.querySelectorAll<HTMLElement>("[data-find]")) {
    element.hidden = !(element.dataset.find ?? "").toLowerCase().includes(wanted);
  }
}

async function send(form: HTMLFormElement): Promise<void> {
  const method = form.dataset.method ?? "GET";
  const body = form.querySelector<HTMLTextAreaElement>("textarea[name=body]")?.value;
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET" && method !== "HEAD") headers["X-CSRF-Token"] = csrf();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  show(form, "…");
  try {
    const answer = await fetch(address(form), { method, headers, body, credentials: "same-origin" });
    show(form, `${answer.status} ${answer.statusText}\n\n${pretty(await answer.text())}`);
  } catch (error) {
    show(form, String(error));
  }
}

function address(form: HTMLFormElement): string {
  let path = form.dataset.path ?? "/";
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll<HTMLInputElement>("input[data-place]")) {
    if (field.dataset.place === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    else if (field.value !== "") query.append(field.name, field.value);
  }
  return query.size ? `${path}?${query}` : path;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2).slice(0, MOST_SHOWN);
  } catch {
    return text.slice(0, MOST_SHOWN);
  }
}

function show(form: HTMLFormElement, words: string): void {
  const place = form.querySelector<HTMLElement>(".answer");
  if (place === null) return;
  place.hidden = false;
  place.textContent = words;
}
