/** A chat completion, streamed: what is told while the model starts, the text as it comes, and how it ended. */

import { Problem, send } from "../calls/api.ts";
import { type EventLine, eventLines } from "./event_lines.ts";

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface Question {
  model: string;
  messages: Message[];
  temperature: number;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

export interface Ending {
  reason: string | null;
  usage: Usage | null;
}

/** Hears an answer while it comes. */
export interface Listener {
  waits(words: string): void;
  says(text: string): void;
}

interface Chunk {
  error?: { message?: string };
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: Usage | null;
}

const PATH = "/v1/chat/completions";
const DONE = "[DONE]";
const STILL_HERE = "still here";

/** Ask a model. Throws Problem in the server's words, and AbortError when `signal` ends it. */
export async function complete(question: Question, listener: Listener, signal: AbortSignal): Promise<Ending> {
  const body = { ...question, stream: true, stream_options: { include_usage: true } };
  const answer = await send("POST", PATH, body, signal, { Accept: "text/event-stream, application/json" });
  if (!answer.ok || answer.body === null) throw await refusal(answer);
  const ending: Ending = { reason: null, usage: null };
  for await (const line of eventLines(answer.body)) {
    if (line.kind === "data" && line.text === DONE) break;
    hear(line, listener, ending);
  }
  return ending;
}

function hear(line: EventLine, listener: Listener, ending: Ending): void {
  if (line.kind === "comment") {
    if (line.text !== STILL_HERE) listener.waits(line.text);
    return;
  }
  const chunk = JSON.parse(line.text) as Chunk;
  if (chunk.error !== undefined) throw new Problem(0, chunk.error.message ?? "");
  const choice = chunk.choices?.[0];
  if (choice?.delta?.content) listener.says(choice.delta.content);
  ending.reason = choice?.finish_reason ?? ending.reason;
  ending.usage = chunk.usage ?? ending.usage;
}

async function refusal(answer: Response): Promise<Problem> {
  const content = (await answer.json().catch(() => ({}))) as Chunk;
  return new Problem(answer.status, content.error?.message ?? `HTTP ${answer.status}`);
}
