import { CalendarClock } from "lucide-preact";
import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { chat, roomEntry } from "../state/chat";
import { attempt } from "../state/errors";
import { scheduled } from "../state/items";
import { roomName } from "../state/people";
import { summarize } from "../text/markdown";
import { Empty } from "../ui/states";
import { PanelFrame } from "./host";

export function ScheduledPanel() {
  const change = (id: string, due_at: string): Promise<unknown> =>
    chat.api.patch("/scheduled/{scheduled_id}", { path: { scheduled_id: id }, body: { due_at } });
  return (
    <PanelFrame title={t("scheduled")}>
      <div class="panel-body">
        {scheduled.value.length === 0 && (
          <Empty icon={CalendarClock} title={t("no_scheduled")} text={t("no_scheduled_text")} />
        )}
        {scheduled.value.map((item) => {
          const entry = roomEntry(item.room);
          return (
            <article class="card" key={item.id}>
              <span class="card-head">
                <bdi class="name">{entry ? roomName(entry) : ""}</bdi>
                <time dateTime={item.due_at}>{formatMoment(Date.parse(item.due_at))}</time>
              </span>
              <span class="card-text" dir="auto">
                {summarize(item.text, 400)}
              </span>
              {item.state === "failed" && (
                <span class="field-error">{t("not_sent", { reason: item.error ?? "" })}</span>
              )}
              <div class="card-actions">
                {item.state === "pending" && (
                  <button
                    type="button"
                    onClick={() => void attempt(() => change(item.id, new Date().toISOString()))}
                  >
                    {t("send_now")}
                  </button>
                )}
                <button
                  type="button"
                  onClick={() =>
                    void attempt(() =>
                      chat.api.delete("/scheduled/{scheduled_id}", {
                        path: { scheduled_id: item.id },
                      }),
                    )
                  }
                >
                  {t("delete")}
                </button>
              </div>
            </article>
          );
        })}
      </div>
    </PanelFrame>
  );
}
