import type { Bytes, Content } from "./segment.ts";
import { FilesystemError } from "./error.ts";

/**
 * The same content, held to its length: reading it throws `FilesystemError`, naming `path`, if it yields more or less
 * than it promised, and when it fails, with what it threw as the cause. The bytes that complete it come last, so a
 * reader who stops there has met every error there is.
 */
export function checked(content: Content, path: string): Content {
  const { length } = content;
  return {
    length,
    async *open(): AsyncGenerator<Bytes> {
      let seen = 0;
      let last: Bytes | undefined;
      try {
        for await (const chunk of content.open()) {
          seen += chunk.length;
          if (seen > length) break;
          if (seen < length) yield chunk;
          else if (chunk.length > 0) last = chunk; // kept back until it is known that nothing follows
        }
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw Object.assign(new FilesystemError(`cannot be read: ${why}`, { path }), { cause });
      }
      if (seen > length) throw new FilesystemError(`has more than the ${length} bytes it promised`, { path });
      if (seen < length) throw new FilesystemError(`ended after ${seen} of ${length} bytes`, { path });
      if (last) yield last;
    },
  };
}
