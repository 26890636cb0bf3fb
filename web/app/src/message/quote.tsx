import type { TimelineMessage } from "chat-client";
import { t } from "../i18n";
import { isBlocked } from "../state/blocks";
import { nameOf } from "../state/people";
import { summarize } from "../text/markdown";
import { usePlace } from "./context";
import "./quote.css";

/** The message that another one answers, as it is now, in one line. */
export function QuoteLine({ message }: { message: TimelineMessage }) {
  const place = usePlace();
  const { quote, reply_to: seq } = message;
  if (seq == null) return null;
  return (
    <button type="button" class="quote" onClick={() => place.jump(seq)}>
      <span class="quiet-text">{t("in_reply_to")} </span>
      {quote !== undefined && (
        <b>
          <bdi>{nameOf(quote.sender)}</bdi>
        </b>
      )}
      <span class="quote-text" dir="auto">
        {quote === undefined
          ? t("an_earlier_message")
          : quote.deleted
            ? t("message_deleted")
            : isBlocked(quote.sender)
              ? t("message_of_blocked")
              : summarize(quote.text)}
      </span>
    </button>
  );
}
