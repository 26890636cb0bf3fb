import { UserPlus } from "lucide-preact";
import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { Name } from "../message/name";
import { route } from "../router";
import { chat, roomEntry } from "../state/chat";
import { attempt, inform } from "../state/errors";
import { countRequests } from "../state/join-requests";
import { nameOf, roomName } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Button } from "../ui/button";
import { Empty } from "../ui/states";
import { PanelFrame } from "./host";
import { ListBody } from "./list";
import { useList } from "./use-list";

/** Who asks to join, for those who may add members. */
export function RoomRequestsPanel() {
  const id = route.value.room ?? "";
  const entry = roomEntry(id);
  const list = useList(
    (cursor) =>
      chat.api.get("/rooms/{room_id}/join-requests", {
        path: { room_id: id },
        query: cursor === null ? {} : { cursor },
      }),
    [id],
  );
  const answer = (user: string, approve: boolean): void =>
    void attempt(async () => {
      const path = { room_id: id, user_id: user };
      if (approve)
        await chat.api.post("/rooms/{room_id}/join-requests/{user_id}/approve", { path });
      else await chat.api.delete("/rooms/{room_id}/join-requests/{user_id}", { path });
      inform(t(approve ? "was_approved" : "was_declined", { name: nameOf(user) }));
    }).finally(() => {
      list.reload(); // also where somebody else has answered
      void countRequests(id).catch(() => undefined);
    });
  return (
    <PanelFrame title={t("join_requests")} subtitle={entry && roomName(entry)} back="room">
      <ListBody
        list={list}
        empty={<Empty icon={UserPlus} title={t("no_requests")} text={t("no_requests_text")} />}
        render={({ user, note, at }) => (
          <div class="person sanction" key={user}>
            <Avatar id={user} name={nameOf(user)} />
            <div>
              <Name id={user} withUsername />
              <small>{formatMoment(Date.parse(at))}</small>
              {note !== "" && <p dir="auto">{note}</p>}
              <div class="choices">
                <Button kind="primary" onClick={() => answer(user, true)}>
                  {t("approve")}
                </Button>
                <Button onClick={() => answer(user, false)}>{t("decline")}</Button>
              </div>
            </div>
          </div>
        )}
      />
    </PanelFrame>
  );
}
