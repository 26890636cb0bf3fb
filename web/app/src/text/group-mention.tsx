import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { complain } from "../state/errors";
import type { LookUpMention } from "./markdown";

/** Of the group that a mention leads to, beside the mention. */
export interface OpenCard {
  readonly group: string;
  readonly anchor: Element;
}

export interface CardProperties extends OpenCard {
  readonly onClose: () => void;
}

/** Makes buttons of the mentions of groups, which say who is in them. */
export function decorateGroups(
  root: HTMLElement,
  lookUpMention: LookUpMention,
  open: (card: OpenCard) => void,
): void {
  for (const mention of root.querySelectorAll<HTMLElement>(".mention[data-who=group]")) {
    const group = lookUpMention(mention.textContent.slice(1))?.group;
    if (group === undefined || mention.closest("a") !== null) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = mention.className;
    button.dataset.who = "group";
    button.setAttribute("aria-haspopup", "dialog");
    button.textContent = mention.textContent;
    button.addEventListener("click", () => open({ group, anchor: button }));
    mention.replaceWith(button);
  }
}

/** The card's code is loaded when one is first opened. */
export function GroupCard({ card, onClose }: { card: OpenCard; onClose: () => void }) {
  const [Card, setCard] = useState<ComponentType<CardProperties> | null>(null);
  useEffect(() => {
    import("../message/group-card").then(
      (module) => setCard(() => module.Card),
      (error: unknown) => {
        complain(error);
        onClose();
      },
    );
  }, []);
  return Card === null ? null : <Card {...card} onClose={onClose} />;
}
