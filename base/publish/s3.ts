import { createHash, randomUUID } from "node:crypto";
import { open } from "node:fs/promises";
import * as s3 from "@aws-sdk/client-s3";
import { type Content, hashOf, type HttpHeaders, type Store } from "./store.ts";

/** Larger files go up in parts of this many bytes, so that an upload that was cut off goes on: 256 parts at most. */
const PART = 16 * 1024 * 1024;

/** How If-Match takes a tag. RFC 9110 has it in quotes, as it came; Ceph before 20 refuses it so, and takes it bare. */
const TAG_FORMS = [(tag: string) => tag, (tag: string) => tag.replaceAll('"', "")];

/** What some errors mean here, by the name that S3 gives them. */
const MEANINGS: Readonly<Record<string, string>> = {
  AccessDenied: "the access key may not do that there (docs/deploy.md says which rights it needs)",
  InvalidAccessKeyId: "AWS_ACCESS_KEY_ID is not known there",
  NoSuchBucket: "there is no such bucket on the server that AWS_ENDPOINT_URL names",
  SignatureDoesNotMatch: "AWS_SECRET_ACCESS_KEY is not that of AWS_ACCESS_KEY_ID",
};

/** An upload in parts is not there any more: another publisher has aborted it. */
class UploadGone extends Error {
  override readonly name = "UploadGone";
}

/**
 * A bucket, or what is below `prefix` in it, of any server that speaks S3, as a store. Access comes from where AWS's client
 * looks for it (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY …), the address of a server that is not AWS's from
 * AWS_ENDPOINT_URL. `warn` is called once when the server has no conditional writes. Throws `RangeError` for an endpoint with
 * the bucket in it.
 */
