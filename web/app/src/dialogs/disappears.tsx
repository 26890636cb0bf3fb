import { t } from "../i18n";
import { timeFromThen } from "../i18n/durations";

/** That what is about to be sent disappears, as the composer was set. */
export function Disappears({ seconds }: { seconds: number | undefined }) {
  if (seconds === undefined) return null;
  return <p class="field-hint">{t("disappears_in", { when: timeFromThen(seconds) })}</p>;
}
