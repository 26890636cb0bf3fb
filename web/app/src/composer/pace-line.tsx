import { Turtle } from "lucide-preact";
import { t } from "../i18n";
import { durationText } from "../i18n/durations";
import { Icon } from "../ui/button";
import type { Pace } from "./use-pace";

/** Seconds as a clock: "0:24", "5:00". */
export function formatSeconds(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** How often one may write here, while the next message has to wait. */
export function PaceLine({ pace: { every, left } }: { pace: Pace }) {
  if (every === 0) return null;
  return (
    <p class="pace-line" data-waits={left > 0}>
      <Icon icon={Turtle} size={14} />
      {t("slow_mode_every", { time: durationText(every) })}
    </p>
  );
}
