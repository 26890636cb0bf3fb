import type { TimelineMessage } from "chat-client";
import { useMemo } from "preact/hooks";
import { myId } from "../state/chat";
import { groupNamed, groupOf } from "../state/groups";
import { person } from "../state/people";
import { knowsUsername } from "../state/lookalike";
import type { LookUpMention, Mention } from "../text/markdown";

const OTHER: Mention = { kind: "other" };
const fold = (name: string): string => name.normalize("NFKC").toLowerCase();

/** Which names in the text of a message are those that the server found in it. Until it has, every
 * name of a person or a group that the page has met counts. */
export function useMentions(message: TimelineMessage): LookUpMention {
  const names = (message.mentions ?? []).map((id) => [person(id)?.username ?? "", id] as const);
  const many = (message.room_mentions ?? []).map(({ kind, group }) =>
    group == null ? ([kind, null] as const) : ([groupOf(group)?.handle ?? "", group] as const),
  );
  const pending = message.pending !== undefined;
  const key = JSON.stringify([names, many, pending, myId.value]);
  return useMemo<LookUpMention>(() => {
    const known = new Map<string, Mention>();
    for (const [name, group] of many)
      known.set(fold(name), group === null ? OTHER : ofGroup(group));
    for (const [name, user] of names) {
      known.set(fold(name), { kind: user === myId.peek() ? "me" : "other", user });
    }
    return (name) => known.get(fold(name)) ?? (pending ? guess(name) : undefined);
  }, [key]);
}

const ofGroup = (group: string): Mention => ({ kind: "group", group });

function guess(name: string): Mention | undefined {
  if (knowsUsername(name)) return OTHER;
  const group = groupNamed(name);
  return group && ofGroup(group.id);
}

/** By name, or with all others: `@room`, `@here`, a user group. */
export function isForMe(message: TimelineMessage): boolean {
  if (message.sender === myId.value) return false;
  return (
    (message.mentions?.includes(myId.value) ?? false) ||
    (message.room_mentions?.some((mention) => mention.kind !== "group") ?? false)
  );
}
