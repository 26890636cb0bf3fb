/** A sorted set of seqs, mostly appended to. */
export class Order {
  #seqs: number[] = [];

  get length(): number {
    return this.#seqs.length;
  }

  at(index: number): number | undefined {
    return this.#seqs.at(index);
  }

  has(seq: number): boolean {
    return this.#seqs[this.#indexOf(seq)] === seq;
  }

  add(seq: number): void {
    const index = this.#indexOf(seq);
    if (this.#seqs[index] === seq) return;
    if (index === this.#seqs.length) this.#seqs.push(seq);
    else this.#seqs.splice(index, 0, seq);
  }

  /** Those between two seqs, both included. */
  slice(from: number, to: number): number[] {
    return this.#seqs.slice(this.#indexOf(from), this.#indexOf(to + 1));
  }

  /** Removes all but these; returns the others. */
  retain(seqs: readonly number[]): number[] {
    const kept = new Set(seqs);
    const others = this.#seqs.filter((seq) => !kept.has(seq));
    this.#seqs = this.#seqs.filter((seq) => kept.has(seq));
    return others;
  }

  /** The index of the first seq that is not smaller. */
  #indexOf(seq: number): number {
    let low = 0;
    let high = this.#seqs.length;
    if (high > 0 && (this.#seqs[high - 1] ?? 0) < seq) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seqs[middle] ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
