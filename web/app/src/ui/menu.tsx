import type { LucideIcon } from "lucide-preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./button";
import { Popover } from "./popover";
import { moveFocus } from "./roving";

export interface MenuItem {
  readonly label: string;
  readonly icon?: LucideIcon;
  readonly run: () => void;
  readonly keys?: string;
  readonly danger?: boolean;
  /** Of a menu in which one item is chosen. */
  readonly checked?: boolean;
}

interface Properties {
  readonly anchor: Element;
  readonly label: string;
  /** Groups are separated by lines; empty ones are left out. */
  readonly groups: readonly (readonly MenuItem[])[];
  readonly onClose: () => void;
  readonly align?: "start" | "end";
  /** Shown above the items: what they are choices of. */
  readonly title?: string;
}

export function Menu(properties: Properties) {
  const { anchor, label, groups, onClose, align = "end", title } = properties;
  const list = useRef<HTMLDivElement>(null);
  useEffect(
    () =>
      (
        list.current?.querySelector<HTMLElement>("[aria-checked=true]") ??
        list.current?.querySelector("button")
      )?.focus(),
    [],
  );
  const shown = groups.filter((group) => group.length > 0);
  return (
    <Popover anchor={anchor} label={label} onClose={onClose} align={align}>
      {title !== undefined && <p class="menu-title">{title}</p>}
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
                role={item.checked === undefined ? "menuitem" : "menuitemradio"}
                aria-checked={item.checked}
                class="menu-item"
                data-danger={item.danger === true}
                onClick={() => {
                  onClose();
                  item.run();
                }}
              >
                {item.icon === undefined ? (
                  <span class="menu-no-icon" />
                ) : (
                  <Icon icon={item.icon} />
                )}
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
