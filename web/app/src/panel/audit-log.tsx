import { ArrowRight, ScrollText } from "lucide-preact";
import type { AuditEntry } from "chat-client";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { formatFull, formatMoment } from "../i18n/dates";
import { openMessage, route } from "../router";
import { chat, roomEntry } from "../state/chat";
import { nameOf, roomName } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/button";
import { Empty } from "../ui/states";
import { AuditFilters, type AuditFilter } from "./audit-filters";
import { changesOf, sentenceOf, type Change } from "./audit-text";
import { PanelFrame } from "./host";
import { ListBody } from "./list";
import { useList } from "./use-list";
import "./audit-log.css";

/** What those who moderate the room have done. */
export function RoomAuditPanel() {
  const id = route.value.room ?? "";
  const entry = roomEntry(id);
  return (
    <PanelFrame title={t("audit_log")} subtitle={entry && roomName(entry)} back="room">
      <Entries room={id} />
    </PanelFrame>
  );
}

/** What was done on the server and in all rooms, for administrators. */
export function ServerAuditPanel() {
  return (
    <PanelFrame title={t("audit_log_of_server")} back="preferences">
      <Entries room={null} />
    </PanelFrame>
  );
}

function Entries({ room }: { room: string | null }) {
  const [chosen, setChosen] = useState<AuditFilter>({});
  const list = useList(
    (cursor) => {
      const query = { ...chosen, ...(cursor === null ? {} : { cursor }) };
      return room === null
        ? chat.api.get("/audit-log", { query })
        : chat.api.get("/rooms/{room_id}/audit-log", { path: { room_id: room }, query });
    },
    [room, chosen],
  );
  const isNarrowed = Object.keys(chosen).length > 0;
  return (
    <>
      <AuditFilters
        place={room === null ? "server" : "room"}
        filter={chosen}
        onChange={setChosen}
      />
      <div class="panel-body" tabIndex={0}>
        <ListBody
          inline
          list={list}
          empty={
            isNarrowed ? (
              <Empty
                icon={ScrollText}
                title={t("nothing_found")}
                text={t("no_audit_matches_text")}
              />
            ) : (
              <Empty
                icon={ScrollText}
                title={t("no_audit_entries")}
                text={t("no_audit_entries_text")}
              />
            )
          }
          render={(entry) => <Entry key={entry.id} entry={entry} withRoom={room === null} />}
        />
      </div>
    </>
  );
}

function Entry({ entry, withRoom }: { entry: AuditEntry; withRoom: boolean }) {
  const { actor, message, room, reason } = entry;
  const known = room === null ? undefined : roomEntry(room);
  const at = Date.parse(entry.at);
  const name = actor === null ? t("audit_operator") : nameOf(actor);
  return (
    <article class="person sanction audit-entry">
      <Avatar id={actor ?? ""} name={name} />
      <div>
        <p>{sentenceOf(entry)}</p>
        <small>
          <time dateTime={entry.at} title={formatFull(at)}>
            {formatMoment(at)}
          </time>
          {withRoom && known !== undefined && (
            <>
              {" · "}
              <bdi>{roomName(known)}</bdi>
            </>
          )}
        </small>
        {changesOf(entry).map((change) => (
          <ChangeLine key={change.label} change={change} />
        ))}
        {reason !== "" && <small dir="auto">{t("audit_reason", { reason })}</small>}
        {message !== null && known !== undefined && (
          <button
            type="button"
            class="audit-message"
            onClick={() => openMessage(known.room, message)}
          >
            {t("show_message")}
          </button>
        )}
      </div>
    </article>
  );
}

function ChangeLine({ change: { label, before, after } }: { change: Change }) {
  return (
    <p class="audit-change">
      {label}: {before !== null && <del>{before}</del>}
      {before !== null && after !== null && (
        <span class="mirrored">
          <Icon icon={ArrowRight} size={12} />
        </span>
      )}
      {after !== null && <ins>{after}</ins>}
    </p>
  );
}
