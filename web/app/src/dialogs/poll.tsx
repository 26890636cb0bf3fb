import { Plus } from "lucide-preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { Button, Icon } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Choice, Field, Switch } from "../ui/field";
import { Disappears } from "./disappears";
import { closeDialog, type OpenDialog } from "./open";
import "./dialogs.css";

const MAX_OPTIONS = 20;
const HOURS = { never: 0, hour: 1, day: 24, week: 168 } as const;

export function PollDialog(dialog: Extract<OpenDialog, { kind: "poll" }>) {
  const { room, thread, expires_in_s } = dialog;
  const [question, setQuestion] = useState("");
  const [options, setOptions] = useState<readonly string[]>(["", ""]);
  const [flags, setFlags] = useState({ multiple: false, anonymous: false, may_add: false });
  const [end, setEnd] = useState<keyof typeof HOURS>("never");
  const written = [
    ...new Set(options.map((option) => option.trim()).filter((option) => option !== "")),
  ];
  const ready = question.trim() !== "" && written.length >= 2;
  const set = (name: keyof typeof flags) => (checked: boolean) =>
    setFlags({ ...flags, [name]: checked });
  const send = (): void => {
    const closes =
      end === "never"
        ? {}
        : { closes_at: new Date(Date.now() + HOURS[end] * 3_600_000).toISOString() };
    room
      .send({
        text: question.trim(),
        poll: { options: written, ...flags, ...closes },
        ...(thread === undefined ? {} : { thread }),
        ...(expires_in_s === undefined ? {} : { expires_in_s }),
      })
      .catch(() => undefined); // the message itself shows why
    closeDialog();
  };
  return (
    <Dialog title={t("create_poll")} onClose={closeDialog}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) send();
        }}
      >
        <Field
          label={t("question")}
          value={question}
          required
          dir="auto"
          autofocus
          onInput={(event) => setQuestion(event.currentTarget.value)}
        />
        <div class="option-fields">
          {options.map((option, index) => (
            <Field
              key={index}
              label={t("option_number", { number: index + 1 })}
              value={option}
              maxLength={200}
              dir="auto"
              onInput={(event) => setOptions(options.with(index, event.currentTarget.value))}
            />
          ))}
          {options.length < MAX_OPTIONS && (
            <Button onClick={() => setOptions([...options, ""])}>
              <Icon icon={Plus} size={16} />
              {t("add_option")}
            </Button>
          )}
        </div>
        <Choice
          label={t("poll_ends")}
          value={end}
          options={[
            ["never", t("when_closed")],
            ["hour", t("in_an_hour")],
            ["day", t("in_a_day")],
            ["week", t("in_a_week")],
          ]}
          onChange={setEnd}
        />
        <div>
          <Switch label={t("poll_multiple")} checked={flags.multiple} onChange={set("multiple")} />
          <Switch
            label={t("poll_anonymous")}
            checked={flags.anonymous}
            onChange={set("anonymous")}
          />
          <Switch label={t("poll_may_add")} checked={flags.may_add} onChange={set("may_add")} />
        </div>
        <Disappears seconds={expires_in_s} />
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{t("cancel")}</Button>
          <Button kind="primary" type="submit" disabled={!ready}>
            {t("create_poll")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
