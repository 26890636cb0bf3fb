import { Pin } from "lucide-preact";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { route } from "../router";
import { chat, roomEntry } from "../state/chat";
import { attempt } from "../state/errors";
import { mayPin } from "../state/permissions";
import { roomName } from "../state/people";
import { Empty } from "../ui/states";
import { MessageCard } from "./card";
import { PanelFrame } from "./host";
import { ListBody } from "./list";
import { useList } from "./use-list";

export function PinsPanel() {
  const id = route.value.room ?? "";
  const entry = roomEntry(id);
  const list = useList(
    (cursor) =>
      chat.api.get("/rooms/{room_id}/pins", {
        path: { room_id: id },
        query: cursor === null ? {} : { cursor },
      }),
    [id],
  );
  useEffect(
    () => chat.room(id).onEvent((event) => event.type.endsWith("pinned") && list.reload()),
    [id],
  );
  return (
    <PanelFrame title={t("pinned_messages")} subtitle={entry && roomName(entry)}>
      <ListBody
        list={list}
        empty={<Empty icon={Pin} title={t("no_pins")} text={t("no_pins_text")} />}
        render={(message) => (
          <MessageCard key={message.seq} room={id} message={message}>
            {entry !== undefined && mayPin(entry) && (
              <button
                type="button"
                onClick={() => void attempt(() => chat.room(id).unpin(message.seq))}
              >
                {t("unpin")}
              </button>
            )}
          </MessageCard>
        )}
      />
    </PanelFrame>
  );
}
