import type { LucideIcon } from "lucide-preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./button";
import { Popover } from "./popover";
import { moveFocus } from "./roving";

export interface MenuItem {
  readonly label: string;
  readonly icon: LucideIcon;
  readonly run: () => void;
  readonly keys?: string;
  readonly danger?: boolean;
}

interface Properties {
  readonly anchor: Element;
  readonly label: string;
  /** Groups are separated by lines; empty ones are left out. */
  readonly groups: readonly (readonly MenuItem[])[];
  readonly onClose: () => void;
}

export function Menu({ anchor, label, groups, onClose }: Properties) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => list.current?.querySelector("button")?.focus(), []);
  const shown = groups.filter((group) => group.length > 0);
  return (
    <Popover anchor={anchor} label={label} onClose={onClose} align="end">
      <div
        class="menu"
        role="menu"
        aria-label={label}
        ref={list}
        onKeyDown={(event) => moveFocus(event, "button")}
      >
        {shown.map((group, index) => (
          <>
            {index > 0 && <div class="menu-line" role="separator" />}
            {group.map((item) => (
              <button
                key={item.label}
                type="button"
                role="menuitem"
                class="menu-item"
                data-danger={item.danger === true}
                onClick={() => {
                  onClose();
                  item.run();
                }}
              >
                <Icon icon={item.icon} />
                {item.label}
                {item.keys !== undefined && <kbd>{item.keys}</kbd>}
              </button>
            ))}
          </>
        ))}
      </div>
    </Popover>
  );
}
