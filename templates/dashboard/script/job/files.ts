/** Files of a job: those of a checkpoint, and those on the cluster now, when the reader asks for them. */

import { call, Problem } from "../calls/api.ts";
import { size } from "../words/formats.ts";
import { notice } from "../calls/notice.ts";
import { text } from "../words/texts.ts";

interface Artifact {
  path: string;
  size_bytes: number;
  url: string;
}

/** Serve the buttons that ask for files. */
export function serveFiles(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const now = target.closest<HTMLButtonElement>("button[data-files]");
    if (now !== null) void showNow(now);
    const checkpoint = target.closest<HTMLButtonElement>("button[data-checkpoint]");
    if (checkpoint !== null) void showCheckpoint(checkpoint);
  });
}

async function showNow(button: HTMLButtonElement): Promise<void> {
  const place = document.querySelector<HTMLElement>('#files-now [data-part="list"]');
  const found = await artifacts(button, `${button.dataset.files}/artifacts`);
  if (place === null || found === null) return;
  place.replaceChildren(found.length ? listOf(found) : text("no_files"));
}

async function showCheckpoint(button: HTMLButtonElement): Promise<void> {
  const cell = button.closest("td");
  const shown = cell?.querySelector("ul");
  if (shown) {
    shown.remove();
    return button.setAttribute("aria-expanded", "false");
  }
  const found = await artifacts(button, button.dataset.list ?? "");
  if (cell === null || found === null) return;
  cell.append(listOf(found.filter((file) => file.path.startsWith(`checkpoint-${button.dataset.checkpoint}/`))));
  button.setAttribute("aria-expanded", "true");
}

async function artifacts(button: HTMLButtonElement, address: string): Promise<Artifact[] | null> {
  button.setAttribute("aria-busy", "true");
  try {
    return ((await call("GET", address)) as { data: Artifact[] }).data;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    notice(error.message, "problem");
    return null;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function listOf(files: readonly Artifact[]): HTMLUListElement {
  const list = document.createElement("ul");
  list.className = "file-list";
  for (const file of files) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = file.url;
    link.download = "";
    link.textContent = file.path;
    const length = document.createElement("span");
    length.className = "quiet number";
    length.textContent = size(file.size_bytes);
    item.append(link, " ", length);
    list.append(item);
  }
  return list;
}
