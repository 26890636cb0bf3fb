import type { RoomEntry, RoomSettings } from "chat-client";
import { useState } from "preact/hooks";
import { showDialog } from "../dialogs/open";
import { t } from "../i18n";
import { route, showRooms } from "../router";
import { chat, roomEntry } from "../state/chat";
import { attempt, inform } from "../state/errors";
import { mayArchive, mayChangeRoom, mayLeave } from "../state/permissions";
import { roomName } from "../state/people";
import { Button } from "../ui/button";
import { Choice, Field, Switch } from "../ui/field";
import { PanelFrame } from "./host";

const RETENTION = [null, 1, 7, 30, 90, 365] as const;

export function RoomSettingsPanel() {
  const entry = roomEntry(route.value.room ?? "");
  if (entry === undefined) return null;
  const change = mayChangeRoom(entry);
  return (
    <PanelFrame title={t("room_settings")} subtitle={roomName(entry)}>
      <div class="panel-body">
        {change && <Details key={entry.room} entry={entry} />}
        <Rules entry={entry} disabled={!change} />
        <Membership entry={entry} />
      </div>
    </PanelFrame>
  );
}

interface Change {
  name?: string;
  topic?: string;
  archived?: boolean;
  settings?: Partial<RoomSettings>;
}

async function update(room: string, body: Change): Promise<boolean> {
  const answer = await attempt(() =>
    chat.api.patch("/rooms/{room_id}", { path: { room_id: room }, body }),
  );
  return answer !== undefined;
}

function Details({ entry }: { entry: RoomEntry }) {
  const [name, setName] = useState(entry.name ?? "");
  const [topic, setTopic] = useState(entry.topic);
  const changed = name.trim() !== (entry.name ?? "") || topic !== entry.topic;
  return (
    <form
      class="panel-section"
      onSubmit={(event) => {
        event.preventDefault();
        const body = { topic, ...(name.trim() === "" ? {} : { name: name.trim() }) };
        void update(entry.room, body).then((done) => done && inform(t("saved_changes")));
      }}
    >
      <Field
        label={t("room_name")}
        value={name}
        maxLength={64}
        dir="auto"
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
      <Button kind="primary" type="submit" disabled={!changed}>
        {t("save")}
      </Button>
    </form>
  );
}

function Rules({ entry, disabled }: { entry: RoomEntry; disabled: boolean }) {
  const { settings, room } = entry;
  const days = settings?.retention_days ?? null;
  const options = RETENTION.includes(days as null) ? RETENTION : [...RETENTION, days];
  const set = (next: Partial<RoomSettings>): void => void update(room, { settings: next });
  return (
    <section class="panel-section">
      <Choice
        label={t("keep_messages")}
        value={String(days)}
        disabled={disabled}
        options={options.map(
          (value) =>
            [
              String(value),
              value === null ? t("for_ever") : t("days_long", { days: value }),
            ] as const,
        )}
        onChange={(value) => set({ retention_days: value === "null" ? null : Number(value) })}
      />
      <Choice
        label={t("who_sees_versions")}
        value={settings?.version_access ?? "admins"}
        disabled={disabled}
        options={[
          ["nobody", t("only_sender")],
          ["admins", t("admins")],
          ["members", t("all_members")],
        ]}
        onChange={(value) => set({ version_access: value })}
      />
      <Switch
        label={t("show_read_by")}
        hint={t("show_read_by_hint")}
        checked={settings?.read_by ?? true}
        disabled={disabled}
        onChange={(checked) => set({ read_by: checked })}
      />
    </section>
  );
}

function Membership({ entry }: { entry: RoomEntry }) {
  const { room, archived } = entry;
  const name = roomName(entry);
  return (
    <section class="panel-section">
      {mayArchive(entry) && (
        <Button
          kind={archived ? "plain" : "danger"}
          onClick={() =>
            archived
              ? void update(room, { archived: false })
              : showDialog({
                  kind: "confirm",
                  title: t("archive_room"),
                  text: t("archive_room_text", { name }),
                  action: t("archive_room"),
                  run: () =>
                    chat.api.patch("/rooms/{room_id}", {
                      path: { room_id: room },
                      body: { archived: true },
                    }),
                })
          }
        >
          {archived ? t("restore_room") : t("archive_room")}
        </Button>
      )}
      {mayLeave(entry) && (
        <Button
          kind="danger"
          onClick={() =>
            showDialog({
              kind: "confirm",
              title: t("leave_room"),
              text: t("leave_room_text", { name }),
              action: t("leave_room"),
              run: async () => {
                await chat.api.post("/rooms/{room_id}/leave", { path: { room_id: room } });
                showRooms();
              },
            })
          }
        >
          {t("leave_room")}
        </Button>
      )}
    </section>
  );
}
