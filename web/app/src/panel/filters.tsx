import { Ban, Filter, Flag, Trash2 } from "lucide-preact";
import type { CreateFilterRule, FilterRule } from "chat-client";
import { useState } from "preact/hooks";
import { plural, t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { route } from "../router";
import { chat, roomEntry } from "../state/chat";
import { attempt, complain, inform, refusalsOf, type Refusals } from "../state/errors";
import { nameOf, roomName } from "../state/people";
import { Button, Icon, IconButton } from "../ui/button";
import { Choice, Field } from "../ui/field";
import { Empty } from "../ui/states";
import { focusPanel, PanelFrame } from "./host";
import { ListBody } from "./list";
import { useList } from "./use-list";
import "./filters.css";

/** Which words and patterns a room refuses or reports, for those who delete messages of others. */
export function RoomFiltersPanel() {
  const id = route.value.room ?? "";
  const entry = roomEntry(id);
  if (entry === undefined) return null;
  return (
    <PanelFrame title={t("word_filter")} subtitle={roomName(entry)} back="room">
      <Rules api={ofRoom(id)} about={t("word_filter_text")} fixed={entry.archived} />
    </PanelFrame>
  );
}

/** The same for all rooms, for administrators of the server. */
export function ServerFiltersPanel() {
  return (
    <PanelFrame title={t("word_filter_of_server")} back="preferences">
      <Rules api={ofServer} about={t("word_filter_of_server_text")} />
    </PanelFrame>
  );
}

interface FilterApi {
  readonly list: () => Promise<{ readonly items: readonly FilterRule[] }>;
  readonly add: (rule: CreateFilterRule) => Promise<FilterRule>;
  readonly remove: (rule: string) => Promise<unknown>;
}

const ofServer: FilterApi = {
  list: () => chat.api.get("/filters"),
  add: (body) => chat.api.post("/filters", { body }),
  remove: (rule_id) => chat.api.delete("/filters/{rule_id}", { path: { rule_id } }),
};

const ofRoom = (room_id: string): FilterApi => ({
  list: () => chat.api.get("/rooms/{room_id}/filters", { path: { room_id } }),
  add: (body) => chat.api.post("/rooms/{room_id}/filters", { path: { room_id }, body }),
  remove: (rule_id) =>
    chat.api.delete("/rooms/{room_id}/filters/{rule_id}", { path: { room_id, rule_id } }),
});

interface RulesProperties {
  readonly api: FilterApi;
  readonly about: string;
  /** Nothing can be changed. */
  readonly fixed?: boolean;
}

function Rules({ api, about, fixed = false }: RulesProperties) {
  const list = useList(async () => ({ ...(await api.list()), next: null }), []);
  const remove = (rule: FilterRule): void =>
    void attempt(async () => {
      await api.remove(rule.id);
      focusPanel();
      list.reload();
      const { kind, expression, action, note } = rule;
      const again = { kind, expression, action, note } as CreateFilterRule;
      inform(t("rule_removed"), {
        label: t("undo"),
        run: () => void attempt(() => api.add(again).finally(list.reload)),
      });
    });
  return (
    <div class="panel-body">
      {fixed ? (
        <p class="panel-section field-hint">{about}</p>
      ) : (
        <NewRule api={api} about={about} onAdded={list.reload} />
      )}
      {list.items !== null && list.items.length > 0 && (
        <h3 class="rule">{plural("rule_count", list.items.length)}</h3>
      )}
      <ListBody
        inline
        list={{ ...list, items: list.items?.toReversed() ?? null }}
        empty={<Empty icon={Filter} title={t("no_rules")} text={t("no_rules_text")} />}
        render={(rule) => (
          <RuleRow key={rule.id} rule={rule} onRemove={fixed ? undefined : () => remove(rule)} />
        )}
      />
    </div>
  );
}

interface NewRuleProperties {
  readonly api: FilterApi;
  readonly about: string;
  readonly onAdded: () => void;
}

function NewRule({ api, about, onAdded }: NewRuleProperties) {
  const [kind, setKind] = useState<CreateFilterRule["kind"]>("word");
  const [action, setAction] = useState<CreateFilterRule["action"]>("refuse");
  const [expression, setExpression] = useState("");
  const [note, setNote] = useState("");
  const [refusals, setRefusals] = useState<Refusals<"expression" | "note">>({});
  const [busy, setBusy] = useState(false);
  const isPattern = kind === "pattern";
  const add = async (): Promise<void> => {
    setBusy(true);
    setRefusals({});
    const told = action === "refuse" && note.trim() !== "" ? { note: note.trim() } : {};
    try {
      await api.add({ kind, expression: expression.trim(), action, ...told });
      setExpression("");
      setNote("");
      inform(t("rule_added"));
      onAdded();
    } catch (error) {
      const found = refusalsOf(error, ["expression", "note"]);
      if (found === null) complain(error);
      else setRefusals(found);
    }
    setBusy(false);
  };
  return (
    <form
      class="panel-section"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      <p class="field-hint">{about}</p>
      <div class="field-pair">
        <Choice
          label={t("filter_kind")}
          value={kind}
          options={[
            ["word", t("filter_words")],
            ["pattern", t("filter_pattern")],
          ]}
          onChange={setKind}
        />
        <Choice
          label={t("filter_action")}
          value={action}
          options={[
            ["refuse", t("is_refused")],
            ["report", t("is_reported")],
          ]}
          onChange={setAction}
        />
      </div>
      <Field
        label={isPattern ? t("filter_pattern") : t("filter_words")}
        hint={isPattern ? t("filter_pattern_hint") : t("filter_words_hint")}
        error={refusals.expression}
        class={isPattern ? "filter-code" : ""}
        value={expression}
        maxLength={200}
        required
        dir={isPattern ? "ltr" : "auto"}
        autocapitalize="none"
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          setExpression(event.currentTarget.value);
          setRefusals({});
        }}
      />
      {action === "refuse" && (
        <Field
          label={t("filter_note")}
          hint={t("filter_note_hint")}
          error={refusals.note}
          value={note}
          maxLength={200}
          dir="auto"
          onInput={(event) => setNote(event.currentTarget.value)}
        />
      )}
      <Button kind="primary" type="submit" disabled={busy || expression.trim() === ""}>
        {t("add_rule")}
      </Button>
    </form>
  );
}

interface RowProperties {
  readonly rule: FilterRule;
  readonly onRemove: (() => void) | undefined;
}

function RuleRow({ rule, onRemove }: RowProperties) {
  const { kind, expression, action, note, created_by, at } = rule;
  const refuses = action === "refuse";
  return (
    <article class="person sanction filter-rule">
      <span class="filter-sign" data-action={action}>
        <Icon icon={refuses ? Ban : Flag} size={16} />
      </span>
      <div>
        <h3 class={kind === "pattern" ? "filter-code" : ""}>
          <bdi dir={kind === "pattern" ? "ltr" : "auto"}>{expression}</bdi>
        </h3>
        <small>
          {t(kind === "pattern" ? "filter_pattern" : "filter_words")}
          {" · "}
          {refuses ? t("filter_refuse") : t("filter_report")}
        </small>
        {note !== null && <small dir="auto">{t("filter_tells", { note })}</small>}
        <small>
          {t("set_by", { name: nameOf(created_by) })}
          {" · "}
          <time dateTime={at}>{formatMoment(Date.parse(at))}</time>
        </small>
      </div>
      {onRemove !== undefined && (
        <IconButton
          icon={Trash2}
          size={16}
          label={t("remove_rule", { rule: expression })}
          onClick={onRemove}
        />
      )}
    </article>
  );
}
