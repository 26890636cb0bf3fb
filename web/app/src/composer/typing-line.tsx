import type { Room } from "chat-client";
import { t } from "../i18n";
import { isBlocked } from "../state/blocks";
import { live } from "../state/live";
import { nameOf } from "../state/people";
import "./lines.css";

export function TypingLine({ room }: { room: Room }) {
  const names = live(room.typists)
    .value.filter((id) => !isBlocked(id))
    .map(nameOf);
  const [one = "", two = ""] = names;
  return (
    <p class="typing-line">
      {names.length === 1 && t("is_typing", { name: one })}
      {names.length === 2 && t("two_are_typing", { one, two })}
      {names.length > 2 && t("many_are_typing")}
    </p>
  );
}
