import { TriangleAlert } from "lucide-preact";
import { t } from "../i18n";
import { looksLikeAnother } from "../state/lookalike";
import { nameOf, person } from "../state/people";
import { Icon } from "../ui/button";
import "./name.css";

/** A display name, isolated from the direction of the text around it. A name that looks like the
 * username of somebody else is shown with the person's own username. */
export function Name({ id, withUsername = false }: { id: string; withUsername?: boolean }) {
  const user = person(id);
  const alike = user !== undefined && looksLikeAnother(user);
  const differs = user !== undefined && user.username !== user.display_name;
  return (
    <span class="name">
      <bdi>{nameOf(id)}</bdi>
      {alike && (
        <span class="name-alike" title={t("looks_like_another")}>
          <Icon icon={TriangleAlert} size={13} />
          <span class="quiet-text">{t("looks_like_another")}</span>
        </span>
      )}
      {(alike || (withUsername && differs)) && <bdi class="name-username">@{user.username}</bdi>}
    </span>
  );
}
