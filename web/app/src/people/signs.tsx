import { t } from "../i18n";
import { presenceOf } from "../state/people";
import { statusOf, statusText } from "../state/status";
import "./people.css";

/** The sign of a status beside a name; the whole of it for the pointer and for screen readers. */
export function StatusEmoji({ id }: { id: string }) {
  const status = statusOf(id);
  if (status === null) return null;
  const text = statusText(status);
  return (
    <span
      class="status-emoji"
      role="img"
      aria-label={t("status_is", { status: text })}
      title={text}
    >
      {status.emoji ?? "💬"}
    </span>
  );
}

/** For screen readers, where the dot at the picture is hidden from them. */
export function PresenceText({ id }: { id: string }) {
  const state = presenceOf(id);
  return state === "unknown" ? null : <span class="quiet-text">{t(state)}</span>;
}
