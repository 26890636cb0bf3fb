import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { Button } from "../ui/button";
import { Skeleton } from "../ui/states";
import type { List } from "./use-list";

interface Properties<T> {
  readonly list: List<T>;
  readonly empty: ComponentChildren;
  readonly render: (item: T) => ComponentChildren;
  /** A part of a body that scrolls. */
  readonly inline?: boolean;
}

/** A list with its skeleton, its empty state, its error and its next page. */
export function ListBody<T>({ list, empty, render, inline = false }: Properties<T>) {
  const { items, error, more } = list;
  return (
    <div class={inline ? undefined : "panel-body"}>
      {error !== null && (
        <div class="panel-section" role="alert">
          <p>{error}</p>
          <Button onClick={list.reload}>{t("try_again")}</Button>
        </div>
      )}
      {items === null && error === null && <Skeleton shape="lines" count={5} />}
      {items?.length === 0 && empty}
      {items?.map(render)}
      {more !== null && (
        <div class="panel-section">
          <Button onClick={more}>{t("show_more")}</Button>
        </div>
      )}
    </div>
  );
}
