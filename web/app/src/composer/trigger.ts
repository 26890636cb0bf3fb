export type TriggerKind = "person" | "room" | "emoji" | "command";

/** What is being completed: the text from `start` to the caret. */
export interface Trigger {
  readonly kind: TriggerKind;
  readonly query: string;
  readonly start: number;
}

const PATTERNS: readonly (readonly [TriggerKind, RegExp])[] = [
  ["command", /^\/(\w{0,16})$/],
  ["person", /(?:^|[^\p{L}\p{Nd}])@([\p{L}\p{M}\p{Nd}._-]{0,32})$/u],
  ["room", /(?:^|[^\p{L}\p{Nd}])#([\p{L}\p{M}\p{Nd}._-]{0,32})$/u],
  ["emoji", /(?:^|[^\p{L}\p{Nd}:]):([a-z0-9_+-]{2,24})$/u],
];

export function findTrigger(text: string, caret: number): Trigger | null {
  const before = text.slice(Math.max(0, caret - 80), caret);
  const cut = caret - before.length;
  for (const [kind, pattern] of PATTERNS) {
    if (kind === "command" && cut > 0) continue;
    const query = pattern.exec(before)?.[1];
    if (query !== undefined) return { kind, query, start: caret - query.length - 1 };
  }
  return null;
}
