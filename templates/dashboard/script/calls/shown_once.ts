/** Texts that the server tells once (of a new token or secret): shown until the reader puts them away, and copied. */

import { notice } from "./notice.ts";
import { text } from "../words/texts.ts";

/** Show a field of an answer in the box that `data-shows="#id field"` names; nothing where the answer has none. */
export function showOnce(control: HTMLElement, answer: unknown): void {
  const [selector, field] = (control.dataset.shows ?? "").split(" ");
  if (!selector || !field) return;
  const value = (answer as Record<string, unknown> | undefined)?.[field];
  const box = document.querySelector<HTMLElement>(selector);
  const place = box?.querySelector<HTMLInputElement>("input");
  if (!box || !place || typeof value !== "string") return;
  place.value = value;
  box.hidden = false;
  place.focus();
  place.select();
}

/** Serve the buttons `data-copy` (the field beside it) and `data-put-away` of such boxes. */
export function serveCopying(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element | null)?.closest<HTMLButtonElement>("button[data-copy], button[data-put-away]");
    const box = button?.closest<HTMLElement>(".once");
    const place = box?.querySelector<HTMLInputElement>("input");
    if (!button || !box || !place) return;
    if (button.dataset.copy !== undefined) void copy(place);
    else putAway(box, place);
  });
}

async function copy(place: HTMLInputElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(place.value);
  } catch {
    // Without TLS a browser gives no clipboard to scripts: what is marked can be copied the old way.
    place.focus();
    place.select();
    if (!document.execCommand("copy")) return notice(text("copy_by_hand"), "problem");
  }
  notice(text("copied"));
}

function putAway(box: HTMLElement, place: HTMLInputElement): void {
  place.value = "";
  box.hidden = true;
}
