/** Places of findings in the editor's text: by line and column, or by the keys that lead to a value. */

import { ensureSyntaxTree } from "@codemirror/language";
import type { EditorState } from "@codemirror/state";
import type { SyntaxNode } from "@lezer/common";

export interface Range {
  from: number;
  to: number;
}

const PARSE_MILLISECONDS = 200;
const TEXTS = new Set(["config_yaml", "command", "script"]);
const MAPPINGS = new Set(["BlockMapping", "FlowMapping"]);
const SEQUENCES = new Set(["BlockSequence", "FlowSequence"]);

type Part = string | number;

/** The range that a finding is about; null where its place is not in this text. */
export function placeOf(state: EditorState, loc: Part[]): Range | null {
  const [field, ...path] = loc[0] === "body" ? loc.slice(1) : loc;
  if (typeof field !== "string") return null;
  if (TEXTS.has(field) && typeof path[0] === "number") return atLine(state, path[0], path[1]);
  if (field !== "config" && field !== "config_yaml") return null;
  return path.length > 0 ? atKeys(state, path) : null;
}

function atLine(state: EditorState, number: number, column: Part | undefined): Range | null {
  if (number < 1 || number > state.doc.lines) return null;
  const line = state.doc.line(number);
  const from = typeof column === "number" ? Math.min(line.from + column - 1, line.to) : line.from;
  return { from, to: line.to };
}

function atKeys(state: EditorState, path: Part[]): Range | null {
  let inside: SyntaxNode | null = mappingBelow(ensureSyntaxTree(state, state.doc.length, PARSE_MILLISECONDS)?.topNode ?? null);
  let found: SyntaxNode | null = null;
  for (const part of path) {
    const next: SyntaxNode | null = inside === null ? null : typeof part === "number" ? itemOf(inside, part) : pairOf(state, inside, part);
    if (next === null) break;
    found = next;
    inside = next.lastChild;
  }
  if (found === null) return null;
  const line = state.doc.lineAt(found.from);
  return { from: found.from, to: Math.min(found.to, line.to) };
}

function mappingBelow(node: SyntaxNode | null): SyntaxNode | null {
  for (let child = node; child !== null; child = child.firstChild) {
    const mapping = MAPPINGS.has(child.name) ? child : child.getChild("BlockMapping") ?? child.getChild("FlowMapping");
    if (mapping !== null) return mapping;
    const document = child.getChild("Document");
    if (document !== null) return mappingBelow(document);
  }
  return null;
}

function pairOf(state: EditorState, mapping: SyntaxNode, key: string): SyntaxNode | null {
  if (!MAPPINGS.has(mapping.name)) return null;
  for (const pair of mapping.getChildren("Pair")) {
    const name = pair.getChild("Key");
    if (name !== null && unquoted(state.sliceDoc(name.from, name.to)) === key) return pair;
  }
  return null;
}

function itemOf(sequence: SyntaxNode, number: number): SyntaxNode | null {
  return SEQUENCES.has(sequence.name) ? (sequence.getChildren("Item")[number] ?? null) : null;
}

function unquoted(written: string): string {
  return /^(".*"|'.*')$/s.test(written) ? written.slice(1, -1) : written;
}
