import { useState } from "preact/hooks";
import { t } from "../i18n";
import { route } from "../router";
import { chat, session } from "../state/chat";
import { explain } from "../state/errors";
import { server, serverName } from "../state/server";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Front } from "./front";

/** Where somebody without a session arrives: sign in, or register where that is open. */
export function SignInPage() {
  const [registers, setRegisters] = useState(location.pathname === "/register");
  const open = server.value?.registration !== "closed";
  const invited = route.value.invite !== null;
  return (
    <Front
      {...(invited ? { text: t(open ? "invited_text" : "invited_text_closed") } : {})}
      title={
        registers
          ? t("register_title", { server: serverName.value })
          : t("sign_in_title", { server: serverName.value })
      }
    >
      <AccountForm key={String(registers)} registers={registers} />
      {open && (
        <p class="front-other">
          {registers ? t("have_account") : t("no_account")}{" "}
          <button type="button" onClick={() => setRegisters(!registers)}>
            {registers ? t("sign_in") : t("register")}
          </button>
        </p>
      )}
    </Front>
  );
}

function AccountForm({ registers }: { registers: boolean }) {
  const [username, setUsername] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const current = session.value;
  const reason = current.state === "signed_out" ? current.reason : undefined;
  const submit = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const name = displayName.trim();
      if (registers)
        await chat.register({ username, password, ...(name === "" ? {} : { display_name: name }) });
      else await chat.signIn(username, password);
    } catch (failure) {
      setError(explain(failure));
      setBusy(false);
    }
  };
  return (
    <form
      class="front-form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {reason !== undefined && error === null && <p class="front-note">{reason}</p>}
      {error !== null && (
        <p class="front-error" role="alert">
          {error}
        </p>
      )}
      <Field
        label={t("username")}
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        required
        autofocus
        hint={registers ? t("username_hint") : undefined}
        value={username}
        onInput={(event) => setUsername(event.currentTarget.value)}
      />
      {registers && (
        <Field
          label={t("display_name_optional")}
          name="name"
          autocomplete="name"
          maxLength={64}
          dir="auto"
          value={displayName}
          onInput={(event) => setDisplayName(event.currentTarget.value)}
        />
      )}
      <Field
        label={t("password")}
        name="password"
        type="password"
        autocomplete={registers ? "new-password" : "current-password"}
        required
        minLength={registers ? 8 : undefined}
        hint={registers ? t("password_hint") : undefined}
        value={password}
        onInput={(event) => setPassword(event.currentTarget.value)}
      />
      <Button kind="primary" type="submit" disabled={busy}>
        {registers ? t("register") : t("sign_in")}
      </Button>
    </form>
  );
}
