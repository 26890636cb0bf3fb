import { Hash, Hourglass, Lock } from "lucide-preact";
import type { RoomDetails } from "chat-client";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { chat, myId } from "../state/chat";
import { attempt } from "../state/errors";
import { asked, keepAsked, loadAsked } from "../state/join-requests";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Empty, Skeleton } from "../ui/states";

/** A room that one is not in: a public one can be joined, a private one be asked. */
export function NoSuchRoom({ id }: { id: string }) {
  const [room, setRoom] = useState<RoomDetails | null | undefined>(undefined);
  useEffect(() => {
    loadAsked();
    const path = { room_id: id };
    chat.api.get("/rooms/{room_id}", { path }).then(setRoom, () => setRoom(null));
  }, [id]);
  if (room === undefined) return <Skeleton shape="messages" count={1} />;
  if (room !== null && room.kind === "public") {
    const path = { room_id: id };
    return (
      <Empty level={1} icon={Hash} title={room.name ?? ""} text={room.topic || t("not_a_member")}>
        <Button
          kind="primary"
          onClick={() => void attempt(() => chat.api.post("/rooms/{room_id}/join", { path }))}
        >
          {t("join_room")}
        </Button>
      </Empty>
    );
  }
  return asked.value.includes(id) ? <Asked id={id} /> : <AskToJoin id={id} />;
}

function AskToJoin({ id }: { id: string }) {
  const [open, setOpen] = useState(false);
  const [note, setNote] = useState("");
  const [refused, setRefused] = useState(false);
  const ask = (): void =>
    void chat.api
      .post("/rooms/{room_id}/join-requests", {
        path: { room_id: id },
        body: { note: note.trim() },
      })
      .then(
        () => keepAsked(id, true),
        (error: unknown) => {
          if (error instanceof Error && "code" in error && error.code === "not_found")
            setRefused(true);
          else void attempt(() => Promise.reject(error as Error));
        },
      );
  return (
    <Empty
      level={1}
      icon={Lock}
      title={t("no_such_room")}
      text={refused ? t("takes_no_requests") : t("no_such_room_text")}
    >
      {!refused && !open && <Button onClick={() => setOpen(true)}>{t("ask_to_join")}</Button>}
      {!refused && open && (
        <form
          class="ask-form"
          onSubmit={(event) => {
            event.preventDefault();
            ask();
          }}
        >
          <Field
            label={t("note_optional")}
            hint={t("ask_note_hint")}
            value={note}
            maxLength={500}
            dir="auto"
            autofocus
            onInput={(event) => setNote(event.currentTarget.value)}
          />
          <Button kind="primary" type="submit">
            {t("ask_to_join")}
          </Button>
        </form>
      )}
    </Empty>
  );
}

function Asked({ id }: { id: string }) {
  const cancel = (): void =>
    void attempt(async () => {
      const path = { room_id: id, user_id: myId.peek() };
      try {
        await chat.api.delete("/rooms/{room_id}/join-requests/{user_id}", { path });
      } finally {
        keepAsked(id, false); // it may have been declined
      }
    });
  return (
    <Empty level={1} icon={Hourglass} title={t("asked_to_join")} text={t("asked_to_join_text")}>
      <Button onClick={cancel}>{t("cancel_request")}</Button>
    </Empty>
  );
}
