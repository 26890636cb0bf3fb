import { ChevronRight, Plus, Users } from "lucide-preact";
import { useEffect, useState } from "preact/hooks";
import { showDialog } from "../dialogs/open";
import { t } from "../i18n";
import { openGroup } from "../router";
import { useIsAdmin } from "../state/account";
import { chat } from "../state/chat";
import { keepGroup } from "../state/groups";
import { Button, Icon } from "../ui/button";
import { Empty } from "../ui/states";
import { PanelFrame } from "./host";
import { ListBody } from "./list";
import { useList } from "./use-list";

const PAUSE_MS = 180;

/** People who are mentioned together. All see the groups, administrators of the server make them. */
export function GroupsPanel() {
  const isAdmin = useIsAdmin();
  const [text, setText] = useState("");
  const [query, setQuery] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setQuery(text.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const list = useList(
    async (cursor) => {
      const page = await chat.api.get("/groups", {
        query: {
          limit: 50,
          ...(query === "" ? {} : { query }),
          ...(cursor === null ? {} : { cursor }),
        },
      });
      page.items.forEach(keepGroup);
      return page;
    },
    [query],
  );
  return (
    <PanelFrame title={t("user_groups")} back="preferences">
      <div class="panel-section">
        <div class="field">
          <input
            type="search"
            placeholder={t("find_groups")}
            aria-label={t("find_groups")}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </div>
        {isAdmin && (
          <Button
            onClick={() => showDialog({ kind: "group", onDone: (group) => openGroup(group.id) })}
          >
            <Icon icon={Plus} size={16} />
            {t("new_group")}
          </Button>
        )}
      </div>
      <ListBody
        list={list}
        empty={
          query === "" ? (
            <Empty icon={Users} title={t("no_groups")} text={t("no_groups_text")} />
          ) : (
            <p class="panel-section field-hint">{t("nothing_matches")}</p>
          )
        }
        render={({ id, handle, display_name }) => (
          <button key={id} type="button" class="group-link" onClick={() => openGroup(id)}>
            <span class="group-sign">
              <Icon icon={Users} />
            </span>
            <span>
              <bdi>{display_name}</bdi>
              <small>
                <bdi>@{handle}</bdi>
              </small>
            </span>
            <span class="mirrored">
              <Icon icon={ChevronRight} size={16} />
            </span>
          </button>
        )}
      />
    </PanelFrame>
  );
}
