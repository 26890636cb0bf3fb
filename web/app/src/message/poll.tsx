import type { TimelineMessage } from "chat-client";
import { Check } from "lucide-preact";
import { useId, useState } from "preact/hooks";
import { formatNumber, plural, t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { chat, myId } from "../state/chat";
import { attempt } from "../state/errors";
import { nameOf } from "../state/people";
import { Icon } from "../ui/button";
import { usePlace } from "./context";
import "./poll.css";

type PollValue = NonNullable<TimelineMessage["poll"]>;

export function Poll({ message, poll }: { message: TimelineMessage; poll: PollValue }) {
  const { room } = usePlace();
  const question = useId();
  const closed =
    poll.closed || (poll.closes_at != null && Date.parse(poll.closes_at) <= Date.now());
  const vote = (number: number): void => {
    const chosen = message.voted.includes(number);
    const others = poll.multiple ? message.voted.filter((other) => other !== number) : [];
    void attempt(() => room.vote(message.seq, chosen ? others : [...others, number]));
  };
  return (
    <div class="poll" role="group" aria-labelledby={question}>
      <strong id={question} dir="auto">
        {message.text}
      </strong>
      {poll.options.map((option) => (
        <Option
          key={option.number}
          option={option}
          share={poll.voter_count === 0 ? 0 : option.votes / poll.voter_count}
          mine={message.voted.includes(option.number)}
          disabled={closed || message.pending !== undefined}
          onVote={() => vote(option.number)}
        />
      ))}
      {poll.may_add && !closed && message.pending === undefined && (
        <NewOption room={room.id} seq={message.seq} />
      )}
      <footer>
        <small>{[plural("votes", poll.voter_count), ...notes(poll, closed)].join(" · ")}</small>
        {message.sender === myId.value && !closed && message.pending === undefined && (
          <button
            type="button"
            onClick={() =>
              void attempt(() =>
                chat.api.post("/rooms/{room_id}/messages/{seq}/poll/close", {
                  path: { room_id: room.id, seq: message.seq },
                }),
              )
            }
          >
            {t("close_poll")}
          </button>
        )}
      </footer>
    </div>
  );
}

interface OptionProperties {
  readonly option: PollValue["options"][number];
  readonly share: number;
  readonly mine: boolean;
  readonly disabled: boolean;
  readonly onVote: () => void;
}

function Option({ option, share, mine, disabled, onVote }: OptionProperties) {
  const voters = option.voters.map(nameOf).join(", ");
  return (
    <button
      type="button"
      class="poll-option"
      aria-pressed={mine}
      disabled={disabled}
      title={voters}
      style={{ "--share": `${Math.round(share * 100)}%` }}
      onClick={onVote}
    >
      <bdi>{option.text}</bdi>
      {mine && <Icon icon={Check} size={15} />}
      <b class="digits">{formatNumber(option.votes)}</b>
    </button>
  );
}

function notes(poll: PollValue, closed: boolean): string[] {
  const list: string[] = [];
  if (poll.anonymous) list.push(t("poll_anonymous"));
  if (poll.multiple) list.push(t("poll_multiple"));
  if (closed) list.push(t("poll_closed"));
  else if (poll.closes_at != null)
    list.push(t("poll_closes", { time: formatMoment(Date.parse(poll.closes_at)) }));
  return list;
}

function NewOption({ room, seq }: { room: string; seq: number }) {
  const [text, setText] = useState("");
  return (
    <form
      class="poll-new"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() === "") return;
        void attempt(() =>
          chat.api.post("/rooms/{room_id}/messages/{seq}/poll/options", {
            path: { room_id: room, seq },
            body: { text: text.trim() },
          }),
        ).then(() => setText(""));
      }}
    >
      <input
        value={text}
        maxLength={200}
        placeholder={t("add_option")}
        aria-label={t("add_option")}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </form>
  );
}
