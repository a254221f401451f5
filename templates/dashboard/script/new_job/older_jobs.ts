/** Search for an older job to begin with. */

import { call, Problem } from "../calls/api.ts";
import { notice } from "../calls/notice.ts";
import { text } from "../words/texts.ts";

interface Found {
  id: string;
  name: string;
  owner: string;
}

const AFTER_TYPING_MILLISECONDS = 250;

/** Serve the field; an empty one shows what the page came with. */
export function serveOlderJobs(field: HTMLInputElement, list: HTMLElement): void {
  const first = [...list.children];
  let timer: number | undefined;
  field.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  field.addEventListener("input", (event) => {
    event.stopPropagation();
    window.clearTimeout(timer);
    const wanted = field.value.trim();
    if (wanted === "") return list.replaceChildren(...first);
    timer = window.setTimeout(() => void look(field, list, wanted), AFTER_TYPING_MILLISECONDS);
  });
}

async function look(field: HTMLInputElement, list: HTMLElement, wanted: string): Promise<void> {
  try {
    const query = new URLSearchParams({ q: wanted, limit: "8", fields: "id,name,owner" });
    const found = (await call("GET", `/api/v1/jobs?${query.toString()}`)) as { data: Found[] };
    if (field.value.trim() === wanted) list.replaceChildren(...(found.data.length > 0 ? found.data.map(item) : [nothing()]));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    notice(error.message, "problem");
  }
}

function item(job: Found): HTMLElement {
  const row = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/jobs/new?from=${encodeURIComponent(job.id)}`;
  link.textContent = job.name;
  const owner = document.createElement("span");
  owner.className = "quiet small";
  owner.textContent = ` ${job.owner}`;
  row.append(link, owner);
  return row;
}

function nothing(): HTMLElement {
  const row = document.createElement("li");
  row.className = "quiet";
  row.textContent = text("none_found");
  return row;
}
