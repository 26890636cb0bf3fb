import { AtSign } from "lucide-preact";
import { t } from "../i18n";
import { chat } from "../state/chat";
import { Empty } from "../ui/states";
import { MessageCard } from "./card";
import { PanelFrame } from "./host";
import { ListBody } from "./list";
import { useList } from "./use-list";

export function MentionsPanel() {
  const list = useList(
    (cursor) => chat.api.get("/users/me/mentions", { query: cursor === null ? {} : { cursor } }),
    [],
  );
  return (
    <PanelFrame title={t("mentions")}>
      <ListBody
        list={list}
        empty={<Empty icon={AtSign} title={t("no_mentions")} text={t("no_mentions_text")} />}
        render={({ room, message }) => (
          <MessageCard key={`${room} ${message.seq}`} room={room} message={message} withRoom />
        )}
      />
    </PanelFrame>
  );
}
