import { t } from "../i18n";
import { announce } from "../ui/announce";

/** Adds the language, a button that copies and, when the highlighter is there, colours. */
export function decorateCode(root: HTMLElement): void {
  for (const block of root.querySelectorAll<HTMLElement>("pre > code")) {
    const language = /language-([\w+#-]+)/.exec(block.className)?.[1] ?? "";
    const pre = block.parentElement;
    if (pre === null) continue;
    pre.tabIndex = 0; // it scrolls sideways
    pre.dir = "ltr";
    const frame = document.createElement("div");
    frame.className = "code";
    pre.replaceWith(frame);
    frame.append(pre, copyButton(block));
    if (language !== "") void colour(block, language);
  }
  for (const table of root.querySelectorAll("table")) {
    const frame = document.createElement("div");
    frame.className = "table";
    frame.tabIndex = 0;
    table.replaceWith(frame);
    frame.append(table);
  }
}

function copyButton(block: HTMLElement): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "code-copy";
  button.textContent = t("copy");
  button.addEventListener("click", () => {
    void navigator.clipboard.writeText(block.textContent).then(() => {
      button.textContent = t("copied");
      announce(t("copied"));
      setTimeout(() => (button.textContent = t("copy")), 2000);
    });
  });
  return button;
}

async function colour(block: HTMLElement, language: string): Promise<void> {
  const { highlight } = await import("./highlight");
  const fragment = highlight(block.textContent, language.toLowerCase());
  if (fragment !== null) block.replaceChildren(fragment);
}
