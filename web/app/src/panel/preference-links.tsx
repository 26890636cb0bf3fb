import { Filter, Flag, ScrollText, Users, UserX } from "lucide-preact";
import { t } from "../i18n";
import { account } from "../state/account";
import { PanelLinks } from "./links";

/** Lists that belong to the person, on all of their devices. */
export function OwnListsSection() {
  return (
    <PanelLinks
      label={t("more_of_yours")}
      links={[
        {
          panel: "groups",
          icon: Users,
          label: t("user_groups"),
          hint: t("user_groups_hint"),
        },
        {
          panel: "blocked",
          icon: UserX,
          label: t("blocked_people"),
          hint: t("blocked_people_hint"),
        },
        { panel: "my-reports", icon: Flag, label: t("my_reports"), hint: t("my_reports_hint") },
      ]}
    />
  );
}

/** What administrators of the server see of all rooms. */
export function AdministrationSection() {
  if (account.value?.is_admin !== true) return null;
  return (
    <PanelLinks
      label={t("administration")}
      links={[
        {
          panel: "reports",
          icon: Flag,
          label: t("reports_of_server"),
          hint: t("reports_of_server_hint"),
        },
        {
          panel: "filters",
          icon: Filter,
          label: t("word_filter_of_server"),
          hint: t("word_filter_of_server_hint"),
        },
        {
          panel: "audit-log",
          icon: ScrollText,
          label: t("audit_log_of_server"),
          hint: t("audit_log_of_server_hint"),
        },
      ]}
    />
  );
}
