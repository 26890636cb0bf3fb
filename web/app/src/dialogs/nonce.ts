/** Makes a repeated request one request. */
export const newNonce = (): string => crypto.randomUUID();
