/** Pauses and delayed work. */

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Runs `work` once, `delay_ms` after the first of several calls. */
export class Debounce {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly delay_ms: number,
    private readonly work: () => void,
  ) {}

  call(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.work();
    }, this.delay_ms);
  }

  /** Does now what is due later. */
  flush(): void {
    if (this.#timer === undefined) return;
    this.cancel();
    this.work();
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
