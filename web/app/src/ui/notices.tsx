import { Check, CircleAlert, X } from "lucide-preact";
import { t } from "../i18n";
import { dismiss, notices } from "../state/errors";
import { Icon, IconButton } from "./button";
import "./notices.css";

export function Notices() {
  return (
    <div class="notices" role="status">
      {notices.value.map((notice) => (
        <div key={notice.id} class="notice" data-bad={notice.bad}>
          <Icon icon={notice.bad ? CircleAlert : Check} />
          <p>{notice.text}</p>
          {notice.undo !== undefined && (
            <button
              type="button"
              class="notice-action"
              onClick={() => {
                dismiss(notice.id);
                notice.undo?.run();
              }}
            >
              {notice.undo.label}
            </button>
          )}
          {notice.request !== undefined && (
            <button
              type="button"
              class="notice-action"
              title={notice.request}
              onClick={() => void navigator.clipboard.writeText(notice.request ?? "")}
            >
              {t("copy_request_id")}
            </button>
          )}
          <IconButton icon={X} label={t("close")} onClick={() => dismiss(notice.id)} />
        </div>
      ))}
    </div>
  );
}
