/** One stream of events while the page is seen; it says so when the server or the stream is away. */

import { RENEWED, renew, renewSoon } from "./fragment.ts";
import { text } from "../words/texts.ts";

export interface Progress {
  job_id: string;
  status: string;
  percentage: number | null;
  [name: string]: unknown;
}

type Listener = (progress: Progress) => void;

const listeners: Listener[] = [];
const QUIET_EVENTS = new Set(["progress"]);
const AGAIN_MILLISECONDS = 2000;
let source: EventSource | undefined;
let wasAway = false;

/** Hear of the progress of jobs as it changes. */
export function onProgress(listener: Listener): void {
  listeners.push(listener);
}

/** Follow this stream while the tab is seen; events other than progress renew the page's content. */
export function follow(address: string, eventNames: string[]): void {
  const open = (): void => {
    if (document.hidden || source !== undefined) return;
    source = new EventSource(address);
    source.onopen = () => came();
    source.onerror = () => away(open);
    source.addEventListener("progress", (event) => hear(event as MessageEvent<string>));
    for (const name of eventNames.filter((each) => !QUIET_EVENTS.has(each))) source.addEventListener(name, renewSoon);
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else {
      open();
      void renew();
    }
  });
  open();
}

/** Keep content up to date that no event tells of: as often as the least `data-renew-seconds` of the page says. */
export function keepFresh(): void {
  let seconds = 0;
  window.setInterval(() => {
    const wanted = [...document.querySelectorAll<HTMLElement>("[data-renew-seconds]")].map((each) => Number(each.dataset.renewSeconds));
    seconds = wanted.length === 0 || document.hidden ? 0 : seconds + 1;
    if (seconds === 0 || seconds < Math.min(...wanted)) return;
    seconds = 0;
    renewSoon();
  }, 1000);
}

function hear(event: MessageEvent<string>): void {
  const progress = JSON.parse(event.data) as Progress;
  for (const listener of listeners) listener(progress);
}

function came(): void {
  show(null);
  if (wasAway) void renew();
  wasAway = false;
}

function away(open: () => void): void {
  wasAway = true;
  show(text("reconnecting"));
  close();
  window.setTimeout(open, AGAIN_MILLISECONDS);
}

function close(): void {
  source?.close();
  source = undefined;
}

/** Say above the page that nothing newer comes; null takes it back. */
function show(words: string | null): void {
  const bar = document.getElementById("connection");
  if (bar === null) return;
  bar.hidden = words === null;
  bar.textContent = words ?? "";
}

export { RENEWED };
