import { UserRound } from "lucide-preact";
import { t } from "../i18n";
import { PanelFrame } from "./host";
import { PanelLinks } from "./links";
import { PresenceSection } from "./presence";
import { StatusSection } from "./status-form";

/** What others see of the reader: a status, and whether they are there. */
export function StatusPanel() {
  return (
    <PanelFrame title={t("your_status")}>
      <div class="panel-body">
        <StatusSection />
        <PresenceSection />
        <PanelLinks
          label={t("profile")}
          links={[
            {
              panel: "preferences",
              icon: UserRound,
              label: t("profile"),
              hint: t("profile_hint"),
            },
          ]}
        />
      </div>
    </PanelFrame>
  );
}
