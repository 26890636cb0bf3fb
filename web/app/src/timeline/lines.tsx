import { t } from "../i18n";
import { formatDay } from "../i18n/dates";

export function DayLine({ at }: { at: number }) {
  return (
    <div class="day-line" role="separator">
      <span>{formatDay(at)}</span>
    </div>
  );
}

export function NewLine() {
  return (
    <div class="new-line" role="separator">
      <span>{t("new_line")}</span>
    </div>
  );
}
