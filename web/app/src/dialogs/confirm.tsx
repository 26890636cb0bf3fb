import { t } from "../i18n";
import { attempt } from "../state/errors";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { closeDialog, type OpenDialog } from "./open";

/** Asked only before what cannot be undone. */
export function ConfirmDialog({
  title,
  text,
  action,
  run,
}: Extract<OpenDialog, { kind: "confirm" }>) {
  return (
    <Dialog title={title} onClose={closeDialog}>
      <p>{text}</p>
      <div class="dialog-actions">
        <Button onClick={closeDialog}>{t("cancel")}</Button>
        <Button
          kind="danger"
          onClick={() => {
            closeDialog();
            void attempt(run);
          }}
        >
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
