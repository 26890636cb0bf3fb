import { useState } from "preact/hooks";
import { t } from "../i18n";
import { showRooms } from "../router";
import { chat, roomEntry } from "../state/chat";
import { roomName } from "../state/people";
import { attempt, inform } from "../state/errors";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { closeDialog, type OpenDialog } from "./open";
import "./dialogs.css";

/** Nothing brings the room back, so its name is typed first. */
export function DeleteRoomDialog({ room }: Extract<OpenDialog, { kind: "delete-room" }>) {
  const entry = roomEntry(room);
  const expected = entry?.name ?? room;
  const [confirmation, setConfirmation] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const name = entry === undefined ? room : roomName(entry);
  const run = async (): Promise<void> => {
    await chat.api.post("/rooms/{room_id}/delete", {
      path: { room_id: room },
      body: { confirmation: confirmation.trim(), reason: reason.trim() },
    });
    closeDialog();
    showRooms();
    inform(t("room_was_deleted", { name }));
  };
  return (
    <Dialog title={t("delete_room")} onClose={closeDialog}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          setBusy(true);
          void attempt(run).then(() => setBusy(false));
        }}
      >
        <p>{t("delete_room_text", { name })}</p>
        <Field
          label={t("delete_room_confirmation")}
          hint={expected}
          value={confirmation}
          maxLength={500}
          dir="auto"
          autocomplete="off"
          onInput={(event) => setConfirmation(event.currentTarget.value)}
        />
        <Field
          label={t("reason_optional")}
          hint={t("delete_room_reason_hint")}
          value={reason}
          maxLength={500}
          dir="auto"
          onInput={(event) => setReason(event.currentTarget.value)}
        />
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{t("cancel")}</Button>
          <Button kind="danger" type="submit" disabled={busy || confirmation.trim() !== expected}>
            {t("delete_room")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
