import { useState } from "preact/hooks";
import { t } from "../i18n";
import { durationText } from "../i18n/durations";
import { chat, roomEntry } from "../state/chat";
import { attempt, inform } from "../state/errors";
import { mayDeleteOthers } from "../state/permissions";
import { nameOf } from "../state/people";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Choice, Field } from "../ui/field";
import { closeDialog, type OpenDialog } from "./open";
import "./dialogs.css";

const HOUR = 3600;
const DAY = 24 * HOUR;
const LENGTHS = {
  "time-out": [300, HOUR, DAY, 7 * DAY],
  ban: [0, DAY, 7 * DAY, 30 * DAY],
} as const;
const DELETIONS = [0, HOUR, DAY, 7 * DAY, -1] as const;
const MAX_ROUNDS = 100;

/** How long somebody is timed out or banned, and why; with a ban also what goes with them. */
export function SanctionDialog(dialog: Extract<OpenDialog, { kind: "sanction" }>) {
  const { room, user, what } = dialog;
  const entry = roomEntry(room);
  const name = nameOf(user);
  const [seconds, setSeconds] = useState<number>(what === "ban" ? 0 : HOUR);
  const [reason, setReason] = useState("");
  const [deletes, setDeletes] = useState<number>(0);
  const [busy, setBusy] = useState(false);
  const path = { room_id: room, user_id: user };
  const run = async (): Promise<void> => {
    const until = seconds === 0 ? null : new Date(Date.now() + seconds * 1000).toISOString();
    const body = { reason: reason.trim() };
    if (what === "ban")
      await chat.api.put("/rooms/{room_id}/bans/{user_id}", { path, body: { ...body, until } });
    else if (until !== null)
      await chat.api.put("/rooms/{room_id}/time-outs/{user_id}", {
        path,
        body: { ...body, until },
      });
    if (deletes !== 0) await deleteMessages(room, user, deletes);
    closeDialog();
    const lift =
      what === "ban" ? "/rooms/{room_id}/bans/{user_id}" : "/rooms/{room_id}/time-outs/{user_id}";
    inform(t(what === "ban" ? "was_banned" : "was_timed_out", { name }), {
      label: t("undo"),
      run: () => void attempt(() => chat.api.delete(lift, { path })),
    });
  };
  const title = t(what === "ban" ? "ban_from_room" : "time_out");
  return (
    <Dialog title={title} onClose={closeDialog}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          setBusy(true);
          void attempt(run).then(() => setBusy(false));
        }}
      >
        <p>{t(what === "ban" ? "ban_text" : "time_out_text", { name })}</p>
        <Choice
          label={t("how_long")}
          value={String(seconds)}
          options={LENGTHS[what].map(
            (value) =>
              [String(value), value === 0 ? t("until_lifted") : durationText(value)] as const,
          )}
          onChange={(value) => setSeconds(Number(value))}
        />
        <Field
          label={t("reason_optional")}
          hint={t("reason_hint")}
          value={reason}
          maxLength={500}
          dir="auto"
          onInput={(event) => setReason(event.currentTarget.value)}
        />
        {what === "ban" && entry !== undefined && mayDeleteOthers(entry) && (
          <Choice
            label={t("delete_their_messages")}
            value={String(deletes)}
            options={DELETIONS.map(
              (value) =>
                [
                  String(value),
                  value === 0
                    ? t("delete_none")
                    : value < 0
                      ? t("delete_all")
                      : t("delete_of_last", { time: durationText(value) }),
                ] as const,
            )}
            onChange={(value) => setDeletes(Number(value))}
          />
        )}
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{t("cancel")}</Button>
          <Button kind="danger" type="submit" disabled={busy}>
            {title}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** The server deletes so many at a time. */
async function deleteMessages(room: string, sender: string, seconds: number): Promise<void> {
  const since = new Date(seconds < 0 ? 0 : Date.now() - seconds * 1000).toISOString();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { more } = await chat.api.post("/rooms/{room_id}/deletions", {
      path: { room_id: room },
      body: { sender, since },
    });
    if (!more) return;
  }
}
