import { SmilePlus } from "lucide-preact";
import type { TimelineMessage } from "chat-client";
import { useRef, useState } from "preact/hooks";
import { formatNumber, t } from "../i18n";
import { attempt } from "../state/errors";
import { myId } from "../state/chat";
import { nameOf } from "../state/people";
import { EmojiPicker } from "../emoji/lazy-picker";
import { Icon } from "../ui/button";
import { usePlace } from "./context";
import "./reactions.css";

export function Reactions({ message }: { message: TimelineMessage }) {
  const { room } = usePlace();
  const adds = useRef<HTMLButtonElement>(null);
  const [picking, setPicking] = useState(false);
  const reactions = message.reactions ?? [];
  if (reactions.length === 0) return null;
  const toggle = (emoji: string, mine: boolean): void =>
    void attempt(() => room[mine ? "unreact" : "react"](message.seq, emoji));
  return (
    <div class="reactions" role="group" aria-label={t("reactions")}>
      {reactions.map(({ emoji, count, users }) => {
        const mine = message.reacted.includes(emoji);
        return (
          <button
            key={emoji}
            type="button"
            class="reaction"
            aria-pressed={mine}
            title={who(users, count, mine)}
            aria-label={`${emoji} ${formatNumber(count)}`}
            onClick={() => toggle(emoji, mine)}
          >
            <span class="reaction-emoji">{emoji}</span>
            <span class="digits">{formatNumber(count)}</span>
          </button>
        );
      })}
      <button
        type="button"
        class="reaction reaction-add"
        ref={adds}
        aria-label={t("add_reaction")}
        aria-expanded={picking}
        title={t("add_reaction")}
        onClick={() => setPicking(true)}
      >
        <Icon icon={SmilePlus} size={15} />
      </button>
      {picking && adds.current && (
        <EmojiPicker
          anchor={adds.current}
          onClose={() => setPicking(false)}
          onPick={(emoji) => toggle(emoji, message.reacted.includes(emoji))}
        />
      )}
    </div>
  );
}

function who(users: readonly string[], count: number, mine: boolean): string {
  const others = users.filter((id) => id !== myId.value).map(nameOf);
  const names = mine ? [t("you"), ...others] : others;
  const rest = count - names.length;
  return names.join(", ") + (rest > 0 ? ` +${formatNumber(rest)}` : "");
}
