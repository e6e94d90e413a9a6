import type { Bytes } from "../bytes/segment.ts";

/** An event of a stream (HTML, 9.2, "Server-sent events"). */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
}

/**
 * The events of a `text/event-stream`, as they come. One that is not closed by an empty line, as when a connection ends
 * within it, does not count. Throws `RangeError` when a single event comes to more than `limit` characters, and what
 * `chunks` throws.
 */
export async function* eventsIn(chunks: AsyncIterable<Bytes>, limit: number): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let parts: string[] = []; // of the line that has begun
  let length = 0;
  let type = "message";
  let data: string[] = [];
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    let at = 0;
    let counted = 0; // where the last event ended
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", at)) {
      const line = (parts.join("") + text.slice(at, end)).replace(/\r$/, "");
      parts = [];
      at = end + 1;
      if (line === "") {
        if (data.length > 0) yield { type, data: data.join("\n") };
        type = "message";
        data = [];
        length = 0;
        counted = at;
      } else if (line.startsWith("event:")) type = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
    }
    parts.push(text.slice(at));
    length += text.length - counted;
    if (length > limit) throw new RangeError(`an event of the oven's has more than ${limit} characters`);
  }
}