export function bucket(Bucket: string, prefix: string, warn: (text: string) => void): Store {
  const endpoint = process.env["AWS_ENDPOINT_URL_S3"] || process.env["AWS_ENDPOINT_URL"]; // empty: none
  const region = process.env["AWS_REGION"] || "us-east-1";
  if (endpoint && URL.canParse(endpoint) && new URL(endpoint).hostname.startsWith(`${Bucket}.`)) {
    throw new RangeError(`AWS_ENDPOINT_URL is ${endpoint}: it names the server, without the bucket`);
  }
  const client = new s3.S3Client({
    ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
    region,
    maxAttempts: 6,
    // Checksums of AWS's own make, as trailers, are not understood everywhere; Content-MD5 is.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: 15_000, requestTimeout: 300_000 },
  });
  client.middlewareStack.add(
    (next, { commandName = "" }) =>
      async (args) => {
        try {
          return await next(args);
        } catch (error) {
          if (error instanceof s3.S3ServiceException) {
            error.message = said(error, `${commandName.replace(/Command$/, "")} in s3://${Bucket}/${prefix}`);
          }
          throw error;
        }
      },
    { step: "initialize", name: "words" },
  );
  const at = (key: string) => ({ Bucket, Key: prefix + key });
  const metadata = ({ type, cache }: HttpHeaders) => ({ ContentType: type, CacheControl: cache });

  async function put(key: string, bytes: Uint8Array, headers: HttpHeaders, condition = {}): Promise<void> {
    const body = { Body: bytes, ContentMD5: md5(bytes, "base64") };
    await client.send(new s3.PutObjectCommand({ ...at(key), ...metadata(headers), ...body, ...condition }));
  }

  /** The uploads of `start` and all that begins so which were never finished. */
  async function unfinished(start: string): Promise<s3.MultipartUpload[]> {
    const found: s3.MultipartUpload[] = [];
    let next: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
    while (next) {
      const {
        Uploads,
        IsTruncated,
        NextKeyMarker,
        NextUploadIdMarker,
      }: s3.ListMultipartUploadsCommandOutput = await client.send(
        new s3.ListMultipartUploadsCommand({ Bucket, Prefix: prefix + start, ...next }),
      );
      found.push(...(Uploads ?? []));
      next =
        IsTruncated && NextKeyMarker
          ? {
              KeyMarker: NextKeyMarker,
              ...(NextUploadIdMarker ? { UploadIdMarker: NextUploadIdMarker } : {}),
            }
          : undefined;
    }
    return found;
  }

  /** What has arrived of an upload: part number → ETag. */
  async function arrived(key: string, UploadId: string): Promise<Map<number, string>> {
    const parts = new Map<number, string>();
    let marker: string | undefined;
    do {
      const more = marker === undefined ? {} : { PartNumberMarker: marker };
      const page = await client.send(new s3.ListPartsCommand({ ...at(key), UploadId, ...more }));
      for (const { PartNumber, ETag } of page.Parts ?? []) parts.set(PartNumber!, ETag!);
      marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    } while (marker !== undefined);
    return parts;
  }

  async function upload(key: string, path: string, size: number, headers: HttpHeaders): Promise<void> {
    const [left] = (await unfinished(key)).filter(({ Key }) => Key === prefix + key);
    const UploadId =
      left?.UploadId ??
      (await client.send(new s3.CreateMultipartUploadCommand({ ...at(key), ...metadata(headers) })))
        .UploadId!;
    const before = left ? await arrived(key, UploadId) : new Map<number, string>();
    const Parts: s3.CompletedPart[] = [];
    const file = await open(path);
    try {
      for (let start = 0; start < size; start += PART) {
        const bytes = new Uint8Array(Math.min(PART, size - start));
        await file.read(bytes, 0, bytes.length, start);
        const PartNumber = start / PART + 1;
        let ETag = before.get(PartNumber) ?? "";
        if (ETag.replaceAll('"', "") !== md5(bytes, "hex")) {
          const body = { Body: bytes, ContentMD5: md5(bytes, "base64") };
          const part = new s3.UploadPartCommand({ ...at(key), UploadId, PartNumber, ...body });
          ETag = (await client.send(part)).ETag!;
        }
        Parts.push({ PartNumber, ETag });
      }
    } finally {
      await file.close();
    }
    const whole = { ...at(key), UploadId, MultipartUpload: { Parts } };
    try {
      await client.send(new s3.CompleteMultipartUploadCommand(whole));
    } catch (error) {
      // Another publisher has completed it, or aborted it: AWS says 404, Ceph 500, which may be something else as well.
      if (!isGone(error) && !((statusOf(error) ?? 0) >= 500)) throw error;
      if ((await store.size(key)) === size) return; // whether it is the right one is checked later
      await arrived(key, UploadId).catch((gone: unknown) => {
        throw isGone(gone) ? new UploadGone("the upload is not there any more", { cause: error }) : gone;
      });
      throw error;
    }
  }

  /** How this server takes tags in conditional writes, if it honours them; tried once, on an object made for it. */
  let conditional: Promise<((tag: string) => string) | undefined> | undefined;
  async function tryConditions(): Promise<((tag: string) => string) | undefined> {
    const key = `.condition-${randomUUID()}`;
    const headers = { type: "text/plain", cache: "no-store" };
    const answer = (condition: object) =>
      put(key, new Uint8Array(1), headers, condition).then(() => 200, statusOf);
    await put(key, new Uint8Array(1), headers);
    try {
      const wrong = `"${"0".repeat(32)}"`;
      // moto 5.1 honours the first and passes over the others.
      const refused = [{ IfNoneMatch: "*" }, ...TAG_FORMS.map((form) => ({ IfMatch: form(wrong) }))];
      const answers = await Promise.all(refused.map(answer));
      const right = (await store.read(key))?.tag;
      if (answers.every((status) => status === 412) && right !== undefined) {
        for (const form of TAG_FORMS) if ((await answer({ IfMatch: form(right) })) === 200) return form;
      }
    } finally {
      await client.send(new s3.DeleteObjectCommand(at(key)));
    }
    warn("this server takes no conditional writes: see to it that nobody else publishes at the same time");
    return undefined;
  }

  const store: Store = {
    size: async (key) => {
      const found = await absent(client.send(new s3.HeadObjectCommand(at(key))));
      return found && (found.ContentLength ?? 0);
    },
    read: async (key) => {
      const found = await absent(client.send(new s3.GetObjectCommand(at(key))));
      return found && { bytes: await found.Body!.transformToByteArray(), tag: found.ETag! };
    },
    async *stream(key) {
      const { Body } = await client.send(new s3.GetObjectCommand(at(key)));
      yield* Body as AsyncIterable<Uint8Array>;
    },
    hash: (key) => hashOf(store.stream(key)),
    put: async (key, content: Content, headers) => {
      if (!("path" in content)) return await put(key, content, headers);
      try {
        await upload(key, content.path, content.size, headers);
      } catch (error) {
        if (!(error instanceof UploadGone) && (error as Error).name !== "NoSuchUpload") throw error;
        await upload(key, content.path, content.size, headers); // another publisher has aborted it
      }
    },
    swap: async (key, bytes, headers, tag) => {
      conditional ??= tryConditions();
      const form = await conditional;
      if (!form) {
        if ((await store.read(key))?.tag !== tag) return false;
        await put(key, bytes, headers);
        return true;
      }
      try {
        await put(key, bytes, headers, tag === undefined ? { IfNoneMatch: "*" } : { IfMatch: form(tag) });
        return true;
      } catch (error) {
        if ([404, 409, 412].includes(statusOf(error) ?? 0)) return false;
        throw error;
      }
    },
    copy: async (from, to, headers) => {
      const CopySource = encodeURI(`${Bucket}/${prefix}${from}`);
      const replaced = { ...metadata(headers), MetadataDirective: "REPLACE" as const };
      await client.send(new s3.CopyObjectCommand({ ...at(to), CopySource, ...replaced }));
    },
    list: async () => {
      const found: { key: string; modified: Date }[] = [];
      const pages = s3.paginateListObjectsV2({ client }, { Bucket, ...(prefix ? { Prefix: prefix } : {}) });
      for await (const { Contents } of pages) {
        for (const { Key, LastModified } of Contents ?? []) {
          found.push({ key: Key!.slice(prefix.length), modified: LastModified! });
        }
      }
      return found;
    },
    remove: async (key) => {
      await client.send(new s3.DeleteObjectCommand(at(key)));
    },
    clean: async (time, ours) => {
      for (const { Key = "", UploadId, Initiated } of await unfinished("")) {
        if (!ours(Key.slice(prefix.length)) || (Initiated && Initiated >= time)) continue;
        await client.send(new s3.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
      }
    },
    look: async (key) => {
      const host = endpoint
        ? `${endpoint.replace(/\/+$/, "")}/${Bucket}`
        : `https://${Bucket}.s3.${region}.amazonaws.com`;
      const path = `${prefix}${key}`.split("/").map(encodeURIComponent).join("/");
      const response = await fetch(`${host}/${path}`, {
        headers: { Origin: "https://aesthetic.computer" },
        signal: AbortSignal.timeout(30_000),
      });
      await response.body?.cancel();
      return { status: response.status, isForPages: response.headers.has("Access-Control-Allow-Origin") };
    },
    close: () => client.destroy(),
  };
  return store;
}

function md5(bytes: Uint8Array, encoding: "hex" | "base64"): string {
  return createHash("md5").update(bytes).digest(encoding);
}

function statusOf(error: unknown): number | undefined {
  return error instanceof s3.S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** What a server has said no to, in words: some, like Ceph, send a name and no message. */
function said(error: s3.S3ServiceException, what: string): string {
  const { name, message, $metadata } = error;
  const known = MEANINGS[name] ?? (message === "UnknownError" || message === name ? "" : message);
  return `${what} was answered ${$metadata.httpStatusCode ?? "oddly"} ${name}${known && `: ${known}`}`;
}

function isGone(error: unknown): boolean {
  return statusOf(error) === 404;
}

async function absent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 404 && (error as Error).name !== "NoSuchBucket") return undefined;
    throw error;
  }
}
