import { History, Search, SearchX, TriangleAlert, X } from "lucide-preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { replaceQuery, route } from "../router";
import { describeFilter, Filters } from "../search/filters";
import { Hit } from "../search/hit";
import { findFault, join, separate, type Filter, type SearchParts } from "../search/query";
import { forget, forgetAll, loadRecent, recent, remember } from "../search/recent";
import { results, search, searchAgain, searchMore, type Order } from "../search/results";
import { Button, Icon, IconButton } from "../ui/button";
import { Empty, Skeleton } from "../ui/states";
import { PanelFrame } from "./host";
import "../search/search.css";

const PAUSE_MS = 400;
let order: Order = "time";
let scrolled = 0;

/** Messages by words and filters. The address has the query; filters are chips. */
export function SearchPanel() {
  const { query } = route.value;
  const given = useMemo(() => separate(query ?? ""), [query]);
  const [typed, setTyped] = useState<SearchParts>(given);
  const [by, setBy] = useState<Order>(order);
  const box = useRef<HTMLInputElement>(null);
  const fault = typed.filters.find((filter) => findFault(filter, typed.filters) !== undefined);
  const text = join(typed);
  useEffect(() => {
    loadRecent();
    if (!matchMedia("(pointer: coarse)").matches) box.current?.focus();
  }, []);
  // The address was changed elsewhere, such as by going back. What this panel has put there may be
  // older than what is typed.
  const written = useRef(query);
  useEffect(() => {
    if (query === written.current) return;
    written.current = query;
    setTyped(given);
  }, [query]);
  const run = (parts: SearchParts): void => {
    const wanted = join(parts);
    written.current = wanted === "" ? null : wanted;
    replaceQuery(wanted);
    if (parts.filters.every((filter) => findFault(filter, parts.filters) === undefined))
      search(wanted, order);
  };
  useEffect(() => {
    const open = separate(typed.words).filters.length > 0; // one is being typed
    if (open) return undefined;
    if (results.peek()?.query === text) return undefined;
    const timer = setTimeout(() => run(typed), results.peek() === null ? 0 : PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const change = (parts: SearchParts): void => {
    scrolled = 0;
    setTyped(parts);
  };
  const type = (value: string): void => {
    const parts = separate(value, { typing: true });
    change({ filters: merge(typed.filters, parts.filters), words: parts.words });
  };
  const submit = (): void => {
    const parts = separate(text);
    change(parts);
    run(parts);
    if (text !== "") remember(join(parts));
  };
  return (
    <PanelFrame title={t("search")}>
      <form
        class="panel-section search-form"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <div class="search-box">
          <Icon icon={Search} size={16} />
          <input
            ref={box}
            type="search"
            aria-label={t("search_messages")}
            placeholder={t("search_messages")}
            dir="auto"
            autocomplete="off"
            enterkeyhint="search"
            value={typed.words}
            aria-invalid={fault !== undefined}
            {...(fault === undefined ? {} : { "aria-describedby": "search-fault" })}
            onInput={(event) => type(event.currentTarget.value)}
            onKeyDown={(event) => {
              const last = typed.filters.at(-1);
              if (event.key !== "Backspace" || event.currentTarget.value !== "" || !last) return;
              event.preventDefault();
              change({ ...typed, filters: typed.filters.slice(0, -1) });
            }}
          />
          {text !== "" && (
            <IconButton
              icon={X}
              size={16}
              label={t("clear_search")}
              onClick={() => {
                const nothing = { filters: [], words: "" };
                change(nothing);
                run(nothing);
                box.current?.focus();
              }}
            />
          )}
        </div>
        <Filters
          filters={typed.filters}
          onChange={(filters) => {
            const parts = { filters, words: separate(typed.words).words };
            change(parts);
            run(parts);
          }}
        />
        {fault !== undefined && <FaultLine filter={fault} all={typed.filters} />}
      </form>
      <Found
        order={by}
        onOrder={(next) => {
          order = next;
          setBy(next);
          scrolled = 0;
          run(typed);
        }}
        onRecent={(wanted) => {
          const parts = separate(wanted);
          change(parts);
          run(parts);
        }}
        empty={text === ""}
      />
    </PanelFrame>
  );
}

const merge = (before: readonly Filter[], added: readonly Filter[]): readonly Filter[] => [
  ...before,
  ...added.filter(
    (filter) =>
      !before.some((other) => other.operator === filter.operator && other.value === filter.value),
  ),
];

/** What is wrong, and with which filter. */
function FaultLine({ filter, all }: { filter: Filter; all: readonly Filter[] }) {
  const fault = findFault(filter, all);
  if (fault === undefined) return null;
  return (
    <p class="search-fault" id="search-fault" role="alert">
      <Icon icon={TriangleAlert} size={14} />
      <span>
        <b>
          <bdi dir="ltr">{`${filter.negated ? "-" : ""}${filter.operator}:${filter.value}`}</bdi>
        </b>{" "}
        {t(`search_fault_${fault}`)}
      </span>
    </p>
  );
}

function Found({
  order: by,
  onOrder,
  onRecent,
  empty,
}: {
  order: Order;
  onOrder: (order: Order) => void;
  onRecent: (query: string) => void;
  empty: boolean;
}) {
  const list = useRef<HTMLDivElement>(null);
  const found = results.value;
  useEffect(() => {
    list.current?.scrollTo({ top: scrolled });
  }, []);
  if (empty || found === null) {
    return <div class="panel-body">{empty && <Recent onPick={onRecent} />}</div>;
  }
  const { hits, next, loading, error, wrong } = found;
  return (
    <>
      <div class="search-order" role="group" aria-label={t("order")}>
        {(["time", "relevance"] as const).map((name) => (
          <button key={name} type="button" aria-pressed={by === name} onClick={() => onOrder(name)}>
            {name === "time" ? t("newest_first") : t("best_first")}
          </button>
        ))}
      </div>
      <div
        class="panel-body search-list"
        ref={list}
        aria-busy={loading}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          scrolled = scrollTop;
          if (scrollHeight - scrollTop < clientHeight * 2 && error === null) searchMore();
        }}
      >
        {hits.map((hit) => (
          <Hit
            key={`${hit.room} ${hit.message.seq}`}
            hit={hit}
            onOpen={() => remember(found.query)}
          />
        ))}
        {loading && <Skeleton shape="lines" count={hits.length === 0 ? 5 : 2} />}
        {error !== null && (
          <div class="panel-section" role="alert">
            <p>{error}</p>
            {!wrong && <Button onClick={searchAgain}>{t("try_again")}</Button>}
          </div>
        )}
        {!loading && error === null && next !== null && (
          <div class="panel-section">
            {hits.length === 0 && <p>{t("nothing_found_yet")}</p>}
            <Button onClick={searchMore}>{t("search_further")}</Button>
          </div>
        )}
        {!loading && error === null && next === null && hits.length === 0 && (
          <Empty icon={SearchX} title={t("nothing_found")} text={t("nothing_found_text")} />
        )}
        <p class="quiet-text" role="status">
          {!loading && error === null && hits.length === 0 ? t("nothing_found") : ""}
        </p>
      </div>
    </>
  );
}

/** What was searched on this device, and what one can type. */
function Recent({ onPick }: { onPick: (query: string) => void }) {
  const queries = recent.value;
  return (
    <>
      {queries.length > 0 && (
        <section class="panel-section">
          <h3>{t("recent_searches")}</h3>
          <ul class="search-recent">
            {queries.map((query) => (
              <li key={query}>
                <button type="button" onClick={() => onPick(query)}>
                  <Icon icon={History} size={16} />
                  <bdi>{describe(query)}</bdi>
                </button>
                <IconButton
                  icon={X}
                  size={14}
                  label={t("forget_search", { query: describe(query) })}
                  onClick={() => forget(query)}
                />
              </li>
            ))}
          </ul>
          <Button onClick={forgetAll}>{t("clear_searches")}</Button>
        </section>
      )}
      <Empty icon={Search} title={t("search_title")} text={t("search_text")} />
    </>
  );
}

function describe(query: string): string {
  const { filters, words } = separate(query);
  return [...filters.map(describeFilter), words].filter((part) => part !== "").join(" · ");
}
