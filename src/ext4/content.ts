import type { Bytes, Content } from "./segment.ts";
import { FilesystemError } from "./error.ts";

/**
 * The same content with its length checked. Reading it throws `FilesystemError`, naming `path`, if it yields more or fewer
 * bytes than its length, and if it fails, with what it threw as the cause. The bytes that complete it are yielded after
 * the check, so a reader that stops at the last byte has seen every error.
 */
export function withCheckedLength(content: Content, path: string): Content {
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
          else if (chunk.length > 0) last = chunk; // yielded once it is known that nothing follows
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
