import { Users } from "lucide-preact";
import { t } from "../i18n";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/button";
import type { Candidate } from "./candidates";

interface Properties {
  readonly items: readonly Candidate[];
  readonly chosen: number;
  readonly onPick: (candidate: Candidate) => void;
}

export function CompletionList({ items, chosen, onPick }: Properties) {
  return (
    <ul class="completion" role="listbox" id="completion" aria-label={t("suggestions")}>
      {items.map((item, index) => (
        <li
          key={item.key}
          id={`completion-${index}`}
          role="option"
          aria-selected={index === chosen}
          onPointerDown={(event) => {
            event.preventDefault();
            onPick(item);
          }}
        >
          {item.person !== undefined && <Avatar id={item.person} name={item.label} size={20} />}
          {item.many === true && (
            <span class="completion-many">
              <Icon icon={Users} size={16} />
            </span>
          )}
          {item.emoji !== undefined && <span class="completion-emoji">{item.emoji}</span>}
          <bdi>{item.label}</bdi>
          <small dir="auto">{item.detail}</small>
        </li>
      ))}
    </ul>
  );
}
