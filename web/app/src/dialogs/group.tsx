import { useState } from "preact/hooks";
import { t } from "../i18n";
import { chat } from "../state/chat";
import { complain, refusalsOf, type Refusals } from "../state/errors";
import { forgetGroups, keepGroup } from "../state/groups";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { closeDialog, type OpenDialog } from "./open";
import "./dialogs.css";

/** Makes a user group, or changes how it is called. */
export function GroupDialog({ group, onDone }: Extract<OpenDialog, { kind: "group" }>) {
  const [handle, setHandle] = useState(group?.handle ?? "");
  const [name, setName] = useState(group?.display_name ?? "");
  const [refusals, setRefusals] = useState<Refusals<"handle" | "display_name">>({});
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    setRefusals({});
    const display_name = name.trim();
    const body = { handle: handle.trim(), ...(display_name === "" ? {} : { display_name }) };
    try {
      const saved =
        group === undefined
          ? await chat.api.post("/groups", { body })
          : await chat.api.patch("/groups/{group_id}", { path: { group_id: group.id }, body });
      keepGroup(saved);
      forgetGroups();
      closeDialog();
      onDone(saved);
    } catch (error) {
      const found = refusalsOf(error, ["handle", "display_name"]);
      if (found === null) complain(error);
      else setRefusals(found);
      setBusy(false);
    }
  };
  return (
    <Dialog title={group === undefined ? t("new_group") : t("edit_group")} onClose={closeDialog}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field
          label={t("handle")}
          hint={t("handle_hint")}
          error={refusals.handle}
          value={handle}
          required
          autofocus
          minLength={2}
          maxLength={32}
          dir="auto"
          autocapitalize="none"
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => setHandle(event.currentTarget.value.replace(/^@/, ""))}
        />
        <Field
          label={t("display_name_optional")}
          error={refusals.display_name}
          value={name}
          maxLength={64}
          dir="auto"
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{t("cancel")}</Button>
          <Button kind="primary" type="submit" disabled={busy || handle.trim() === ""}>
            {group === undefined ? t("create_group") : t("save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
