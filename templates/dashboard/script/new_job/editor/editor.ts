/** The editor of a configuration: YAML with completion, or a command; findings stand at their lines. */

import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import type { Finding } from "../../calls/api.ts";
import { text } from "../../words/texts.ts";
import { type Argument, completions, type Names } from "./completion.ts";
import { colours, theme } from "./theme.ts";
import { placeOf, type Range } from "../places.ts";

export interface Editor {
  text(): string;
  setText(text: string): void;
  setCommand(isCommand: boolean): void;
  /** Mark the findings whose place is in the text; answers the place of each, null where it is elsewhere. */
  mark(errors: Finding[], warnings: Finding[]): Map<Finding, number | null>;
  /** Lead the reader to a line. */
  goTo(line: number): void;
}

export interface Surroundings {
  known: () => Argument[];
  names: () => Names;
  onChange: () => void;
  /** A file was dropped, or a text pasted into an empty editor: true where that was seen to. */
  onGiven: (content: string) => boolean;
}

const MOST_BYTES = 1024 * 1024;

/** An editor in this place, under a root of its own: only there its styles need no style elements, which are forbidden. */
export function openEditor(parent: HTMLElement, around: Surroundings): Editor {
  const language = new Compartment();
  const root = parent.attachShadow({ mode: "open" });
  const state = EditorState.create({ extensions: [...usual(around), language.of(asYaml(around))] });
  const view = new EditorView({ parent: root, root, state });
  return {
    text: () => view.state.doc.toString(),
    setText: (content) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: content } }),
    setCommand: (isCommand) => view.dispatch({ effects: language.reconfigure(isCommand ? [] : asYaml(around)) }),
    mark: (errors, warnings) => mark(view, errors, warnings),
    goTo: (line) => goTo(view, line),
  };
}

function usual(around: Surroundings): Extension[] {
  return [
    lineNumbers(),
    history(),
    highlightActiveLine(),
    lintGutter(),
    keymap.of([...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": text("configuration") }),
    theme,
    EditorView.updateListener.of((update) => update.docChanged && around.onChange()),
    EditorView.domEventHandlers({
      beforeinput: (event, view) => typedOver(event, view),
      drop: (event) => dropped(event, around),
      paste: (event, view) => view.state.doc.length === 0 && around.onGiven(event.clipboardData?.getData("text/plain") ?? ""),
    }),
  ];
}

function asYaml(around: Surroundings): Extension[] {
  return [yaml(), syntaxHighlighting(colours), autocompletion({ override: [completions(around.known, around.names)], icons: false })];
}

/** What is typed over a choice, by ourselves: Chromium keeps its colours as style attributes, which are forbidden. */
function typedOver(event: InputEvent, view: EditorView): boolean {
  const isOver = event.inputType === "insertText" && !view.composing && !view.state.selection.main.empty;
  if (!isOver || event.data === null || !event.cancelable) return false;
  event.preventDefault();
  view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
  return true;
}

function dropped(event: DragEvent, around: Surroundings): boolean {
  const file = event.dataTransfer?.files[0];
  if (file === undefined) return false;
  event.preventDefault();
  if (file.size <= MOST_BYTES) void file.text().then(around.onGiven);
  return true;
}

function mark(view: EditorView, errors: Finding[], warnings: Finding[]): Map<Finding, number | null> {
  const lines = new Map<Finding, number | null>();
  const diagnostics: Diagnostic[] = [];
  const see = (finding: Finding, severity: "error" | "warning"): void => {
    const place = placeOf(view.state, finding.loc);
    lines.set(finding, place === null ? null : view.state.doc.lineAt(place.from).number);
    if (place !== null) diagnostics.push(diagnostic(finding, place, severity));
  };
  for (const finding of errors) see(finding, "error");
  for (const finding of warnings) see(finding, "warning");
  diagnostics.sort((one, other) => one.from - other.from);
  view.dispatch(setDiagnostics(view.state, diagnostics));
  return lines;
}

function diagnostic(finding: Finding, place: Range, severity: "error" | "warning"): Diagnostic {
  const message = finding.hint ? `${finding.message}\n→ ${finding.hint}` : finding.message;
  return { from: place.from, to: place.to, severity, message };
}

function goTo(view: EditorView, number: number): void {
  const line = view.state.doc.line(Math.min(Math.max(number, 1), view.state.doc.lines));
  view.dispatch({ selection: { anchor: line.to }, scrollIntoView: true });
  view.focus();
}
