import type { SetRoomNotifications } from "chat-client";
import { t } from "../i18n";
import { route } from "../router";
import { chat, roomEntry } from "../state/chat";
import { attempt } from "../state/errors";
import { keepNotifications, notificationsOf } from "../state/muted";
import { roomName } from "../state/people";
import { Choice, Switch } from "../ui/field";
import { Skeleton } from "../ui/states";
import { PanelFrame } from "./host";
import { ServerNotifications } from "./server-notifications";

/** What notifies of one room and, below, of all rooms. */
export function NotificationsPanel() {
  const id = route.value.room;
  const entry = id === null ? undefined : roomEntry(id);
  return (
    <PanelFrame title={t("notifications")} subtitle={entry && roomName(entry)}>
      <div class="panel-body">
        {entry !== undefined && <RoomNotifications room={entry.room} />}
        <ServerNotifications />
      </div>
    </PanelFrame>
  );
}

function RoomNotifications({ room }: { room: string }) {
  const current = notificationsOf(room);
  if (current === undefined) return <Skeleton shape="lines" count={2} />;
  const set = (next: SetRoomNotifications): void =>
    void attempt(async () => {
      keepNotifications(room, await chat.room(room).setNotificationSettings(next));
    });
  const { level, muted } = current;
  return (
    <section class="panel-section">
      <h3>{t("this_room")}</h3>
      <Choice
        label={t("notify_about")}
        value={level ?? "default"}
        options={[
          ["default", t("as_for_all_rooms")],
          ["all", t("level_all")],
          ["mentions", t("level_mentions")],
          ["nothing", t("level_nothing")],
        ]}
        onChange={(value) => set({ level: value === "default" ? null : value, muted })}
      />
      <Switch
        label={t("mute_room")}
        hint={t("mute_room_hint")}
        checked={muted}
        onChange={(checked) => set({ level, muted: checked })}
      />
    </section>
  );
}
