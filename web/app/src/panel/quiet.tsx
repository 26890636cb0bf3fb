import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { Button } from "../ui/button";

const HOURS = [1, 4, 12];

interface Properties {
  readonly until: string | null;
  readonly onChange: (until: string | null) => void;
}

/** Do not disturb, by hand: for some hours, or until then. */
export function Quiet({ until, onChange }: Properties) {
  const end = until === null ? 0 : Date.parse(until);
  if (end > Date.now()) {
    return (
      <>
        <p class="field-hint">{t("quiet_until", { time: formatMoment(end) })}</p>
        <Button onClick={() => onChange(null)}>{t("end_quiet")}</Button>
      </>
    );
  }
  return (
    <div class="choices">
      {HOURS.map((hours) => (
        <Button
          key={hours}
          onClick={() => onChange(new Date(Date.now() + hours * 3_600_000).toISOString())}
        >
          {t("hours_long", { hours })}
        </Button>
      ))}
    </div>
  );
}
