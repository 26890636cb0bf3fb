import { CircleAlert } from "lucide-preact";
import type { TimelineMessage } from "chat-client";
import { t } from "../i18n";
import { attempt } from "../state/errors";
import { Icon } from "../ui/button";
import { usePlace } from "./context";
import "./failed.css";

/** Why a message was refused for good, and what one can do with it. */
export function Failed({ message }: { message: TimelineMessage }) {
  const { room, editing } = usePlace();
  return (
    <div class="failed" role="alert">
      <Icon icon={CircleAlert} size={15} />
      <p>{t("not_sent", { reason: message.error?.detail ?? "" })}</p>
      <button type="button" onClick={() => void attempt(() => room.retry(message.nonce))}>
        {t("try_again")}
      </button>
      <button type="button" onClick={() => (editing.value = message.key)}>
        {t("edit")}
      </button>
      <button type="button" onClick={() => void attempt(() => room.drop(message.nonce))}>
        {t("drop")}
      </button>
    </div>
  );
}
