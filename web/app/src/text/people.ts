import { showProfile } from "../people/open";
import type { LookUpMention } from "./markdown";

/** Mentions of people open their profiles, by a click, Enter or the space bar. */
export function decorateMentions(root: HTMLElement, lookUpMention: LookUpMention): void {
  for (const mention of root.querySelectorAll<HTMLElement>(".mention")) {
    const user = lookUpMention(mention.textContent.slice(1))?.user;
    if (user === undefined || mention.closest("a") !== null) continue;
    const open = (): void => showProfile(user, mention);
    mention.tabIndex = 0;
    mention.setAttribute("role", "button");
    mention.setAttribute("aria-haspopup", "dialog");
    mention.addEventListener("click", open);
    mention.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      open();
    });
  }
}
