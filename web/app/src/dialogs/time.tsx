import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { openPanel } from "../router";
import { chat } from "../state/chat";
import { attempt, inform } from "../state/errors";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { Disappears } from "./disappears";
import { newNonce } from "./nonce";
import { closeDialog, type OpenDialog } from "./open";
import "./dialogs.css";

export function ScheduleDialog(dialog: Extract<OpenDialog, { kind: "schedule" }>) {
  const [text, setText] = useState(dialog.text);
  const nonce = useMemo(newNonce, []);
  const save = async (due_at: string): Promise<void> => {
    const message = {
      text: text.trim(),
      due_at,
      nonce,
      ...(dialog.thread === undefined ? {} : { thread: dialog.thread }),
      ...(dialog.expires_in_s === undefined ? {} : { expires_in_s: dialog.expires_in_s }),
    };
    await dialog.room.schedule(message);
    closeDialog();
    dialog.onDone();
    inform(t("scheduled_for", { time: formatMoment(Date.parse(due_at)) }), {
      label: t("show"),
      run: () => openPanel("scheduled"),
    });
  };
  return (
    <TimeDialog
      title={t("send_later")}
      action={t("send_later")}
      ready={text.trim() !== ""}
      onPick={save}
    >
      <Field
        label={t("message")}
        value={text}
        dir="auto"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Disappears seconds={dialog.expires_in_s} />
    </TimeDialog>
  );
}

export function RemindDialog({ room, seq }: Extract<OpenDialog, { kind: "remind" }>) {
  const [note, setNote] = useState("");
  const save = async (due_at: string): Promise<void> => {
    await chat.remind({
      room,
      due_at,
      ...(seq === null ? {} : { seq }),
      ...(note.trim() === "" ? {} : { note: note.trim() }),
    });
    closeDialog();
    inform(t("reminder_set", { time: formatMoment(Date.parse(due_at)) }));
  };
  return (
    <TimeDialog title={t("remind_me")} action={t("remind_me")} ready onPick={save}>
      <Field
        label={t("note")}
        value={note}
        dir="auto"
        onInput={(event) => setNote(event.currentTarget.value)}
      />
    </TimeDialog>
  );
}

interface TimeProperties {
  readonly title: string;
  readonly action: string;
  readonly ready: boolean;
  readonly onPick: (due_at: string) => Promise<void>;
  readonly children: ComponentChildren;
}

function TimeDialog({ title, action, ready, onPick, children }: TimeProperties) {
  const [time, setTime] = useState(() => localInput(Date.now() + 3_600_000));
  const pick = (at: number): void => void attempt(() => onPick(new Date(at).toISOString()));
  const presets: readonly (readonly [string, number])[] = [
    [t("in_an_hour"), Date.now() + 3_600_000],
    [t("tomorrow_morning"), morning(1)],
    [t("next_monday"), morning((8 - new Date().getDay()) % 7 || 7)],
  ];
  return (
    <Dialog title={title} onClose={closeDialog}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready && time !== "") pick(new Date(time).getTime());
        }}
      >
        {children}
        <div class="choices">
          {presets.map(([label, at]) => (
            <Button key={label} disabled={!ready} title={formatMoment(at)} onClick={() => pick(at)}>
              {label}
            </Button>
          ))}
        </div>
        <Field
          label={t("time")}
          type="datetime-local"
          required
          value={time}
          onInput={(event) => setTime(event.currentTarget.value)}
        />
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{t("cancel")}</Button>
          <Button kind="primary" type="submit" disabled={!ready || time === ""}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function morning(days: number): number {
  const date = new Date();
  date.setDate(date.getDate() + days);
  return date.setHours(9, 0, 0, 0);
}

/** The form of `datetime-local`: local time without a zone. */
function localInput(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
