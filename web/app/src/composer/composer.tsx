import { useSignal } from "@preact/signals";
import { AtSign, Bold, Code, Lock, Plus, Smile, TimerOff, X } from "lucide-preact";
import type { TimelineMessage } from "chat-client";
import { useEffect, useRef, useState } from "preact/hooks";
import { EmojiPicker } from "../emoji/lazy-picker";
import { t } from "../i18n";
import { usePlace } from "../message/context";
import { roomEntry } from "../state/chat";
import { maySend } from "../state/permissions";
import { nameOf, roomName } from "../state/people";
import { draftOf } from "../state/items";
import { summarize } from "../text/markdown";
import { Button, Icon, IconButton } from "../ui/button";
import { Menu } from "../ui/menu";
import { registerBox } from "./boxes";
import { ConnectionLine } from "./connection-line";
import { expiryMenu, expiryOf } from "./expiry";
import { composerMenu } from "./menu";
import { findObstacle } from "./obstacle";
import { ComposerOptions } from "./options";
import { formatSeconds, PaceLine } from "./pace-line";
import { TextBox, type TextBoxHandle } from "./text-box";
import { TypingLine } from "./typing-line";
import { useDraft } from "./use-draft";
import { usePace } from "./use-pace";
import "./composer.css";

interface Properties {
  /** Called with a function that puts the focus here. */
  readonly onReady: (focus: () => void) => void;
  readonly onEditLast: () => void;
  readonly onSent: () => void;
  /** Of the thread that is shown. */
  readonly lock?: TimelineMessage["thread_lock"];
}

/** Where one writes, in a room or a thread. What is not sent stays, on every device. */
export function Composer({ onReady, onEditLast, onSent, lock }: Properties) {
  const { room, thread, replyTo } = usePlace();
  const pace = usePace(roomEntry(room.id));
  const box = useRef<TextBoxHandle>(null);
  const smile = useRef<HTMLButtonElement>(null);
  const plus = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState<"emoji" | "menu" | "expiry" | null>(null);
  const text = useSignal(draftOf(room.id, thread));
  const alsoInRoom = useSignal(false);
  const silent = useSignal(false);
  const expiry = expiryOf(room.id, thread);
  const keepDraft = useDraft(room, thread, text);
  useEffect(() => onReady(() => box.current?.focus()), []);
  useEffect(() => registerBox(room.id, thread, box), [room, thread]);

  const entry = roomEntry(room.id);
  if (entry === undefined) return null;
  const obstacle = findObstacle(entry, thread, lock);
  if (obstacle !== null) {
    return (
      <p class="composer-closed" role="status">
        <Icon icon={entry.timed_out_until == null ? Lock : TimerOff} size={16} />
        {obstacle}
      </p>
    );
  }
  const name = roomName(entry);
  const title = entry.kind === "public" || entry.kind === "private" ? `#${name}` : name;
  const placeholder = thread === null ? t("message_to", { room: title }) : t("reply_placeholder");

  const send = (): void => {
    const written = text.value.trim();
    if (written === "" || pace.left > 0) return;
    const answer = replyTo.peek();
    room
      .send({
        text: written,
        ...(answer === null ? {} : { reply_to: answer.seq }),
        ...(thread === null
          ? {}
          : { thread, ...(alsoInRoom.peek() ? { also_in_room: true } : {}) }),
        ...(silent.peek() ? { silent: true } : {}),
        ...(expiry.peek() === 0 ? {} : { expires_in_s: expiry.peek() }),
      })
      .catch(() => undefined); // the message itself shows why
    text.value = "";
    replyTo.value = null;
    silent.value = false;
    keepDraft("");
    pace.onSent();
    onSent();
  };
  const escape = (): void => {
    if (replyTo.peek() !== null) replyTo.value = null;
  };
  return (
    <div class="composer">
      <div class="composer-lines">
        <TypingLine room={room} />
        <PaceLine pace={pace} />
        <ConnectionLine />
      </div>
      <form
        class="composer-box"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        {replyTo.value !== null && (
          <div class="composer-reply">
            <span>
              {t("replying_to")}{" "}
              <b>
                <bdi>{nameOf(replyTo.value.sender)}</bdi>
              </b>{" "}
              <bdi>{summarize(replyTo.value.text, 80)}</bdi>
            </span>
            <IconButton
              icon={X}
              label={t("cancel")}
              keys="Esc"
              size={16}
              onClick={() => (replyTo.value = null)}
            />
          </div>
        )}
        <TextBox
          room={room}
          value={text}
          label={placeholder}
          placeholder={placeholder}
          handle={box}
          onSubmit={send}
          onEscape={escape}
          onArrowUp={onEditLast}
          onTyped={() => {
            keepDraft(text.value);
            if (text.value !== "") room.typing();
          }}
        />
        <ComposerOptions silent={silent} expiry={expiry} onRemoved={() => box.current?.focus()} />
        <div class="composer-tools">
          <IconButton
            icon={Plus}
            label={t("more_actions")}
            buttonRef={plus}
            aria-haspopup="menu"
            aria-expanded={open === "menu"}
            onClick={() => setOpen("menu")}
          />
          <IconButton
            icon={Smile}
            label={t("emoji")}
            buttonRef={smile}
            aria-expanded={open === "emoji"}
            onClick={() => setOpen("emoji")}
          />
          <IconButton
            icon={AtSign}
            label={t("mention_somebody")}
            onClick={() => box.current?.insert("@")}
          />
          <IconButton
            icon={Bold}
            class="composer-wide"
            label={t("bold")}
            keys="Ctrl B"
            onClick={() => box.current?.toggle("**")}
          />
          <IconButton
            icon={Code}
            class="composer-wide"
            label={t("code")}
            keys="Ctrl E"
            onClick={() => box.current?.toggle("`")}
          />
          {thread !== null && maySend(entry) && (
            <label class="composer-also">
              <input
                type="checkbox"
                checked={alsoInRoom.value}
                onChange={(event) => (alsoInRoom.value = event.currentTarget.checked)}
              />
              {t("also_in_room")}
            </label>
          )}
          <Button
            kind="primary"
            type="submit"
            class="composer-send"
            disabled={text.value.trim() === "" || pace.left > 0}
          >
            {pace.left > 0 ? (
              <span class="digits">{formatSeconds(pace.left)}</span>
            ) : (
              t(thread === null ? "send" : "reply")
            )}
          </Button>
        </div>
        {open === "emoji" && smile.current && (
          <EmojiPicker
            anchor={smile.current}
            onClose={() => setOpen(null)}
            onPick={(emoji) => box.current?.insert(emoji)}
          />
        )}
        {open === "menu" && plus.current && (
          <Menu
            anchor={plus.current}
            label={t("more_actions")}
            align="start"
            groups={composerMenu(room, thread, text, silent, expiry.value, {
              forget: () => keepDraft(""),
              chooseExpiry: () => setOpen("expiry"),
            })}
            onClose={() => setOpen(null)}
          />
        )}
        {open === "expiry" && plus.current && (
          <Menu
            anchor={plus.current}
            label={t("let_disappear")}
            title={t("let_disappear")}
            align="start"
            groups={expiryMenu(entry, expiry)}
            onClose={() => setOpen(null)}
          />
        )}
      </form>
    </div>
  );
}
