import { AlarmClock, Bookmark } from "lucide-preact";
import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { openMessage, openRoom } from "../router";
import { chat, roomEntry } from "../state/chat";
import { attempt } from "../state/errors";
import { reminders, saved } from "../state/items";
import { roomName } from "../state/people";
import { Icon } from "../ui/button";
import { Empty } from "../ui/states";
import { MessageCard } from "./card";
import { PanelFrame } from "./host";
import { ListBody } from "./list";
import { useList } from "./use-list";

/** Saved messages, and reminders above them. */
export function SavedPanel() {
  const list = useList(
    (cursor) => chat.api.get("/users/me/saved", { query: cursor === null ? {} : { cursor } }),
    [saved.value.length],
  );
  return (
    <PanelFrame title={t("saved")}>
      {reminders.value.length > 0 && <Reminders />}
      <ListBody
        list={list}
        empty={<Empty icon={Bookmark} title={t("no_saved")} text={t("no_saved_text")} />}
        render={({ room, seq, note, message }) =>
          message != null && (
            <MessageCard key={`${room} ${seq}`} room={room} message={message} withRoom note={note}>
              <button type="button" onClick={() => void attempt(() => chat.room(room).unsave(seq))}>
                {t("remove")}
              </button>
            </MessageCard>
          )
        }
      />
    </PanelFrame>
  );
}

function Reminders() {
  return (
    <section class="panel-section" aria-label={t("reminders")}>
      <h3>{t("reminders")}</h3>
      {reminders.value.map((reminder) => {
        const entry = roomEntry(reminder.room);
        return (
          <div key={reminder.id} class="reminder" data-due={reminder.fired_at != null}>
            <Icon icon={AlarmClock} size={16} />
            <button
              type="button"
              onClick={() =>
                reminder.seq == null
                  ? openRoom(reminder.room)
                  : openMessage(reminder.room, reminder.seq)
              }
            >
              <bdi>{reminder.note || (entry ? roomName(entry) : t("reminder"))}</bdi>
              <small>{formatMoment(Date.parse(reminder.due_at))}</small>
            </button>
            <button
              type="button"
              class="reminder-done"
              onClick={() =>
                void attempt(() =>
                  chat.api.delete("/users/me/reminders/{reminder_id}", {
                    path: { reminder_id: reminder.id },
                  }),
                )
              }
            >
              {t("done")}
            </button>
          </div>
        );
      })}
    </section>
  );
}
