import { useMemo, useState } from "preact/hooks";
import { t } from "../i18n";
import { openRoom } from "../router";
import { RoomSign } from "../sidebar/room-sign";
import { chat, rooms } from "../state/chat";
import { attempt, inform } from "../state/errors";
import { maySend } from "../state/permissions";
import { roomName } from "../state/people";
import { summarize } from "../text/markdown";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { newNonce } from "./nonce";
import { closeDialog, type OpenDialog } from "./open";
import "./dialogs.css";

export function ForwardDialog({ room, message }: Extract<OpenDialog, { kind: "forward" }>) {
  const [query, setQuery] = useState("");
  const [target, setTarget] = useState<string | null>(null);
  const [text, setText] = useState("");
  const nonce = useMemo(newNonce, []);
  const wanted = query.toLocaleLowerCase();
  const shown = rooms.value
    .filter((entry) => maySend(entry) && roomName(entry).toLocaleLowerCase().includes(wanted))
    .slice(0, 30);
  const send = async (to: string): Promise<void> => {
    const written = text.trim();
    await chat.api.post("/rooms/{room_id}/messages/{seq}/forward", {
      path: { room_id: room, seq: message.seq },
      body: { to, nonce, ...(written === "" ? {} : { text: written }) },
    });
    closeDialog();
    inform(t("forwarded"), { label: t("show"), run: () => openRoom(to) });
  };
  return (
    <Dialog title={t("forward")} onClose={closeDialog}>
      <blockquote class="dialog-quote" dir="auto">
        {summarize(message.text || (message.forwarded?.text ?? ""), 160)}
      </blockquote>
      <Field
        label={t("forward_to")}
        type="search"
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
      />
      <ul class="pick-list" role="listbox" aria-label={t("forward_to")}>
        {shown.map((entry) => (
          <li key={entry.room}>
            <button
              type="button"
              role="option"
              aria-selected={target === entry.room}
              onClick={() => setTarget(entry.room)}
            >
              <RoomSign entry={entry} />
              <bdi>{roomName(entry)}</bdi>
            </button>
          </li>
        ))}
      </ul>
      <Field
        label={t("add_a_note")}
        value={text}
        dir="auto"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <div class="dialog-actions">
        <Button onClick={closeDialog}>{t("cancel")}</Button>
        <Button
          kind="primary"
          disabled={target === null}
          onClick={() => target !== null && void attempt(() => send(target))}
        >
          {t("forward")}
        </Button>
      </div>
    </Dialog>
  );
}
