import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t, type Key } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { Name } from "../message/name";
import { openPanel } from "../router";
import { chat } from "../state/chat";
import { explain } from "../state/errors";
import { nameOf } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Skeleton } from "../ui/states";
import { closeDialog, type OpenDialog } from "./open";
import "./dialogs.css";

interface FactProperties<T> {
  readonly title: string;
  readonly read: () => Promise<T>;
  readonly render: (value: T) => ComponentChildren;
}

/** Something about a message that is asked for when it is opened. */
function Facts<T>({ title, read, render }: FactProperties<T>) {
  const [value, setValue] = useState<T | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => void read().then(setValue, (reason: unknown) => setError(explain(reason))), []);
  return (
    <Dialog title={title} onClose={closeDialog}>
      <div class="facts">
        {error !== null && <p role="alert">{error}</p>}
        {error === null && value === null && <Skeleton shape="lines" count={3} />}
        {value !== null && render(value)}
      </div>
    </Dialog>
  );
}

function Person({ id, sign }: { id: string; sign?: string }) {
  return (
    <div class="person">
      <Avatar id={id} name={nameOf(id)} size={28} />
      <div>
        <Name id={id} withUsername />
      </div>
      {sign}
    </div>
  );
}

export function ReadByDialog({ room, seq }: Extract<OpenDialog, { kind: "read-by" }>) {
  return (
    <Facts
      title={t("read_by")}
      read={() =>
        chat.api.get("/rooms/{room_id}/messages/{seq}/read-by", { path: { room_id: room, seq } })
      }
      render={({ users }) =>
        users.length === 0 ? (
          <p>{t("read_by_nobody")}</p>
        ) : (
          users.map((id) => <Person key={id} id={id} />)
        )
      }
    />
  );
}

export function ReactedDialog({ room, seq }: Extract<OpenDialog, { kind: "reacted" }>) {
  return (
    <Facts
      title={t("who_reacted")}
      read={() =>
        chat.api.get("/rooms/{room_id}/messages/{seq}/reactions", { path: { room_id: room, seq } })
      }
      render={({ items }) =>
        items.map(({ user, emoji }) => <Person key={`${user} ${emoji}`} id={user} sign={emoji} />)
      }
    />
  );
}

export function VersionsDialog({ room, seq }: Extract<OpenDialog, { kind: "versions" }>) {
  return (
    <Facts
      title={t("earlier_versions")}
      read={() =>
        chat.api.get("/rooms/{room_id}/messages/{seq}/versions", { path: { room_id: room, seq } })
      }
      render={({ items }) =>
        items.toReversed().map((version) => (
          <div class="version" key={version.version}>
            <small>{formatMoment(Date.parse(version.at))}</small>
            <p dir="auto">{version.text}</p>
          </div>
        ))
      }
    />
  );
}

export function WhyDialog({ room, seq }: Extract<OpenDialog, { kind: "why" }>) {
  return (
    <Facts
      title={t("why_notified")}
      read={() => room.explain(seq)}
      render={({ notify, reason }) => (
        <>
          <p>
            <strong>{notify ? t("it_notifies") : t("it_does_not_notify")}</strong>
          </p>
          <p>{t(`reason_${reason}` satisfies Key)}</p>
          <Button
            onClick={() => {
              closeDialog();
              openPanel("notifications");
            }}
          >
            {t("notification_settings")}
          </Button>
        </>
      )}
    />
  );
}
