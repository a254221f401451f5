/** Texts of the files that a pasted command names, sent along with it. */

import { notice } from "../calls/notice.ts";
import { text } from "../words/texts.ts";

const MOST_BYTES = 64 * 1024;

export class CommandFiles {
  private readonly files = new Map<string, string>();
  private readonly names: HTMLElement;

  constructor(root: HTMLElement, private readonly changed: () => void) {
    const input = root.querySelector<HTMLInputElement>("input[type=file]");
    this.names = root.querySelector<HTMLElement>("ul") ?? root;
    input?.addEventListener("change", () => {
      const given = [...(input.files ?? [])];
      input.value = "";
      void this.take(given);
    });
  }

  /** By name. */
  texts(): Record<string, string> {
    return Object.fromEntries(this.files);
  }

  private async take(given: File[]): Promise<void> {
    for (const file of given) {
      if (file.size > MOST_BYTES) notice(text("file_too_large", { name: file.name }), "problem");
      else this.files.set(file.name, await file.text());
    }
    this.write();
    this.changed();
  }

  private write(): void {
    this.names.replaceChildren(...[...this.files.keys()].map((name) => this.chip(name)));
  }

  private chip(name: string): HTMLElement {
    const item = document.createElement("li");
    item.className = "chip";
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "quiet";
    remove.textContent = "×";
    remove.setAttribute("aria-label", text("leave_out", { name }));
    remove.addEventListener("click", () => {
      this.files.delete(name);
      this.write();
      this.changed();
    });
    item.append(name, remove);
    return item;
  }
}
