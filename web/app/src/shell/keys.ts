import { useLayoutEffect } from "preact/hooks";
import { openPalette } from "../palette/open";
import { closePanel, openPanel, openRoom, openSearch, route } from "../router";
import { shownPeople, shownRooms } from "../sidebar/order";

/** Keys that work everywhere, from the moment at which the page is visible: an effect that runs after
 * painting loses a key that is pressed at once. */
export function useGlobalKeys(): void {
  useLayoutEffect(() => {
    addEventListener("keydown", run);
    return () => removeEventListener("keydown", run);
  }, []);
}

function run(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key.toLowerCase() === "k") openPalette();
  else if (command && event.shiftKey && event.key.toLowerCase() === "f") findHere();
  else if (command && event.key === "/") openPanel("shortcuts");
  else if (command && event.key === ",") openPanel("preferences");
  else if (event.altKey && !command && event.key === "ArrowDown") step(1, event.shiftKey);
  else if (event.altKey && !command && event.key === "ArrowUp") step(-1, event.shiftKey);
  else if (event.key === "Escape" && isPanelOpen() && !floats()) closePanel();
  else return;
  event.preventDefault();
}

function findHere(): void {
  const { room } = route.peek();
  openSearch(room === null ? "" : `in:${room}`);
}

const isPanelOpen = (): boolean => route.peek().panel !== null || route.peek().thread !== null;
const floats = (): boolean => document.querySelector("dialog[open], :popover-open") !== null;

/** The next room in the order of the sidebar; with Shift the next unread one. */
function step(by: 1 | -1, unread: boolean): void {
  const order = [...shownRooms.peek(), ...shownPeople.peek()];
  const at = order.findIndex((entry) => entry.room === route.peek().room);
  for (let distance = 1; distance <= order.length; distance += 1) {
    const entry = order[(at + by * distance + order.length * 2) % order.length];
    if (entry !== undefined && (!unread || (entry.unread ?? 0) > 0)) {
      openRoom(entry.room);
      return;
    }
  }
}
