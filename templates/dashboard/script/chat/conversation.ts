/** A conversation with up to two models: each is told its own answers, not those of the other. */

import { Problem } from "../calls/api.ts";
import { text } from "../words/texts.ts";
import { complete, type Message } from "./completion.ts";
import { AnswerView, showEarlier, showExchange } from "./exchange.ts";

export interface Asked {
  question: string;
  models: string[];
  system: string;
  temperature: number;
  expected: string | null;
}

export class Conversation {
  private histories: Message[][] = [[], []];
  private stopping: AbortController | undefined;

  constructor(private readonly place: HTMLElement) {}

  get isEmpty(): boolean {
    return this.place.childElementCount === 0;
  }

  /** Forget all that was said; `earlier` is taken for said. */
  begin(earlier: readonly Message[] = []): void {
    this.stop();
    this.histories = [[...earlier], [...earlier]];
    this.place.replaceChildren();
    showEarlier(this.place, earlier);
  }

  /** End the answers that come. */
  stop(): void {
    this.stopping?.abort();
  }

  /** Ask all models at once, and wait for the last of them. */
  async ask(asked: Asked): Promise<void> {
    this.stopping = new AbortController();
    const answers = asked.models.map((model) => new AnswerView(model));
    showExchange(this.place, asked.question, answers, asked.expected);
    const { signal } = this.stopping;
    await Promise.all(answers.map((answer, side) => this.hear(answer, this.histories[side] ?? [], asked, signal)));
  }

  private async hear(answer: AnswerView, history: Message[], asked: Asked, signal: AbortSignal): Promise<void> {
    const question: Message = { role: "user", content: asked.question };
    const system: Message[] = asked.system.trim() === "" ? [] : [{ role: "system", content: asked.system }];
    const since = performance.now();
    const listener = { waits: (words: string) => answer.tell(words), says: (words: string) => answer.add(words) };
    try {
      const messages = [...system, ...history, question];
      const ending = await complete({ model: answer.model, messages, temperature: asked.temperature }, listener, signal);
      answer.end(ending, (performance.now() - since) / 1000);
    } catch (error) {
      if (signal.aborted) answer.tell(text("stopped"));
      else answer.fail(error instanceof Problem ? error.message : text("unreachable"));
    }
    // What was not answered is not part of the conversation: models want question and answer in turn.
    if (answer.words !== "") history.push(question, { role: "assistant", content: answer.words });
  }
}
