import { useSignal, useSignalEffect } from "@preact/signals";
import { plural, t } from "../i18n";
import { chat, connection } from "../state/chat";
import { live } from "../state/live";
import "./lines.css";

const PATIENCE_MS = 2000;

/** What is true of the connection, in one line: only when it has been so for two seconds. Attempts to
 * connect in between do not count. */
export function ConnectionLine() {
  const shown = useSignal(false);
  const wasOnline = useSignal(false);
  const lost = useSignal(false);
  useSignalEffect(() => {
    const { state } = connection.value;
    lost.value = state === "connecting" || state === "offline";
    if (!lost.value) wasOnline.value = true;
  });
  useSignalEffect(() => {
    if (!lost.value) {
      shown.value = false;
      return undefined;
    }
    const timer = setTimeout(() => (shown.value = true), PATIENCE_MS);
    return () => clearTimeout(timer);
  });
  const storage = live(chat.storage).value;
  const { state, waiting, reason, retry_at } = connection.value;
  if (!shown.value && storage.state === "ok") return null;
  const parts = [];
  if (shown.value) {
    const first = state === "connecting" && !wasOnline.value && navigator.onLine;
    const final = state === "offline" && retry_at === undefined;
    parts.push(first ? t("connecting") : ((final ? reason : undefined) ?? t("no_connection")));
    if (waiting > 0) parts.push(plural("messages_wait", waiting));
  } else parts.push(t("storage_failing"));
  return (
    <p class="state-line" role="status">
      <span class="state-dot" />
      <span>{parts.join(" ")}</span>
      {shown.value && navigator.onLine && (
        <button type="button" onClick={() => chat.reconnect()}>
          {t("try_now")}
        </button>
      )}
    </p>
  );
}
