/** Completion of LLaMA-Factory's arguments and their values, with a line of help. */

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { text } from "../../words/texts.ts";

export interface Argument {
  name: string;
  type: string;
  default: unknown;
  values: string[];
  help: string;
}

/** Names that only the chosen cluster knows: models, registered data. */
export type Names = Record<string, string[]>;

const NAME = /^[A-Za-z_][\w-]*$/;
const VALUE = /^([A-Za-z_]\w*):[ \t]+(\S*)$/;

/** Answers for the editor; `names` is asked each time, as another cluster may have been chosen. */
export function completions(known: () => Argument[], names: () => Names) {
  return (context: CompletionContext): CompletionResult | null => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const value = VALUE.exec(before);
    if (value !== null) return valuesOf(value[1] ?? "", context.pos - (value[2] ?? "").length, known(), names());
    if (before === "" ? context.explicit : NAME.test(before)) return namesFrom(line.from, known(), context.state.doc.toString());
    return null;
  };
}

function namesFrom(from: number, known: Argument[], whole: string): CompletionResult {
  const given = new Set([...whole.matchAll(/^([A-Za-z_]\w*):/gm)].map((match) => match[1]));
  const options = known.filter((argument) => !given.has(argument.name)).map(asName);
  return { from, options, validFor: NAME };
}

function asName(argument: Argument): Completion {
  return { label: argument.name, apply: `${argument.name}: `, type: "property", detail: argument.type, info: () => about(argument) };
}

function valuesOf(name: string, from: number, known: Argument[], names: Names): CompletionResult | null {
  const values = names[name] ?? known.find((argument) => argument.name === name)?.values ?? [];
  if (values.length === 0) return null;
  return { from, options: values.map((label) => ({ label, type: "enum" })), validFor: /^\S*$/ };
}

function about(argument: Argument): HTMLElement {
  const box = document.createElement("div");
  const words = document.createElement("p");
  words.textContent = argument.help;
  const usual = document.createElement("p");
  usual.textContent = text("by_default", { value: argument.default === null ? "–" : JSON.stringify(argument.default) });
  box.append(words, usual);
  return box;
}
