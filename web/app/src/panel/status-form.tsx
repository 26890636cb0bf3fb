import { Smile, X } from "lucide-preact";
import { useRef, useState } from "preact/hooks";
import { EmojiPicker } from "../emoji/lazy-picker";
import { locale, t } from "../i18n";
import { formatUntil } from "../i18n/dates";
import { durationText } from "../i18n/durations";
import { chat, myId } from "../state/chat";
import { ends, endOf, firstDayOfWeek, isLength, minutesOf, type End } from "../state/ends";
import { attempt, inform } from "../state/errors";
import { statusOf, statusText, type Status } from "../state/status";
import { ownZone } from "../state/zones";
import { Button, Icon, IconButton } from "../ui/button";
import { Choice, Field } from "../ui/field";
import "./status.css";

const MAX_CHARS = 100;

interface Draft {
  readonly emoji: string | null;
  readonly text: string;
  /** `kept`: as the present status has it. */
  readonly end: End | "kept";
}

const EMPTY: Draft = { emoji: null, text: "", end: "today" };

const suggestions = (): readonly Draft[] => [
  { emoji: "📅", text: t("in_a_meeting"), end: "hour" },
  { emoji: "🎧", text: t("deep_work"), end: "four_hours" },
  { emoji: "🤒", text: t("ill"), end: "today" },
  { emoji: "🌴", text: t("on_holiday"), end: "this_week" },
];

export function StatusSection() {
  const now = statusOf(myId.value);
  const [written, setDraft] = useState<Draft | null>(null);
  const draft = written ?? (now === null ? EMPTY : draftOf(now));
  const smile = useRef<HTMLButtonElement>(null);
  const [picking, setPicking] = useState(false);
  const kept = now?.until == null ? null : Date.parse(now.until);
  const end = draft.end === "kept" && kept === null ? "today" : draft.end;
  const until = end === "kept" ? kept : endFromNow(end);
  const text = draft.text.trim();
  const save = (): Promise<void> =>
    set({
      text,
      ...(draft.emoji === null ? {} : { emoji: draft.emoji }),
      ...(until === null ? {} : { until: new Date(until).toISOString() }),
    });
  const clear = async (): Promise<void> => {
    await set(null);
    setDraft(EMPTY);
    smile.current?.focus(); // the button that was pressed is gone
  };
  return (
    <section class="panel-section">
      {now !== null && <Present status={now} onClear={() => void clear()} />}
      <form
        class="panel-form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <div class="status-what">
          <button
            type="button"
            class="status-sign"
            ref={smile}
            aria-label={
              draft.emoji === null ? t("choose_emoji") : `${t("choose_emoji")}: ${draft.emoji}`
            }
            title={t("choose_emoji")}
            aria-haspopup="dialog"
            aria-expanded={picking}
            onClick={() => setPicking(true)}
          >
            {draft.emoji ?? <Icon icon={Smile} />}
          </button>
          <Field
            label={t("status_question")}
            value={draft.text}
            maxLength={MAX_CHARS}
            dir="auto"
            autocomplete="off"
            onInput={(event) => setDraft({ ...draft, text: event.currentTarget.value })}
          />
          {draft.emoji !== null && (
            <IconButton
              icon={X}
              label={t("remove_emoji")}
              onClick={() => setDraft({ ...draft, emoji: null })}
            />
          )}
        </div>
        {picking && smile.current && (
          <EmojiPicker
            anchor={smile.current}
            onClose={() => setPicking(false)}
            onPick={(emoji) => setDraft({ ...draft, emoji })}
          />
        )}
        {now === null && text === "" && draft.emoji === null && (
          <div class="choices">
            {suggestions().map((suggestion) => (
              <Button key={suggestion.emoji} onClick={() => setDraft(suggestion)}>
                <span aria-hidden="true">{suggestion.emoji}</span>
                {suggestion.text}
              </Button>
            ))}
          </div>
        )}
        <Choice
          label={t("ends")}
          value={end}
          options={[
            ...(kept === null ? [] : [["kept", formatUntil(kept)] as const]),
            ...ends.map((one) => [one, endName(one)] as const),
          ]}
          onChange={(next) => setDraft({ ...draft, end: next })}
        />
        {until !== null && end !== "kept" && <p class="field-hint">{formatUntil(until)}</p>}
        <Button kind="primary" type="submit" disabled={text === "" && draft.emoji === null}>
          {t("set_status")}
        </Button>
      </form>
    </section>
  );
}

function Present({ status, onClear }: { status: Status; onClear: () => void }) {
  return (
    <div class="status-now">
      <span>
        <bdi>{statusText(status)}</bdi>
        {status.until != null && <small>{formatUntil(Date.parse(status.until))}</small>}
      </span>
      <Button onClick={onClear}>{t("clear_status")}</Button>
    </div>
  );
}

const draftOf = ({ emoji, text, until }: Status): Draft => ({
  emoji: emoji ?? null,
  text,
  end: until == null ? "never" : "kept",
});

const endFromNow = (end: End): number | null =>
  endOf(end, Date.now(), ownZone(), firstDayOfWeek(locale.peek()));

function endName(end: End): string {
  if (isLength(end)) return durationText(minutesOf(end) * 60);
  return end === "never" ? t("never_ends") : t(end);
}

async function set(status: Status | null): Promise<void> {
  await attempt(async () => {
    await chat.api.patch("/users/me", { body: { status } });
    inform(status === null ? t("status_was_cleared") : t("status_was_set"));
  });
}
