import type { TimelineMessage } from "chat-client";
import { useMemo } from "preact/hooks";
import { myId } from "../state/chat";
import { person } from "../state/people";
import { knowsUsername } from "../state/lookalike";
import type { LookUpMention, MentionKind } from "../text/markdown";

const fold = (name: string): string => name.normalize("NFKC").toLowerCase();

/** Which names in the text of a message are those that the server found in it. Until it has, every
 * username that the page has met counts. */
export function useMentions(message: TimelineMessage): LookUpMention {
  const names = (message.mentions ?? []).map((id) => [person(id)?.username ?? "", id] as const);
  const many = (message.room_mentions ?? []).map((mention) => mention.group ?? mention.kind);
  const pending = message.pending !== undefined;
  const key = JSON.stringify([names, many, pending, myId.value]);
  return useMemo<LookUpMention>(() => {
    const kinds = new Map<string, MentionKind>();
    for (const name of many) kinds.set(fold(name), "other");
    for (const [name, id] of names) kinds.set(fold(name), id === myId.peek() ? "me" : "other");
    return (name) =>
      kinds.get(fold(name)) ?? (pending && knowsUsername(name) ? "other" : undefined);
  }, [key]);
}

/** By name, or with all others: `@room`, `@here`, a user group. */
export function isForMe(message: TimelineMessage): boolean {
  if (message.sender === myId.value) return false;
  return (
    (message.mentions?.includes(myId.value) ?? false) ||
    (message.room_mentions?.some((mention) => mention.kind !== "group") ?? false)
  );
}
