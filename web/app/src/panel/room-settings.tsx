import { Ban, Filter, Flag, KeyRound, Link, ScrollText, UserPlus } from "lucide-preact";
import type { RoomEntry, RoomSettings } from "chat-client";
import { useState } from "preact/hooks";
import { showDialog } from "../dialogs/open";
import { t } from "../i18n";
import { durationText } from "../i18n/durations";
import { route, showRooms } from "../router";
import { chat, roomEntry } from "../state/chat";
import { attempt, inform } from "../state/errors";
import {
  mayAddMembers,
  mayArchive,
  mayChangeRoom,
  mayDeleteOthers,
  mayDeleteRoom,
  mayLeave,
  mayManagePermissions,
  mayRemoveMembers,
  mayTimeOut,
  mayViewAuditLog,
} from "../state/permissions";
import { takesRequests, useRequestCount } from "../state/join-requests";
import { useReportCount } from "../state/reports";
import { roomName } from "../state/people";
import { Button } from "../ui/button";
import { Choice, Field, Switch } from "../ui/field";
import { PanelFrame } from "./host";
import { PanelLinks, type PanelLink } from "./links";

const RETENTION = [null, 1, 7, 30, 90, 365] as const;

export function RoomSettingsPanel() {
  const entry = roomEntry(route.value.room ?? "");
  if (entry === undefined) return null;
  const change = mayChangeRoom(entry);
  return (
    <PanelFrame title={t("room_settings")} subtitle={roomName(entry)}>
      <div class="panel-body">
        {change && !entry.archived && <Details key={entry.room} entry={entry} />}
        <Writing entry={entry} disabled={!mayManagePermissions(entry) || entry.archived} />
        <Rules entry={entry} disabled={!change || entry.archived} />
        <Sections entry={entry} />
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

const SLOW_MODE = [0, 5, 10, 30, 60, 300, 900, 3600, 21_600] as const;

/** Who writes, and how often. */
function Writing({ entry, disabled }: { entry: RoomEntry; disabled: boolean }) {
  const { settings, room } = entry;
  const seconds = settings?.slow_mode_s ?? 0;
  const options = SLOW_MODE.includes(seconds as 0) ? SLOW_MODE : [...SLOW_MODE, seconds];
  const set = (next: Partial<RoomSettings>): void => void update(room, { settings: next });
  return (
    <section class="panel-section">
      <h3>{t("writing_and_joining")}</h3>
      <Choice
        label={t("slow_mode")}
        value={String(seconds)}
        disabled={disabled}
        options={options.map(
          (value) => [String(value), value === 0 ? t("off") : durationText(value)] as const,
        )}
        onChange={(value) => set({ slow_mode_s: Number(value) })}
      />
      <Switch
        label={t("announcement_room")}
        hint={t("announcement_room_hint")}
        checked={settings?.announcement ?? false}
        disabled={disabled}
        onChange={(checked) => set({ announcement: checked })}
      />
      <Choice
        label={t("history_visible")}
        value={settings?.history ?? "all"}
        disabled={disabled}
        options={[
          ["all", t("history_all")],
          ["since_joining", t("history_since_joining")],
        ]}
        onChange={(value) => set({ history: value })}
      />
      {entry.kind === "private" && (
        <Switch
          label={t("allow_join_requests")}
          hint={t("allow_join_requests_hint")}
          checked={settings?.join_requests ?? false}
          disabled={disabled}
          onChange={(checked) => set({ join_requests: checked })}
        />
      )}
    </section>
  );
}

/** What has a panel of its own. */
function Sections({ entry }: { entry: RoomEntry }) {
  const requests = useRequestCount(entry);
  const reports = useReportCount(entry);
  const sections: readonly PanelLink[] = [
    ...(mayAddMembers(entry)
      ? [
          {
            panel: "room-invites" as const,
            icon: Link,
            label: t("invites"),
            hint: t("invites_hint"),
          },
        ]
      : []),
    ...(takesRequests(entry)
      ? [
          {
            panel: "room-requests" as const,
            icon: UserPlus,
            label: t("join_requests"),
            hint: t("join_requests_hint"),
            badge: requests,
          },
        ]
      : []),
    {
      panel: "room-permissions",
      icon: KeyRound,
      label: t("permissions"),
      hint: t("permissions_hint"),
    },
    ...(mayDeleteOthers(entry)
      ? [
          {
            panel: "room-reports" as const,
            icon: Flag,
            label: t("reports"),
            hint: t("reports_hint"),
            badge: reports,
          },
          {
            panel: "room-filters" as const,
            icon: Filter,
            label: t("word_filter"),
            hint: t("word_filter_hint"),
          },
        ]
      : []),
    ...(mayRemoveMembers(entry) || mayTimeOut(entry)
      ? [
          {
            panel: "room-sanctions" as const,
            icon: Ban,
            label: t("bans_and_time_outs"),
            hint: t("bans_and_time_outs_hint"),
          },
        ]
      : []),
    ...(mayViewAuditLog(entry)
      ? [
          {
            panel: "room-audit" as const,
            icon: ScrollText,
            label: t("audit_log"),
            hint: t("audit_log_hint"),
          },
        ]
      : []),
  ];
  return <PanelLinks label={t("more_settings")} links={sections} />;
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
      {mayDeleteRoom(entry) && (
        <Button kind="danger" onClick={() => showDialog({ kind: "delete-room", room })}>
          {t("delete_room")}…
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
