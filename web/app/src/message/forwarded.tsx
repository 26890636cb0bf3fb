import { Forward } from "lucide-preact";
import type { Message } from "chat-client";
import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { openMessage } from "../router";
import { roomEntry } from "../state/chat";
import { roomName } from "../state/people";
import { Text } from "../text/text";
import type { LookUpMention } from "../text/markdown";
import { Icon } from "../ui/button";
import { Name } from "./name";
import "./forwarded.css";

interface Properties {
  readonly forwarded: NonNullable<Message["forwarded"]>;
  readonly lookUpMention: LookUpMention;
}

/** A copy of another message, with its place for those who may read it there. */
export function Forwarded({ forwarded, lookUpMention }: Properties) {
  const entry = roomEntry(forwarded.room);
  return (
    <blockquote class="forwarded">
      <p class="forwarded-head">
        <Icon icon={Forward} size={14} />
        <Name id={forwarded.sender} />
        <time dateTime={forwarded.at}>{formatMoment(Date.parse(forwarded.at))}</time>
        {entry !== undefined && (
          <button type="button" onClick={() => openMessage(forwarded.room, forwarded.seq)}>
            {t("show_in", { room: roomName(entry) })}
          </button>
        )}
      </p>
      <Text text={forwarded.text} lookUpMention={lookUpMention} />
    </blockquote>
  );
}
