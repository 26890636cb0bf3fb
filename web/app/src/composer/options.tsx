import type { Signal } from "@preact/signals";
import { BellOff, TimerReset, X } from "lucide-preact";
import type { LucideIcon } from "lucide-preact";
import { t } from "../i18n";
import { timeFromThen } from "../i18n/durations";
import { Icon } from "../ui/button";

interface Properties {
  readonly silent: Signal<boolean>;
  readonly expiry: Signal<number>;
  /** One was taken back: its button, which had the focus, is gone. */
  readonly onRemoved: () => void;
}

/** How the next message is sent, where that is not as always. A press takes it back. */
export function ComposerOptions({ silent, expiry, onRemoved }: Properties) {
  if (!silent.value && expiry.value === 0) return null;
  return (
    <div class="composer-options">
      {silent.value && (
        <Option
          icon={BellOff}
          label={t("silently")}
          onRemove={() => {
            silent.value = false;
            onRemoved();
          }}
        />
      )}
      {expiry.value > 0 && (
        <Option
          icon={TimerReset}
          label={t("disappears_in", { when: timeFromThen(expiry.value) })}
          onRemove={() => {
            expiry.value = 0;
            onRemoved();
          }}
        />
      )}
    </div>
  );
}

interface OptionProperties {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly onRemove: () => void;
}

function Option({ icon, label, onRemove }: OptionProperties) {
  return (
    <button type="button" class="composer-option" title={t("remove")} onClick={onRemove}>
      <Icon icon={icon} size={14} />
      {label}
      <Icon icon={X} size={14} />
    </button>
  );
}
