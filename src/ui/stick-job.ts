import type { StickChoice, StickJob } from "../messages.ts";

/**
 * What a piece asks to be done about sticks, with what belongs to it and nothing else; undefined for anything that is no such
 * thing: every piece of the site can send it.
 */
export function stickJobOf(asked: unknown): StickJob | StickChoice | undefined {
  if (typeof asked !== "object" || asked === null) return undefined;
  const { do: what, folder, replace } = asked as Record<string, unknown>;
  switch (what) {
    case "choose":
    case "again":
    case "leave":
    case "stop":
    case "look":
    case "repair":
    case "check":
    case "takeOff":
      return { do: what };
    case "put":
      return { do: what, replace: replace === true };
    case "start":
    case "remove":
      return typeof folder === "string" ? { do: what, folder } : undefined;
    default:
      return undefined;
  }
}
