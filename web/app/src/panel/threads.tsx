import { MessageSquareText } from "lucide-preact";
import { plural, t } from "../i18n";
import { formatRelative } from "../i18n/dates";
import { Name } from "../message/name";
import { openThread } from "../router";
import { roomEntry } from "../state/chat";
import { threads } from "../state/items";
import { roomName } from "../state/people";
import { summarize } from "../text/markdown";
import { Empty } from "../ui/states";
import { PanelFrame } from "./host";

/** The threads that the reader follows, those with the newest replies first. */
export function ThreadsPanel() {
  const followed = threads.value;
  return (
    <PanelFrame title={t("threads")}>
      <div class="panel-body">
        {followed.length === 0 && (
          <Empty icon={MessageSquareText} title={t("no_threads")} text={t("no_threads_text")} />
        )}
        {followed.map(({ room, root }) => {
          const entry = roomEntry(room);
          const summary = root.thread_summary;
          return (
            <article class="card" key={`${room} ${root.seq}`}>
              <button type="button" class="card-open" onClick={() => openThread(room, root.seq)}>
                <span class="card-head">
                  <Name id={root.sender} />
                  {entry !== undefined && <bdi>{roomName(entry)}</bdi>}
                  {summary != null && (
                    <time dateTime={summary.last_at}>
                      {formatRelative(Date.parse(summary.last_at))}
                    </time>
                  )}
                </span>
                <span class="card-text" dir="auto">
                  {root.deletion ? t("message_deleted") : summarize(root.text)}
                </span>
                {summary != null && (
                  <small class="card-head">{plural("replies", summary.replies)}</small>
                )}
              </button>
            </article>
          );
        })}
      </div>
    </PanelFrame>
  );
}
