import { Hash, Link2Off, Lock } from "lucide-preact";
import { ApiError, type InvitePreview } from "chat-client";
import { useEffect, useState } from "preact/hooks";
import { plural, t } from "../i18n";
import { openRoom, showRooms } from "../router";
import { chat } from "../state/chat";
import { attempt, explain } from "../state/errors";
import { Button } from "../ui/button";
import { Empty, Skeleton } from "../ui/states";

/** Where an invite link leads: what the room is, and a button to join. */
export function InvitePage({ code }: { code: string }) {
  const [preview, setPreview] = useState<InvitePreview | null>(null);
  const [error, setError] = useState<unknown>(null);
  const load = (): void => {
    setError(null);
    chat.api.get("/invites/{code}", { path: { code } }).then(setPreview, setError);
  };
  useEffect(load, [code]);
  return (
    <section class="main" aria-label={t("invite")}>
      {error !== null ? (
        <NoInvite error={error} onRetry={load} />
      ) : preview === null ? (
        <Skeleton shape="messages" count={1} />
      ) : (
        <Preview code={code} preview={preview} />
      )}
    </section>
  );
}

function Preview({ code, preview }: { code: string; preview: InvitePreview }) {
  const [busy, setBusy] = useState(false);
  const { room, name, topic, kind, members, role, joined } = preview;
  const join = async (): Promise<void> => {
    setBusy(true);
    await attempt(async () => {
      if (!joined) await chat.api.post("/invites/{code}/join", { path: { code } });
      openRoom(room);
    });
    setBusy(false);
  };
  const shown = name ?? t("group_without_name");
  return (
    <Empty
      level={1}
      icon={kind === "public" ? Hash : Lock}
      title={joined ? shown : t("invited_to", { room: shown })}
      text={topic}
    >
      <p>
        {plural("member_count", members)}
        {!joined && role !== "member" && ` · ${t("you_become", { role: t(role) })}`}
      </p>
      <Button kind="primary" disabled={busy} onClick={() => void join()}>
        {joined ? t("open") : t("join_room")}
      </Button>
    </Empty>
  );
}

function NoInvite({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const gone = error instanceof ApiError && error.code === "not_found";
  return (
    <Empty
      level={1}
      icon={Link2Off}
      title={t("invite_does_not_work")}
      text={gone ? t("invite_does_not_work_text") : explain(error)}
    >
      <Button onClick={gone ? showRooms : onRetry}>
        {gone ? t("back_to_rooms") : t("try_again")}
      </Button>
    </Empty>
  );
}
