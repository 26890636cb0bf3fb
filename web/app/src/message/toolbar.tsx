import {
  Bookmark,
  BookmarkCheck,
  Ellipsis,
  MessageSquareText,
  Reply,
  SmilePlus,
} from "lucide-preact";
import type { TimelineMessage } from "chat-client";
import { useRef, useState } from "preact/hooks";
import { EmojiPicker } from "../emoji/lazy-picker";
import { recentEmoji } from "../emoji/data";
import { t } from "../i18n";
import { openThread } from "../router";
import { attempt } from "../state/errors";
import { isSaved } from "../state/items";
import { IconButton } from "../ui/button";
import { Menu } from "../ui/menu";
import { messageMenu, startReply, toggleReaction, toggleSaved } from "./actions";
import { usePlace } from "./context";
import "./toolbar.css";

/** What one does with a message most often, at the row that is pointed at or has the focus. */
export function Toolbar({ message }: { message: TimelineMessage }) {
  const place = usePlace();
  const [open, setOpen] = useState<"emoji" | "menu" | null>(null);
  const smile = useRef<HTMLButtonElement>(null);
  const more = useRef<HTMLButtonElement>(null);
  const quick = recentEmoji()[0] ?? "👍";
  const saved = isSaved(place.room.id, message.seq);
  return (
    <div class="toolbar" role="toolbar" aria-label={t("message_actions")} data-open={open !== null}>
      <button
        type="button"
        class="icon-button toolbar-quick"
        aria-label={t("react_with", { emoji: quick })}
        title={t("react_with", { emoji: quick })}
        onClick={() => toggleReaction(place, message, quick)}
      >
        {quick}
      </button>
      <IconButton
        icon={SmilePlus}
        label={t("add_reaction")}
        buttonRef={smile}
        onClick={() => setOpen("emoji")}
      />
      <IconButton
        icon={Reply}
        label={t("reply")}
        keys="R"
        class="mirrored"
        onClick={() => startReply(place, message)}
      />
      {place.thread === null && (
        <IconButton
          icon={MessageSquareText}
          label={t("reply_in_thread")}
          keys="T"
          onClick={() => openThread(place.room.id, message.thread ?? message.seq)}
        />
      )}
      <IconButton
        icon={saved ? BookmarkCheck : Bookmark}
        label={saved ? t("remove_from_saved") : t("save_for_later")}
        keys="S"
        aria-pressed={saved}
        onClick={() => void attempt(() => toggleSaved(place, message))}
      />
      <IconButton
        icon={Ellipsis}
        label={t("more_actions")}
        buttonRef={more}
        aria-haspopup="menu"
        aria-expanded={open === "menu"}
        onClick={() => setOpen("menu")}
      />
      {open === "emoji" && smile.current && (
        <EmojiPicker
          anchor={smile.current}
          onClose={() => setOpen(null)}
          onPick={(emoji) => toggleReaction(place, message, emoji)}
        />
      )}
      {open === "menu" && more.current && (
        <Menu
          anchor={more.current}
          label={t("message_actions")}
          groups={messageMenu(place, message)}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}
