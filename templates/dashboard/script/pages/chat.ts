/** Script of the chat page: sends what is written to the chosen models, and takes rows as prompts. */

import { Conversation } from "../chat/conversation.ts";
import type { Message } from "../chat/completion.ts";
import { renew } from "../live/fragment.ts";
import { text } from "../words/texts.ts";

interface Row {
  system: string;
  earlier: Message[];
  question: string;
  expected: string;
}

const form = found<HTMLFormElement>("ask");
const prompt = found<HTMLTextAreaElement>("prompt");
const system = found<HTMLTextAreaElement>("system");
const state = found("chat-state");
const stop = found<HTMLButtonElement>("stop");
const send = found<HTMLButtonElement>("send");
const clear = found<HTMLButtonElement>("clear");
const conversation = new Conversation(found("exchanges"));
let row: Row | undefined;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void ask();
});
form.addEventListener("invalid", () => form.querySelector("details")?.setAttribute("open", ""), true);
prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) form.requestSubmit();
});
stop.addEventListener("click", () => conversation.stop());
clear.addEventListener("click", () => {
  begin(undefined);
  prompt.focus();
});
document.addEventListener("change", (event) => {
  if ((event.target as Element).matches("select[data-model]")) go(`/chat?${new URLSearchParams({ model: model("model"), beside: model("beside") })}`);
});
document.addEventListener("click", (event) => {
  const target = event.target as Element;
  const use = target.closest<HTMLElement>("[data-row]");
  const link = target.closest<HTMLAnchorElement>("a[data-rows]");
  if (use) begin(JSON.parse(use.dataset.row ?? "") as Row);
  if (link) event.preventDefault();
  if (link) go(link.href);
});

async function ask(): Promise<void> {
  const models = [model("model"), model("beside")].filter(Boolean);
  if (!send.disabled && models.length > 0) {
    const question = prompt.value;
    const expected = row?.question === question ? row.expected : null;
    prompt.value = "";
    busy(true);
    await conversation.ask({ question, models, system: system.value, temperature: temperature(), expected });
    busy(false);
  }
}

/** A new conversation, with this row as its first question. */
function begin(chosen: Row | undefined): void {
  conversation.begin(chosen?.earlier);
  row = chosen;
  clear.disabled = conversation.isEmpty;
  if (chosen === undefined) return;
  if (chosen.system !== "") system.value = chosen.system;
  prompt.value = chosen.question;
  prompt.focus();
}

function busy(is: boolean): void {
  send.disabled = is;
  stop.hidden = !is;
  clear.disabled = conversation.isEmpty;
  state.textContent = is ? text("model_asked") : text("answered");
  if (!is && (document.activeElement === null || document.activeElement === document.body)) prompt.focus();
}

/** Show other models or rows; the conversation stays. */
function go(address: string): void {
  history.replaceState(null, "", address);
  void renew(address);
}

function model(id: string): string {
  return found<HTMLSelectElement>(id).value;
}

function temperature(): number {
  return found<HTMLInputElement>("temperature").valueAsNumber;
}

function found<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element as Kind;
}
