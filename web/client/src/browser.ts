/** What a browser tells its pages about the network and about themselves. */

export interface BrowserListeners {
  /** The network is back, or somebody looks at the page again. */
  onReturn: () => void;
  onOffline: () => void;
  /** Nobody looks at the page, which may end without another word. */
  onHidden: () => void;
}

/** Returns the function that ends it. Does nothing where there are no pages. */
export function listenToBrowser({ onReturn, onOffline, onHidden }: BrowserListeners): () => void {
  if (typeof document === "undefined") return () => undefined;
  const listeners = new AbortController();
  const { signal } = listeners;
  const onVisibility = (): void => {
    if (document.visibilityState === "visible") onReturn();
    else onHidden();
  };
  window.addEventListener("online", onReturn, { signal });
  window.addEventListener("offline", onOffline, { signal });
  window.addEventListener("pagehide", onHidden, { signal });
  document.addEventListener("visibilitychange", onVisibility, { signal });
  return () => {
    listeners.abort();
  };
}
