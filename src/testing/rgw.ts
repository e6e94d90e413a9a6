import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { collect } from "../fetch/http.ts";
import type { Bytes } from "../bytes/segment.ts";
import { partOf } from "../bytes/range.ts";
import { serve, type TestServer } from "./range-server.ts";

// A server that speaks as much of S3 as publishing needs, in the way of Ceph's RGW 16.2.15, as tried there
// (`npm run test:s3` runs the same tests against the real one). It looks at no signature: whoever sends one is the owner.

interface StoredObject {
  readonly bytes: Bytes;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly modified: Date;
}

interface Upload {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly initiated: Date;
  readonly parts: Map<number, { bytes: Bytes; etag: string }>;
}

interface Bucket {
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, Upload>;
  /** Ids of uploads that are whole. */
  readonly completed: Set<string>;
  policy?: string;
  cors?: string;
}

/** What a request is answered with: a status and XML, or an object. */
interface Answer {
  readonly status: number;
  readonly xml?: string;
  readonly object?: StoredObject;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How long a conditional write takes: who begins meanwhile loses, as on a busy server. */
const WRITE_MS = 5;

/** How long a page of a list is: a small one, so that there are several. */
const PAGE = 50;

const COMPLETED = "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>";

/** Most errors come with a name and an empty message. */
class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** How If-Match takes tags: without their quotes, as Ceph does; as they came, as S3 does; not at all. */
export type TagForm = "bare" | "quoted" | "none";

/** An S3 server with Ceph's habits, for the time of a test. */
export async function rgw({ tags = "bare" }: { tags?: TagForm } = {}): Promise<TestServer> {
  const buckets = new Map<string, Bucket>();
  return await serve((request, response) => void answer(buckets, tags, request, response));
}

async function answer(
  buckets: Map<string, Bucket>,
  tags: TagForm,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const url = new URL(request.url ?? "/", "http://any");
  const [, name = "", key = ""] = /^\/([^/]*)\/?(.*)$/.exec(decodeURIComponent(url.pathname)) ?? [];
  const bucket = buckets.get(name);
  // CORS headers come with an Origin, when there is a rule; there is no Vary.
  if (request.headers.origin !== undefined && bucket?.cors !== undefined) {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Expose-Headers", "Content-Range,Content-Length,ETag,Retry-After");
  }
  let said: Answer;
  try {
    const isOwner = request.headers.authorization !== undefined;
    if (request.method === "OPTIONS") said = preflight(bucket, request);
    else if (name === "") said = { status: 200 };
    else if (!isOwner) said = forEverybody(bucket, key, request);
    else said = await forOwner(buckets, tags, name, key, url.searchParams, request);
  } catch (error) {
    const { status, code, message } = error instanceof Refused ? error : new Refused(500, "UnknownError");
    said = { status, xml: `<Error><Code>${code}</Code><Message>${message}</Message></Error>` };
  }
  for (const [header, value] of Object.entries(said.headers ?? {})) response.setHeader(header, value);
  if (said.object) send(said.object, request, response);
  else if (said.xml === undefined || request.method === "HEAD") response.writeHead(said.status).end();
  else response.writeHead(said.status, { "Content-Type": "application/xml" }).end(said.xml);
}

/** A header that is asked for has to be allowed by the rule, also `Range`. */
function preflight(bucket: Bucket | undefined, { headers }: IncomingMessage): Answer {
  const asksForHeaders = headers["access-control-request-headers"] !== undefined;
  const allows = bucket?.cors?.includes("<AllowedHeader>*") || !asksForHeaders;
  if (bucket?.cors === undefined || !allows) throw new Refused(403, "AccessDenied");
  return {
    status: 200,
    headers: { "Access-Control-Allow-Headers": "range", "Access-Control-Allow-Methods": "GET" },
  };
}

/** Objects are private until a policy opens them; what is missing is told to those alone who may list. */
function forEverybody(bucket: Bucket | undefined, key: string, request: IncomingMessage): Answer {
  const isRead = request.method === "GET" || request.method === "HEAD";
  const object = bucket?.policy?.includes("s3:GetObject") && isRead ? bucket.objects.get(key) : undefined;
  if (!object) throw new Refused(403, "AccessDenied");
  return { status: 200, object };
}

async function forOwner(
  buckets: Map<string, Bucket>,
  tags: TagForm,
  name: string,
  key: string,
  query: URLSearchParams,
  request: IncomingMessage,
): Promise<Answer> {
  const body = (await collect(request, Infinity)) ?? new Uint8Array(0);
  const text = () => new TextDecoder().decode(body);
  const { method } = request;
  if (method === "PUT" && key === "" && !query.has("policy") && !query.has("cors")) {
    buckets.set(name, { objects: new Map(), uploads: new Map(), completed: new Set() });
    return { status: 200 };
  }
  const bucket = buckets.get(name);
  if (!bucket) throw new Refused(404, "NoSuchBucket");
  if (key === "") {
    if (method === "PUT" && query.has("policy")) bucket.policy = text();
    else if (method === "PUT") bucket.cors = text();
    else if (method === "GET" && query.has("uploads")) return uploadsOf(bucket, query);
    else if (method === "GET") return listOf(bucket, query);
    else throw new Refused(405, "MethodNotAllowed");
    return { status: method === "PUT" && query.has("policy") ? 204 : 200 };
  }
  const id = query.get("uploadId");
  if (id !== null || query.has("uploads")) return await inParts(bucket, key, id, query, body, request);
  const object = bucket.objects.get(key);
  switch (method) {
    case "GET":
    case "HEAD":
      if (!object) throw new Refused(404, "NoSuchKey");
      return { status: 200, object };
    case "DELETE":
      bucket.objects.delete(key);
      return { status: 204 };
    case "PUT": {
      const from = request.headers["x-amz-copy-source"];
      const copied = typeof from === "string" ? sourceOf(buckets, from) : undefined;
      const put = objectOf(copied ?? checked(body, request), kept(request));
      await condition(bucket, key, tags, request);
      bucket.objects.set(key, put);
      const xml = copied && `<CopyObjectResult><ETag>"${put.etag}"</ETag></CopyObjectResult>`;
      return { status: 200, headers: { ETag: `"${put.etag}"` }, ...(xml === undefined ? {} : { xml }) };
    }
    default:
      throw new Refused(405, "MethodNotAllowed");
  }
}

/** In another form than its own a tag never matches. Whoever loses a race is answered 500, and 412 the next time. */
async function condition(bucket: Bucket, key: string, tags: TagForm, { headers }: IncomingMessage) {
  const { "if-match": match, "if-none-match": none } = headers;
  if (match === undefined && none === undefined) return;
  const before = bucket.objects.get(key);
  const tag = { bare: before?.etag, quoted: `"${before?.etag}"`, none: undefined }[tags];
  if (match !== undefined && match !== tag) throw new Refused(412, "PreconditionFailed");
  if (none !== undefined && before) throw new Refused(412, "PreconditionFailed");
  await wait(WRITE_MS);
  if (bucket.objects.get(key) === before) return;
  throw match === undefined ? new Refused(412, "PreconditionFailed") : new Refused(500, "UnknownError");
}

async function inParts(
  bucket: Bucket,
  key: string,
  id: string | null,
  query: URLSearchParams,
  body: Bytes,
  request: IncomingMessage,
): Promise<Answer> {
  if (id === null) {
    const UploadId = `2~${randomUUID()}`;
    bucket.uploads.set(UploadId, { key, headers: kept(request), initiated: new Date(), parts: new Map() });
    const xml = `<InitiateMultipartUploadResult><UploadId>${UploadId}</UploadId></InitiateMultipartUploadResult>`;
    return { status: 200, xml };
  }
  const upload = bucket.uploads.get(id);
  const number = Number(query.get("partNumber"));
  switch (request.method) {
    case "PUT": {
      if (!upload) throw new Refused(404, "NoSuchUpload");
      const { etag, bytes } = objectOf(checked(body, request), {});
      upload.parts.set(number, { etag, bytes });
      return { status: 200, headers: { ETag: `"${etag}"` } };
    }
    case "GET": {
      if (!upload) throw new Refused(404, "NoSuchKey");
      const parts = [...upload.parts].map(
        ([n, { etag }]) => `<Part><PartNumber>${n}</PartNumber><ETag>"${etag}"</ETag></Part>`,
      );
      return { status: 200, xml: `<ListPartsResult>${parts.join("")}</ListPartsResult>` };
    }
    case "POST": {
      if (bucket.completed.has(id)) return { status: 200, xml: COMPLETED };
      // S3 would say 404 NoSuchUpload.
      if (!upload)
        throw new Refused(500, "InternalError", "This multipart completion is already in progress");
      const wanted = new TextDecoder().decode(body).matchAll(/<PartNumber>(\d+)<\/PartNumber>/g);
      const parts = [...wanted].map(([, n]) => upload.parts.get(Number(n)));
      if (parts.some((part) => !part)) throw new Refused(400, "InvalidPart");
      bucket.objects.set(key, objectOf(Buffer.concat(parts.map((part) => part!.bytes)), upload.headers));
      bucket.uploads.delete(id);
      bucket.completed.add(id);
      return { status: 200, xml: COMPLETED };
    }
    default:
      if (!bucket.uploads.delete(id)) throw new Refused(404, "NoSuchUpload");
      return { status: 204 };
  }
}

function listOf({ objects }: Bucket, query: URLSearchParams): Answer {
  const prefix = query.get("prefix") ?? "";
  const after = query.get("continuation-token") ?? "";
  const all = [...objects].filter(([key]) => key.startsWith(prefix) && key > after).toSorted(byName);
  const page = all.slice(0, PAGE).map(([key, { modified, bytes }]) => {
    const facts = `<LastModified>${modified.toISOString()}</LastModified><Size>${bytes.length}</Size>`;
    return `<Contents><Key>${escaped(key)}</Key>${facts}</Contents>`;
  });
  const isMore = all.length > PAGE;
  const next = isMore ? `<NextContinuationToken>${escaped(all[PAGE - 1]![0])}</NextContinuationToken>` : "";
  const xml = `<ListBucketResult><IsTruncated>${isMore}</IsTruncated>${next}${page.join("")}</ListBucketResult>`;
  return { status: 200, xml };
}

function uploadsOf({ uploads }: Bucket, query: URLSearchParams): Answer {
  const prefix = query.get("prefix") ?? "";
  const found = [...uploads]
    .filter(([, { key }]) => key.startsWith(prefix))
    .map(([id, { key, initiated }]) => {
      const facts = `<UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated>`;
      return `<Upload><Key>${escaped(key)}</Key>${facts}</Upload>`;
    });
  return { status: 200, xml: `<ListMultipartUploadsResult>${found.join("")}</ListMultipartUploadsResult>` };
}

function sourceOf(buckets: Map<string, Bucket>, from: string): Bytes {
  const [, name = "", key = ""] = /^\/?([^/]+)\/(.*)$/.exec(decodeURIComponent(from)) ?? [];
  const object = buckets.get(name)?.objects.get(key);
  if (!object) throw new Refused(404, "NoSuchKey");
  return object.bytes;
}

function checked(body: Bytes, { headers }: IncomingMessage): Bytes {
  const expected = headers["content-md5"];
  if (expected !== undefined && createHash("md5").update(body).digest("base64") !== expected)
    throw new Refused(400, "BadDigest");
  return body;
}

function objectOf(bytes: Bytes, headers: StoredObject["headers"]): StoredObject {
  return { bytes, headers, etag: createHash("md5").update(bytes).digest("hex"), modified: new Date() };
}

/** The headers that an object keeps. */
function kept({ headers }: IncomingMessage): Record<string, string> {
  const names = ["content-type", "cache-control"];
  return Object.fromEntries(names.flatMap((name) => (headers[name] ? [[name, String(headers[name])]] : [])));
}

function send({ bytes, etag, headers }: StoredObject, request: IncomingMessage, response: ServerResponse) {
  const part = partOf(request.headers.range, bytes.length);
  const all = { ...headers, ...part.headers, ETag: `"${etag}"`, "Content-Length": part.length };
  response.writeHead(part.status, all);
  response.end(request.method === "HEAD" ? undefined : bytes.subarray(part.start, part.start + part.length));
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
