import type { Storage } from "./storage.js";

const STORE = "entries";

/** Entries of an IndexedDB database, which all tabs of the browser share. */
export class IndexedDbStorage implements Storage {
  readonly scope: string;
  #database: Promise<IDBDatabase> | undefined;

  constructor(name = "chat") {
    this.scope = name;
  }

  async get(key: string): Promise<unknown> {
    return this.#run("readonly", (store) => store.get(key));
  }

  async list(prefix: string): Promise<[string, unknown][]> {
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
    const database = await this.#open();
    const store = database.transaction(STORE, "readonly").objectStore(STORE);
    const [keys, values] = await Promise.all([
      settled(store.getAllKeys(range)),
      settled<unknown[]>(store.getAll(range)),
    ]);
    return keys.map((key, index) => [key as string, values[index]]);
  }

  async write(changes: readonly (readonly [string, unknown])[]): Promise<void> {
    const database = await this.#open();
    const transaction = database.transaction(STORE, "readwrite", { durability: "strict" });
    const store = transaction.objectStore(STORE);
    for (const [key, value] of changes) {
      if (value === undefined) store.delete(key);
      else store.put(value, key);
    }
    await committed(transaction);
  }

  close(): void {
    void this.#database?.then((database) => {
      database.close();
    });
    this.#database = undefined;
  }

  async #run<T>(
    mode: IDBTransactionMode,
    request: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> {
    const database = await this.#open();
    return settled(request(database.transaction(STORE, mode).objectStore(STORE)));
  }

  /** The browser may close the database, or delete it: then the next call opens it again. */
  #open(): Promise<IDBDatabase> {
    this.#database ??= openDatabase(this.scope, () => {
      this.#database = undefined;
    });
    return this.#database;
  }
}

async function openDatabase(name: string, onLost: () => void): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(STORE);
  };
  try {
    const database = await settled(request);
    database.onclose = onLost;
    database.onversionchange = () => {
      database.close();
      onLost();
    };
    return database;
  } catch (error) {
    onLost();
    throw error;
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new Error("the database failed"));
    };
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => {
      resolve();
    };
    transaction.onabort = transaction.onerror = () => {
      reject(transaction.error ?? new Error("the database did not store it"));
    };
  });
}
