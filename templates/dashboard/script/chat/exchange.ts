/** An exchange as it is shown: the question, the answers of the models beside each other, and the expected one. */

import { text } from "../words/texts.ts";
import type { Ending, Message } from "./completion.ts";

/** An answer that comes. All that a model says is text. */
export class AnswerView {
  readonly element = document.createElement("section");
  private readonly said = document.createTextNode("");
  private readonly about = document.createElement("p");

  constructor(readonly model: string) {
    this.element.className = "answer";
    this.element.setAttribute("aria-label", model);
    this.about.className = "small quiet";
    this.about.setAttribute("role", "status");
    this.element.append(heading(model), saidBox(this.said), this.about);
    this.tell(text("model_asked"));
  }

  /** What was said until now. */
  get words(): string {
    return this.said.data;
  }

  /** Tell below the answer how it stands. */
  tell(words: string): void {
    if (this.about.textContent !== words) this.about.textContent = words;
  }

  add(words: string): void {
    if (this.said.length === 0) this.tell("");
    this.said.appendData(words);
  }

  /** The whole answer is there. */
  end(ending: Ending, seconds: number): void {
    const usage = ending.usage;
    const use = usage && text("token_use", { prompt: usage.prompt_tokens, answer: usage.completion_tokens, time: seconds.toFixed(1) });
    const cut = ending.reason === "length" ? text("answer_cut") : "";
    this.tell([this.words === "" ? text("answer_empty") : "", cut, use].filter(Boolean).join(" "));
  }

  /** There is no answer, or no more of it. */
  fail(words: string): void {
    this.about.className = "problem";
    this.about.setAttribute("role", "alert");
    this.tell(words);
  }
}

/** Show a question below the others, with places for the answers. */
export function showExchange(place: HTMLElement, question: string, answers: readonly AnswerView[], expected: string | null): void {
  const element = document.createElement("article");
  element.className = "exchange";
  const asked = saidBox(document.createTextNode(question));
  asked.classList.add("asked");
  const beside = document.createElement("div");
  beside.className = "answers";
  beside.append(...answers.map((answer) => answer.element), ...(expected === null ? [] : [expectedAnswer(expected)]));
  element.append(heading(text("you")), asked, beside);
  place.append(element);
  element.scrollIntoView({ block: "nearest" });
}

/** Show messages that a conversation begins with. */
export function showEarlier(place: HTMLElement, messages: readonly Message[]): void {
  for (const message of messages) {
    const element = document.createElement("article");
    const said = saidBox(document.createTextNode(message.content));
    element.className = "exchange";
    said.classList.toggle("asked", message.role === "user");
    element.append(heading(text(message.role === "user" ? "you" : "answer_in_data")), said);
    place.append(element);
  }
}

function expectedAnswer(words: string): HTMLElement {
  const element = document.createElement("section");
  element.className = "answer expected";
  element.setAttribute("aria-label", text("expected_answer"));
  element.append(heading(text("expected_answer")), saidBox(document.createTextNode(words)));
  return element;
}

function heading(words: string): HTMLElement {
  const element = document.createElement("h3");
  element.textContent = words;
  return element;
}

function saidBox(words: Text): HTMLElement {
  const box = document.createElement("div");
  box.className = "said";
  box.append(words);
  return box;
}
