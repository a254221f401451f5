/** Event stream in the body of an answer, a line at a time: comments and data, in order. */

export interface EventLine {
  kind: "comment" | "data";
  text: string;
}

/** The lines as they come, until the stream ends; whoever leaves early ends it. */
export async function* eventLines(body: ReadableStream<Uint8Array>): AsyncGenerator<EventLine> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const lines = (rest + decoder.decode(read.value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines.flatMap(parsed);
    }
  } finally {
    await reader.cancel();
  }
}

function parsed(line: string): EventLine[] {
  const text = line.replace(/\r$/, "");
  if (text.startsWith(": ")) return [{ kind: "comment", text: text.slice(2) }];
  if (text.startsWith("data:")) return [{ kind: "data", text: text.slice(5).trimStart() }];
  return [];
}
