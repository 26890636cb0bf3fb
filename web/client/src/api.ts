import type { paths } from "./generated/http.js";

type Paths = { [P in keyof paths as P extends `/api/v1${infer Rest}` ? Rest : never]: paths[P] };
export type Method = "get" | "put" | "post" | "patch" | "delete";
export type PathOf<M extends Method> = {
  [P in keyof Paths]: Paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof Paths];
type Operation<M extends Method, P extends keyof Paths> =
  Paths[P] extends Record<M, infer O> ? O : never;

type PathPart<O> = O extends { parameters: { path: infer Path } } ? { path: Path } : object;
type QueryPart<O> = O extends { parameters: { query: infer Query } }
  ? { query: Query }
  : O extends { parameters: { query?: infer Query } }
    ? [NonNullable<Query>] extends [never]
      ? object
      : { query?: NonNullable<Query> }
    : object;
type BodyPart<O> = O extends { requestBody: { content: { "application/json": infer Body } } }
  ? { body: Body }
  : O extends { requestBody?: { content: { "application/json": infer Body } } }
    ? { body?: Body }
    : object;

/** The parameters and the body of an operation. */
export type Request<M extends Method, P extends PathOf<M>> = PathPart<Operation<M, P>> &
  QueryPart<Operation<M, P>> &
  BodyPart<Operation<M, P>> & { signal?: AbortSignal };

type Success<R> = {
  [S in keyof R]: R[S] extends { content: { "application/json": infer Body } } ? Body : undefined;
}[keyof R];

/** The body of the answer; undefined if it has none. */
export type Answer<M extends Method, P extends PathOf<M>> =
  Operation<M, P> extends { responses: infer R } ? Success<R> : never;

/** A request may be left out if nothing in it is required. */
type Arguments<M extends Method, P extends PathOf<M>> =
  object extends Request<M, P> ? [request?: Request<M, P>] : [request: Request<M, P>];

/** A request of any operation. */
export interface AnyRequest {
  path?: unknown;
  query?: unknown;
  body?: unknown;
  signal?: AbortSignal;
}

/** Sends a request with the access token. Throws ApiError. */
export type Sender = (method: Method, path: string, request: AnyRequest) => Promise<unknown>;

/** The HTTP API below `/api/v1`, with the types of its OpenAPI document. Throws ApiError. */
export class Api {
  readonly #send: Sender;

  constructor(send: Sender) {
    this.#send = send;
  }

  get<P extends PathOf<"get">>(path: P, ...rest: Arguments<"get", P>): Promise<Answer<"get", P>> {
    return this.#send("get", path, rest[0] ?? {}) as Promise<Answer<"get", P>>;
  }

  post<P extends PathOf<"post">>(
    path: P,
    ...rest: Arguments<"post", P>
  ): Promise<Answer<"post", P>> {
    return this.#send("post", path, rest[0] ?? {}) as Promise<Answer<"post", P>>;
  }

  put<P extends PathOf<"put">>(path: P, ...rest: Arguments<"put", P>): Promise<Answer<"put", P>> {
    return this.#send("put", path, rest[0] ?? {}) as Promise<Answer<"put", P>>;
  }

  patch<P extends PathOf<"patch">>(
    path: P,
    ...rest: Arguments<"patch", P>
  ): Promise<Answer<"patch", P>> {
    return this.#send("patch", path, rest[0] ?? {}) as Promise<Answer<"patch", P>>;
  }

  delete<P extends PathOf<"delete">>(
    path: P,
    ...rest: Arguments<"delete", P>
  ): Promise<Answer<"delete", P>> {
    return this.#send("delete", path, rest[0] ?? {}) as Promise<Answer<"delete", P>>;
  }
}
