import type { Signal } from "@preact/signals";
import { useSignalEffect } from "@preact/signals";
import type { Ref } from "preact";
import { useImperativeHandle, useRef, useState } from "preact/hooks";
import type { Room } from "chat-client";
import { preferences } from "../state/preferences";
import { findCandidates, type Candidate } from "./candidates";
import { CompletionList } from "./completion-list";
import {
  continueList,
  fence,
  insertWord,
  isInFence,
  pasteLink,
  toggleMarks,
  type Draft,
} from "./edits";
import { findTrigger, type Trigger } from "./trigger";
import "./text-box.css";

export interface TextBoxHandle {
  focus(): void;
  insert(text: string): void;
  insertWord(word: string): void;
  toggle(mark: "**" | "_" | "`" | "```"): void;
}

interface Properties {
  readonly room: Room;
  readonly value: Signal<string>;
  readonly label: string;
  readonly placeholder: string;
  readonly handle: Ref<TextBoxHandle>;
  readonly onSubmit: () => void;
  readonly onEscape: () => void;
  readonly onArrowUp?: () => void;
  readonly onTyped?: () => void;
  readonly disabled?: boolean;
}

const MARKS: Readonly<Record<string, "**" | "_" | "`">> = { b: "**", i: "_", e: "`" };

/** A text area that grows, completes names, and knows Markdown's lists, marks and links. */
export function TextBox(properties: Properties) {
  const {
    room,
    value,
    label,
    placeholder,
    handle,
    onSubmit,
    onEscape,
    onArrowUp,
    onTyped,
    disabled = false,
  } = properties;
  const area = useRef<HTMLTextAreaElement>(null);
  const [completion, setCompletion] = useState<{
    trigger: Trigger;
    items: readonly Candidate[];
  } | null>(null);
  const [chosen, setChosen] = useState(0);

  useSignalEffect(() => {
    const element = area.current;
    if (element === null) return;
    if (element.value !== value.value) element.value = value.value;
    grow(element);
  });
  const draft = (): Draft => {
    const element = area.current;
    if (element === null) return { text: "", start: 0, end: 0 };
    return { text: element.value, start: element.selectionStart, end: element.selectionEnd };
  };
  const apply = (next: Draft | null): boolean => {
    if (next === null || area.current === null) return false;
    replaceText(area.current, next);
    value.value = area.current.value;
    return true;
  };
  useImperativeHandle(handle, () => ({
    focus: () => area.current?.focus(),
    toggle: (mark) => {
      area.current?.focus();
      apply(mark === "```" ? fence(draft()) : toggleMarks(draft(), mark));
    },
    insertWord: (word) => {
      area.current?.focus();
      apply(insertWord(draft(), word));
    },
    insert: (text) => {
      area.current?.focus();
      const { text: all, start, end } = draft();
      const at = start + text.length;
      apply({ text: all.slice(0, start) + text + all.slice(end), start: at, end: at });
    },
  }));

  const complete = async (): Promise<void> => {
    const { text, start, end } = draft();
    const trigger = start === end && !isInFence(text, start) ? findTrigger(text, start) : null;
    const items = trigger === null ? [] : await findCandidates(trigger, room).catch(() => []);
    if (draft().text !== text) return; // something else was typed meanwhile
    setChosen(0);
    setCompletion(trigger === null || items.length === 0 ? null : { trigger, items });
  };
  const pick = (candidate: Candidate | undefined): void => {
    if (completion === null || candidate === undefined) return;
    const { text, end } = draft();
    const at = completion.trigger.start + candidate.insert.length;
    apply({
      text: text.slice(0, completion.trigger.start) + candidate.insert + text.slice(end),
      start: at,
      end: at,
    });
    setCompletion(null);
    candidate.run?.();
  };
  const completionKey = (event: KeyboardEvent): boolean => {
    if (completion === null) return false;
    const { items } = completion;
    if (event.key === "ArrowDown") setChosen((chosen + 1) % items.length);
    else if (event.key === "ArrowUp") setChosen((chosen + items.length - 1) % items.length);
    else if (event.key === "Escape") setCompletion(null);
    else if (event.key === "Tab" || event.key === "Enter") pick(items[chosen]);
    else return false;
    return true;
  };
  const key = (event: KeyboardEvent): boolean => {
    if (event.isComposing) return false;
    if (completionKey(event)) return true;
    const command = event.ctrlKey || event.metaKey;
    const mark = command && !event.shiftKey ? MARKS[event.key] : undefined;
    if (mark !== undefined) return apply(toggleMarks(draft(), mark));
    if (command && event.shiftKey && event.key.toLowerCase() === "c") return apply(fence(draft()));
    if (event.key === "Enter" && !event.shiftKey && (command || submitsWithEnter(draft()))) {
      onSubmit();
      return true;
    }
    if (event.key === "Enter" && !command) return apply(continueList(draft()));
    if (event.key === "Escape") onEscape();
    else if (event.key === "ArrowUp" && value.peek() === "" && onArrowUp) onArrowUp();
    else return false;
    return true;
  };

  return (
    <div class="text-box">
      <textarea
        ref={area}
        rows={1}
        dir="auto"
        aria-label={label}
        placeholder={placeholder}
        disabled={disabled}
        enterkeyhint={preferences.value.sends === "enter" ? "send" : "enter"}
        aria-autocomplete="list"
        {...(completion === null
          ? {}
          : { "aria-controls": "completion", "aria-activedescendant": `completion-${chosen}` })}
        onInput={(event) => {
          value.value = event.currentTarget.value;
          onTyped?.();
          void complete();
        }}
        onKeyDown={(event) => {
          if (!key(event)) return;
          event.preventDefault();
          event.stopPropagation();
        }}
        onPaste={(event) => {
          const pasted = event.clipboardData?.getData("text/plain") ?? "";
          if (apply(pasteLink(draft(), pasted))) event.preventDefault();
        }}
        onBlur={() => setTimeout(() => setCompletion(null), 150)}
      />
      {completion !== null && (
        <CompletionList items={completion.items} chosen={chosen} onPick={pick} />
      )}
    </div>
  );
}

/** In a block of code Enter makes a line, like with Shift. */
function submitsWithEnter({ text, start }: Draft): boolean {
  return (
    preferences.peek().sends === "enter" &&
    !isInFence(text, start) &&
    !matchMedia("(pointer: coarse)").matches
  );
}

function grow(element: HTMLTextAreaElement): void {
  element.style.height = "auto";
  element.style.height = `${element.scrollHeight}px`;
}

/** As if it was typed, so that undo knows it. */
function replaceText(element: HTMLTextAreaElement, next: Draft): void {
  element.focus();
  element.setSelectionRange(0, element.value.length);
  // The one way to change a text area so that undo still works; no browser has another one.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  if (!document.execCommand("insertText", false, next.text)) element.value = next.text;
  element.setSelectionRange(next.start, next.end);
}
