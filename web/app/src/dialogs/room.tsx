import { useState } from "preact/hooks";
import { t } from "../i18n";
import { openRoom } from "../router";
import { chat } from "../state/chat";
import { attempt } from "../state/errors";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Choice, Field } from "../ui/field";
import { closeDialog } from "./open";
import "./dialogs.css";

export function NewRoomDialog() {
  const [name, setName] = useState("");
  const [topic, setTopic] = useState("");
  const [kind, setKind] = useState<"public" | "private">("public");
  const create = async (): Promise<void> => {
    const room = await chat.api.post("/rooms", {
      body: { kind, name: name.trim(), topic: topic.trim(), members: [] },
    });
    closeDialog();
    openRoom(room.id);
  };
  return (
    <Dialog title={t("new_room")} onClose={closeDialog}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          void attempt(create);
        }}
      >
        <Field
          label={t("room_name")}
          value={name}
          required
          maxLength={64}
          dir="auto"
          autofocus
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Field
          label={t("topic")}
          value={topic}
          maxLength={500}
          dir="auto"
          hint={t("topic_hint")}
          onInput={(event) => setTopic(event.currentTarget.value)}
        />
        <Choice
          label={t("who_may_join")}
          value={kind}
          options={[
            ["public", t("everybody")],
            ["private", t("only_added")],
          ]}
          onChange={setKind}
        />
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{t("cancel")}</Button>
          <Button kind="primary" type="submit" disabled={name.trim() === ""}>
            {t("create_room")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
