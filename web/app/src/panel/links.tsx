import { ChevronRight } from "lucide-preact";
import type { LucideIcon } from "lucide-preact";
import { formatNumber } from "../i18n";
import { openPanel, type Panel } from "../router";
import { Icon } from "../ui/button";

export interface PanelLink {
  readonly panel: Panel;
  readonly icon: LucideIcon;
  readonly label: string;
  readonly hint: string;
  readonly badge?: number;
}

/** Ways from a panel to those that are parts of it. */
export function PanelLinks({ label, links }: { label: string; links: readonly PanelLink[] }) {
  return (
    <nav class="panel-section panel-links" aria-label={label}>
      {links.map(({ panel, icon, label, hint, badge = 0 }) => (
        <button key={panel} type="button" class="panel-link" onClick={() => openPanel(panel)}>
          <Icon icon={icon} />
          <span>
            {label}
            <small>{hint}</small>
          </span>
          {badge > 0 && <span class="badge digits">{formatNumber(badge)}</span>}
          <span class="mirrored">
            <Icon icon={ChevronRight} size={16} />
          </span>
        </button>
      ))}
    </nav>
  );
}
