import { Archive, Hash, Lock } from "lucide-preact";
import type { RoomEntry } from "chat-client";
import { t } from "../i18n";
import { myId } from "../state/chat";
import { nameOf, othersOf, presenceOf } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/button";

/** What kind of room it is, or who it is with. */
export function RoomSign({ entry }: { entry: RoomEntry }) {
  if (entry.archived) return <Icon icon={Archive} />;
  if (entry.kind === "direct") return <PersonSign id={othersOf(entry)[0] ?? myId.value} />;
  if (entry.kind === "group") return <Avatar id={entry.room} name={entry.name ?? "+"} size={20} />;
  if (entry.kind === "public") return <Icon icon={Hash} />;
  return (
    <>
      <Icon icon={Lock} />
      <span class="quiet-text">{t("private_room")}</span>
    </>
  );
}

export function PersonSign({ id }: { id: string }) {
  return <Avatar id={id} name={nameOf(id)} size={20} presence={presenceOf(id)} />;
}
