import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { account, loadAccount } from "../state/account";
import { chat } from "../state/chat";
import { attempt, complain, inform } from "../state/errors";
import { Button } from "../ui/button";
import { Field, Switch } from "../ui/field";

export function AccountSection() {
  const own = account.value;
  useEffect(() => void loadAccount().catch(complain), []);
  const share = (share_read_markers: boolean): Promise<void> =>
    attempt(async () => {
      account.value = await chat.api.patch("/users/me", { body: { share_read_markers } });
      inform(t("saved_changes"));
    });
  return (
    <section class="panel-section">
      <h3>{t("account")}</h3>
      {own !== null && (
        <Switch
          label={t("share_read_markers")}
          hint={t("share_read_markers_hint")}
          checked={own.share_read_markers}
          onChange={(checked) => void share(checked)}
        />
      )}
      <PasswordForm />
    </section>
  );
}

function PasswordForm() {
  const [open, setOpen] = useState(false);
  const [before, setBefore] = useState("");
  const [after, setAfter] = useState("");
  if (!open) return <Button onClick={() => setOpen(true)}>{t("change_password")}</Button>;
  return (
    <form
      class="panel-form"
      onSubmit={(event) => {
        event.preventDefault();
        void attempt(async () => {
          await chat.api.put("/users/me/password", {
            body: { old_password: before, new_password: after },
          });
          inform(t("password_changed"));
          setOpen(false);
          setBefore("");
          setAfter("");
        });
      }}
    >
      <Field
        label={t("old_password")}
        type="password"
        autocomplete="current-password"
        required
        value={before}
        onInput={(event) => setBefore(event.currentTarget.value)}
      />
      <Field
        label={t("new_password")}
        type="password"
        autocomplete="new-password"
        required
        minLength={8}
        hint={t("password_hint")}
        value={after}
        onInput={(event) => setAfter(event.currentTarget.value)}
      />
      <Button kind="primary" type="submit">
        {t("change_password")}
      </Button>
    </form>
  );
}
