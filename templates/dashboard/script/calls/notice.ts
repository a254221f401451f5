/** Short messages to the reader, read aloud by screen readers too. */

const STAY_MILLISECONDS = 6000;

/** Show a message; a `problem` stays until it is closed. */
export function notice(words: string, kind: "done" | "problem" = "done"): void {
  const place = document.getElementById("notices");
  if (place === null) return;
  const item = document.createElement("div");
  item.className = `notice notice-${kind}`;
  item.setAttribute("role", kind === "problem" ? "alert" : "status");
  item.append(words, closer(item));
  place.append(item);
  if (kind === "done") window.setTimeout(() => item.remove(), STAY_MILLISECONDS);
}

function closer(item: HTMLElement): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "×";
  button.setAttribute("aria-label", "×");
  button.addEventListener("click", () => item.remove());
  return button;
}
