import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Observable } from "chat-client";

interface Link {
  readonly value: Signal<unknown>;
  observed: boolean;
}

const links = new WeakMap<Observable<unknown>, Link>();

/** An observable of the client as a signal. It is subscribed to only while something shows it. */
export function live<T>(source: Observable<T>): ReadonlySignal<T> {
  let link = links.get(source);
  if (link === undefined) {
    link = connect(source);
    links.set(source, link);
  }
  if (!link.observed) link.value.value = source.get();
  return link.value as Signal<T>;
}

function connect<T>(source: Observable<T>): Link {
  let stop: (() => void) | undefined;
  const link: Link = {
    observed: false,
    value: signal<unknown>(source.get(), {
      watched() {
        link.observed = true;
        stop = source.subscribe((next) => (link.value.value = next));
        // A change between the first reading and the subscription; not while a component renders.
        queueMicrotask(() => {
          if (link.observed) link.value.value = source.get();
        });
      },
      unwatched() {
        link.observed = false;
        stop?.();
      },
    }),
  };
  return link;
}
