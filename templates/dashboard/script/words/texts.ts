/** Texts of the scripts in the reader's language, from the layout's data block. */

const block = document.getElementById("texts");
const texts: Record<string, string> = block?.textContent ? JSON.parse(block.textContent) : {};

/** The text of this name, with `{names}` filled in; the name itself where the layout has no such text. */
export function text(name: string, values: Record<string, string | number> = {}): string {
  return (texts[name] ?? name).replace(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole));
}

/** Language of the page, for numbers and times. */
export const language = document.documentElement.lang || "en";
