/** Arrow keys move the focus among the messages that are rendered; the list scrolls with it. */
export function moveAmongMessages(event: KeyboardEvent): boolean {
  const list = event.currentTarget as HTMLElement;
  const target = event.target as HTMLElement;
  if (target !== list && !target.matches("article")) return false;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const articles = [...list.querySelectorAll<HTMLElement>("article")];
  const at = articles.indexOf(target);
  let next: HTMLElement | undefined;
  if (event.key === "ArrowUp") next = at === -1 ? lastVisible(list, articles) : articles[at - 1];
  else if (event.key === "ArrowDown") next = at === -1 ? undefined : articles[at + 1];
  else if (event.key === "Escape" && at !== -1) next = list;
  if (next === undefined) return false;
  event.preventDefault();
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function lastVisible(list: HTMLElement, articles: readonly HTMLElement[]): HTMLElement | undefined {
  const { bottom } = list.getBoundingClientRect();
  return articles.findLast((article) => article.getBoundingClientRect().top < bottom - 8);
}
