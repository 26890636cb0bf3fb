import { Compass, MessagesSquare } from "lucide-preact";
import { t } from "../i18n";
import { openPalette } from "../palette/open";
import { rooms } from "../state/chat";
import { serverName } from "../state/server";
import { Button } from "../ui/button";
import { Empty } from "../ui/states";
import { listed } from "../sidebar/known";

/** What stands beside the list while no room is open. */
export function Home() {
  if (!listed.value) {
    return (
      <section class="main">
        <h1 class="quiet-text">{serverName.value}</h1>
      </section>
    );
  }
  const none = rooms.value.length === 0;
  return (
    <section class="main">
      <Empty
        level={1}
        icon={none ? Compass : MessagesSquare}
        title={none ? t("no_rooms") : t("choose_room")}
        text={none ? t("no_rooms_text") : t("choose_room_text")}
      >
        <Button kind={none ? "primary" : "plain"} onClick={() => openPalette(none ? "#" : "")}>
          {none ? t("find_rooms") : t("find_or_jump")}
        </Button>
      </Empty>
    </section>
  );
}
