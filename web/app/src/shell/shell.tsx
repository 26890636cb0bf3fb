import { useComputed } from "@preact/signals";
import { DialogHost } from "../dialogs/host";
import { Palette } from "../palette/lazy";
import { InvitePage } from "../pages/invite";
import { PanelHost } from "../panel/host";
import { ProfileHost } from "../people/host";
import { route } from "../router";
import { Sidebar } from "../sidebar/sidebar";
import { RoomView } from "../timeline/room-view";
import { Home } from "./home";
import { useGlobalKeys } from "./keys";
import "./shell.css";

/** Sidebar, room and panel. On a small screen one of them at a time. */
export function Shell() {
  useGlobalKeys();
  const shown = useComputed(() => {
    const { room, thread, panel, invite } = route.value;
    if (thread !== null || panel !== null) return "panel";
    return room === null && invite === null ? "side" : "main";
  });
  const { room, thread, panel, invite } = route.value;
  return (
    <div class="shell" data-shown={shown.value} data-panel={thread !== null || panel !== null}>
      <Sidebar />
      <main>
        {room !== null ? (
          <RoomView key={room} id={room} />
        ) : invite !== null ? (
          <InvitePage key={invite} code={invite} />
        ) : (
          <Home />
        )}
      </main>
      {(thread !== null || panel !== null) && <PanelHost />}
      <Palette />
      <DialogHost />
      <ProfileHost />
    </div>
  );
}
