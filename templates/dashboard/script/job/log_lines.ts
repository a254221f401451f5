/** Lines of a log as a terminal would leave them: no colours, and of a line that was written over its last state. */

const ESCAPES = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007]*\u0007|\u001b[@-Z\\-_]/g;
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
const encoder = new TextEncoder();

/** A line as it came, without its end: what is shown of it, and its length in the file. */
export interface LogLine {
  shown: string;
  bytes: number;
}

/** The line of a text without its newline. */
export function logLine(raw: string): LogLine {
  return { shown: cleaned(raw), bytes: encoder.encode(raw).length + 1 };
}

/** What is left on a screen of a line. */
export function cleaned(raw: string): string {
  const plain = raw.replace(ESCAPES, "").replace(/\r+$/, "");
  return plain.slice(plain.lastIndexOf("\r") + 1).replace(CONTROLS, "");
}
