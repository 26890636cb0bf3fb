import { useState } from "preact/hooks";
import { t } from "../i18n";
import { openRoom } from "../router";
import { chat } from "../state/chat";
import { explain } from "../state/errors";
import { readServer, signsIn } from "../state/server";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Front } from "./front";

/** The first run: the one who has the code of the server's log names it, and becomes its
 * administrator. */
export function WelcomePage() {
  const [values, setValues] = useState({
    code: new URLSearchParams(location.hash.slice(1)).get("code") ?? "",
    server_name: "",
    username: "",
    password: "",
    room_name: t("first_room_name"),
  });
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const bind = (name: keyof typeof values) => ({
    name,
    value: values[name],
    required: true,
    onInput: (event: { currentTarget: HTMLInputElement }) =>
      setValues({ ...values, [name]: event.currentTarget.value }),
  });
  const submit = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const { room } = await chat.api.post("/setup", { body: values });
      await readServer();
      openRoom(room.id);
      await chat.signIn(values.username, values.password);
    } catch (reason) {
      setError(explain(reason));
    }
    setBusy(false);
  };
  return (
    <Front title={t("welcome_title")} text={t("welcome_text")}>
      <form
        class="front-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {error !== null && (
          <p class="front-error" role="alert">
            {error}
          </p>
        )}
        <Field
          label={t("setup_code")}
          hint={t("setup_code_hint")}
          autocomplete="one-time-code"
          spellcheck={false}
          {...bind("code")}
        />
        <Field
          label={t("server_name")}
          hint={t("server_name_hint")}
          maxLength={64}
          dir="auto"
          {...bind("server_name")}
        />
        <Field
          label={t("username")}
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          {...bind("username")}
        />
        <Field
          label={t("password")}
          type="password"
          autocomplete="new-password"
          minLength={8}
          hint={t("password_hint")}
          {...bind("password")}
        />
        <Field label={t("first_room")} maxLength={64} dir="auto" {...bind("room_name")} />
        <Button kind="primary" type="submit" disabled={busy}>
          {t("start")}
        </Button>
      </form>
      <p class="front-other">
        {t("have_account")}{" "}
        <button type="button" onClick={() => (signsIn.value = true)}>
          {t("sign_in")}
        </button>
      </p>
    </Front>
  );
}
