import { computed } from "@preact/signals";
import { connection, rooms } from "../state/chat";

/** Whether the list of rooms is known: it came from the server, or was stored. */
export const listed = computed(() => rooms.value.length > 0 || connection.value.state === "online");
