/** Recipes: the text that one begins with, unless something else was written already. */

import type { Editor } from "./editor/editor.ts";

export interface Recipe {
  name: string;
  title: string;
  description: string;
  data: string;
  text: string;
}

/** Serve the choice; `tell` says what the chosen one is. */
export function serveRecipes(field: HTMLSelectElement, recipes: Recipe[], editor: Editor, changed: () => void): { tell(): void } {
  const about = document.getElementById("about-recipe");
  const texts = new Set(["", ...recipes.map((recipe) => recipe.text)]);
  const tell = (): void => {
    const chosen = recipes.find((recipe) => recipe.name === field.value);
    if (about !== null) about.textContent = chosen === undefined ? "" : `${chosen.description} · ${chosen.data}`;
  };
  field.addEventListener("change", () => {
    tell();
    if (texts.has(editor.text())) editor.setText(recipes.find((recipe) => recipe.name === field.value)?.text ?? "");
    changed();
  });
  return { tell };
}
