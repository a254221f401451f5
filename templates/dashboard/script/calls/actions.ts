/** Buttons and forms that call the API: `data-call="POST /api/v1/..."`, with a question first where `data-ask` says one. */

import { call, Problem } from "./api.ts";
import { bodyOf, targetOf } from "./form_values.ts";
import { renew } from "../live/fragment.ts";
import { notice } from "./notice.ts";
import { serveCopying, showOnce } from "./shown_once.ts";
import { text } from "../words/texts.ts";

/** Serve every button and form below the document, those that come later included. */
export function serveActions(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element | null)?.closest<HTMLButtonElement>("button[data-call]");
    if (button) void press(button);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (form.dataset.call === undefined) return;
    event.preventDefault();
    void fill(form);
  });
  serveCopying();
}

async function press(button: HTMLButtonElement): Promise<void> {
  if (button.dataset.ask !== undefined && !(await ask(button.dataset.ask))) return;
  const body = button.dataset.body === undefined ? undefined : JSON.parse(button.dataset.body);
  await perform(button, button.dataset.call ?? "", body, (answer) => showOnce(button, answer));
}

async function fill(form: HTMLFormElement): Promise<void> {
  if (form.dataset.ask !== undefined && !(await ask(form.dataset.ask))) return;
  const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
  const target = targetOf(form);
  const body = target.startsWith("DELETE ") ? undefined : bodyOf(form);
  await perform(button, target, body, (answer) => {
    form.reset();
    showOnce(form, answer);
  });
}

async function perform(
  button: HTMLButtonElement | null,
  target: string,
  body: unknown,
  done: (answer: unknown) => void,
): Promise<void> {
  const [method = "POST", path = ""] = target.split(" ");
  button?.setAttribute("aria-busy", "true");
  try {
    const answer = await call(method, path, body);
    document.dispatchEvent(new CustomEvent("packtrain:called", { detail: { target, answer } }));
    done(answer);
    if (button?.dataset.then) location.assign(button.dataset.then);
    else await renew();
    if (button?.dataset.done) notice(button.dataset.done);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    notice(error.message, "problem");
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

/** Put a question; true where the reader says yes. */
export function ask(question: string): Promise<boolean> {
  const dialog = document.createElement("dialog");
  const form = document.createElement("form");
  form.method = "dialog";
  const words = document.createElement("p");
  words.textContent = question;
  const row = document.createElement("div");
  row.className = "buttons";
  row.append(choice(text("no"), "no"), choice(text("yes"), "yes", "primary"));
  form.append(words, row);
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

function choice(words: string, value: string, className = ""): HTMLButtonElement {
  const button = document.createElement("button");
  button.value = value;
  button.className = className;
  button.textContent = words;
  return button;
}
