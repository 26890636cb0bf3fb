import { useSignal } from "@preact/signals";
import type { TimelineMessage } from "chat-client";
import { useEffect, useRef } from "preact/hooks";
import { TextBox, type TextBoxHandle } from "../composer/text-box";
import { t } from "../i18n";
import { attempt } from "../state/errors";
import { Button } from "../ui/button";
import { usePlace } from "./context";
import "./editor.css";

/** A message that is being changed, in its place. A failed one is sent again with the new text. */
export function Editor({ message }: { message: TimelineMessage }) {
  const { room, editing, focusComposer } = usePlace();
  const text = useSignal(message.text);
  const box = useRef<TextBoxHandle>(null);
  useEffect(() => box.current?.focus(), []);
  const close = (): void => {
    editing.value = null;
    focusComposer();
  };
  const save = (): void => {
    const next = text.value.trim();
    if (next === "") return;
    close();
    if (message.pending === "failed") void attempt(() => room.retry(message.nonce, next));
    else if (next !== message.text) {
      void attempt(() => room.edit(message.seq, next, message.edit?.version ?? 1));
    }
  };
  return (
    <div class="editor">
      <TextBox
        room={room}
        value={text}
        label={t("edit_message")}
        placeholder=""
        handle={box}
        onSubmit={save}
        onEscape={close}
      />
      <div class="editor-actions">
        <small>{t("editor_keys")}</small>
        <Button onClick={close}>{t("cancel")}</Button>
        <Button kind="primary" onClick={save}>
          {t("save")}
        </Button>
      </div>
    </div>
  );
}
