import { chat, rooms } from "../state/chat";
import { openRoom } from "../router";

/** Opens the direct room with one person, or a new group with several. */
export async function writeTo(people: readonly string[]): Promise<void> {
  const [one] = people;
  const existing =
    people.length === 1 && one !== undefined
      ? rooms.peek().find((entry) => entry.kind === "direct" && (entry.users ?? []).includes(one))
      : undefined;
  if (existing !== undefined) {
    openRoom(existing.room);
    return;
  }
  const kind = people.length === 1 ? "direct" : "group";
  const room = await chat.api.post("/rooms", { body: { kind, members: [...people] } });
  openRoom(room.id);
}
