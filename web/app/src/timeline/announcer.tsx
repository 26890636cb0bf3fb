import { effect } from "@preact/signals";
import type { Message, Timeline } from "chat-client";
import { useEffect, useRef } from "preact/hooks";
import { plural, t } from "../i18n";
import { isBlocked } from "../state/blocks";
import { myId } from "../state/chat";
import { nameOf, person } from "../state/people";
import { preferences } from "../state/preferences";
import { summarize } from "../text/markdown";
import { announce } from "../ui/announce";

const MANY = 3;

/** Says what has arrived, politely and name first; many at once are only counted. */
export function Announcer({ timeline, newest }: { timeline: Timeline; newest: number }) {
  const last = useRef(newest);
  useEffect(() => {
    const before = last.current;
    last.current = Math.max(newest, before);
    if (
      before === 0 ||
      newest <= before ||
      !preferences.peek().announcements ||
      !timeline.at_end.get()
    )
      return;
    const arrived = timeline.items
      .get()
      .filter(
        ({ seq, sender, deletion }) =>
          seq > before && sender !== myId.peek() && !deletion && !isBlocked(sender),
      );
    if (arrived.length > MANY) announce(plural("new_messages", arrived.length));
    else if (arrived.length > 0) announceWhenNamed(arrived);
  }, [newest]);
  return null;
}

/** A profile may arrive after the first message of its user. */
function announceWhenNamed(messages: readonly Message[]): void {
  const dispose = effect(() => {
    if (!messages.every(({ sender }) => person(sender))) return;
    announce(
      messages
        .map(({ sender, text }) => t("says", { name: nameOf(sender), text: summarize(text) }))
        .join("\n"),
    );
    queueMicrotask(() => dispose());
  });
}
