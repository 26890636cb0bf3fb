import { signal } from "@preact/signals";

/** What the palette begins with; null while it is closed. */
export const paletteQuery = signal<string | null>(null);

export function openPalette(query = ""): void {
  paletteQuery.value = query;
}

export function closePalette(): void {
  paletteQuery.value = null;
}
