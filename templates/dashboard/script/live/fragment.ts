/** The page's own content anew from the server, laid over what is shown: focus, scroll and choices stay. */

import { Idiomorph } from "idiomorph";
import { writeTimes } from "../words/times.ts";

const LEAST_MILLISECONDS = 700;
/**
 * An event reaches all open pages at once, and pages that are answered together would ask together again: each asks at
 * a moment of its own, and the server answers others meanwhile.
 */
const SPREAD_MILLISECONDS = 600;
let timer: number | undefined;
let loadedAt = 0;
let isLoading = false;
let shown: { address: string; tag: string | null } = { address: "", tag: null };

/** Event on `document` after new content was laid over the old. */
export const RENEWED = "packtrain:renewed";

/** Ask for the content again, soon: about once a second however often this is called. */
export function renewSoon(): void {
  if (timer !== undefined) return;
  const wait = Math.max(LEAST_MILLISECONDS - (Date.now() - loadedAt), 50) + Math.random() * SPREAD_MILLISECONDS;
  timer = window.setTimeout(() => {
    timer = undefined;
    void load(location.href, {});
  }, wait);
}

/**
 * Ask for the content of this address (or another, which becomes this page's) and lay it over the old. It is made
 * anew: the reader has just done something, which the server's shared content may not show yet.
 */
export async function renew(address: string = location.href): Promise<void> {
  await load(address, { "Cache-Control": "no-cache" });
}

async function load(address: string, wish: Record<string, string>): Promise<void> {
  if (isLoading) return renewSoon();
  isLoading = true;
  try {
    const headers = { Accept: "text/html", "X-Fragment": "main", ...known(address), ...wish };
    const answer = await fetch(address, { headers, credentials: "same-origin" });
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") return location.assign(answer.url);
    if (answer.ok) lay(await answer.text());
    if (answer.ok) shown = { address, tag: answer.headers.get("ETag") };
  } catch {
    renewSoonAfterFailure();
  } finally {
    isLoading = false;
    loadedAt = Date.now();
  }
}

/** The tag of what is shown: the server sends nothing where that is still so. */
function known(address: string): Record<string, string> {
  return shown.tag !== null && shown.address === address ? { "If-None-Match": shown.tag } : {};
}

function renewSoonAfterFailure(): void {
  window.setTimeout(renewSoon, 3000);
}

function lay(html: string): void {
  const main = document.getElementById("main");
  if (main === null) return;
  Idiomorph.morph(main, html, { morphStyle: "innerHTML", ignoreActiveValue: isInField(), callbacks: { beforeNodeMorphed: keepsOwn } });
  writeTimes(main);
  document.dispatchEvent(new CustomEvent(RENEWED));
}

/** What the reader set stays: marks in boxes, opened details, and all that says `data-keep`. */
function keepsOwn(before: Node, after: Node): boolean {
  if (isBeingFilled(before)) return false;
  if (before instanceof HTMLElement && before.dataset.keep !== undefined && before.id !== "") return false;
  if (before instanceof HTMLInputElement && after instanceof HTMLInputElement && before.type === "checkbox") {
    after.toggleAttribute("checked", before.checked);
  }
  if (before instanceof HTMLDetailsElement && after instanceof HTMLDetailsElement) after.open = before.open;
  return true;
}

/** Whether the reader has written into a field, of a form that changes something, what was not sent yet. */
function isBeingFilled(node: Node): boolean {
  if (!(node instanceof HTMLElement) || node.closest("form[data-call]") === null) return false;
  if (node instanceof HTMLInputElement && node.type !== "checkbox") return node.value !== node.defaultValue;
  if (node instanceof HTMLTextAreaElement) return node.value !== node.defaultValue;
  if (!(node instanceof HTMLSelectElement)) return false;
  const usual = [...node.options].findIndex((each) => each.defaultSelected);
  return node.selectedIndex !== Math.max(usual, 0);
}

/** Whether the reader is in a field; of a button that has the focus the words may change. */
function isInField(): boolean {
  return document.activeElement?.matches("input, select, textarea") ?? false;
}
